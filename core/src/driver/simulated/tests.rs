//! What two ends of a simulated connection see, straight through the driver.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IoSlice};
use std::sync::mpsc;

use super::*;
use crate::Address;
use crate::driver::Readiness;

const DELAY: Duration = Duration::from_millis(10);
const SERVER: &str = "192.0.2.80:80";
const LISTENER: Token = Token(1);
const CLIENT: Token = Token(2);
const ACCEPTED: Token = Token(3);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn world(change: impl FnOnce(&mut SimulationOptions)) -> SimulatedDriver {
    let mut options = SimulationOptions::default();
    options.link.latency = DELAY;
    change(&mut options);
    SimulatedDriver::new(options)
}

fn listen_options(backlog: i32) -> ListenOptions {
    ListenOptions {
        backlog,
        reuse_port: false,
        mode: None,
        no_delay: true,
        only_v6: false,
    }
}

fn listen(driver: &SimulatedDriver, on: &str) -> Box<dyn Listener> {
    driver
        .listen(&address(on).into(), &listen_options(50), LISTENER)
        .unwrap()
}

fn connect(driver: &SimulatedDriver, to: &str, token: Token) -> Box<dyn Stream> {
    driver
        .connect(&address(to).into(), &ConnectOptions::default(), token)
        .unwrap()
}

/// The events of one poll that may wait for ever.
fn next(driver: &SimulatedDriver) -> Vec<(Token, Readiness)> {
    let mut events = Vec::new();
    driver.poll(&mut events, Wait::Forever).unwrap();
    events
        .iter()
        .map(|event| (event.token, event.readiness))
        .collect()
}

/// Lets so much time pass; gives the tokens that got events, each with all of them.
fn pass(driver: &SimulatedDriver, time: Duration) -> BTreeMap<Token, Readiness> {
    let until = driver.now() + time;
    let mut all = BTreeMap::<_, Readiness>::new();
    while driver.now() < until {
        let mut events = Vec::new();
        driver.poll(&mut events, Wait::Until(until)).unwrap();
        for event in events {
            let sum = all.entry(event.token).or_default();
            sum.readable |= event.readiness.readable;
            sum.writable |= event.readiness.writable;
            sum.read_closed |= event.readiness.read_closed;
        }
    }
    all
}

/// A connected pair, client first, with no event outstanding.
fn pair(driver: &SimulatedDriver) -> (Box<dyn Stream>, Box<dyn Stream>) {
    let listener = listen(driver, SERVER);
    let client = connect(driver, SERVER, CLIENT);
    pass(driver, 2 * DELAY);
    let (server, _) = listener.accept(ACCEPTED).unwrap();
    pass(driver, DELAY);
    assert!(client.connected().unwrap());
    (client, server)
}

fn write(stream: &dyn Stream, data: &[u8]) -> io::Result<usize> {
    stream.write_vectored(&[IoSlice::new(data)])
}

/// Everything there is to read, until an error (also WouldBlock) or the end.
fn read(stream: &dyn Stream) -> (Vec<u8>, io::Result<usize>) {
    let mut all = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => all.extend(&buffer[..n]),
            end => return (all, end),
        }
    }
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

#[test]
fn time_moves_only_in_poll_and_exactly() {
    let driver = world(|_| {});
    let start = driver.now();
    assert_eq!(driver.now(), start);
    let deadline = start + Duration::from_secs(3600) + Duration::from_nanos(1);
    driver.poll(&mut Vec::new(), Wait::No).unwrap();
    assert_eq!(driver.now(), start);
    driver.poll(&mut Vec::new(), Wait::Until(deadline)).unwrap();
    assert_eq!(driver.now(), deadline);
    driver.poll(&mut Vec::new(), Wait::Until(start)).unwrap();
    assert_eq!(driver.now(), deadline);
}

#[test]
fn a_world_in_which_nothing_can_happen_says_so() {
    let driver = world(|_| {});
    let error = driver.poll(&mut Vec::new(), Wait::Forever).unwrap_err();
    assert!(error.to_string().contains("nothing can ever happen"));
}

#[test]
fn a_wake_up_ends_one_poll() {
    let driver = world(|_| {});
    let waker = driver.waker();
    waker.wake();
    waker.wake();
    driver.poll(&mut Vec::new(), Wait::Forever).unwrap();
    assert!(driver.poll(&mut Vec::new(), Wait::Forever).is_err());
}

