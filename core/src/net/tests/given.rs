//! Streams and ports of descriptors that others made, and pairs.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::rc::Rc;

use crate::endpoints::{AdoptedServer, Established};
use crate::testing::Simulation;
use crate::{
    Address, AlreadyListened, CannotListen, Deferred, Failure, Protocol, Reactor, Resolver, Result,
    Transport,
};

/// Sends back what it gets, and fires at its end with all that it got.
struct Echo {
    got: Vec<u8>,
    lost: Option<Resolver<Vec<u8>>>,
}

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.got.extend_from_slice(data);
        transport.write(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(
            reason.check::<crate::ConnectionDone>().is_some(),
            "{reason:#}"
        );
        if let Some(lost) = self.lost.take() {
            lost.callback(std::mem::take(&mut self.got));
        }
    }
}

/// The bytes that a stream gives until its end, which are sent back.
fn echo(stream: Established) -> Deferred<Vec<u8>> {
    let (resolver, lost) = Deferred::new();
    let lost_by = RefCell::new(Some(resolver));
    let opened = stream.open(move |_: &Address| Echo {
        got: Vec::new(),
        lost: lost_by.take(),
    });
    opened.add_callback(|_| lost)
}

#[test]
fn a_connected_socket_is_adopted() {
    let reactor = Reactor::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, peer) = listener.accept().unwrap();
    let stream = reactor.adopt_stream(accepted.into()).unwrap();
    assert_eq!(stream.peer(), Address::Tcp(peer));
    tcp.write_all(b"over tcp").unwrap();
    tcp.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(reactor.run_until(echo(stream)).unwrap(), b"over tcp");
    let mut back = String::new();
    tcp.read_to_string(&mut back).unwrap();
    assert_eq!(back, "over tcp");

    let (ours, mut unix) = UnixStream::pair().unwrap();
    let stream = reactor.adopt_stream(ours.into()).unwrap();
    unix.write_all(b"over unix").unwrap();
    unix.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(reactor.run_until(echo(stream)).unwrap(), b"over unix");
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn a_listening_socket_is_adopted_once() {
    // C124
    let reactor = Reactor::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = AdoptedServer::new(&reactor, listener.into());
    let factory = |_: &Address| Echo {
        got: Vec::new(),
        lost: None,
    };
    let port = server.listen(factory).unwrap();
    assert_eq!(*port.address(), Address::Tcp(address));
    let again = server.listen(factory).unwrap_err();
    assert!(again.check::<AlreadyListened>().is_some());

    let mut client = TcpStream::connect(address).unwrap();
    client
        .set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    client.write_all(b"x").unwrap();
    let read = reactor.defer_to_thread(move || {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        Ok(byte[0])
    });
    assert_eq!(reactor.run_until(read).unwrap(), b'x');
    // The descriptor was moved here, so stopping closes the last one there is.
    reactor.run_until(port.stop_listening()).unwrap();
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_unix_listener_that_is_adopted_keeps_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let reactor = Reactor::new().unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let server = AdoptedServer::new(&reactor, listener.into());
    let port = server
        .listen(|_: &Address| Echo {
            got: Vec::new(),
            lost: None,
        })
        .unwrap();
    assert_eq!(*port.address(), Address::Unix(path.as_path().into()));
    reactor.run_until(port.stop_listening()).unwrap();
    assert!(path.exists(), "it belongs to whoever made it");
}

