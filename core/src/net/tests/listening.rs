//! Listening ports.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::net::{ConnectOptions, ListenOptions};
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{
    Address, CannotListen, ConnectStage, ConnectTimedOut, Deferred, Factory, Failure, Filter,
    Panicked, Protocol, Reactor, Resolver, Result, Transport,
};

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Sends back what it gets.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

/// Writes down what it is asked.
#[derive(Clone, Default)]
struct Recorder {
    calls: Rc<RefCell<Vec<&'static str>>>,
    /// What the handshakes failed with.
    failures: Rc<RefCell<Vec<String>>>,
    builds_nothing: bool,
    fails_to_stop: bool,
}

impl Factory for Recorder {
    type Protocol = Echo;

    fn build_protocol(&mut self, _: &Address) -> Option<Echo> {
        self.calls.borrow_mut().push("build");
        (!self.builds_nothing).then_some(Echo)
    }

    fn start_factory(&mut self) {
        self.calls.borrow_mut().push("start");
    }

    fn stop_factory(&mut self) {
        self.calls.borrow_mut().push("stop");
        assert!(!self.fails_to_stop, "it will not stop");
    }

    fn handshake_failed(&mut self, _: &Address, reason: &Failure) {
        self.calls.borrow_mut().push("handshake_failed");
        self.failures.borrow_mut().push(format!("{reason}"));
    }
}

/// Sends one byte, and tells how it ended: `true` when the byte came back.
struct Caller {
    told: Option<Resolver<bool>>,
    answered: bool,
}

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"?");
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        self.answered = true;
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(told) = self.told.take() {
            told.callback(self.answered);
        }
    }
}

/// Whether the server there answers.
fn call(reactor: &Reactor, address: &Address) -> Deferred<bool> {
    let (told, answered) = Deferred::new();
    let mut told = Some(told);
    let address = address.socket_addr().unwrap();
    reactor
        .connect_tcp(
            address,
            move |_: &Address| Caller {
                told: told.take(),
                answered: false,
            },
            &ConnectOptions::new(),
        )
        .add_callback(|_| answered)
}

#[test]
fn a_factory_is_started_and_stopped_once_and_connections_outlive_the_port() {
    // C72, C77, C78
    for reactor in [Reactor::new().unwrap(), Simulation::new().reactor()] {
        let factory = Recorder::default();
        let calls = Rc::clone(&factory.calls);
        let port = reactor
            .listen_tcp(any_port(), factory, &ListenOptions::new())
            .unwrap();
        let address = port.socket_addr().unwrap();
        assert_ne!(address.port(), 0);
        let echoed = Rc::new(Cell::new(0));
        let client = Counter(Rc::clone(&echoed));
        let mut client = Some(client);
        let connected = reactor.connect_tcp(
            address,
            move |_: &Address| client.take().unwrap(),
            &ConnectOptions::new(),
        );
        let connected = reactor.run_until(connected).unwrap();
        // Once the server has answered, it has surely accepted.
        connected.transport().write(b"1");
        turn_until(&reactor, || echoed.get() == 1);
        reactor.run_until(port.stop_listening()).unwrap();
        reactor.run_until(port.stop_listening()).unwrap();
        assert_eq!(*calls.borrow(), ["start", "build", "stop"]);

        connected.transport().write(b"2");
        turn_until(&reactor, || echoed.get() == 2);
        let refused = reactor.connect_tcp(address, |_: &Address| Echo, &ConnectOptions::new());
        assert!(reactor.run_until(refused).is_err());
    }
}

#[test]
fn a_factory_that_fails_to_stop_tells_the_stopper_and_the_port_is_free_again() {
    // C78
    let reactor = Reactor::new().unwrap();
    let factory = Recorder {
        fails_to_stop: true,
        ..Recorder::default()
    };
    let port = reactor
        .listen_tcp(any_port(), factory, &ListenOptions::new())
        .unwrap();
    let address = port.socket_addr().unwrap();
    let failure = reactor.run_until(port.stop_listening()).unwrap_err();
    assert!(failure.check::<Panicked>().is_some());
    let again = reactor
        .listen_tcp(address, |_: &Address| Echo, &ListenOptions::new())
        .unwrap();
    assert!(reactor.run_until(call(&reactor, again.address())).unwrap());
}

