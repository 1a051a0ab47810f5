use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{AcceptRate, ConnectionLimit, Connections, PeerLimit, Policy, Throttling, Timeouts};
use crate::net::ConnectOptions;
use crate::protocols::tests::{Log, World};
use crate::testing::Simulation;
use crate::{
    Address, Bandwidth, ClientEndpoint, Factory, Failure, Producer, ProducerKind, Protocol,
    ProtocolRef, Reactor, Result, TcpClient, TcpServer, Transport,
};

mod peer_bandwidth;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

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
    let world = World::new(Noticing(Rc::clone(&log)).policy(Connections::new()));
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
    let connections = Connections::new();
    let world = World::new(Noticing(Log::default()).policy(connections.clone()));
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
fn who_waits_until_there_are_no_connections_is_told_when_the_last_one_has_ended() {
    // C54
    let connections = Connections::new();
    assert!(connections.when_empty().is_fired());
    let world = World::new(Noticing(Log::default()).policy(connections.clone()));
    world.pass(Duration::from_secs(1));
    let (empty, given_up) = (connections.when_empty(), connections.when_empty());
    let also_empty = connections.when_empty();
    given_up.cancel();
    world.peer.transport().lose_connection();
    assert!(!empty.is_fired());
    world.pass(Duration::from_secs(1));
    assert!(empty.is_fired() && also_empty.is_fired());
}

#[test]
fn connections_beyond_the_limit_are_closed_until_there_is_room() {
    // C109
    let log = Log::default();
    let limit = ConnectionLimit::new(2);
    let connections = limit.connections();
    let world = World::new(Noticing(Rc::clone(&log)).policy(limit));
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

/// A client that notes what comes, and when the connection ends.
#[derive(Clone, Default)]
struct Client {
    received: Rc<RefCell<Vec<u8>>>,
    ended: Rc<Cell<bool>>,
}

impl Protocol for Client {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.ended.set(true);
    }
}

fn pass(reactor: &Reactor, time: Duration) {
    let later = crate::task::defer_later(reactor, time, || ());
    reactor.run_until(later).unwrap();
}

/// A server of `factory`.
fn listening(factory: impl Factory) -> Reactor {
    let reactor = Simulation::new().reactor();
    listen(&reactor, factory);
    reactor
}

fn listen(reactor: &Reactor, factory: impl Factory) {
    let address = "127.0.0.1:8007".parse().unwrap();
    TcpServer::new(reactor, address).listen(factory).unwrap();
}

/// One more client, from `host`.
fn connect_from(reactor: &Reactor, host: [u8; 4]) -> (Client, ProtocolRef<Client>) {
    let (client, address) = (Client::default(), "127.0.0.1:8007".parse().unwrap());
    let made = client.clone();
    let options = ConnectOptions::new().bind_address((host, 0).into());
    let endpoint = TcpClient::new(reactor, address).options(options);
    let connected = endpoint.connect(move |_: &Address| made.clone());
    let connected = reactor.run_until(connected).unwrap();
    pass(reactor, millis(1));
    (client, connected)
}

fn connect(reactor: &Reactor) -> (Client, ProtocolRef<Client>) {
    connect_from(reactor, [127, 0, 0, 1])
}

fn noting() -> (Noticing, Log) {
    let log = Log::default();
    (Noticing(Rc::clone(&log)), log)
}

// C111
#[test]
fn those_that_are_too_many_are_told_so() {
    let limit = ConnectionLimit::new(1).overflow(|transport| transport.write(b"busy\r\n"));
    let (factory, log) = noting();
    let reactor = listening(factory.policy(limit));
    let (first, _) = connect(&reactor);
    let (second, peer) = connect(&reactor);
    peer.transport().write(b"hello?");
    pass(&reactor, secs(1));
    assert_eq!(*second.received.borrow(), b"busy\r\n");
    assert!(second.ended.get() && !first.ended.get());
    assert_eq!(
        *log.borrow(),
        ["started", "made"],
        "the protocol hears of the first only"
    );
}

