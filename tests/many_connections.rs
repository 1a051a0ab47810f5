//! Ten thousand connections at once to the example `echo_server`: nothing is lost or mixed up, an
//! open connection costs little, and a second crowd needs no more memory than the first one left.
//! (That nothing at all is left is counted at the allocator, in core/tests/connection_memory.rs; a
//! process keeps what its allocator does not give back to the system.)
//!
//! By default there are 300 with 10 messages each; `TORSADE_LOAD=full` makes it 10,000 with 100.

#[path = "interop/support/mod.rs"]
mod support;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use support::memory::Memory;
use support::program::Server;
use torsade::task::defer_later;
use torsade::{
    Address, ClientEndpoint, ConnectionDone, Deferred, Failure, Protocol, ProtocolRef, Reactor,
    Resolver, Result, TcpClient, Transport,
};

/// The longest message, in bytes.
const LONGEST: usize = 64 * 1024;

/// How many connect at a time: no more than a listener has room for.
const CONNECTING: usize = 500;

/// What all messages are cut from.
fn source() -> Rc<[u8]> {
    support::peer::pattern(2 * LONGEST).into()
}

/// Says messages and checks that they come back; then closes.
struct Talker {
    source: Rc<[u8]>,
    /// Of a small generator of random numbers (xorshift).
    state: u64,
    messages_left: usize,
    /// Where in the source the message is whose echo is awaited, as far as it has not come.
    awaited: std::ops::Range<usize>,
    over: Option<Resolver<()>>,
}

impl Talker {
    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % below as u64) as usize
    }

    fn say_next(&mut self, transport: &Transport) {
        if self.messages_left == 0 {
            return transport.lose_connection();
        }
        self.messages_left -= 1;
        let (start, length) = (self.random(LONGEST), 1 + self.random(LONGEST));
        self.awaited = start..start + length;
        transport.write(&self.source[start..start + length]);
    }
}

impl Protocol for Talker {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let end = self.awaited.start + data.len();
        if end > self.awaited.end || self.source[self.awaited.start..end] != *data {
            return Err(std::io::Error::other("something else came back").into());
        }
        self.awaited.start = end;
        if self.awaited.is_empty() {
            self.say_next(transport);
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let Some(over) = self.over.take() else { return };
        let is_complete = self.messages_left == 0 && self.awaited.is_empty();
        if is_complete && reason.check::<ConnectionDone>().is_some() {
            over.callback(());
        } else {
            over.errback(std::io::Error::other(format!("{reason:#}")));
        }
    }
}

/// The clients, all on one reactor.
struct Crowd {
    reactor: Reactor,
    server: SocketAddr,
    source: Rc<[u8]>,
    messages: usize,
}

impl Crowd {
    /// Connects `count` clients; each comes with the Deferred of its end.
    fn connect(&self, count: usize) -> Result<Vec<(ProtocolRef<Talker>, Deferred<()>)>> {
        let mut connected = Vec::new();
        while connected.len() < count {
            let now = CONNECTING.min(count - connected.len());
            let first = connected.len();
            let attempts: Vec<_> = (first..first + now)
                .map(|at| self.connect_one(at))
                .collect();
            for (attempt, over) in attempts {
                connected.push((self.reactor.run_until(attempt)?, over));
            }
        }
        Ok(connected)
    }

    fn connect_one(&self, number: usize) -> (Deferred<ProtocolRef<Talker>>, Deferred<()>) {
        let (resolver, over) = Deferred::new();
        let (resolver, source) = (Cell::new(Some(resolver)), Rc::clone(&self.source));
        let messages_left = self.messages;
        let factory = move |_: &Address| Talker {
            source: Rc::clone(&source),
            state: 0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1),
            messages_left,
            awaited: 0..0,
            over: resolver.take(),
        };
        let client = TcpClient::new(&self.reactor, self.server);
        (client.connect(factory), over)
    }
}

#[test]
fn ten_thousand_connections_lose_nothing_and_leave_nothing() {
    let is_full = std::env::var("TORSADE_LOAD").is_ok_and(|load| load == "full");
    let (connections, messages) = if is_full { (10_000, 100) } else { (300, 10) };
    let descriptors = rlimit::increase_nofile_limit(connections as u64 + 100).unwrap();
    assert!(
        descriptors >= connections as u64 + 100,
        "the system allows only {descriptors} open files"
    );
    // A child inherits the limit.
    let server = Server::start("echo_server", &[]);
    let crowd = Crowd {
        reactor: Reactor::new().unwrap(),
        server: server.address,
        source: source(),
        messages,
    };

    // One round before it counts, so that what is allocated once is there.
    talk(crowd.connect(10).unwrap(), &crowd.reactor);
    let before = Memory::of(server.peer.id());

    let mut left = Vec::new();
    for round in 1..=2 {
        let people = crowd.connect(connections).unwrap();
        let open = Memory::of(server.peer.id());
        talk(people, &crowd.reactor);
        // Until the server has seen all of them leave.
        let later = defer_later(&crowd.reactor, Duration::from_millis(500), || ());
        crowd.reactor.run_until(later).unwrap();
        left.push(Memory::of(server.peer.id()));
        println!(
            "{round}: before {before}, connected {open}, after {}",
            left[round - 1]
        );
        if round == 1 {
            let each = open.resident.saturating_sub(before.resident) / connections as u64;
            assert!(each < 4096, "{each} bytes a connection");
        }
    }
    assert!(left[1].peak < 32 << 20, "{}", left[1]);
    let grown = left[1].resident.saturating_sub(left[0].resident);
    assert!(grown < 1 << 20, "the second crowd left {grown} bytes more");
}

/// Has everybody talk at once, until all have said everything.
fn talk(people: Vec<(ProtocolRef<Talker>, Deferred<()>)>, reactor: &Reactor) {
    for (person, _) in &people {
        person.with(Talker::say_next).unwrap();
    }
    for (_, over) in people {
        reactor.run_until(over).unwrap();
    }
}
