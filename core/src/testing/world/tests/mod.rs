//! Worlds of several hosts, with what their tests share.

mod breaking;
mod datagrams;
mod driving;
mod freezing;
mod names;
mod partitions;
mod running;
mod threads;
mod traces;
mod travelling;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::protocols::wire::Echo;
use crate::task::defer_later;
use crate::{
    Address, ClientEndpoint, ConnectError, ConnectOptions, ConnectTimedOut, ConnectionDone,
    ConnectionLost, Failure, Protocol, ProtocolRef, TcpClient, TcpServer, Transport,
};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const C: [u8; 4] = [10, 0, 0, 3];

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn at(ip: [u8; 4], port: u16) -> SocketAddr {
    (ip, port).into()
}

/// What happened, and when.
#[derive(Clone)]
struct Notes {
    world: World,
    entries: Rc<RefCell<Vec<(Duration, String)>>>,
}

impl Notes {
    fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            entries: Rc::default(),
        }
    }

    fn note(&self, what: impl Into<String>) {
        let entry = (self.world.elapsed(), what.into());
        self.entries.borrow_mut().push(entry);
    }

    fn take(&self) -> Vec<(Duration, String)> {
        self.entries.take()
    }

    /// What was noted, each with its time in milliseconds.
    fn text(&self) -> String {
        let entries = self.take();
        let text = |(at, what): &(Duration, String)| format!("{}: {what}", at.as_millis());
        entries.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// Notes what it is told.
struct Noting {
    who: &'static str,
    notes: Notes,
}

impl Noting {
    fn note(&self, what: &str) {
        self.notes.note(format!("{} {what}", self.who));
    }
}

impl Protocol for Noting {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        match data.len() {
            0..20 => self.note(&String::from_utf8_lossy(data)),
            count => self.note(&format!("{count} bytes")),
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        match reason.check::<ConnectionLost>() {
            Some(lost) => self.note(&format!("{:?}", lost.error.kind())),
            None if reason.check::<ConnectionDone>().is_some() => self.note("done"),
            None => self.note(&format!("{reason:#}")),
        }
    }
}

/// Two hosts with a link of 10 ms between them: `a`, and `b`, which listens on port 80.
struct Two {
    world: World,
    a: Reactor,
    b: Reactor,
    notes: Notes,
}

impl Two {
    fn new() -> Self {
        let world = World::new(1);
        let (a, b) = (world.host("a", [A]), world.host("b", [B]));
        world.link("a", "b").latency(ms(10));
        let notes = Notes::new(&world);
        let two = Self { world, a, b, notes };
        two.listen(&two.b);
        two
    }

    fn noting(&self, who: &'static str) -> Noting {
        let notes = self.notes.clone();
        Noting { who, notes }
    }

    /// Has `b`, or what it has become, listen on port 80.
    fn listen(&self, b: &Reactor) {
        let notes = self.notes.clone();
        let factory = move |_: &Address| Noting {
            who: "b",
            notes: notes.clone(),
        };
        TcpServer::new(b, at(B, 80)).listen(factory).unwrap();
    }

    /// A connection from `a`, which is there 20 ms later.
    fn connect(&self) -> ProtocolRef<Noting> {
        let endpoint = TcpClient::new(&self.a, at(B, 80));
        let connected = endpoint.connect_protocol(self.noting("a"));
        self.a.run_until(connected).unwrap()
    }

    /// Why there is none within five seconds.
    fn failure(&self, to: SocketAddr) -> Failure {
        let options = ConnectOptions::new().timeout(Duration::from_secs(5));
        let endpoint = TcpClient::new(&self.a, to).options(options);
        let connected = endpoint.connect_protocol(self.noting("a"));
        match self.a.run_until(connected) {
            Ok(_) => panic!("a connection to {to}"),
            Err(failure) => failure,
        }
    }

    fn pass(&self, time: Duration) {
        let passed = defer_later(&self.a, time, || Ok(()));
        self.a.run_until(passed).unwrap();
    }
}
