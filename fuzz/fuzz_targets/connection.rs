//! A whole connection in a simulated world, under a random order of events at both ends and on the
//! network, with and without a filter. Whatever happens, what is told of it comes in its order and
//! its end once and last, bytes arrive once and in order or their loss is told, and nothing is left.
//!
//! The first five bytes say what the world is like; then each two are an order: what, and how much.
#![no_main]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use torsade_core::testing::{Ending, Network, Simulation};
use torsade_core::{
    Address, ClientEndpoint, Failure, Filter, Producer, ProducerKind, Protocol, Reactor, Result,
    TcpClient, TcpServer, Transport,
};

/// What is known of one end.
#[derive(Default)]
struct End {
    transport: Option<Transport>,
    sent: Vec<u8>,
    received: Vec<u8>,
    is_paused: bool,
    /// It has asked for its end itself, and so hears nothing more.
    has_left: bool,
    is_read_closed: bool,
    is_write_closed: bool,
    ending: Option<Ending>,
    /// What to do when something is received.
    intends: Option<[u8; 2]>,
}

type Ends = Rc<[RefCell<End>; 2]>;

struct Player {
    ends: Ends,
    own: usize,
}

impl Player {
    fn end(&self) -> &RefCell<End> {
        &self.ends[self.own]
    }
}

fn byte(at: usize) -> u8 {
    (at % 251) as u8 ^ (at / 251) as u8
}

/// Writes so many bytes, if that can be.
fn write(end: &RefCell<End>, count: usize, how: u8) {
    let mut end = end.borrow_mut();
    let Some(transport) = end.transport.clone().filter(Transport::is_open) else {
        return;
    };
    let begun = end.sent.len();
    let bytes: Vec<u8> = (begun..begun + count).map(byte).collect();
    end.sent.extend_from_slice(&bytes);
    drop(end);
    match how % 3 {
        0 => transport.write(&bytes),
        1 => transport.write_bytes(bytes),
        _ => {
            let (one, other) = bytes.split_at(count / 2);
            transport.write_sequence([one, other]);
        }
    }
}

/// Sends so many pieces, each when it is asked for one.
struct Pieces {
    ends: Ends,
    own: usize,
    left: u8,
    is_stopped: bool,
}

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        assert!(!self.is_stopped);
        if self.left == 0 {
            return transport.unregister_producer();
        }
        self.left -= 1;
        write(
            &self.ends[self.own],
            1 + 300 * usize::from(self.left),
            self.left,
        );
    }

    fn pause_producing(&mut self, _: &Transport) {
        assert!(!self.is_stopped);
    }

    fn stop_producing(&mut self, _: &Transport) {
        assert!(!std::mem::replace(&mut self.is_stopped, true));
    }
}

impl Protocol for Player {
    fn connection_made(&mut self, transport: &Transport) {
        let before = self.end().borrow_mut().transport.replace(transport.clone());
        assert!(before.is_none(), "made twice");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        let mut end = self.end().borrow_mut();
        assert!(end.transport.is_some() && end.ending.is_none());
        assert!(!end.is_paused && !end.has_left && !end.is_read_closed && !data.is_empty());
        end.received.extend_from_slice(data);
        let intends = end.intends.take();
        drop(end);
        let Some([what, amount]) = intends else {
            return Ok(());
        };
        if what & 31 == 31 {
            self.end().borrow_mut().has_left = true;
            return Err(std::io::Error::other("not this").into());
        }
        act(&self.ends, self.own, what, amount);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        let mut end = self.end().borrow_mut();
        assert!(end.transport.is_some() && end.ending.is_none() && !end.is_paused);
        assert!(!std::mem::replace(&mut end.is_read_closed, true));
        // It is not told of an end that it asked for itself.
        assert!(!end.has_left);
        let sent = &self.ends[1 - self.own].borrow().sent;
        assert!(
            end.received == *sent,
            "an orderly end, and not all has come"
        );
        if end.received.len() % 2 == 0 {
            end.has_left = true;
            drop(end);
            transport.lose_connection();
        }
    }

    fn write_closed(&mut self, _: &Transport) {
        let mut end = self.end().borrow_mut();
        assert!(end.transport.is_some() && end.ending.is_none());
        assert!(!std::mem::replace(&mut end.is_write_closed, true));
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let mut end = self.end().borrow_mut();
        assert!(end.transport.is_some(), "lost before it was made");
        let before = end.ending.replace(Ending::of(reason));
        assert!(before.is_none(), "lost twice");
    }
}

/// What a program may do with its connection.
fn act(ends: &Ends, own: usize, what: u8, amount: u8) {
    let end = &ends[own];
    let Some(transport) = end.borrow().transport.clone() else {
        return;
    };
    let count = usize::from(amount);
    match what & 31 {
        0..6 => write(end, count, what),
        // Of 16 KiB and more, which go out without being copied, too.
        6..8 => write(end, count * 80, what),
        8 | 9 => {
            end.borrow_mut().is_paused = true;
            transport.pause_reading();
        }
        10 | 11 => {
            end.borrow_mut().is_paused = false;
            transport.resume_reading();
        }
        12 | 13 => transport.lose_write_connection(),
        14 => {
            end.borrow_mut().has_left = true;
            transport.lose_connection();
        }
        15 => {
            end.borrow_mut().has_left = true;
            transport.abort_connection();
        }
        16 | 17 => {
            let kind = match what {
                16 => ProducerKind::Pull,
                _ => ProducerKind::Push,
            };
            let pieces = Pieces {
                ends: Rc::clone(ends),
                own,
                left: amount % 16,
                is_stopped: false,
            };
            let _ = transport.register_producer(pieces, kind);
        }
        18 => transport.unregister_producer(),
        19 => transport.set_max_queued(Some(count * 1000)),
        20 => end.borrow_mut().intends = Some([amount & 31, amount >> 3]),
        // What may be asked at any time.
        _ => {
            let _ = (
                transport.queued(),
                transport.traffic(),
                transport.has_input(),
            );
            let _ = (transport.peer(), transport.host());
        }
    }
}

