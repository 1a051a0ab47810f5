//! TLS in the middle of a connection, TLS in TLS, and what goes wrong there.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::endpoints::{ClientEndpoint, TcpClient, TcpServer};
use torsade_core::testing::Simulation;
use torsade_core::{
    Address, ConnectionDone, Deferred, Failure, HandshakeFailed, Protocol, Reactor, Resolver,
    Result, Transport,
};
use torsade_tls::wrap_server_tls;
use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError, TlsInfo, wrap_client_tls};

const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 25);

fn tls_pair(name: &str) -> (ClientTls, ServerTls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let client = ClientTls::builder()
        .roots_from_pem(cert.pem())
        .build()
        .unwrap();
    let server = ServerTls::builder()
        .certificate_pem(cert.pem(), signing_key.serialize_pem())
        .build()
        .unwrap();
    (client, server)
}

/// What one side is told, and what it does as often as `STARTTLS` or `GO` is said.
struct Mail {
    log: Rc<RefCell<Log>>,
    is_client: bool,
    /// As often as TLS is to be started.
    levels: Vec<(ClientTls, ServerTls, &'static str)>,
    done: Option<Resolver<()>>,
}

#[derive(Default)]
struct Log {
    made: usize,
    received: Vec<u8>,
    started: usize,
    failed: Option<Failure>,
    reason: Option<String>,
    versions: usize,
}

impl Mail {
    fn start(&mut self, transport: &Transport) {
        let (client, server, name) = self.levels.remove(0);
        let started = if self.is_client {
            transport.start_tls(&client, name).unwrap()
        } else {
            transport.start_tls_server(&server).unwrap()
        };
        let (log, failing) = (Rc::clone(&self.log), Rc::clone(&self.log));
        let (handle, is_client, is_last) =
            (transport.clone(), self.is_client, self.levels.is_empty());
        let started = started.map(move |()| {
            log.borrow_mut().started += 1;
            log.borrow_mut().versions += usize::from(handle.negotiated::<TlsInfo>().is_some());
            if is_client {
                handle.write(if is_last { b"HELLO" } else { b"STARTTLS" });
            }
        });
        drop(started.add_errback(move |failure| {
            failing.borrow_mut().failed = Some(failure);
            Ok(())
        }));
    }
}

impl Protocol for Mail {
    fn connection_made(&mut self, transport: &Transport) {
        self.log.borrow_mut().made += 1;
        if self.is_client {
            transport.write(b"STARTTLS");
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.log.borrow_mut().received.extend_from_slice(data);
        match data {
            b"STARTTLS" => {
                transport.write(b"GO");
                self.start(transport);
            }
            b"GO" => self.start(transport),
            b"HELLO" => {
                transport.write(&[b'x'; 100_000]);
                transport.lose_connection();
            }
            _ => {}
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.log.borrow_mut().reason = Some(reason.to_string());
        if let Some(done) = self.done.take() {
            done.callback(());
        }
    }
}

/// Where a protocol leaves its transport.
type Slot = Rc<RefCell<Option<Transport>>>;

type Logs = (Rc<RefCell<Log>>, Rc<RefCell<Log>>);

/// Lets two sides talk until both have been told of the end.
fn talk(reactor: &Reactor, levels: &[(ClientTls, ServerTls, &'static str)]) -> Logs {
    let logs = Logs::default();
    let side = |is_client: bool, log: &Rc<RefCell<Log>>| {
        let (resolver, done) = Deferred::new();
        let mail = Mail {
            log: Rc::clone(log),
            is_client,
            levels: levels.to_vec(),
            done: Some(resolver),
        };
        let mut mail = Some(mail);
        (move |_: &Address| mail.take().unwrap(), done)
    };
    let (server, server_done) = side(false, &logs.1);
    TcpServer::new(reactor, SERVER.into())
        .listen(server)
        .unwrap();
    let (client, client_done) = side(true, &logs.0);
    let connected = TcpClient::new(reactor, SERVER.into()).connect(client);
    reactor.run_until(connected).unwrap();
    reactor.run_until(client_done).unwrap();
    reactor.run_until(server_done).unwrap();
    logs
}

#[test]
fn tls_starts_in_mid_stream_and_once_more_inside_itself() {
    // C142, C138
    for (segment, times) in [(1, 1), (7, 2), (1460, 1), (1460, 3), (65536, 2)] {
        let reactor = Simulation::new().segment_size(segment).reactor();
        let (client, server) = tls_pair("mail.test");
        let (client, server) = talk(&reactor, &vec![(client, server, "mail.test"); times]);
        let (client, server) = (client.borrow(), server.borrow());
        for log in [&client, &server] {
            assert_eq!((log.made, log.started, log.versions), (1, times, times));
            assert_eq!(log.reason, Some(ConnectionDone.to_string()));
            assert!(log.failed.is_none());
        }
        assert_eq!(
            server.received,
            [&b"STARTTLS".repeat(times)[..], b"HELLO"].concat()
        );
        assert_eq!(
            client.received,
            [&b"GO".repeat(times)[..], &[b'x'; 100_000]].concat()
        );
    }
}

#[test]
fn a_certificate_that_is_refused_in_mid_stream_ends_both_with_the_typed_error() {
    let reactor = Simulation::new().reactor();
    let (client, server) = tls_pair("other.test");
    let (client, server) = talk(&reactor, &[(client, server, "mail.test")]);
    let failure = client.borrow_mut().failed.take().unwrap();
    assert!(failure.check::<HandshakeFailed>().is_some());
    let error = failure.find::<TlsError>().unwrap();
    assert!(matches!(error, TlsError::WrongName { .. }), "{error:?}");
    assert_eq!(client.borrow().reason, Some(error.to_string()));
    // The alert has reached the server.
    let failure = server.borrow_mut().failed.take().unwrap();
    let error = failure.find::<TlsError>().unwrap();
    assert!(
        matches!(error, TlsError::CertificateRefused { .. }),
        "{error:?}"
    );
    assert_eq!(client.borrow().made + server.borrow().made, 2);
}

/// Sends a little and ends the wire below TLS without a farewell.
struct Rude(Slot);

impl Protocol for Rude {
    fn connection_made(&mut self, transport: &Transport) {
        *self.0.borrow_mut() = Some(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn tls_in_tls_is_two_endpoints_around_one() {
    let reactor = Simulation::new().reactor();
    let (outer_client, outer_server) = tls_pair("proxy.test");
    let (inner_client, inner_server) = tls_pair("inner.test");
    struct Parrot;
    impl Protocol for Parrot {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            transport.write(data);
            transport.lose_connection();
            Ok(())
        }
    }
    let tcp = TcpServer::new(&reactor, SERVER.into());
    wrap_server_tls(wrap_server_tls(tcp, &outer_server), &inner_server)
        .listen(|_: &Address| Parrot)
        .unwrap();
    let outer = wrap_client_tls(
        TcpClient::new(&reactor, SERVER.into()),
        &outer_client,
        "proxy.test",
    );
    let both = wrap_client_tls(outer, &inner_client, "inner.test");
    let (resolver, done) = Deferred::new();
    let log = Rc::new(RefCell::new(Log::default()));
    let mail = Mail {
        log: Rc::clone(&log),
        is_client: true,
        levels: Vec::new(),
        done: Some(resolver),
    };
    let mut mail = Some(mail);
    let connected = both.connect(move |_: &Address| {
        let mut mail = mail.take().unwrap();
        mail.is_client = false;
        mail
    });
    let connected = reactor.run_until(connected).unwrap();
    connected.transport().write(b"deep");
    reactor.run_until(done).unwrap();
    assert_eq!(log.borrow().received, b"deep");
    assert_eq!(log.borrow().reason, Some(ConnectionDone.to_string()));
}

#[test]
fn a_wire_that_ends_without_close_notify_is_told_as_truncated() {
    // C134, R71: a relay in the middle ends the wire on the one side when it is told to.
    struct Relay {
        to: Slot,
        own: Slot,
        early: Vec<u8>,
    }
    impl Protocol for Relay {
        fn connection_made(&mut self, transport: &Transport) {
            *self.own.borrow_mut() = Some(transport.clone());
        }
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.early.extend_from_slice(data);
            if let Some(to) = &*self.to.borrow() {
                to.write(&std::mem::take(&mut self.early));
            }
            Ok(())
        }
    }
    let reactor = Simulation::new().reactor();
    let (client_tls, server_tls) = tls_pair("mail.test");
    let server = Rc::new(RefCell::new(None));
    let accepted = Rc::clone(&server);
    wrap_server_tls(TcpServer::new(&reactor, SERVER.into()), &server_tls)
        .listen(move |_: &Address| Rude(Rc::clone(&accepted)))
        .unwrap();
    let (front, back): (Slot, Slot) = Default::default();
    let behind = {
        let (to, own) = (Rc::clone(&front), Rc::clone(&back));
        let mut relay = Some(Relay {
            to,
            own,
            early: Vec::new(),
        });
        TcpClient::new(&reactor, SERVER.into()).connect(move |_: &Address| relay.take().unwrap())
    };
    reactor.run_until(behind).unwrap();
    let relay_at = (SERVER.0, 26);
    let (to, own) = (Rc::clone(&back), Rc::clone(&front));
    TcpServer::new(&reactor, relay_at.into())
        .listen(move |_: &Address| Relay {
            to: Rc::clone(&to),
            own: Rc::clone(&own),
            early: Vec::new(),
        })
        .unwrap();
    let log = Rc::new(RefCell::new(Log::default()));
    let (resolver, done) = Deferred::new();
    let mail = Mail {
        log: Rc::clone(&log),
        is_client: false,
        levels: Vec::new(),
        done: Some(resolver),
    };
    let mut mail = Some(mail);
    let tcp = TcpClient::new(&reactor, relay_at.into());
    let connected = wrap_client_tls(tcp, &client_tls, "mail.test")
        .connect(move |_: &Address| mail.take().unwrap());
    reactor.run_until(connected).unwrap();
    let some_time = || torsade_core::task::defer_later(&reactor, Duration::from_secs(1), || ());
    reactor.run_until(some_time()).unwrap();
    server.borrow().as_ref().unwrap().write(b"half of it");
    reactor.run_until(some_time()).unwrap();
    front.borrow().as_ref().unwrap().lose_connection();
    reactor.run_until(done).unwrap();
    assert_eq!(log.borrow().received, b"half of it");
    let reason = log.borrow_mut().reason.take().unwrap();
    assert!(reason.contains("without close_notify"), "{reason}");
}
