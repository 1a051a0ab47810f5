//! Whatever a peer sends and however it is cut, no framing panics, and each means the same as if all
//! came at once; and what is sent in one is read as it was. The first byte picks the framing, the
//! second how many cuts there are; then come those.
#![no_main]

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use common::pass;
use libfuzzer_sys::fuzz_target;
use torsade_core::protocols::{
    ByteCount, FrameControl, FrameProtocol, FramedReceiver, Framing, IntPrefixed, LineControl,
    LineProtocol, LineReceiver, Multiplexer, Netstring, Picked, StringControl, StringProtocol,
    StringTooLong, VarintPrefixed,
};
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
        pass(&reactor, Duration::from_secs(1));
    }
    log.take()
}

fn check<P: Protocol>(make: impl Fn(Log) -> P, pieces: &[&[u8]], bytes: &[u8]) {
    assert_eq!(receive(&make, pieces), receive(&make, &[bytes]));
}

/// The same, and that a string is read as it was written.
fn check_strings<F: Framing + Clone>(framing: F, pieces: &[&[u8]], bytes: &[u8]) {
    let mut wire = Vec::new();
    match framing.encode(bytes.len(), &mut wire) {
        Ok(behind) => {
            let wire = [&wire, bytes, behind].concat();
            let mut input = BytesMut::from(&wire[..]);
            // The limit is for what is received.
            match framing.clone().decode(&mut input) {
                Ok(read) => {
                    assert_eq!(read.as_deref(), Some(bytes));
                    assert!(input.is_empty() && bytes.len() <= LIMIT);
                }
                Err(_) => assert!(bytes.len() > LIMIT),
            }
        }
        Err(StringTooLong { length, limit }) => {
            assert!(length == bytes.len() && length > limit && wire.is_empty());
        }
    }
    let make = |log| FramedReceiver::new(framing.clone(), Noting(log));
    check(make, pieces, bytes);
}

fn records(log: Log) -> impl Protocol {
    let (noting, is_body) = (Noting(log), false);
    FramedReceiver::new(ByteCount::new(1), Records { noting, is_body })
}

/// Lines, or strings, by what comes first.
fn multiplexer(log: Log) -> Multiplexer {
    Multiplexer::new(move |bytes| {
        let log = Log::clone(&log);
        match bytes {
            [] | [b'a'..=b'z'] => Picked::More,
            [b'a'..=b'z', ..] => Picked::protocol(LineReceiver::new(Noting(log))),
            [b'0'..=b'9', ..] => {
                Picked::protocol(FramedReceiver::new(Netstring::new(), Noting(log)))
            }
            _ => Picked::None,
        }
    })
}

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let Some((pieces, bytes)) = common::pieces(rest) else {
        return;
    };
    match which % 9 {
        0 => check_strings(Netstring::new().max_length(LIMIT), &pieces, bytes),
        1 => check_strings(IntPrefixed::<1>::new().max_length(LIMIT), &pieces, bytes),
        2 => check_strings(IntPrefixed::<2>::new().max_length(LIMIT), &pieces, bytes),
        3 => check_strings(IntPrefixed::<4>::new().max_length(LIMIT), &pieces, bytes),
        4 => check_strings(VarintPrefixed::new().max_length(LIMIT), &pieces, bytes),
        5 => check(records, &pieces, bytes),
        6 => {
            let lines = |log| LineReceiver::new(Noting(log)).max_length(LIMIT);
            check(lines, &pieces, bytes);
        }
        7 => {
            let lines = |log| LineReceiver::new(Noting(log)).delimiter("\n");
            check(lines, &pieces, bytes);
        }
        _ => check(multiplexer, &pieces, bytes),
    }
});