/// What may happen besides.
fn happen(reactor: &Reactor, network: &Network, addresses: [Address; 2], what: u8, amount: u8) {
    let address = |at: u8| addresses[usize::from(at & 1)].socket_addr().unwrap();
    match what & 7 {
        0 => network.hold(address(amount)),
        1 => {
            network.release(address(amount), usize::from(amount) * 50);
        }
        2 if amount == 0xff => network.reset(address(what)),
        3 => reactor
            .advance(Duration::from_millis(u64::from(amount) * 20))
            .unwrap(),
        _ => reactor
            .advance(Duration::from_millis(u64::from(amount & 3)))
            .unwrap(),
    }
}

/// A filter with a handshake, bytes of two, and a farewell.
#[derive(Debug, Default)]
struct Escaping {
    is_escaped: bool,
    is_ready: bool,
    is_closed: bool,
}

const ESCAPE: u8 = 7;
const HELLO: u8 = 0;
const ITSELF: u8 = 1;
const FAREWELL: u8 = 2;

impl Filter for Escaping {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        wire.extend([ESCAPE, HELLO]);
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        for byte in input {
            match (std::mem::take(&mut self.is_escaped), *byte) {
                _ if self.is_closed => {}
                (false, ESCAPE) => self.is_escaped = true,
                (false, byte) => plain.push(byte),
                (true, HELLO) => self.is_ready = true,
                (true, ITSELF) => plain.push(ESCAPE),
                (true, _) => self.is_closed = true,
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        assert!(self.is_ready);
        for byte in plain {
            wire.push(*byte);
            if *byte == ESCAPE {
                wire.push(ITSELF);
            }
        }
        Ok(())
    }

    fn close_write(&mut self, wire: &mut Vec<u8>) {
        wire.extend([ESCAPE, FAREWELL]);
    }

    fn wire_closed(&mut self) -> Result<()> {
        match self.is_closed {
            true => Ok(()),
            false => Err(std::io::Error::other("cut off").into()),
        }
    }

    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn is_read_closed(&self) -> bool {
        self.is_closed
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((world, orders)) = input.split_first_chunk::<5>() else {
        return;
    };
    let [kind, segment, delay, window, wide] = world.map(usize::from);
    let simulation = Simulation::new()
        .segment_size(8 + segment * 16)
        .delay(Duration::from_millis(1 + (delay as u64 & 15)))
        .window(500 + window * 4 + wide * 300);
    let (reactor, network) = simulation.start();
    let listens = "127.0.0.1:8007".parse().unwrap();
    let ends = Ends::default();
    let make = |own| {
        let ends = Rc::clone(&ends);
        move |_: &Address| Player {
            ends: Rc::clone(&ends),
            own,
        }
    };
    let (client, server) = (
        TcpClient::new(&reactor, listens),
        TcpServer::new(&reactor, listens),
    );
    let (port, connected) = match kind & 1 {
        0 => (server.listen(make(1)), client.connect(make(0))),
        _ => {
            let escaping = || Ok(Escaping::default());
            let port = server.filter(escaping).listen(make(1));
            (port, client.filter(escaping).connect(make(0)))
        }
    };
    let port = port.unwrap();
    let client = reactor.run_until(connected).unwrap();
    reactor.advance(Duration::from_secs(1)).unwrap();
    let addresses = [client.transport().host(), client.transport().peer()];
    for order in orders.chunks_exact(2).take(200) {
        let [what, amount] = [order[0], order[1]];
        match what >> 5 {
            0..3 => act(&ends, 0, what, amount),
            3..6 => act(&ends, 1, what, amount),
            _ => happen(&reactor, &network, addresses.clone(), what, amount),
        }
    }
    // Whatever is held up comes, and both leave.
    for address in &addresses {
        network.release(address.socket_addr().unwrap(), usize::MAX);
    }
    reactor.advance(Duration::from_millis(500)).unwrap();
    for own in [0, 1] {
        // A producer that comes now would never be done, and the end wait for it.
        ends[own].borrow_mut().intends = None;
        act(&ends, own, 10, 0);
        act(&ends, own, 18, 0);
    }
    reactor.advance(Duration::from_secs(1)).unwrap();
    for own in [0, 1] {
        act(&ends, own, 14, 0);
    }
    // Where all is held up, a small window passes a second.
    for _ in 0..1000 {
        if ends.iter().all(|end| end.borrow().ending.is_some()) {
            break;
        }
        for address in &addresses {
            network.release(address.socket_addr().unwrap(), usize::MAX);
        }
        reactor.advance(Duration::from_secs(1)).unwrap();
    }
    // So long a socket stays behind, to take what is still sent to it.
    reactor.advance(Duration::from_secs(5)).unwrap();
    for own in [0, 1] {
        let (end, other) = (ends[own].borrow(), ends[1 - own].borrow());
        assert!(end.transport.is_some());
        assert!(
            end.ending.is_some(),
            "the end of {own} is not told: {}",
            reactor.pending()
        );
        assert!(
            other.sent.starts_with(&end.received),
            "bytes of another kind"
        );
    }
    drop((port.stop_listening(), client));
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(reactor.open_sources(), 0, "{}", reactor.pending());
    assert_eq!(reactor.delayed_calls(), 0, "{}", reactor.pending());
});
