use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{ClientService, ServedRef};
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::{
    Address, Cancelled, ConnectError, Deferred, Failure, Protocol, Reactor, Result, TcpClient,
    TcpServer, Transport,
};

/// A client that counts what it gets.
#[derive(Default)]
struct Counter {
    received: usize,
}

impl Protocol for Counter {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.received += data.len();
        Ok(())
    }
}

/// A server that keeps its connections for the test.
struct Kept(Rc<RefCell<Vec<Transport>>>);

impl Protocol for Kept {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

struct World {
    reactor: Reactor,
    start: Instant,
    server: Rc<RefCell<Vec<Transport>>>,
}

const ADDRESS: &str = "127.0.0.1:7";

fn address() -> SocketAddr {
    ADDRESS.parse().unwrap()
}

impl World {
    fn new() -> Self {
        let reactor = Simulation::new().delay(Duration::ZERO).reactor();
        Self {
            start: reactor.now(),
            reactor,
            server: Rc::default(),
        }
    }

    fn listen(&self) {
        let kept = Rc::clone(&self.server);
        TcpServer::new(&self.reactor, address())
            .listen(move |_: &Address| Kept(Rc::clone(&kept)))
            .unwrap();
    }

    /// A service that waits ten seconds after each failure, and five more after each further one.
    fn service(&self) -> ClientService<Counter> {
        let endpoint = TcpClient::new(&self.reactor, address());
        ClientService::new(&self.reactor, endpoint, |_: &Address| Counter::default())
            .retry_policy(|failures| Duration::from_secs(5 + 5 * u64::from(failures)))
    }

    fn pass(&self, seconds: u64) {
        let later = defer_later(&self.reactor, Duration::from_secs(seconds), || ());
        self.reactor.run_until(later).unwrap();
    }

    fn seconds(&self) -> u64 {
        (self.reactor.now() - self.start).as_secs()
    }

    fn run<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        self.reactor.run_until(deferred)
    }

    /// No timer and no connection of the service is left.
    fn is_clean(&self, sources: usize) {
        self.pass(5);
        assert_eq!(self.reactor.delayed_calls(), 0);
        assert_eq!(self.reactor.open_sources(), sources);
    }
}

#[test]
fn whoever_waits_gets_the_connection_and_so_does_whoever_comes_later() {
    // C127
    let world = World::new();
    world.listen();
    let service = world.service();
    let early = service.when_connected();
    service.start();
    let early = world.run(early).unwrap();
    let later = service.when_connected().try_take().unwrap().unwrap();
    world.server.borrow()[0].write(b"hello");
    world.pass(1);
    assert_eq!(early.with(|counter, _| counter.received).unwrap(), 5);
    assert_eq!(later.with(|counter, _| counter.received).unwrap(), 5);
    world.run(service.stop()).unwrap();
    world.is_clean(1);
}

#[test]
fn a_connection_that_cannot_be_made_is_tried_again_later_and_later() {
    // C126
    let world = World::new();
    let service = world.service();
    service.start();
    let connected = service.when_connected();
    // At 0, 10, 25 and 45 seconds nobody listens.
    world.pass(50);
    world.listen();
    world.run(connected).unwrap();
    assert_eq!(world.seconds(), 70);
    world.run(service.stop()).unwrap();
}

#[test]
fn a_connection_that_is_lost_is_made_again_as_after_a_first_failure() {
    // C126
    let world = World::new();
    let service = world.service();
    service.start();
    world.pass(11);
    world.listen();
    let first = world.run(service.when_connected()).unwrap();
    assert_eq!(world.seconds(), 25);
    world.server.borrow()[0].lose_connection();
    world.pass(1);
    assert!(!service.is_connected());
    assert!(first.with(|_, _| ()).is_err(), "that one is gone");
    world.run(service.when_connected()).unwrap();
    assert_eq!(world.seconds(), 35);
    assert_eq!(world.server.borrow().len(), 2);
    world.run(service.stop()).unwrap();
    world.is_clean(1);
}

