use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Log, World};
use crate::protocols::WrappingFactory;
use crate::{Address, ClientEndpoint, Factory, Failure, Protocol, Result, TcpClient, Transport};

/// Notes what it is told.
struct Noting(Log);

impl Protocol for Noting {
    fn connection_made(&mut self, _: &Transport) {
        self.0.borrow_mut().push("made".to_owned());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.0.borrow_mut().push("read closed".to_owned());
        transport.lose_write_connection();
    }

    fn write_closed(&mut self, _: &Transport) {
        self.0.borrow_mut().push("write closed".to_owned());
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.0.borrow_mut().push("lost".to_owned());
    }
}

struct Noticing(Log);

impl Factory for Noticing {
    type Protocol = Noting;

    fn build_protocol(&mut self, _: &Address) -> Option<Noting> {
        Some(Noting(Rc::clone(&self.0)))
    }

    fn start_factory(&mut self) {
        self.0.borrow_mut().push("started".to_owned());
    }
}

#[test]
fn a_wrapped_factory_and_its_protocols_are_told_everything() {
    // C109
    let log = Log::default();
    let world = World::new(WrappingFactory::new(Noticing(Rc::clone(&log))));
    world.send("echo");
    assert_eq!(world.received(), "echo");
    world.peer.transport().lose_write_connection();
    world.pass(Duration::from_secs(1));
    let expected = ["started", "made", "read closed", "write closed", "lost"];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn connections_are_known_until_they_end() {
    // C109
    let factory = WrappingFactory::new(Noticing(Log::default()));
    let connections = factory.connections();
    let world = World::new(factory);
    world.pass(Duration::from_secs(1));
    assert_eq!(connections.len(), 1);
    for transport in connections.transports() {
        transport.lose_connection();
    }
    world.pass(Duration::from_secs(1));
    assert!(world.is_over.get());
    assert!(connections.is_empty());
}

#[test]
fn connections_beyond_the_limit_are_closed_until_there_is_room() {
    // C109
    let log = Log::default();
    let factory = WrappingFactory::new(Noticing(Rc::clone(&log))).limit(2);
    let connections = factory.connections();
    let world = World::new(factory);
    let ends: Log = Rc::new(RefCell::default());
    let connect = || {
        let notes = Rc::clone(&ends);
        let client = TcpClient::new(&world.reactor, "127.0.0.1:8007".parse().unwrap());
        let connected = client.connect(move |_: &Address| Noting(Rc::clone(&notes)));
        let connected = world.reactor.run_until(connected).unwrap();
        world.pass(Duration::from_secs(1));
        connected
    };
    connect();
    assert_eq!((connections.len(), ends.borrow().len()), (2, 1));
    connect();
    assert_eq!(connections.len(), 2);
    assert_eq!(ends.borrow().last().unwrap(), "lost");
    world.peer.transport().lose_connection();
    world.pass(Duration::from_secs(1));
    connect();
    assert_eq!(connections.len(), 2);
    let made = log.borrow().iter().filter(|line| *line == "made").count();
    assert_eq!(made, 3);
}