#[test]
fn a_thread_at_work_is_waited_for() {
    let driver = world(|_| {});
    let waker = driver.waker();
    driver.threads_at_work(1);
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        receiver.recv().unwrap();
        waker.wake();
    });
    sender.send(()).unwrap();
    let before = driver.now();
    driver.poll(&mut Vec::new(), Wait::Forever).unwrap();
    assert_eq!(driver.now(), before);
    driver.threads_at_work(-1);
    thread.join().unwrap();
    assert!(driver.poll(&mut Vec::new(), Wait::Forever).is_err());
}

#[test]
fn a_connection_takes_a_delay_each_way() {
    let driver = world(|_| {});
    let start = driver.now();
    let listener = listen(&driver, SERVER);
    let client = connect(&driver, SERVER, CLIENT);
    assert!(!client.connected().unwrap());
    assert_eq!(kind(write(&*client, b"x")), ErrorKind::WouldBlock);
    assert_eq!(kind(client.read(&mut [0])), ErrorKind::WouldBlock);
    assert_eq!(
        kind(listener.accept(ACCEPTED).map(|_| ())),
        ErrorKind::WouldBlock
    );
    let events = next(&driver);
    assert_eq!(events.len(), 1);
    assert!(events[0].0 == LISTENER && events[0].1.readable);
    assert_eq!(driver.now(), start + DELAY);
    let (server, peer) = listener.accept(ACCEPTED).unwrap();
    assert_eq!(peer, client.local_address().unwrap());
    assert_eq!(
        server.local_address().unwrap(),
        Address::Tcp(address(SERVER))
    );
    assert_eq!(next(&driver)[0].0, ACCEPTED);
    let events = next(&driver);
    assert!(events[0].0 == CLIENT && events[0].1.writable);
    assert_eq!(driver.now(), start + 2 * DELAY);
    assert!(client.connected().unwrap());
}

#[test]
fn attempts_fail_as_they_should() {
    let driver = world(|options| {
        options.silent.push("192.0.2.66".parse().unwrap());
        options.unreachable.push("192.0.2.67".parse().unwrap());
    });
    for (to, why) in [
        ("192.0.2.80:81", ErrorKind::ConnectionRefused),
        ("192.0.2.67:80", ErrorKind::HostUnreachable),
    ] {
        let start = driver.now();
        let client = connect(&driver, to, CLIENT);
        assert_eq!(next(&driver)[0].0, CLIENT);
        assert_eq!(driver.now(), start + 2 * DELAY);
        assert_eq!(kind(client.connected()), why);
        assert_eq!(kind(write(&*client, b"x")), why);
    }
    let client = connect(&driver, "192.0.2.66:80", CLIENT);
    assert!(driver.poll(&mut Vec::new(), Wait::Forever).is_err());
    assert!(!client.connected().unwrap());
}

#[test]
fn ports_are_given_out_and_kept_apart() {
    let driver = world(|_| {});
    let try_listen = |on: &str| driver.listen(&address(on).into(), &listen_options(5), LISTENER);
    let first = try_listen("127.0.0.1:0").unwrap();
    let port = first.local_address().unwrap().port().unwrap();
    assert!(port >= 49_152);
    assert_eq!(
        kind(try_listen(&format!("127.0.0.1:{port}"))),
        ErrorKind::AddrInUse
    );
    assert_eq!(
        kind(try_listen(&format!("0.0.0.0:{port}"))),
        ErrorKind::AddrInUse
    );
    assert_eq!(
        kind(try_listen(&format!("[::]:{port}"))),
        ErrorKind::AddrInUse
    );
    assert!(try_listen(&format!("127.0.0.2:{port}")).is_ok());
    drop(first);
    let again = try_listen(&format!("127.0.0.1:{port}")).unwrap();

    let options = ConnectOptions {
        bind_address: Some(address("127.0.0.9:5000")),
        no_delay: false,
    };
    let connect_from = || driver.connect(&address("127.0.0.1:1").into(), &options, CLIENT);
    let client = connect_from().unwrap();
    assert_eq!(client.local_address().unwrap().port(), Some(5000));
    assert_eq!(kind(connect_from()), ErrorKind::AddrInUse);
    drop(client);
    assert!(connect_from().is_ok());
    drop(again);
}

#[test]
fn a_shared_port_serves_all_its_listeners() {
    let driver = world(|_| {});
    let options = ListenOptions {
        backlog: 5,
        reuse_port: true,
        mode: None,
        no_delay: true,
        only_v6: false,
    };
    let one = driver
        .listen(&address(SERVER).into(), &options, LISTENER)
        .unwrap();
    let two = driver
        .listen(&address(SERVER).into(), &options, LISTENER)
        .unwrap();
    let _clients = [
        connect(&driver, SERVER, CLIENT),
        connect(&driver, SERVER, CLIENT),
    ];
    pass(&driver, DELAY);
    assert!(one.accept(ACCEPTED).is_ok());
    assert!(two.accept(ACCEPTED).is_ok());
}