#[test]
fn what_is_no_listener_and_no_stream_is_refused() {
    let reactor = Reactor::new().unwrap();
    let kind_of = |failure: Failure| match failure.check::<CannotListen>() {
        Some(error) => error.error.kind(),
        None => failure.check::<io::Error>().unwrap().kind(),
    };
    let (one, _other) = UnixStream::pair().unwrap();
    let server = AdoptedServer::new(&reactor, one.into());
    let refused = server.listen(|_: &Address| Echo {
        got: Vec::new(),
        lost: None,
    });
    assert_eq!(kind_of(refused.unwrap_err()), io::ErrorKind::InvalidInput);

    let (datagrams, _other) = UnixDatagram::pair().unwrap();
    let refused = reactor.adopt_stream(datagrams.into());
    assert_eq!(kind_of(refused.unwrap_err()), io::ErrorKind::InvalidInput);

    let file: OwnedFd = tempfile::tempfile().unwrap().into();
    assert!(reactor.adopt_stream(file).is_err());

    let (one, _other) = UnixStream::pair().unwrap();
    let refused = Simulation::new().reactor().adopt_stream(one.into());
    assert_eq!(kind_of(refused.unwrap_err()), io::ErrorKind::Unsupported);
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn pipes_are_joined_to_a_stream() {
    let reactor = Reactor::new().unwrap();
    let (from, mut input) = io::pipe().unwrap();
    let (mut output, to) = io::pipe().unwrap();
    let stream = reactor
        .join_descriptors(Some(from.into()), Some(to.into()))
        .unwrap();
    input.write_all(b"through pipes").unwrap();
    drop(input);
    assert_eq!(reactor.run_until(echo(stream)).unwrap(), b"through pipes");
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    assert_eq!(said, "through pipes");
}

#[test]
fn files_are_joined_to_a_stream_although_nobody_can_watch_them() {
    let reactor = Reactor::new().unwrap();
    let mut input = tempfile::tempfile().unwrap();
    let text = "a line\n".repeat(50_000);
    input.write_all(text.as_bytes()).unwrap();
    input.seek(SeekFrom::Start(0)).unwrap();
    let mut output = tempfile::tempfile().unwrap();
    let to = output.try_clone().unwrap();
    let stream = reactor
        .join_descriptors(Some(input.into()), Some(to.into()))
        .unwrap();
    let got = reactor.run_until(echo(stream)).unwrap();
    assert_eq!(got.len(), text.len());
    let mut said = String::new();
    output.seek(SeekFrom::Start(0)).unwrap();
    output.read_to_string(&mut said).unwrap();
    assert!(said == text);
}

#[test]
fn a_descriptor_that_blocked_does_so_again() {
    let reactor = Reactor::new().unwrap();
    let (from, input) = io::pipe().unwrap();
    let copy = from.try_clone().unwrap();
    let is_nonblocking = |pipe: &io::PipeReader| {
        let flags = rustix::fs::fcntl_getfl(pipe).unwrap();
        flags.contains(rustix::fs::OFlags::NONBLOCK)
    };
    let stream = reactor.join_descriptors(Some(from.into()), None).unwrap();
    assert!(is_nonblocking(&copy));
    drop(input);
    reactor.run_until(echo(stream)).unwrap();
    assert!(!is_nonblocking(&copy));
}

#[test]
fn one_that_only_writes_hears_when_nobody_reads_any_more() {
    let reactor = Reactor::new().unwrap();
    let (output, to) = io::pipe().unwrap();
    let stream = reactor.join_descriptors(None, Some(to.into())).unwrap();
    let ended = echo(stream);
    drop(output);
    assert_eq!(reactor.run_until(ended).unwrap(), b"");
}

#[test]
fn a_pair_talks_to_itself_in_both_worlds() {
    struct Says(&'static str, Rc<RefCell<String>>);
    impl Protocol for Says {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(self.0.as_bytes());
            transport.lose_write_connection();
        }
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.1.borrow_mut().push_str(&String::from_utf8_lossy(data));
            Ok(())
        }
    }
    for reactor in [Reactor::new().unwrap(), Simulation::new().reactor()] {
        let heard = [Rc::<RefCell<String>>::default(), Rc::default()];
        let [one, other] = reactor.pair().unwrap();
        let (to_one, to_other) = (Rc::clone(&heard[0]), Rc::clone(&heard[1]));
        let one = one.open(move |_: &Address| Says("one", Rc::clone(&to_one)));
        let other = other.open(move |_: &Address| Says("other", Rc::clone(&to_other)));
        reactor.run_until(crate::gather((one, other))).unwrap();
        while reactor.open_sources() > 0 {
            reactor.iterate(None).unwrap();
        }
        assert_eq!(heard.map(|heard| heard.take()), ["other", "one"]);
    }
}

#[test]
fn a_stream_that_is_not_opened_is_closed() {
    let reactor = Reactor::new().unwrap();
    let [one, other] = reactor.pair().unwrap();
    assert!(
        reactor
            .pending()
            .to_string()
            .contains("no protocol has yet")
    );
    drop(one);
    assert_eq!(reactor.run_until(echo(other)).unwrap(), b"");
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn a_terminal_gives_all_lines_that_wait_although_each_is_a_read() {
    let reactor = Reactor::new().unwrap();
    let (mut keyboard, terminal) = pty_process::blocking::open().unwrap();
    keyboard.write_all(b"one\ntwo\nthree\n").unwrap();
    let heard = Rc::<RefCell<Vec<u8>>>::default();
    struct Hears(Rc<RefCell<Vec<u8>>>);
    impl Protocol for Hears {
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.0.borrow_mut().extend_from_slice(data);
            Ok(())
        }
    }
    let terminal = rustix::io::dup(&terminal).unwrap();
    let stream = reactor.join_descriptors(Some(terminal), None).unwrap();
    let hears = Rc::clone(&heard);
    let opened = stream.open(move |_: &Address| Hears(Rc::clone(&hears)));
    reactor.run_until(opened).unwrap();
    for _ in 0..20 {
        let soon = std::time::Duration::from_millis(100);
        if heard.borrow().ends_with(b"three\n") {
            break;
        }
        reactor.iterate(Some(soon)).unwrap();
    }
    assert_eq!(*heard.borrow(), b"one\ntwo\nthree\n");
}