#[test]
fn a_port_that_is_taken_is_an_error_at_once_that_names_it() {
    // C77
    for reactor in [Reactor::new().unwrap(), Simulation::new().reactor()] {
        let listen =
            |address| reactor.listen_tcp(address, |_: &Address| Echo, &ListenOptions::new());
        let taken = listen(any_port()).unwrap().socket_addr().unwrap();
        let sources = reactor.open_sources();
        let error = listen(taken).unwrap_err().trap::<CannotListen>().unwrap();
        assert_eq!(
            (error.address.clone(), error.error.kind()),
            (taken.into(), ErrorKind::AddrInUse)
        );
        assert!(format!("{error}").contains(&taken.to_string()));
        assert_eq!(reactor.open_sources(), sources);
    }
}

#[test]
fn a_factory_that_builds_nothing_leaves_the_port_at_work() {
    // C71
    let reactor = Simulation::new().reactor();
    let factory = Recorder {
        builds_nothing: true,
        ..Recorder::default()
    };
    let calls = Rc::clone(&factory.calls);
    let port = reactor
        .listen_tcp(any_port(), factory, &ListenOptions::new())
        .unwrap();
    for _ in 0..2 {
        assert!(!reactor.run_until(call(&reactor, port.address())).unwrap());
    }
    assert_eq!(*calls.borrow(), ["start", "build", "build"]);
}

#[test]
fn a_panic_in_build_protocol_costs_one_connection() {
    let reactor = Simulation::new().reactor();
    let mut builds = 0;
    let factory = move |_: &Address| {
        builds += 1;
        assert!(builds > 1, "the first one is unlucky");
        Echo
    };
    let port = reactor
        .listen_tcp(any_port(), factory, &ListenOptions::new())
        .unwrap();
    let (records, ()) = capture(|| {
        assert!(!reactor.run_until(call(&reactor, port.address())).unwrap());
        assert!(reactor.run_until(call(&reactor, port.address())).unwrap());
    });
    let errors = records
        .iter()
        .filter(|record| record.level == log::Level::Error);
    assert_eq!(errors.count(), 1);
}

/// A filter that fails, or does nothing ever.
#[derive(Debug)]
struct Gate {
    fails: bool,
}