// C111
#[test]
fn each_address_has_its_own_limit() {
    let (factory, _) = noting();
    let reactor = listening(factory.policy(PeerLimit::new(2)));
    let ended = |host| connect_from(&reactor, host).0.ended.get();
    let (_, first) = connect_from(&reactor, [127, 0, 0, 2]);
    assert!(!ended([127, 0, 0, 2]));
    assert!(ended([127, 0, 0, 2]), "the third");
    assert!(!ended([127, 0, 0, 3]), "of another");
    first.transport().lose_connection();
    pass(&reactor, secs(1));
    assert!(!ended([127, 0, 0, 2]));
    assert!(ended([127, 0, 0, 2]));
}

#[test]
fn an_address_that_has_gone_leaves_nothing_behind() {
    let mut limit = PeerLimit::new(1);
    let address = |text: &str| Address::Tcp(text.parse().unwrap());
    let guard = limit.admit(&address("192.0.2.1:1")).unwrap();
    // It is the same host, by IPv6.
    assert!(limit.admit(&address("[::ffff:192.0.2.1]:2")).is_err());
    drop(guard);
    assert_eq!(format!("{limit:?}"), format!("{:?}", PeerLimit::new(1)));
    assert!(PeerLimit::new(0).admit(&address("192.0.2.1:1")).is_err());
}

#[test]
fn only_so_many_begin_in_any_period() {
    let reactor = Simulation::new().reactor();
    let (factory, _) = noting();
    listen(
        &reactor,
        factory.policy(AcceptRate::new(&reactor, 2, secs(10))),
    );
    let ended = || connect(&reactor).0.ended.get();
    assert!(!ended());
    pass(&reactor, secs(4));
    assert!(!ended());
    assert!(ended());
    // Ten seconds after the first there is room for one, not for two.
    pass(&reactor, secs(6));
    assert!(!ended());
    assert!(ended());
}

// C110
#[test]
fn a_connection_on_which_nothing_moves_is_closed_to_the_millisecond() {
    let (factory, _) = noting();
    let reactor = listening(factory.policy(Timeouts::new().idle(secs(10))));
    let (client, peer) = connect(&reactor);
    for _ in 0..3 {
        pass(&reactor, millis(9_990));
        // It comes, and is answered.
        peer.transport().write(b"x");
        pass(&reactor, millis(1));
    }
    pass(&reactor, millis(9_990));
    assert!(!client.ended.get());
    pass(&reactor, millis(15));
    assert!(client.ended.get());
    assert_eq!(reactor.delayed_calls(), 0, "no timer is left");
}

/// Sends a piece every second, and hears nothing.
struct Ticking;

impl Protocol for Ticking {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"tick");
        let (reactor, transport) = (transport.reactor(), transport.clone());
        if transport.is_open() {
            let _ = reactor.call_later(secs(1), move || {
                if transport.is_open() {
                    Self.connection_made(&transport);
                }
            });
        }
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_sent_keeps_a_connection_alive_but_not_for_ever() {
    let timeouts = Timeouts::new().idle(secs(2)).total(secs(100));
    let reactor = listening((|_: &Address| Ticking).policy(timeouts));
    let (client, _) = connect(&reactor);
    pass(&reactor, millis(99_900));
    assert!(!client.ended.get());
    pass(&reactor, millis(200));
    assert!(client.ended.get());
    pass(&reactor, secs(2));
    assert_eq!(reactor.delayed_calls(), 0);
}

/// Has a producer that never says that it is done.
struct Endless;

