//! The collector of statistics, with Graphite in the same world.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::endpoints::ClientService;
use torsade::testing::{AccumulatingProtocol, Network, Simulation};
use torsade::{Address, Reactor, Result, TcpClient, TcpServer};

use super::statsd::{Graphite, Server, Statistics, graphite};

/// A program that sends numbers; what it is told goes nowhere but here.
struct Program(Rc<std::cell::RefCell<Vec<u8>>>);

impl DatagramProtocol for Program {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }
}

struct World {
    reactor: Reactor,
    network: Network,
    graphite: AccumulatingProtocol,
    graphite_address: SocketAddr,
    port: DatagramPort,
    answers: Rc<std::cell::RefCell<Vec<u8>>>,
    service: ClientService<Graphite>,
}

impl World {
    fn new() -> Self {
        let (reactor, network) = Simulation::new().start();
        let here: SocketAddr = "127.0.0.1:8125".parse().unwrap();
        let there: SocketAddr = "127.0.0.1:2003".parse().unwrap();
        let seen = AccumulatingProtocol::new();
        let each = seen.clone();
        let server = TcpServer::new(&reactor, there);
        server.listen(move |_: &Address| each.clone()).unwrap();

        let statistics = Statistics::default();
        let options = DatagramOptions::new();
        let server = Server::new(statistics.clone());
        reactor.listen_udp(here, server, &options).unwrap();
        let factory = graphite(statistics, Duration::from_secs(10));
        let service = ClientService::new(&reactor, TcpClient::new(&reactor, there), factory);
        service.start();

        let answers = Rc::default();
        let program = Program(Rc::clone(&answers));
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let port = reactor.listen_udp(anywhere, program, &options).unwrap();
        port.connect(&Address::Udp(here)).unwrap();
        Self {
            reactor,
            network,
            graphite: seen,
            graphite_address: there,
            port,
            answers,
            service,
        }
    }

    fn say(&self, messages: &[&str]) {
        for message in messages {
            self.port.write(message.as_bytes()).unwrap();
        }
        self.pass(1);
    }

    fn pass(&self, seconds: u64) {
        self.reactor.advance(Duration::from_secs(seconds)).unwrap();
    }

    /// The lines that Graphite has got, without their times.
    fn lines(&self) -> Vec<String> {
        let mut text = String::from_utf8(self.graphite.data()).unwrap();
        // What is behind it is still on its way.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let without_time = |line: &str| line.rsplit_once(' ').unwrap().0.to_owned();
        text.lines().map(without_time).collect()
    }
}

#[test]
fn what_was_said_in_ten_seconds_goes_to_graphite() {
    let world = World::new();
    world.say(&[
        "hits:1|c",
        "hits:2|c|@0.5",
        "load/of this:0.5|g",
        "page:10|ms",
        "page:30|ms",
    ]);
    world.say(&["nonsense", "a:b|c", "a:1|c|0.5", "a:1|x", "seen:3|m"]);
    world.pass(10);
    let expected = [
        "stats.hits 0.5",
        "stats_counts.hits 5",
        "stats.timers.page.count 2",
        "stats.timers.page.lower 10",
        "stats.timers.page.mean 20",
        "stats.timers.page.upper 30",
        "stats.timers.page.upper_90 30",
        "stats.gauge.load-of_this.value 0.5",
        "stats.meter.seen.count 3",
        "stats.meter.seen.1min_rate 0.3",
        "stats.meter.seen.5min_rate 0.3",
        "stats.meter.seen.15min_rate 0.3",
        "statsd.numStats 4",
        "message.graphite.count 0",
    ];
    assert_eq!(world.lines(), expected);
    assert!(world.graphite.data().ends_with(b" 10\n"));
    // It begins anew, but for what is a total.
    world.pass(10);
    let second = world.lines().split_off(expected.len());
    assert!(
        second.contains(&"stats_counts.hits 0".to_owned()),
        "{second:?}"
    );
    assert!(
        !second.iter().any(|line| line.starts_with("stats.timers")),
        "{second:?}"
    );
}

#[test]
fn the_connection_is_made_again_and_leaves_no_timer_behind() {
    let world = World::new();
    world.pass(1);
    let timers = world.reactor.delayed_calls();
    world.network.reset(world.graphite_address);
    world.pass(60);
    assert_eq!(world.network.attempts().len(), 2);
    assert_eq!(world.reactor.delayed_calls(), timers);
    world.say(&["hits:1|c"]);
    world.pass(10);
    let reports = world
        .lines()
        .iter()
        .filter(|line| *line == "stats_counts.hits 1")
        .count();
    assert_eq!(reports, 1);
}

#[test]
fn while_graphite_does_not_read_nothing_is_kept_for_it() {
    let world = World::new();
    world.pass(1);
    world.network.hold(world.graphite_address);
    let many: Vec<String> = (0..3000)
        .map(|number| format!("name{number}:1|c"))
        .collect();
    for _ in 0..20 {
        for message in &many {
            world.port.write(message.as_bytes()).unwrap();
        }
        world.pass(10);
    }
    let queued = world.reactor.statistics().queued_bytes;
    assert!(queued < 1_000_000, "{queued} bytes");
    for _ in 0..20 {
        world.network.release(world.graphite_address, usize::MAX);
        world.pass(1);
    }
    let told = world.lines();
    let paused = told
        .iter()
        .filter_map(|line| line.strip_prefix("message.graphite.count "));
    let longest = paused.map(|seconds| seconds.parse::<u64>().unwrap()).max();
    assert!(longest > Some(30), "{longest:?}");
}

#[test]
fn who_asks_whether_it_is_there_is_answered() {
    let world = World::new();
    world.say(&["ping"]);
    assert_eq!(*world.answers.borrow(), b"pong");
}

#[test]
fn it_ends_when_it_is_told_to_though_there_would_be_more_to_report() {
    let world = World::new();
    world.pass(1);
    world.reactor.run_until(world.service.stop()).unwrap();
    world.pass(1);
    assert_eq!(world.reactor.statistics().connections, 0);
}
