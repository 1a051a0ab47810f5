//! Whatever a peer sends and however it is cut, no framing panics, and each means the same as if all
//! came at once. The first byte picks the framing, the second how many cuts there are; then come those.
#![no_main]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use torsade_core::protocols::{
    ByteCount, FrameControl, FrameProtocol, FramedReceiver, Framing, IntPrefixed, LineControl,
    LineProtocol, LineReceiver, Netstring, StringControl, StringProtocol, VarintPrefixed,
};
use torsade_core::task::defer_later;
use torsade_core::testing::Simulation;
use torsade_core::{Address, ClientEndpoint, Protocol, Result, TcpClient, TcpServer, Transport};

/// What a receiver gave, in order; a fault is the last.
type Log = Rc<RefCell<Vec<Vec<u8>>>>;

const LIMIT: usize = 40;

struct Noting(Log);

impl Noting {
    fn note(&self, bytes: &[u8]) {
        self.0.borrow_mut().push(bytes.to_vec());
    }
}

impl<F: Framing> StringProtocol<F> for Noting {
    fn string_received(&mut self, strings: &StringControl<F>, string: &[u8]) -> Result<()> {
        self.note(string);
        if string.first() == Some(&b'p') {
            strings.pause();
            let later = strings.clone();
            strings
                .transport()
                .reactor()
                .call_soon(move || later.resume());
        }
        Ok(())
    }

    fn framing_failed(&mut self, strings: &StringControl<F>, error: F::Error) -> Result<()> {
        self.note(error.to_string().as_bytes());
        strings.transport().lose_connection();
        Ok(())
    }
}

/// A byte that says how many follow, and those.
struct Records {
    noting: Noting,
    is_body: bool,
}

impl FrameProtocol<ByteCount> for Records {
    fn frame_received(&mut self, bytes: &FrameControl<ByteCount>, piece: BytesMut) -> Result<()> {
        self.noting.note(&piece);
        bytes.want(if self.is_body {
            1
        } else {
            usize::from(piece[0])
        });
        self.is_body = !self.is_body;
        Ok(())
    }
}

/// After a line `r`, raw bytes until a full stop.
impl LineProtocol for Noting {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        self.note(line);
        if line == b"r" {
            lines.set_raw_mode();
            // What comes raw is gathered here, as it comes in any pieces.
            self.note(b"");
        }
        Ok(())
    }

    fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let end = data.iter().position(|byte| *byte == b'.');
        let raw = &data[..end.unwrap_or(data.len())];
        if let Some(last) = self.0.borrow_mut().last_mut() {
            last.extend_from_slice(raw);
        }
        if let Some(end) = end {
            lines.set_line_mode(&data[end + 1..]);
        }
        Ok(())
    }

    fn line_length_exceeded(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
        self.note(b"too long");
        lines.transport().lose_connection();
        Ok(())
    }
}

/// Sends, and hears nothing.
struct Peer;

impl Protocol for Peer {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// What a receiver gives of `pieces`, which come one after the other.
fn receive<P: Protocol>(make: impl FnOnce(Log) -> P, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let log = Log::default();
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:8007".parse().unwrap();
    let mut receiver = Some(make(Log::clone(&log)));
    let factory = move |_: &Address| receiver.take().unwrap();
    TcpServer::new(&reactor, address).listen(factory).unwrap();
    let peer = TcpClient::new(&reactor, address).connect(|_: &Address| Peer);
    let peer = reactor.run_until(peer).unwrap();
    for piece in pieces {
        peer.transport().write(piece);
        let later = defer_later(&reactor, Duration::from_secs(1), || ());
        reactor.run_until(later).unwrap();
    }
    log.take()
}

fn check<P: Protocol>(make: impl Fn(Log) -> P, bytes: &[u8], cuts: &[u8]) {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (piece, behind) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    assert_eq!(receive(&make, &pieces), receive(&make, &[bytes]));
}

fn strings<F: Framing + Clone>(framing: F) -> impl Fn(Log) -> FramedReceiver<F, Noting> {
    move |log| FramedReceiver::new(framing.clone(), Noting(log))
}

fuzz_target!(|input: &[u8]| {
    let [which, count, input @ ..] = input else {
        return;
    };
    let (cuts, bytes) = input.split_at((usize::from(*count) % 16).min(input.len()));
    match which % 8 {
        0 => check(strings(Netstring::new().max_length(LIMIT)), bytes, cuts),
        1 => check(
            strings(IntPrefixed::<1>::new().max_length(LIMIT)),
            bytes,
            cuts,
        ),
        2 => check(
            strings(IntPrefixed::<2>::new().max_length(LIMIT)),
            bytes,
            cuts,
        ),
        3 => check(
            strings(IntPrefixed::<4>::new().max_length(LIMIT)),
            bytes,
            cuts,
        ),
        4 => check(
            strings(VarintPrefixed::new().max_length(LIMIT)),
            bytes,
            cuts,
        ),
        5 => {
            let records = |log| {
                let (noting, is_body) = (Noting(log), false);
                FramedReceiver::new(ByteCount::new(1), Records { noting, is_body })
            };
            check(records, bytes, cuts);
        }
        6 => check(
            |log| LineReceiver::new(Noting(log)).max_length(LIMIT),
            bytes,
            cuts,
        ),
        _ => {
            let lines = |log| LineReceiver::new(Noting(log)).delimiter("\n");
            check(lines, bytes, cuts);
        }
    }
});