impl Protocol for Endless {
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport.register_producer(Self, ProducerKind::Push);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

impl Producer for Endless {
    fn resume_producing(&mut self, _: &Transport) {}

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

// C102, C176
#[test]
fn one_that_a_producer_does_not_let_go_is_aborted() {
    let endless = |_: &Address| Endless;
    let reactor = listening(endless.policy(Timeouts::new().idle(secs(10))));
    let (client, _) = connect(&reactor);
    // It waits for what its producer may still write.
    pass(&reactor, secs(24));
    assert!(!client.ended.get());
    pass(&reactor, secs(2));
    assert!(client.ended.get());
    assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (1, 0));
}

/// Sends so much at once.
struct Flood(usize);

impl Protocol for Flood {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&vec![b'x'; self.0]);
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn seconds_since(reactor: &Reactor, begun: std::time::Instant) -> f64 {
    (reactor.now() - begun).as_secs_f64()
}

// C111
#[test]
fn a_connection_writes_no_faster_than_it_may() {
    let each = Throttling::new().write_limit_of_each(10_000);
    let reactor = listening((|_: &Address| Flood(100_000)).policy(each));
    let begun = reactor.now();
    let (client, _) = connect(&reactor);
    let mut most = 0.0_f64;
    while !client.ended.get() {
        pass(&reactor, millis(50));
        assert!(seconds_since(&reactor, begun) < 60.0);
        let time = seconds_since(&reactor, begun);
        let received = client.received.borrow().len() as f64;
        most = most.max(received - 10_000.0 * time);
    }
    assert_eq!(client.received.borrow().len(), 100_000);
    let time = seconds_since(&reactor, begun);
    assert!((9.8..10.2).contains(&time), "{time}");
    assert!(
        most <= 1_000.0,
        "no more than a tenth of a second ahead: {most}"
    );
}

#[test]
fn several_share_what_they_have_together() {
    let reactor = Simulation::new().reactor();
    let all = Bandwidth::new(&reactor, 10_000);
    let together = Throttling::new().write_limit(&all);
    listen(&reactor, (|_: &Address| Flood(50_000)).policy(together));
    let begun = reactor.now();
    let clients: Vec<_> = (0..4).map(|_| connect(&reactor)).collect();
    pass(&reactor, secs(10));
    let received: Vec<usize> = clients
        .iter()
        .map(|(client, _)| client.received.borrow().len())
        .collect();
    for count in &received {
        assert!(
            (20_000..=30_000).contains(count),
            "a fair share: {received:?}"
        );
    }
    while !clients.iter().all(|(client, _)| client.ended.get()) {
        pass(&reactor, millis(100));
        assert!(seconds_since(&reactor, begun) < 60.0);
    }
    let time = seconds_since(&reactor, begun);
    assert!((19.5..20.5).contains(&time), "{time}");
}

/// Counts what comes.
#[derive(Clone, Default)]
struct Counter(Rc<Cell<usize>>);

impl Protocol for Counter {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.set(self.0.get() + data.len());
        Ok(())
    }
}

#[test]
fn a_connection_reads_no_faster_than_it_may_and_its_peer_feels_that() {
    let counter = Counter::default();
    let made = counter.clone();
    let each = Throttling::new().read_limit_of_each(10_000);
    let reactor = Simulation::new().window(5_000).reactor();
    listen(&reactor, (move |_: &Address| made.clone()).policy(each));
    let begun = reactor.now();
    let (_, peer) = connect(&reactor);
    peer.transport().write(&[0; 100_000]);
    pass(&reactor, secs(5));
    let (read, left) = (counter.0.get(), peer.transport().queued());
    assert!((49_000..=51_500).contains(&read), "{read}");
    assert!(left >= 100_000 - read - 10_000, "{left} wait at the sender");
    while counter.0.get() < 100_000 {
        pass(&reactor, millis(100));
        assert!(
            seconds_since(&reactor, begun) < 60.0,
            "{} came",
            counter.0.get()
        );
    }
    let time = seconds_since(&reactor, begun);
    assert!((9.8..10.2).contains(&time), "{time}");
}

#[test]
fn of_two_limits_the_narrower_one_holds_and_it_can_be_changed() {
    let reactor = Simulation::new().reactor();
    let all = Bandwidth::new(&reactor, 1_000_000);
    let both = Throttling::new()
        .write_limit(&all)
        .write_limit_of_each(20_000);
    listen(&reactor, (|_: &Address| Flood(100_000)).policy(both));
    let begun = reactor.now();
    let (client, _) = connect(&reactor);
    pass(&reactor, millis(2_500));
    let half = client.received.borrow().len();
    assert!((48_000..=52_500).contains(&half), "{half}");
    all.set(10_000);
    while !client.ended.get() {
        pass(&reactor, millis(100));
        assert!(seconds_since(&reactor, begun) < 60.0);
    }
    let time = seconds_since(&reactor, begun);
    assert!((7.2..7.9).contains(&time), "{time}");
}

#[test]
fn traffic_is_counted_both_ways() {
    let reactor = listening(|_: &Address| Noting(Log::default()));
    let (client, peer) = connect(&reactor);
    let traffic = peer.transport().traffic();
    peer.transport().write(b"four");
    pass(&reactor, secs(1));
    assert_eq!(*client.received.borrow(), b"four");
    assert_eq!((traffic.sent(), traffic.received()), (4, 4));
    // It is the same one.
    assert_eq!(peer.transport().traffic().sent(), 4);
}
