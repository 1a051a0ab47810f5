//! UNIX sockets, in a simulated world and with the system's own.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;

use super::ms;
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::{
    Address, CannotListen, ClientEndpoint, ConnectError, ConnectionDone, Deferred, Failure,
    ListeningPort, Protocol, Reactor, Resolver, Result, Transport, UnixClient, UnixName,
    UnixServer,
};

/// Sends back what it gets.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

/// Says something, and closes when it has come back; tells who it spoke with.
struct Caller {
    size: usize,
    peer: Option<Address>,
    over: Option<Resolver<Address>>,
}

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        self.peer = Some(transport.peer());
        transport.write(&vec![b'x'; self.size]);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.size -= data.len();
        if self.size == 0 {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ConnectionDone>().is_some(), "{reason}");
        if let (Some(over), Some(peer)) = (self.over.take(), self.peer.take()) {
            over.callback(peer);
        }
    }
}

/// The address of whoever echoes so many bytes.
fn call(reactor: &Reactor, name: &UnixName, size: usize) -> Result<Address> {
    let (resolver, over) = Deferred::new();
    let resolver = Cell::new(Some(resolver));
    let client = UnixClient::new(reactor, name.clone());
    let connected = client.connect(move |_: &Address| Caller {
        size,
        peer: None,
        over: resolver.take(),
    });
    reactor.run_until(connected.add_callback(move |_| over))
}

fn listen(reactor: &Reactor, name: &UnixName) -> Result<ListeningPort> {
    UnixServer::new(reactor, name.clone()).listen(|_: &Address| Echo)
}

/// Both worlds, and a name that is free in each.
fn worlds(folder: &Path) -> [(Reactor, UnixName); 3] {
    let simulated = Simulation::new().reactor();
    let name = format!("torsade test {} {folder:?}", std::process::id());
    [
        (simulated, UnixName::from("/run/echo.sock")),
        (Reactor::new().unwrap(), folder.join("echo.sock").into()),
        (
            Reactor::new().unwrap(),
            UnixName::Abstract(name.into_bytes()),
        ),
    ]
}

#[test]
fn bytes_go_both_ways_and_names_are_known() {
    let folder = tempfile::tempdir().unwrap();
    for (reactor, name) in worlds(folder.path()) {
        let port = listen(&reactor, &name).unwrap();
        assert_eq!(*port.address(), Address::Unix(name.clone()));
        for size in [1, 1000, 1_000_000] {
            let peer = call(&reactor, &name, size).unwrap();
            assert_eq!(peer, Address::Unix(name.clone()));
        }
        reactor.run_until(port.stop_listening()).unwrap();
        let later = defer_later(&reactor, ms(5), || ());
        reactor.run_until(later).unwrap();
        assert!(call(&reactor, &name, 1).is_err());
    }
}

#[test]
fn a_server_sees_its_clients_without_a_name() {
    let folder = tempfile::tempdir().unwrap();
    for (reactor, name) in worlds(folder.path()) {
        let seen: Rc<Cell<Option<Address>>> = Rc::default();
        let noted = Rc::clone(&seen);
        let server = UnixServer::new(&reactor, name.clone());
        let _port = server
            .listen(move |peer: &Address| {
                noted.set(Some(peer.clone()));
                Echo
            })
            .unwrap();
        call(&reactor, &name, 1).unwrap();
        assert_eq!(seen.take(), Some(Address::Unix(UnixName::Unnamed)));
    }
}

#[test]
fn a_name_that_nobody_listens_on_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for (reactor, name) in worlds(folder.path()) {
        let failure = call(&reactor, &name, 1).unwrap_err();
        let error = failure.check::<ConnectError>().unwrap();
        assert_eq!(error.address, Address::Unix(name.clone()));
        assert!(failure.to_string().contains(&name.to_string()), "{failure}");
        assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (0, 0));
    }
}

#[test]
fn a_name_is_listened_on_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    for (reactor, name) in worlds(folder.path()) {
        let port = listen(&reactor, &name).unwrap();
        let failure = listen(&reactor, &name).unwrap_err();
        let error = failure.check::<CannotListen>().unwrap();
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(error.address, Address::Unix(name.clone()));
        call(&reactor, &name, 1).unwrap();
        reactor.run_until(port.stop_listening()).unwrap();
        let later = defer_later(&reactor, ms(5), || ());
        reactor.run_until(later).unwrap();
        listen(&reactor, &name).unwrap();
        call(&reactor, &name, 1).unwrap();
    }
}

#[test]
fn a_leading_nul_names_an_abstract_socket() {
    // C183
    let name = UnixName::from("\0torsade");
    assert_eq!(name, UnixName::Abstract(b"torsade".to_vec()));
    assert_eq!(name.to_string(), "@torsade");
}

#[test]
fn the_file_has_its_mode_and_goes_with_the_port() {
    // C183
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let reactor = Reactor::new().unwrap();
    let server = UnixServer::new(&reactor, &path).mode(0o640);
    let port = server.listen(|_: &Address| Echo).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    reactor.run_until(port.stop_listening()).unwrap();
    let later = defer_later(&reactor, ms(5), || ());
    reactor.run_until(later).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_file_that_was_left_behind_is_replaced() {
    // C183
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // Its listener is gone, and nobody has removed it.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let reactor = Reactor::new().unwrap();
    let name = UnixName::from(&path);
    let _port = listen(&reactor, &name).unwrap();
    call(&reactor, &name, 1).unwrap();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("diary");
    fs::write(&path, "dear diary").unwrap();
    let reactor = Reactor::new().unwrap();
    let failure = listen(&reactor, &UnixName::from(&path)).unwrap_err();
    let error = failure.check::<CannotListen>().unwrap();
    assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary");
}

#[test]
fn the_file_of_a_successor_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = UnixName::from(&path);
    let reactor = Reactor::new().unwrap();
    let port = listen(&reactor, &name).unwrap();
    fs::remove_file(&path).unwrap();
    let _successor = listen(&reactor, &name).unwrap();
    reactor.run_until(port.stop_listening()).unwrap();
    call(&reactor, &name, 1).unwrap();
}

#[test]
fn a_listener_whose_queue_is_full_is_not_taken_for_gone_nor_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = socket2::SockAddr::unix(&path).unwrap();
    let socket = || {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let busy = socket();
    busy.bind(&name).unwrap();
    busy.listen(0).unwrap();
    let mut waiting = vec![];
    loop {
        let client = socket();
        match client.connect(&name) {
            Ok(()) => waiting.push(client),
            Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    let reactor = Reactor::new().unwrap();
    let failure = listen(&reactor, &UnixName::from(&path)).unwrap_err();
    let error = failure.check::<CannotListen>().unwrap();
    assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    assert!(path.exists());
}