#[test]
fn a_port_for_both_families_sees_mapped_peers() {
    let driver = world(|_| {});
    let listener = listen(&driver, "[::]:80");
    let _client = connect(&driver, "127.0.0.1:80", CLIENT);
    pass(&driver, DELAY);
    let (server, peer) = listener.accept(ACCEPTED).unwrap();
    assert!(
        peer.to_string().starts_with("[::ffff:127.0.0.1]:"),
        "{peer}"
    );
    assert_eq!(
        server.local_address().unwrap().to_string(),
        "[::ffff:127.0.0.1]:80"
    );
}

#[test]
fn a_full_queue_makes_attempts_wait() {
    let driver = world(|_| {});
    let listener = driver
        .listen(&address(SERVER).into(), &listen_options(1), LISTENER)
        .unwrap();
    let first = connect(&driver, SERVER, CLIENT);
    let given_up = connect(&driver, SERVER, CLIENT);
    let third = connect(&driver, SERVER, CLIENT);
    pass(&driver, 5 * DELAY);
    drop(given_up);
    assert!(first.connected().unwrap());
    assert!(!third.connected().unwrap());
    let _server = listener.accept(ACCEPTED).unwrap();
    assert!(pass(&driver, DELAY)[&LISTENER].readable);
    assert!(third.connected().unwrap());
    let fourth = connect(&driver, SERVER, CLIENT);
    pass(&driver, 2 * DELAY);
    drop(listener);
    pass(&driver, DELAY);
    assert_eq!(kind(third.read(&mut [0])), ErrorKind::ConnectionReset);
    assert_eq!(kind(fourth.connected()), ErrorKind::ConnectionRefused);
}

#[test]
fn what_came_before_accept_is_told_after_it() {
    let driver = world(|_| {});
    let listener = listen(&driver, SERVER);
    let client = connect(&driver, SERVER, CLIENT);
    pass(&driver, 2 * DELAY);
    write(&*client, b"hello").unwrap();
    drop(client);
    pass(&driver, DELAY);
    let (server, _) = listener.accept(ACCEPTED).unwrap();
    let [(ACCEPTED, readiness)] = next(&driver)[..] else {
        panic!("one event for the accepted stream");
    };
    assert!(readiness.readable && readiness.writable && readiness.read_closed);
    let (data, end) = read(&*server);
    assert_eq!((&data[..], end.unwrap()), (&b"hello"[..], 0));
}

#[test]
fn data_arrives_in_order_a_delay_later_and_then_the_end() {
    let driver = world(|options| options.link.segment_size = 3);
    let (client, server) = pair(&driver);
    let slices = [
        IoSlice::new(b"hel"),
        IoSlice::new(b""),
        IoSlice::new(b"lo wo"),
    ];
    assert_eq!(client.write_vectored(&slices).unwrap(), 8);
    assert_eq!(write(&*client, b"rld").unwrap(), 3);
    client.shutdown_write().unwrap();
    client.shutdown_write().unwrap();
    assert_eq!(kind(write(&*client, b"more")), ErrorKind::BrokenPipe);
    assert_eq!(read(&*server).0, b"");
    let sent = driver.now();
    let events = next(&driver);
    assert_eq!(driver.now(), sent + DELAY);
    assert_eq!(events.len(), 1);
    assert!(events[0].0 == ACCEPTED && events[0].1.readable && events[0].1.read_closed);
    let mut two = [0; 2];
    assert_eq!(server.read(&mut two).unwrap(), 2);
    assert_eq!(server.read(&mut []).unwrap(), 0);
    let (rest, end) = read(&*server);
    assert_eq!(
        (&two[..], &rest[..], end.unwrap()),
        (&b"he"[..], &b"llo world"[..], 0)
    );
    // The other direction is open still.
    write(&*server, b"answer").unwrap();
    pass(&driver, DELAY);
    let (data, end) = read(&*client);
    assert_eq!(
        (&data[..], kind(end)),
        (&b"answer"[..], ErrorKind::WouldBlock)
    );
}

#[test]
fn a_short_read_means_that_nothing_is_left() {
    let driver = world(|_| {});
    let (client, server) = pair(&driver);
    // Small reads between writes: what is kept for the reader goes around in a ring.
    for size in [5, 9, 13, 17, 29, 31, 64, 100] {
        write(&*client, &vec![7; size]).unwrap();
        pass(&driver, DELAY);
        assert_eq!(server.read(&mut [0; 3]).unwrap(), 3);
        write(&*client, &vec![7; size]).unwrap();
        pass(&driver, DELAY);
        assert_eq!(server.read(&mut [0; 1000]).unwrap(), 2 * size - 3);
    }
}

