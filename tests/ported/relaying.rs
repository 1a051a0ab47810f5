//! The relay: two clients, and what goes between them.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use torsade::testing::{AccumulatingProtocol, Ending, Network, Simulation};
use torsade::{ClientEndpoint, ProtocolRef, Reactor, TcpClient, TcpServer};

use super::relay::{Mood, Relay, Usage};

struct World {
    reactor: Reactor,
    network: Network,
    address: SocketAddr,
    usage: Rc<RefCell<Vec<Usage>>>,
}

struct Client {
    seen: AccumulatingProtocol,
    connection: ProtocolRef<AccumulatingProtocol>,
}

impl World {
    fn new() -> Self {
        let (reactor, network) = Simulation::new().start();
        let address = "127.0.0.1:4001".parse().unwrap();
        let usage: Rc<RefCell<Vec<Usage>>> = Rc::default();
        let records = Rc::clone(&usage);
        let relay = Relay::new(move |usage| records.borrow_mut().push(usage));
        let server = TcpServer::new(&reactor, address);
        server.listen(relay.factory()).unwrap();
        Self {
            reactor,
            network,
            address,
            usage,
        }
    }

    fn pass(&self, seconds: u64) {
        self.reactor.advance(Duration::from_secs(seconds)).unwrap();
    }

    fn client(&self, line: &str) -> Client {
        let seen = AccumulatingProtocol::new();
        let endpoint = TcpClient::new(&self.reactor, self.address);
        let connected = endpoint.connect_protocol(seen.clone());
        let connection = self.reactor.run_until(connected).unwrap();
        connection.transport().write(line.as_bytes());
        self.pass(1);
        Client { seen, connection }
    }

    fn moods(&self) -> Vec<Mood> {
        self.usage.borrow().iter().map(|usage| usage.mood).collect()
    }
}

fn token(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn request(letter: char, side: char) -> String {
    format!(
        "please relay {} for side {}\n",
        token(letter),
        side.to_string().repeat(16)
    )
}

#[test]
fn two_sides_of_a_token_are_connected_until_one_of_them_goes() {
    let world = World::new();
    let one = world.client(&request('t', 'a'));
    let spare = world.client(&request('t', 'a'));
    assert_eq!(one.seen.data(), b"");
    let other = world.client(&request('t', 'b'));
    assert_eq!(
        (one.seen.data(), other.seen.data()),
        (b"ok\n".to_vec(), b"ok\n".to_vec())
    );
    assert_eq!(spare.seen.ending(), Some(Ending::Done));
    one.connection.transport().write(b"hello");
    other.connection.transport().write(b"and you");
    world.pass(1);
    assert_eq!(other.seen.data(), b"ok\nhello");
    assert_eq!(one.seen.data(), b"ok\nand you");
    one.connection.transport().lose_connection();
    world.pass(1);
    assert_eq!(other.seen.ending(), Some(Ending::Done));
    assert_eq!(world.moods(), [Mood::Redundant, Mood::Happy]);
    let usage = world.usage.borrow()[1].clone();
    assert_eq!(usage.total_bytes, 12);
    assert!(
        usage.waiting_time.unwrap() >= Duration::from_secs(2),
        "{usage:?}"
    );
    assert!(usage.total_time > usage.waiting_time.unwrap());
}

#[test]
fn what_has_no_side_is_connected_with_anybody_of_its_token() {
    let world = World::new();
    let old = world.client(&format!("please relay {}\n", token('t')));
    let elsewhere = world.client(&format!("please relay {}\n", token('u')));
    let new = world.client(&request('t', 'a'));
    assert_eq!(
        (old.seen.data(), new.seen.data()),
        (b"ok\n".to_vec(), b"ok\n".to_vec())
    );
    assert_eq!(elsewhere.seen.data(), b"");
    elsewhere.connection.transport().abort_connection();
    world.pass(1);
    assert_eq!(world.moods(), [Mood::Lonely]);
}

#[test]
fn who_makes_no_sense_or_does_not_wait_is_told_so() {
    let world = World::new();
    let senseless = world.client("GET / HTTP/1.1\n");
    assert_eq!(senseless.seen.data(), b"bad handshake\n");
    let long = world.client(&"x".repeat(2000));
    assert_eq!(long.seen.data(), b"");
    let impatient = world.client(&(request('t', 'a') + "at once"));
    assert_eq!(impatient.seen.data(), b"impatient\n");
    for client in [&senseless, &long, &impatient] {
        assert_eq!(client.seen.ending(), Some(Ending::Done));
    }
    assert_eq!(world.moods(), [Mood::Errory, Mood::Empty, Mood::Impatient]);
}

#[test]
fn who_sends_faster_than_the_other_reads_is_slowed_down() {
    let world = World::new();
    let slow = world.client(&request('t', 'a'));
    let fast = world.client(&request('t', 'b'));
    let length = 5_000_000;
    slow.connection.transport().pause_reading();
    fast.connection.transport().write(&vec![7; length]);
    world.pass(5);
    let unsent = fast.connection.transport().queued();
    assert!(
        unsent > length / 2,
        "the relay has taken {}",
        length - unsent
    );
    slow.connection.transport().resume_reading();
    world.pass(5);
    assert_eq!(slow.seen.data().len(), b"ok\n".len() + length);
    // What was sent before the end still comes.
    fast.connection.transport().write(b"last");
    fast.connection.transport().lose_connection();
    world.pass(5);
    assert!(slow.seen.data().ends_with(b"last"));
    assert_eq!(slow.seen.ending(), Some(Ending::Done));
    assert_eq!(world.network.attempts().len(), 2);
    let reactor = &world.reactor;
    assert_eq!(
        reactor.open_sources(),
        1,
        "but the port: {}",
        reactor.pending()
    );
}
