//! From a connected stream to a protocol, with and without a filter.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::{GOOD, Idle, Knocking, SILENT, World, at, ip, ms};
use crate::endpoints::{ClientEndpoint, ConnectOptions, HostnameClient, TcpClient, TcpServer};
use crate::testing::log_capture::capture;
use crate::{
    Address, Cancelled, ConnectStage, ConnectTimedOut, Factory, Failure, NoProtocol, Panicked,
    Protocol, Result, Transport,
};

/// Answers whatever it hears.
struct Answers;

impl Protocol for Answers {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.write(b"!");
        Ok(())
    }
}

/// Tells when it was made.
struct Made(Rc<Cell<bool>>);

impl Protocol for Made {
    fn connection_made(&mut self, _: &Transport) {
        self.0.set(true);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Builds nothing.
struct BuildsNone;

impl Factory for BuildsNone {
    type Protocol = Idle;

    fn build_protocol(&mut self, _: &Address) -> Option<Idle> {
        None
    }
}

#[test]
fn connect_gives_the_protocol_after_its_connection_made() {
    // C115
    let world = World::new(&[GOOD]);
    let made = Rc::new(Cell::new(false));
    let (tells, told) = (Rc::clone(&made), Rc::clone(&made));
    let connecting = world
        .client()
        .connect(move |_: &Address| Made(Rc::clone(&tells)))
        .map(move |protocol| {
            assert!(told.get());
            protocol
        });
    let protocol = world.reactor.run_until(connecting).unwrap();
    assert!(protocol.with(|made, _| made.0.get()).unwrap());
    protocol.transport().lose_connection();
    world.pass(ms(10));
    world.assert_clean();
}

#[test]
fn a_factory_that_builds_nothing_fails_connect() {
    // C116
    let world = World::new(&[GOOD]);
    let result = world.reactor.run_until(world.client().connect(BuildsNone));
    let failure = result.unwrap_err();
    assert!(failure.find::<NoProtocol>().is_some(), "{failure:?}");
    world.assert_clean();
}

#[test]
fn a_factory_that_panics_fails_connect() {
    // C116
    let world = World::new(&[GOOD]);
    let factory = |_: &Address| -> Idle { panic!("broken factory") };
    let (_, result) = capture(|| world.reactor.run_until(world.client().connect(factory)));
    let failure = result.unwrap_err();
    assert!(failure.find::<Panicked>().is_some(), "{failure:?}");
    world.assert_clean();
}

#[test]
fn a_filter_is_ready_before_the_protocol_is_made() {
    // C115: two milliseconds for the connection, two for the handshake.
    let world = World::new(&[]);
    let address = SocketAddr::new(ip(GOOD), 81);
    TcpServer::new(&world.reactor, address)
        .listen(|_: &Address| Answers)
        .unwrap();
    let client = Knocking(TcpClient::new(&world.reactor, address));
    let protocol = world
        .reactor
        .run_until(client.connect(|_: &Address| Idle))
        .unwrap();
    assert_eq!(world.elapsed(), ms(4));
    assert_eq!(world.reactor.delayed_calls(), 0);
    protocol.transport().abort_connection();
    world.pass(ms(10));
    assert_eq!(
        (world.reactor.open_sources(), world.reactor.delayed_calls()),
        (3, 0)
    );
}

#[test]
fn the_time_limit_covers_the_handshake_and_says_so() {
    // C76: the first address takes 250 of the 300 milliseconds; the second never answers.
    let world = World::new(&[SILENT, GOOD]);
    let options = ConnectOptions::new().timeout(ms(300));
    let client = Knocking(world.client().options(options));
    let connecting = client.connect(|_: &Address| Idle);
    let failure = world.reactor.run_until(connecting).unwrap_err();
    let timed_out = failure.find::<ConnectTimedOut>().unwrap();
    assert_eq!(timed_out.stage, ConnectStage::Handshake);
    assert_eq!(timed_out.after, ms(300));
    assert_eq!(world.elapsed(), ms(300));
    world.assert_clean();
}

#[test]
fn a_cancel_in_the_handshake_closes_the_connection() {
    // C117, R107
    for moment in [3, 10, 100] {
        let world = World::new(&[GOOD]);
        let client = Knocking(world.client());
        let connecting = client.connect(|_: &Address| Idle);
        let failure = world.cancel_after(ms(moment), connecting).unwrap_err();
        assert!(failure.check::<Cancelled>().is_some(), "{failure:?}");
        assert_eq!(world.elapsed(), ms(moment));
        world.assert_clean();
    }
}

#[test]
fn a_peer_that_closes_in_the_handshake_fails_connect() {
    // C115
    struct Closes;
    impl Protocol for Closes {
        fn connection_made(&mut self, transport: &Transport) {
            transport.lose_connection();
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn connection_lost(&mut self, _: &Failure) {}
    }
    let world = World::new(&[]);
    let address = SocketAddr::new(ip(GOOD), 81);
    TcpServer::new(&world.reactor, address)
        .listen(|_: &Address| Closes)
        .unwrap();
    let client = Knocking(HostnameClient::new(&world.reactor, GOOD, 81));
    let connecting = client.connect(|_: &Address| Idle);
    assert!(world.reactor.run_until(connecting).is_err());
    assert!(world.elapsed() < ms(100));
    world.pass(ms(5000));
    assert_eq!(
        (world.reactor.open_sources(), world.reactor.delayed_calls()),
        (3, 0)
    );
}

#[test]
fn an_established_stream_that_is_dropped_is_closed() {
    // C96
    let world = World::new(&[GOOD]);
    let stream = world.reactor.run_until(world.client().establish()).unwrap();
    assert_eq!(stream.peer().to_string(), at(GOOD).to_string());
    world.pass(ms(5));
    assert_eq!(world.reactor.open_sources(), 4, "both ends, and two ports");
    drop(stream);
    world.assert_clean();
}
