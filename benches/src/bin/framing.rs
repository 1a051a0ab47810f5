//! What a message costs that is cut from a stream, in CPU time, or with the feature `count` in allocations:
//! a million short ones, which come in pieces of 8 KiB, and a long one, which comes in pieces of a byte.

use std::cell::Cell;
use std::hint::black_box;
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

/// Nanoseconds, without those that others had the core.
#[cfg(not(feature = "count"))]
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

#[cfg(not(feature = "count"))]
fn measure(messages: u64, mut run: impl FnMut() -> u64) -> String {
    let rounds = (0..9).map(|_| {
        let start = cpu_time();
        assert_eq!(run(), messages);
        (cpu_time() - start) / messages as f64
    });
    // The fastest round is the one that others disturbed least.
    format!("ns={:.1}", rounds.fold(f64::INFINITY, f64::min))
}

#[cfg(feature = "count")]
fn measure(messages: u64, mut run: impl FnMut() -> u64) -> String {
    let info = allocation_counter::measure(|| assert_eq!(run(), messages));
    let each = |total: u64| total as f64 / messages as f64;
    let (allocations, bytes) = (each(info.count_total), each(info.bytes_total));
    format!("allocs={allocations:.3} bytes={bytes:.1}")
}

/// Runs the cases whose name begins with the argument.
fn run(name: &str, messages: u64, case: impl FnMut() -> u64) {
    let only = std::env::args().nth(1).unwrap_or_default();
    if name.starts_with(&only) {
        println!("name={name} {}", measure(messages, case));
    }
}

/// So many strings, framed.
fn framed<F: Framing>(framing: &F, length: usize, count: u64) -> Vec<u8> {
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

fn strings<F: Framing + Clone>(name: &str, framing: &F, transport: &Transport) {
    let cases = [
        (1_000_000, MESSAGE, PIECE, "short"),
        (1, 1 << 20, 1, "long"),
    ];
    for (count, length, piece, what) in cases {
        let data = framed(framing, length, count);
        run(&format!("{what}/{name}"), count, || {
            let counting = Counting::default();
            let receiver = FramedReceiver::new(framing.clone(), counting.clone());
            receive(receiver, transport, &data, piece);
            counting.0.get()
        });
    }
}

fn main() -> Result<()> {
    const LONG: usize = 1 << 20;
    let (_reactor, transport) = connected()?;

    let cases = [(1_000_000, MESSAGE, PIECE, "short"), (1, LONG, 1, "long")];
    for (count, length, piece, what) in cases {
        let data = lines(length, count as usize);
        run(&format!("{what}/lines"), count, || {
            let counting = Counting::default();
            let receiver = LineReceiver::new(counting.clone());
            let receiver = receiver.delimiter("\n").max_length(LONG);
            receive(receiver, &transport, &data, piece);
            counting.0.get()
        });
        let codec = || LinesCodec::new_with_max_length(LONG);
        run(&format!("{what}/LinesCodec"), count, || {
            decode(codec(), &data, piece)
        });
        if count > 1 {
            run(&format!("{what}/LinesCodec, FramedRead"), count, || {
                read(codec(), &data)
            });
        }
    }

    strings(
        "four bytes",
        &IntPrefixed::<4>::new().max_length(LONG),
        &transport,
    );
    for (count, length, piece, what) in cases {
        let data = framed(&IntPrefixed::<4>::new(), length, count);
        let name = format!("{what}/LengthDelimitedCodec");
        run(&name, count, || {
            decode(LengthDelimitedCodec::new(), &data, piece)
        });
        if count > 1 {
            let name = format!("{name}, FramedRead");
            run(&name, count, || read(LengthDelimitedCodec::new(), &data));
        }
    }
    strings(
        "varint",
        &VarintPrefixed::new().max_length(LONG),
        &transport,
    );
    strings("netstrings", &Netstring::new().max_length(LONG), &transport);
    Ok(())
}