impl Filter for Gate {
    fn start(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn decode(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        if self.fails {
            Err(std::fmt::Error.into())
        } else {
            Ok(())
        }
    }

    fn encode(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn close_write(&mut self, _: &mut Vec<u8>) {}

    fn wire_closed(&mut self) -> Result<()> {
        Ok(())
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn is_read_closed(&self) -> bool {
        false
    }
}

#[test]
fn a_handshake_that_fails_is_told_to_the_factory_which_builds_nothing() {
    let reactor = Simulation::new().reactor();
    let factory = Recorder::default();
    let (calls, failures) = (Rc::clone(&factory.calls), Rc::clone(&factory.failures));
    let options = ListenOptions::new().filter(|| Ok(Gate { fails: true }));
    let port = reactor.listen_tcp(any_port(), factory, &options).unwrap();
    assert!(!reactor.run_until(call(&reactor, port.address())).unwrap());
    assert_eq!(*calls.borrow(), ["start", "handshake_failed"]);
    assert_eq!(*failures.borrow(), [std::fmt::Error.to_string()]);
}

#[test]
fn a_handshake_that_never_ends_is_bounded() {
    let reactor = Simulation::new().reactor();
    let factory = Recorder::default();
    let failures = Rc::clone(&factory.failures);
    let limit = Duration::from_secs(7);
    let options = ListenOptions::new()
        .filter(|| Ok(Gate { fails: false }))
        .handshake_timeout(limit);
    let port = reactor.listen_tcp(any_port(), factory, &options).unwrap();
    let start = reactor.now();
    assert!(!reactor.run_until(call(&reactor, port.address())).unwrap());
    assert!(reactor.now() - start >= limit && reactor.now() - start < limit * 2);
    let [failure] = &failures.borrow()[..] else {
        panic!("one handshake failed")
    };
    let stage = ConnectStage::Handshake;
    let expected = ConnectTimedOut {
        peer: "x".to_owned(),
        after: limit,
        stage,
    }
    .to_string();
    let (start, end) = expected.split_once('x').unwrap();
    assert!(
        failure.starts_with(start) && failure.ends_with(end),
        "{failure}"
    );
}

#[test]
fn only_so_many_handshakes_are_under_way_and_nobody_is_forgotten() {
    let reactor = Simulation::new().reactor();
    let limit = Duration::from_secs(7);
    let made = Rc::new(RefCell::new(Vec::new()));
    let (times, clock) = (Rc::clone(&made), reactor.clone());
    let options = ListenOptions::new()
        .filter(move || {
            times.borrow_mut().push(clock.now());
            Ok(Gate { fails: false })
        })
        .handshake_limit(2)
        .handshake_timeout(limit);
    let factory = Recorder::default();
    let failures = Rc::clone(&factory.failures);
    let port = reactor.listen_tcp(any_port(), factory, &options).unwrap();
    let start = reactor.now();
    let calls: Vec<_> = (0..5).map(|_| call(&reactor, port.address())).collect();
    let all = crate::gather(calls);
    assert_eq!(reactor.run_until(all).unwrap(), [false; 5]);
    // Two began at once, two when the time of the first was over, and the last after those.
    let waited: Vec<u64> = made
        .borrow()
        .iter()
        .map(|time| (*time - start).as_secs() / 7)
        .collect();
    assert_eq!(waited, [0, 0, 1, 1, 2]);
    assert_eq!(failures.borrow().len(), 5);
}

#[test]
fn a_filter_that_cannot_be_made_costs_one_connection() {
    let reactor = Simulation::new().reactor();
    let made = Cell::new(0);
    let options = ListenOptions::new().filter(move || {
        made.set(made.get() + 1);
        match made.get() {
            1 => Err(std::fmt::Error.into()),
            2 => panic!("no filter today"),
            _ => Ok(Gate { fails: true }),
        }
    });
    let factory = Recorder::default();
    let calls = Rc::clone(&factory.calls);
    let port = reactor.listen_tcp(any_port(), factory, &options).unwrap();
    let (records, ()) = capture(|| {
        for _ in 0..3 {
            assert!(!reactor.run_until(call(&reactor, port.address())).unwrap());
        }
    });
    assert_eq!(*calls.borrow(), ["start", "handshake_failed"]);
    let errors = records
        .iter()
        .filter(|record| record.level == log::Level::Error);
    assert_eq!(errors.count(), 2);
}

#[test]
fn accepting_gives_way_after_a_share_of_each_turn() {
    // C97's kind
    let reactor = Reactor::new().unwrap();
    let options = ListenOptions::new().backlog(300);
    let port = reactor
        .listen_tcp(any_port(), |_: &Address| Echo, &options)
        .unwrap();
    let address = port.socket_addr().unwrap();
    let clients: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let listener = reactor.open_sources();
    let mut before = listener;
    while reactor.open_sources() < listener + clients.len() {
        reactor.core().unwrap().turn().unwrap();
        let accepted = reactor.open_sources() - before;
        assert!(accepted <= 64, "{accepted} in one turn");
        before += accepted;
    }
}

/// Counts what it gets.
struct Counter(Rc<Cell<usize>>);

impl Protocol for Counter {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.set(self.0.get() + data.len());
        Ok(())
    }
}

#[track_caller]
fn turn_until(reactor: &Reactor, mut done: impl FnMut() -> bool) {
    let core = reactor.core().unwrap();
    while !done() {
        core.turn().unwrap();
    }
}

#[test]
fn a_flood_keeps_nobody_waiting() {
    // C97
    let reactor = Reactor::new().unwrap();
    let shares = Rc::new(RefCell::new(Vec::new()));
    let turn = Rc::new(Cell::new(0_usize));
    let (log, now) = (Rc::clone(&shares), Rc::clone(&turn));
    let factory = move |_: &Address| Sink {
        shares: Rc::clone(&log),
        turn: Rc::clone(&now),
    };
    let port = reactor
        .listen_tcp(any_port(), factory, &ListenOptions::new())
        .unwrap();
    let address = port.socket_addr().unwrap();
    let mut flood = TcpStream::connect(address).unwrap();
    let mut modest = TcpStream::connect(address).unwrap();
    flood.set_nonblocking(true).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    let total = |turn: usize, shares: &RefCell<Vec<(usize, u8, usize)>>, of: u8| -> usize {
        let shares = shares.borrow();
        let own = shares
            .iter()
            .filter(|share| share.0 == turn && share.1 == of);
        own.map(|share| share.2).sum()
    };
    let mut waited = 0;
    for round in 1..200 {
        while flood.write(&chunk).is_ok_and(|count| count > 0) {}
        if round == 100 {
            modest.write_all(b"m").unwrap();
        }
        turn.set(round);
        reactor.core().unwrap().turn().unwrap();
        let share = total(round, &shares, b'x');
        assert!(share <= 68 * 1024, "{share} bytes in turn {round}");
        if round >= 100 && total(round, &shares, b'm') == 0 {
            waited += 1;
        } else if round >= 100 {
            break;
        }
    }
    assert!(waited <= 2, "the other waited for {waited} turns");
    let all: usize = shares.borrow().iter().map(|share| share.2).sum();
    assert!(all > 2_000_000, "it did flood: {all}");
}

/// Writes down how much came in which turn.
struct Sink {
    shares: Rc<RefCell<Vec<(usize, u8, usize)>>>,
    turn: Rc<Cell<usize>>,
}

impl Protocol for Sink {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.shares
            .borrow_mut()
            .push((self.turn.get(), data[0], data.len()));
        Ok(())
    }
}

/// Set in the child process that has few descriptors.
const CHILD: &str = "TORSADE_TEST_FEW_DESCRIPTORS";

#[test]
fn a_server_short_of_descriptors_serves_all_in_the_end() {
    // C95, R88: in a process of its own, since others need descriptors meanwhile.
    let name = "net::tests::listening::a_server_short_of_descriptors_serves_all_in_the_end";
    if let Ok(address) = std::env::var(CHILD) {
        return serve_with_few_descriptors(address.parse().unwrap());
    }
    let rendezvous = std::net::TcpListener::bind(any_port()).unwrap();
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 40; exec \"$0\" --exact \"$1\" --test-threads=1",
        ])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .stdout(Stdio::null())
        .env(CHILD, rendezvous.local_addr().unwrap().to_string())
        .spawn()
        .unwrap();
    let (mut control, _) = rendezvous.accept().unwrap();
    let mut port = [0; 2];
    control.read_exact(&mut port).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::from_be_bytes(port)));
    let mut clients: Vec<TcpStream> = (0..80)
        .map(|_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"?").unwrap();
            client
        })
        .collect();
    // Each gives its place to another only after it was served.
    for client in &mut clients {
        client.read_exact(&mut [0]).unwrap();
        client.shutdown(std::net::Shutdown::Both).unwrap();
    }
    drop(control);
    assert!(child.wait().unwrap().success());
}

fn serve_with_few_descriptors(parent: SocketAddr) {
    let reactor = Reactor::new().unwrap();
    let mut control = TcpStream::connect(parent).unwrap();
    let port = reactor
        .listen_tcp(any_port(), |_: &Address| Echo, &ListenOptions::new())
        .unwrap();
    let number = port.address().port().unwrap();
    control.write_all(&number.to_be_bytes()).unwrap();
    control.set_nonblocking(true).unwrap();
    let start = Instant::now();
    let (records, ()) = capture(|| {
        let core = reactor.core().unwrap();
        // Until the parent is content.
        while control.read(&mut [0]).is_err() {
            // Something has to end the wait for events when all is over.
            let alarm = reactor.call_later(Duration::from_millis(20), || {});
            core.turn().unwrap();
            alarm.cancel();
        }
    });
    let count = |text| {
        let matching = records.iter().filter(|record| record.text.contains(text));
        matching.count() as u128
    };
    assert_eq!(count("trying again"), 1, "it is logged once");
    // It does not spin: there is one attempt in each tenth of a second.
    let attempts = count("cannot accept");
    let tenths = start.elapsed().as_millis() / 100;
    assert!(
        attempts <= tenths + 1,
        "{attempts} in {tenths} tenths of a second"
    );
}
