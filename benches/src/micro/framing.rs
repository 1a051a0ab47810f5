//! Messages that are cut from a stream: short ones, which come in pieces of 8 KiB, and a long one, which comes
//! in pieces of a byte.

use std::cell::Cell;
use std::hint::black_box;
use std::io;
use std::rc::Rc;

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use tokio_util::codec::{Decoder, FramedRead, LengthDelimitedCodec, LinesCodec};
use torsade_core::protocols::{
    FramedReceiver, Framing, IntPrefixed, LineControl, LineProtocol, LineReceiver, Netstring,
    StringControl, StringProtocol, VarintPrefixed,
};
use torsade_core::testing::Simulation;
use torsade_core::{
    Address, ClientEndpoint, Protocol, Reactor, Result, TcpClient, TcpServer, Transport,
};

use super::Work;

const MESSAGE: usize = 40;
const PIECE: usize = 8192;

/// Counts messages.
#[derive(Clone, Default)]
struct Counting(Rc<Cell<u64>>);

impl LineProtocol for Counting {
    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        black_box(line);
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

impl<F: Framing> StringProtocol<F> for Counting {
    fn string_received(&mut self, _: &StringControl<F>, string: &[u8]) -> Result<()> {
        black_box(string);
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

struct Idle;

impl Protocol for Idle {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// The two halves of a connection that nothing is sent on.
fn connected() -> Result<(Reactor, Transport)> {
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:8007".parse()?;
    TcpServer::new(&reactor, address).listen(|_: &Address| Idle)?;
    let client = TcpClient::new(&reactor, address).connect(|_: &Address| Idle);
    let transport = reactor.run_until(client)?.transport().clone();
    Ok((reactor, transport))
}

fn receive(mut receiver: impl Protocol, transport: &Transport, data: &[u8], piece: usize) {
    receiver.connection_made(transport);
    for piece in data.chunks(piece) {
        receiver
            .data_received(transport, piece)
            .expect("nothing is wrong with the data");
    }
}

/// A codec of tokio-util without a stream above it.
fn decode<D: Decoder>(mut codec: D, data: &[u8], piece: usize) -> u64 {
    let (mut count, mut buffer) = (0, BytesMut::new());
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        while let Ok(Some(message)) = codec.decode(&mut buffer) {
            black_box(message);
            count += 1;
        }
    }
    count
}

/// The same as a stream, as programs use it.
fn read<D: Decoder>(codec: D, data: &[u8]) -> u64 {
    let (mut count, mut frames) = (0, FramedRead::with_capacity(data, codec, PIECE));
    // All is there: no future waits.
    while let Some(Some(Ok(message))) = frames.next().now_or_never() {
        black_box(message);
        count += 1;
    }
    count
}

/// So many strings, framed.
fn framed<F: Framing>(framing: &F, length: usize, count: usize) -> Vec<u8> {
    let mut data = Vec::new();
    for _ in 0..count {
        let behind = framing
            .encode(length, &mut data)
            .expect("every framing here has room for it");
        data.resize(data.len() + length, b'x');
        data.extend_from_slice(behind);
    }
    data
}

fn lines(length: usize, count: usize) -> Vec<u8> {
    [vec![b'x'; length], b"\n".to_vec()].concat().repeat(count)
}

/// Short messages, which come in pieces of 8 KiB, and a long one, which comes byte by byte.
const CASES: [(usize, usize, usize, &str); 2] =
    [(200_000, MESSAGE, PIECE, "short"), (1, LONG, 1, "long")];
const LONG: usize = 1 << 20;

/// The ways to cut messages out of a stream.
pub struct Framings {
    _reactor: Reactor,
    transport: Transport,
}

impl Framings {
    pub fn new() -> io::Result<Self> {
        let connected = connected();
        let (_reactor, transport) =
            connected.map_err(|failure| io::Error::other(format!("{failure:#}")))?;
        Ok(Self {
            _reactor,
            transport,
        })
    }

    /// All of them; an operation is a message.
    pub fn work(&self) -> Vec<Work<'_>> {
        let four_bytes = || IntPrefixed::<4>::new().max_length(LONG);
        let mut all = Vec::new();
        for (count, length, piece, what) in CASES {
            let name = |name: &str| format!("{what}/{name}");
            let data: Rc<[u8]> = lines(length, count).into();
            all.push(self.lines(name("lines"), count, &data, piece));
            let codec = || LinesCodec::new_with_max_length(LONG);
            all.push(decoding(name("LinesCodec"), count, codec, &data, piece));
            let framed: Rc<[u8]> = framed(&four_bytes(), length, count).into();
            let lengths = LengthDelimitedCodec::new;
            all.push(self.strings(name("four-bytes"), four_bytes(), (count, length, piece)));
            all.push(decoding(
                name("LengthDelimitedCodec"),
                count,
                lengths,
                &framed,
                piece,
            ));
            if count > 1 {
                all.push(reading(name("LinesCodec-FramedRead"), count, codec, &data));
                let name = name("LengthDelimitedCodec-FramedRead");
                all.push(reading(name, count, lengths, &framed));
            }
            let case = (count, length, piece);
            let varint = VarintPrefixed::new().max_length(LONG);
            all.push(self.strings(name("varint"), varint, case));
            all.push(self.strings(name("netstrings"), Netstring::new().max_length(LONG), case));
        }
        all
    }

    fn lines(&self, name: String, count: usize, data: &Rc<[u8]>, piece: usize) -> Work<'_> {
        let data = Rc::clone(data);
        Work::new(name, count as u64, move || {
            let counting = Counting::default();
            let receiver = LineReceiver::new(counting.clone())
                .delimiter("\n")
                .max_length(LONG);
            receive(receiver, &self.transport, &data, piece);
            assert_eq!(counting.0.get(), count as u64);
        })
    }

    fn strings<F: Framing + Clone>(
        &self,
        name: String,
        framing: F,
        (count, length, piece): (usize, usize, usize),
    ) -> Work<'_> {
        let data = framed(&framing, length, count);
        Work::new(name, count as u64, move || {
            let counting = Counting::default();
            let receiver = FramedReceiver::new(framing.clone(), counting.clone());
            receive(receiver, &self.transport, &data, piece);
            assert_eq!(counting.0.get(), count as u64);
        })
    }
}

fn decoding<D: Decoder>(
    name: String,
    count: usize,
    codec: impl Fn() -> D + 'static,
    data: &Rc<[u8]>,
    piece: usize,
) -> Work<'static> {
    let data = Rc::clone(data);
    Work::new(name, count as u64, move || {
        assert_eq!(decode(codec(), &data, piece), count as u64);
    })
}

fn reading<D: Decoder>(
    name: String,
    count: usize,
    codec: impl Fn() -> D + 'static,
    data: &Rc<[u8]>,
) -> Work<'static> {
    let data = Rc::clone(data);
    Work::new(name, count as u64, move || {
        assert_eq!(read(codec(), &data), count as u64);
    })
}
