//! Echo servers and clients of ours against those of Twisted and OpenSSL, plain and with TLS.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use torsade::endpoints::ClientEndpoint;
use torsade::tls::{ClientTls, ServerTls, wrap_client_tls, wrap_server_tls};
use torsade::{
    Address, ConnectionDone, Deferred, Failure, HostnameClient, Protocol, Reactor, Resolver,
    Result, TcpServer, Transport,
};

use crate::support::openssl::s_client;
use crate::support::peer::{self, pattern, run};
use crate::support::pki::Pki;
use crate::support::program::{Server, example};
use crate::support::python::{Over, PythonServer, echo_with_twisted};

/// Sends bytes, expects them back, and closes.
struct Caller {
    bytes: Rc<[u8]>,
    received: usize,
    over: Rc<Cell<Option<Resolver<usize>>>>,
}

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&self.bytes);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let end = self.received + data.len();
        assert!(
            self.bytes[self.received..end] == *data,
            "changed before {end}"
        );
        self.received = end;
        if end == self.bytes.len() {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let Some(over) = self.over.take() else { return };
        if reason.check::<ConnectionDone>().is_some() {
            over.callback(self.received);
        } else {
            over.errback(std::io::Error::other(format!("{reason:#}")));
        }
    }
}

/// Has `bytes` echoed by a server on `port` of localhost; gives how many came back.
fn echo_with_torsade(port: u16, authority: Option<&Path>, bytes: Vec<u8>) -> Result<usize> {
    let reactor = Reactor::new()?;
    let tcp = HostnameClient::new(&reactor, "127.0.0.1", port);
    match authority {
        None => echo_over(&reactor, &tcp, bytes),
        Some(file) => {
            let tls = ClientTls::builder().roots_from_pem_file(file).build()?;
            echo_over(&reactor, &wrap_client_tls(tcp, &tls, "localhost"), bytes)
        }
    }
}

/// Has `bytes` echoed by the server at an endpoint; gives how many came back.
pub(crate) fn echo_over(
    reactor: &Reactor,
    endpoint: &impl ClientEndpoint,
    bytes: Vec<u8>,
) -> Result<usize> {
    let (resolver, over) = Deferred::new();
    let resolver = Rc::new(Cell::new(Some(resolver)));
    let bytes: Rc<[u8]> = bytes.into();
    let connected = endpoint.connect(move |_: &Address| Caller {
        bytes: Rc::clone(&bytes),
        received: 0,
        over: Rc::clone(&resolver),
    });
    reactor.run_until(connected.add_callback(move |_| over))
}

/// Our echo server with TLS, and the authority of its certificate.
fn tls_server(dir: &Path) -> (Server, Pki) {
    let pki = Pki::new(dir);
    let identity = pki.server();
    let arguments = [
        "--tls".as_ref(),
        identity.certificate.as_os_str(),
        identity.key.as_os_str(),
    ];
    (Server::start("echo_server", &arguments), pki)
}

const SIZE: usize = 3_000_000;

#[test]
fn twisteds_client_gets_everything_back_from_our_server() {
    let server = Server::start("echo_server", &[]);
    for size in [1, SIZE] {
        let Some(echoed) = echo_with_twisted(server.address.port(), None, &pattern(size)) else {
            return;
        };
        echoed.expect_success();
    }
}

#[test]
fn twisteds_client_gets_everything_back_from_our_server_over_tls() {
    let dir = peer::temp_dir();
    let (server, pki) = tls_server(dir.path());
    let authority = pki.authority();
    let port = server.address.port();
    let Some(echoed) = echo_with_twisted(port, Some(&authority), &pattern(SIZE)) else {
        return;
    };
    echoed.expect_success();
}

#[test]
fn our_client_gets_everything_back_from_twisteds_server() {
    let Some(server) = PythonServer::twisted_echo(Over::Tcp) else {
        return;
    };
    let port = server.address().port();
    for size in [1, 1000, SIZE] {
        assert_eq!(echo_with_torsade(port, None, pattern(size)).unwrap(), size);
    }
}

#[test]
fn our_client_gets_everything_back_from_twisteds_server_over_tls() {
    let Some(server) = PythonServer::twisted_echo(Over::Tls) else {
        return;
    };
    let (port, authority) = (server.address().port(), server.pki().authority());
    for size in [1, 1000, SIZE] {
        let echoed = echo_with_torsade(port, Some(&authority), pattern(size));
        assert_eq!(echoed.unwrap(), size);
    }
}

#[test]
fn our_clients_and_servers_agree_with_each_other() {
    let plain = Server::start("echo_server", &[]);
    let echoed = echo_with_torsade(plain.address.port(), None, pattern(SIZE));
    assert_eq!(echoed.unwrap(), SIZE);

    let dir = peer::temp_dir();
    let (server, pki) = tls_server(dir.path());
    let authority = pki.authority();
    let echoed = echo_with_torsade(server.address.port(), Some(&authority), pattern(SIZE));
    assert_eq!(echoed.unwrap(), SIZE);
}

#[test]
fn the_example_client_prints_what_twisteds_server_sends_back() {
    let Some(server) = PythonServer::twisted_echo(Over::Tcp) else {
        return;
    };
    let mut command = example("echo_client");
    command.args([
        &format!("localhost:{}", server.address().port()),
        "hello",
        "there",
    ]);
    let printed = run(&mut command, b"").expect_success();
    assert_eq!(printed.text(), "hello there\n");
}

#[test]
fn the_example_client_sends_its_standard_input_over_tls() {
    let Some(server) = PythonServer::twisted_echo(Over::Tls) else {
        return;
    };
    let mut command = example("echo_client");
    command.arg("--tls").arg(server.pki().authority());
    command.arg(format!("localhost:{}", server.address().port()));
    let printed = run(&mut command, b"one\ntwo\nthree\n").expect_success();
    assert_eq!(printed.text(), "one\ntwo\nthree\n");
}

/// Says something and closes.
struct Greeter;

impl Protocol for Greeter {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&pattern(SIZE));
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn openssl_sees_an_orderly_end_from_our_server() {
    // R72
    let dir = peer::temp_dir();
    let pki = Pki::new(dir.path());
    let identity = pki.server();
    let (announce, address) = mpsc::channel();
    let server = thread::spawn(move || -> Result<()> {
        let reactor = Reactor::new()?;
        let tls = ServerTls::builder()
            .certificate_files(identity.certificate, identity.key)
            .build()?;
        let tcp = TcpServer::new(&reactor, "127.0.0.1:0".parse()?);
        let port = wrap_server_tls(tcp, &tls).listen(|_: &Address| Greeter)?;
        let address = port.socket_addr().unwrap();
        announce.send((address, reactor.remote())).unwrap();
        reactor.run()
    });
    let (address, remote) = address.recv().unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let Some(said) = s_client(address, &pki.authority(), &[version], b"") else {
            break;
        };
        assert!(!said.stderr.contains("unexpected eof"), "{}", said.stderr);
        let said = said.expect_success();
        assert!(
            said.stdout == pattern(SIZE),
            "{version}: {}",
            said.stdout.len()
        );
    }
    remote
        .call_from_thread(|reactor| reactor.stop().unwrap())
        .unwrap();
    server.join().unwrap().unwrap();
}