#[test]
fn a_full_window_blocks_until_the_reader_makes_room() {
    let driver = world(|options| options.window = 10);
    let (client, server) = pair(&driver);
    assert_eq!(write(&*client, &[1; 25]).unwrap(), 10);
    assert_eq!(kind(write(&*client, &[1; 25])), ErrorKind::WouldBlock);
    assert!(!pass(&driver, 5 * DELAY).contains_key(&CLIENT));
    assert_eq!(server.read(&mut [0; 4]).unwrap(), 4);
    assert_eq!(kind(write(&*client, &[1; 25])), ErrorKind::WouldBlock);
    // To ask whether it lives is no reason to be told less.
    assert_eq!(write(&*client, &[]).unwrap(), 0);
    assert!(pass(&driver, DELAY)[&CLIENT].writable);
    assert_eq!(write(&*client, &[1; 4]).unwrap(), 4);
    // Nothing was refused, so nothing is told.
    read(&*server).1.unwrap_err();
    assert!(!pass(&driver, DELAY).contains_key(&CLIENT));
    assert_eq!(write(&*client, &[]).unwrap(), 0);
}

#[test]
fn a_reset_is_told_once_after_what_had_arrived() {
    let driver = world(|_| {});
    let (client, server) = pair(&driver);
    write(&*server, b"last words").unwrap();
    server.reset_on_close();
    drop(server);
    let readiness = pass(&driver, DELAY)[&CLIENT];
    assert!(readiness.readable && readiness.writable && readiness.read_closed);
    let (data, end) = read(&*client);
    assert_eq!(
        (&data[..], kind(end)),
        (&b"last words"[..], ErrorKind::ConnectionReset)
    );
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(kind(write(&*client, b"x")), ErrorKind::BrokenPipe);
    assert_eq!(kind(client.shutdown_write()), ErrorKind::NotConnected);
}

#[test]
fn closing_with_unread_data_is_a_reset() {
    let driver = world(|_| {});
    let (client, server) = pair(&driver);
    write(&*client, b"never read").unwrap();
    pass(&driver, DELAY);
    drop(server);
    pass(&driver, DELAY);
    assert_eq!(kind(write(&*client, b"x")), ErrorKind::ConnectionReset);
    assert_eq!(kind(write(&*client, b"x")), ErrorKind::BrokenPipe);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_write_to_a_closed_peer_comes_back_as_a_reset() {
    let driver = world(|_| {});
    let (client, server) = pair(&driver);
    drop(server);
    assert!(pass(&driver, DELAY)[&CLIENT].read_closed);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(write(&*client, b"x").unwrap(), 1);
    assert!(pass(&driver, 2 * DELAY)[&CLIENT].writable);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(kind(write(&*client, b"x")), ErrorKind::BrokenPipe);
}

#[test]
fn a_connection_can_be_broken_from_outside() {
    let driver = world(|_| {});
    let (client, server) = pair(&driver);
    driver
        .control()
        .reset(client.local_address().unwrap().socket_addr().unwrap());
    let events = pass(&driver, DELAY);
    assert!(events.contains_key(&CLIENT) && events.contains_key(&ACCEPTED));
    assert_eq!(kind(client.read(&mut [0])), ErrorKind::ConnectionReset);
    assert_eq!(kind(server.read(&mut [0])), ErrorKind::ConnectionReset);
}

#[test]
fn names_are_known_or_do_not_exist() {
    let driver = world(|options| {
        let addresses = vec!["192.0.2.80".parse().unwrap()];
        options.names.insert("example.org".to_owned(), addresses);
    });
    let known = |host: &str| match driver.lookup(host) {
        Lookup::Known { verdict, .. } => verdict.ok().map(|addresses| addresses.len()),
        Lookup::AskSystem => panic!("the system has no part in a simulated world"),
    };
    assert_eq!(known("Example.org"), Some(1));
    assert_eq!(known("localhost"), Some(1));
    assert_eq!(known("example.com"), None);
}

#[test]
fn without_a_delay_it_works_all_the_same() {
    let driver = world(|options| options.link.latency = Duration::ZERO);
    let start = driver.now();
    let listener = listen(&driver, SERVER);
    let client = connect(&driver, SERVER, CLIENT);
    assert_eq!(next(&driver)[0].0, LISTENER);
    let (server, _) = listener.accept(ACCEPTED).unwrap();
    while !client.connected().unwrap() {
        next(&driver);
    }
    write(&*client, b"x").unwrap();
    while read(&*server).0.is_empty() {
        next(&driver);
    }
    assert_eq!(driver.now(), start);
}
