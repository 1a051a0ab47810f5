//! What a test asks of the simulated network.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::factory::Once;
use crate::testing::{AccumulatingProtocol, Ending, Simulation};
use crate::{
    Address, ClientEndpoint, Failure, Protocol, ProtocolRef, Reactor, Result, TcpClient, TcpServer,
    Transport, UnixClient, UnixServer,
};

fn address(text: &str) -> std::net::SocketAddr {
    text.parse().unwrap()
}

/// Stays when the peer has ended its direction.
struct Stays(Rc<RefCell<Option<Ending>>>);

impl Protocol for Stays {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {}

    fn connection_lost(&mut self, reason: &Failure) {
        *self.0.borrow_mut() = Some(Ending::of(reason));
    }
}

/// Listens with one protocol for all, and connects another.
fn connect(
    reactor: &Reactor,
    to: &str,
    server: &AccumulatingProtocol,
) -> ProtocolRef<AccumulatingProtocol> {
    connect_with(reactor, to, server, AccumulatingProtocol::new())
}

fn connect_with<P: Protocol>(
    reactor: &Reactor,
    to: &str,
    server: &AccumulatingProtocol,
    client: P,
) -> ProtocolRef<P> {
    let server = server.clone();
    let port = TcpServer::new(reactor, address(to)).listen(move |_: &Address| server.clone());
    port.unwrap();
    let connected = TcpClient::new(reactor, address(to)).connect(Once::new(client));
    reactor.run_until(connected).unwrap()
}

#[test]
fn ports_and_attempts_are_listed_also_when_they_fail() {
    let (reactor, network) = Simulation::new().start();
    assert!(network.listening().is_empty() && network.attempts().is_empty());
    let server = TcpServer::new(&reactor, address("192.0.2.7:80"));
    let port = server
        .listen(|_: &Address| AccumulatingProtocol::new())
        .unwrap();
    let unix = UnixServer::new(&reactor, "/run/x");
    let _unix = unix
        .listen(|_: &Address| AccumulatingProtocol::new())
        .unwrap();
    let listening = network.listening();
    assert_eq!(listening.len(), 2);
    assert_eq!(listening[0], Address::Tcp(address("192.0.2.7:80")));
    assert_eq!(listening[1].to_string(), "/run/x");
    reactor.run_until(port.stop_listening()).unwrap();
    assert_eq!(network.listening().len(), 1);

    let refused = TcpClient::new(&reactor, address("192.0.2.7:81"));
    let refused = refused.connect(|_: &Address| AccumulatingProtocol::new());
    assert_eq!(network.attempts(), [address("192.0.2.7:81").into()]);
    assert!(reactor.run_until(refused).is_err());
    let absent = UnixClient::new(&reactor, "/run/y");
    let absent = absent.connect(|_: &Address| AccumulatingProtocol::new());
    assert!(reactor.run_until(absent).is_err());
    assert_eq!(network.attempts()[1].to_string(), "/run/y");
}

#[test]
fn what_is_held_up_is_let_on_as_far_as_asked_and_in_each_direction() {
    let (reactor, network) = Simulation::new().delay(Duration::ZERO).start();
    network.hold(address("192.0.2.7:7"));
    let server = AccumulatingProtocol::new();
    let client = connect(&reactor, "192.0.2.7:7", &server);
    reactor.advance(Duration::ZERO).unwrap();
    client.transport().write(b"to the server");
    server.transport().unwrap().write(b"to the client");
    reactor.advance(Duration::from_secs(60)).unwrap();
    assert_eq!(server.data(), b"");
    let here = client.transport().host().socket_addr().unwrap();
    assert_eq!(
        (network.held(here), network.held(address("192.0.2.7:7"))),
        (13, 13)
    );

    assert_eq!(network.release(here, 6), 6);
    reactor.advance(Duration::ZERO).unwrap();
    let received = client.with(|protocol, _| protocol.data()).unwrap();
    assert_eq!((&*received, &*server.data()), (&b"to the"[..], &b""[..]));
    // The end of the direction counts as well.
    client.transport().lose_connection();
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!(network.release(address("192.0.2.7:7"), 13), 13);
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!(
        (&*server.data(), server.ending()),
        (&b"to the server"[..], None)
    );
    assert_eq!(network.release(address("192.0.2.7:7"), 100), 1);
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!(server.ending(), Some(Ending::Done));
}

#[test]
fn an_abort_waits_behind_the_bytes_that_are_held_up() {
    let (reactor, network) = Simulation::new().delay(Duration::ZERO).start();
    network.hold(address("192.0.2.7:7"));
    let server = AccumulatingProtocol::new();
    let client = connect(&reactor, "192.0.2.7:7", &server);
    client.transport().write(b"xyz");
    reactor.advance(Duration::ZERO).unwrap();
    client.transport().abort_connection();
    reactor.advance(Duration::ZERO).unwrap();
    network.release(address("192.0.2.7:7"), 3);
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!((&*server.data(), server.ending()), (&b"xyz"[..], None));
    assert_eq!(network.release(address("192.0.2.7:7"), 1), 1);
    reactor.advance(Duration::ZERO).unwrap();
    assert!(server.ending().unwrap().is_reset());
}

#[test]
fn what_was_under_way_when_the_connection_broke_is_not_held_up() {
    let delay = Duration::from_millis(10);
    let (reactor, network) = Simulation::new().delay(delay).start();
    network.hold(address("192.0.2.7:7"));
    let server = AccumulatingProtocol::new();
    let client = connect(&reactor, "192.0.2.7:7", &server);
    client.transport().write(b"xyz");
    reactor.advance(delay).unwrap();
    client.transport().write(b"under way");
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!(network.held(address("192.0.2.7:7")), 3);
    // Its end lives on, as it does not look.
    server.transport().unwrap().pause_reading();
    network.reset(address("192.0.2.7:7"));
    assert_eq!(network.held(address("192.0.2.7:7")), 0);
    reactor.advance(delay).unwrap();
    assert_eq!(network.held(address("192.0.2.7:7")), 0);
    assert_eq!((&*server.data(), server.ending()), (&b""[..], None));
    server.transport().unwrap().resume_reading();
    reactor.advance(delay).unwrap();
    assert!(server.ending().unwrap().is_reset());
}

#[test]
fn bytes_held_up_before_an_end_that_is_closed_find_nobody() {
    let (reactor, network) = Simulation::new().delay(Duration::ZERO).start();
    network.hold(address("192.0.2.7:7"));
    let server = AccumulatingProtocol::new();
    let ending = Rc::default();
    let client = connect_with(&reactor, "192.0.2.7:7", &server, Stays(Rc::clone(&ending)));
    client.transport().write(b"xyz");
    reactor.advance(Duration::ZERO).unwrap();
    server.transport().unwrap().lose_connection();
    // It reads on for a while, in vain.
    reactor.advance(Duration::from_secs(10)).unwrap();
    let here = client.transport().host().socket_addr().unwrap();
    assert_eq!(network.release(here, 1), 1);
    reactor.advance(Duration::ZERO).unwrap();
    assert_eq!(*ending.borrow(), None, "the end alone does not end it");
    assert_eq!(network.release(here, 1), 1);
    reactor.advance(Duration::ZERO).unwrap();
    assert!(ending.borrow().as_ref().is_some_and(Ending::is_reset));
    assert_eq!(network.held(address("192.0.2.7:7")), 0);
}