#[test]
fn who_puts_up_with_so_many_failures_is_told_the_last() {
    // C127
    let world = World::new();
    let service = world.service();
    service.start();
    let another = service.when_connected_within(1);
    let (one, three) = (
        service.when_connected_within(1),
        service.when_connected_within(3),
    );
    let patient = service.when_connected();
    let failure = world.run(one).unwrap_err();
    assert!(failure.check::<ConnectError>().is_some(), "{failure}");
    let failure = world.run(another).unwrap_err();
    assert!(
        failure.check::<ConnectError>().is_some(),
        "all of them are told"
    );
    assert_eq!(world.seconds(), 0);
    assert!(world.run(three).is_err());
    assert_eq!(world.seconds(), 25);
    world.listen();
    world.run(patient).unwrap();
}

#[test]
fn a_stop_ends_an_attempt_a_wait_and_a_connection() {
    // C128
    for (listens, seconds) in [(false, 0), (false, 5), (true, 5)] {
        let world = World::new();
        if listens {
            world.listen();
        }
        let service = world.service();
        service.start();
        if seconds > 0 {
            world.pass(seconds);
        }
        let waiting = (!listens).then(|| service.when_connected());
        world.run(service.stop()).unwrap();
        assert!(!service.is_connected());
        if let Some(waiting) = waiting {
            let failure = world.run(waiting).unwrap_err();
            assert!(failure.check::<Cancelled>().is_some());
        }
        world.is_clean(usize::from(listens));
        // Stopped is stopped.
        world.pass(100);
        let late = service.when_connected().try_take().unwrap();
        assert!(late.unwrap_err().check::<Cancelled>().is_some());
        world.run(service.stop()).unwrap();
        world.is_clean(usize::from(listens));
    }
}

#[test]
fn a_start_while_it_stops_starts_anew_after_the_loss() {
    // C128
    let world = World::new();
    world.listen();
    let service = world.service();
    service.start();
    world.run(service.when_connected()).unwrap();
    let stopped = service.stop();
    service.start();
    let again = service.when_connected();
    world.run(stopped).unwrap();
    world.run(again).unwrap();
    assert_eq!(world.server.borrow().len(), 2);
    world.run(service.stop()).unwrap();
    world.is_clean(1);
}

#[test]
fn a_second_start_changes_nothing() {
    // C128
    let world = World::new();
    world.listen();
    let service = world.service();
    service.start();
    service.start();
    world.run(service.when_connected()).unwrap();
    service.start();
    world.pass(100);
    assert_eq!(world.server.borrow().len(), 1);
}

#[test]
fn a_connection_is_prepared_before_anybody_gets_it() {
    // C129
    let world = World::new();
    world.listen();
    let reactor = world.reactor.clone();
    let service = world
        .service()
        .prepare_connection(move |connection: &ServedRef<Counter>| {
            connection.transport().write(b"login");
            defer_later(&reactor, Duration::from_secs(2), || ())
        });
    service.start();
    world.run(service.when_connected()).unwrap();
    assert_eq!(world.seconds(), 2);
}

#[test]
fn a_preparation_that_fails_closes_the_connection_and_counts_as_a_failure() {
    // C129
    let world = World::new();
    world.listen();
    let tries = Rc::new(Cell::new(0));
    let counter = Rc::clone(&tries);
    let service = world
        .service()
        .prepare_connection(move |_: &ServedRef<Counter>| -> Result<()> {
            counter.set(counter.get() + 1);
            if counter.get() < 3 {
                return Err(std::fmt::Error.into());
            }
            Ok(())
        });
    service.start();
    let impatient = service.when_connected_within(2);
    let failure: Failure = world.run(impatient).unwrap_err();
    assert!(failure.check::<std::fmt::Error>().is_some(), "{failure}");
    assert_eq!(world.seconds(), 10);
    world.run(service.when_connected()).unwrap();
    assert_eq!((world.seconds(), tries.get()), (25, 3));
    world.run(service.stop()).unwrap();
    world.is_clean(1);
}

#[test]
fn a_service_that_is_dropped_stops() {
    let world = World::new();
    world.listen();
    let service = world.service();
    service.start();
    world.run(service.when_connected()).unwrap();
    drop(service);
    world.is_clean(1);
    assert!(!world.server.borrow()[0].is_open());
}
