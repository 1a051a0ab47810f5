//! TLS connections over the simulated world: no socket, no waiting.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::endpoints::{ClientEndpoint, HostnameClient, TcpServer, UnixClient, UnixServer};
use torsade_core::testing::Simulation;
use torsade_core::{Address, ConnectionDone, Deferred, Failure, Protocol, Reactor, Resolver};
use torsade_core::{Result, Transport};
use torsade_tls::{
    ClientTls, ServerTls, TlsError, TlsInfo, sniff_server_tls, wrap_client_tls, wrap_server_tls,
};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Sends back what it gets.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

/// Sends bytes, expects them back, and closes.
struct Caller {
    expected: usize,
    received: Vec<u8>,
    done: Option<Resolver<(Vec<u8>, String)>>,
    log: Rc<RefCell<Vec<String>>>,
}

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        let info = transport
            .negotiated::<TlsInfo>()
            .expect("TLS is negotiated by now");
        self.log.borrow_mut().push(format!("{:?}", info.version));
        transport.write(&pattern(self.expected));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.received.extend_from_slice(data);
        if self.received.len() == self.expected {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let received = std::mem::take(&mut self.received);
        if let Some(done) = self.done.take() {
            done.callback((received, format!("{reason}")));
        }
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

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

fn call(
    reactor: &Reactor,
    tls: &ClientTls,
    name: &str,
    expected: usize,
) -> Deferred<(Vec<u8>, String)> {
    let (resolver, done) = Deferred::new();
    let mut resolver = Some(resolver);
    let log = Rc::new(RefCell::new(Vec::new()));
    let tcp = HostnameClient::new(reactor, name, 443);
    wrap_client_tls(tcp, tls, name)
        .connect(move |_: &Address| Caller {
            expected,
            received: Vec::new(),
            done: resolver.take(),
            log: Rc::clone(&log),
        })
        .add_callback(|_| done)
}

fn world(segment: usize) -> Reactor {
    Simulation::new()
        .segment_size(segment)
        .host("echo.test", [HOST])
        .reactor()
}

#[test]
fn bytes_cross_tls_whatever_the_segments_and_both_sides_say_farewell() {
    // C131, C135, C138, C149
    for (segment, size) in [
        (1, 2_000),
        (7, 50_000),
        (1460, 3_000_000),
        (65536, 3_000_000),
    ] {
        let reactor = world(segment);
        let (client, server) = tls_pair("echo.test");
        wrap_server_tls(TcpServer::new(&reactor, (HOST, 443).into()), &server)
            .listen(|_: &Address| Echo)
            .unwrap();
        let (received, reason) = reactor
            .run_until(call(&reactor, &client, "echo.test", size))
            .unwrap();
        assert!(received == pattern(size), "segments of {segment}");
        assert_eq!(reason, ConnectionDone.to_string());
        reactor
            .run_until(torsade_core::task::defer_later(
                &reactor,
                Duration::from_secs(10),
                || (),
            ))
            .unwrap();
        assert_eq!(reactor.open_sources(), 1, "only the listener is left");
    }
}

// R73
#[test]
fn windows_smaller_than_a_record_lose_nothing() {
    for (segment, window) in [(1, 40), (60, 100), (1460, 1000)] {
        let reactor = Simulation::new()
            .segment_size(segment)
            .window(window)
            .host("echo.test", [HOST])
            .reactor();
        let (client, server) = tls_pair("echo.test");
        wrap_server_tls(TcpServer::new(&reactor, (HOST, 443).into()), &server)
            .listen(|_: &Address| Echo)
            .unwrap();
        let called = call(&reactor, &client, "echo.test", 40_000);
        let (received, reason) = reactor.run_until(called).unwrap();
        assert!(received == pattern(40_000), "a window of {window}");
        assert_eq!(reason, ConnectionDone.to_string());
    }
}

#[test]
fn unix_sockets_carry_tls_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    for reactor in [Simulation::new().reactor(), Reactor::new().unwrap()] {
        let name = directory.path().join("socket");
        let (client, server) = tls_pair("echo.test");
        let port = wrap_server_tls(UnixServer::new(&reactor, name.clone()), &server)
            .listen(|_: &Address| Echo)
            .unwrap();
        let (resolver, done) = Deferred::new();
        let mut resolver = Some(resolver);
        let called = wrap_client_tls(UnixClient::new(&reactor, name), &client, "echo.test")
            .connect(move |_: &Address| Caller {
                expected: 300_000,
                received: Vec::new(),
                done: resolver.take(),
                log: Rc::default(),
            })
            .add_callback(|_| done);
        let (received, reason) = reactor.run_until(called).unwrap();
        assert!(received == pattern(300_000));
        assert_eq!(reason, ConnectionDone.to_string());
        reactor.run_until(port.stop_listening()).unwrap();
    }
}

/// Takes down when the first answer comes.
struct Awaits {
    answered: Option<Resolver<Vec<u8>>>,
}

impl Protocol for Awaits {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        if let Some(answered) = self.answered.take() {
            answered.callback(data.to_vec());
            transport.lose_connection();
        }
        Ok(())
    }
}

#[test]
fn early_data_saves_a_round_trip() {
    let reactor = world(65536);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["echo.test".to_owned()]).unwrap();
    let client = ClientTls::builder().roots_from_pem(cert.pem());
    let client = client.build().unwrap();
    let server = ServerTls::builder()
        .certificate_pem(cert.pem(), signing_key.serialize_pem())
        .early_data(1000)
        .build()
        .unwrap();
    wrap_server_tls(TcpServer::new(&reactor, (HOST, 443).into()), &server)
        .listen(|_: &Address| Echo)
        .unwrap();
    let ask = || {
        let (resolver, answered) = Deferred::new();
        let mut resolver = Some(resolver);
        let tcp = HostnameClient::new(&reactor, "echo.test", 443);
        let connected = wrap_client_tls(tcp, &client, "echo.test")
            .early_data("hello")
            .connect(move |_: &Address| Awaits {
                answered: resolver.take(),
            });
        let start = reactor.now();
        let answer = reactor
            .run_until(connected.add_callback(|_| answered))
            .unwrap();
        assert_eq!(answer, b"hello");
        (reactor.now() - start).as_millis()
    };
    // A millisecond each way: to connect, for the handshake, for the question.
    assert_eq!(ask(), 6);
    // The question goes with the hello.
    assert_eq!(ask(), 4);
}

#[test]
fn a_certificate_for_another_name_fails_connect_and_builds_no_protocol() {
    // C125, C133
    let reactor = world(1460);
    let (client, server) = tls_pair("other.test");
    wrap_server_tls(TcpServer::new(&reactor, (HOST, 443).into()), &server)
        .listen(|_: &Address| -> Echo { panic!("the handshake failed, so nobody asks for this") })
        .unwrap();
    let failure = reactor
        .run_until(call(&reactor, &client, "echo.test", 1))
        .unwrap_err();
    let error = failure.trap::<TlsError>().unwrap();
    assert!(matches!(error, TlsError::WrongName { .. }), "{error:?}");
}

#[test]
fn a_server_that_never_answers_the_hello_times_out_in_the_handshake() {
    // R11's kind, C136
    let reactor = world(1460);
    let (client, _) = tls_pair("echo.test");
    struct Mute;
    impl Protocol for Mute {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
            Ok(())
        }
    }
    TcpServer::new(&reactor, (HOST, 443).into())
        .listen(|_: &Address| Mute)
        .unwrap();
    let start = reactor.now();
    let failure = reactor
        .run_until(call(&reactor, &client, "echo.test", 1))
        .unwrap_err();
    let error = failure.trap::<torsade_core::ConnectTimedOut>().unwrap();
    assert_eq!(error.stage, torsade_core::ConnectStage::Handshake);
    assert_eq!(reactor.now() - start, Duration::from_secs(30));
}

#[test]
fn plain_http_on_the_tls_port_is_told_as_such() {
    let reactor = world(1460);
    let (client, _) = tls_pair("echo.test");
    struct Http;
    impl Protocol for Http {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
            transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            transport.lose_connection();
            Ok(())
        }
    }
    TcpServer::new(&reactor, (HOST, 443).into())
        .listen(|_: &Address| Http)
        .unwrap();
    let failure = reactor
        .run_until(call(&reactor, &client, "echo.test", 1))
        .unwrap_err();
    let error = failure.trap::<TlsError>().unwrap();
    assert!(matches!(error, TlsError::NotTls { .. }), "{error:?}");
}

/// Says what it speaks, behind what it hears.
struct Says;

impl Protocol for Says {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        let is_safe = transport.negotiated::<TlsInfo>().is_some();
        transport.write(if is_safe { b" safe" } else { b" plain" });
        transport.lose_connection();
        Ok(())
    }
}

/// Says hello, and collects the answer.
struct Hello(Vec<u8>, Option<Resolver<String>>);

impl Protocol for Hello {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"hello");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(done) = self.1.take() {
            done.callback(String::from_utf8_lossy(&self.0).into_owned());
        }
    }
}

fn say_hello(reactor: &Reactor, endpoint: &impl ClientEndpoint) -> String {
    let (resolver, done) = Deferred::new();
    let connected = endpoint.connect_protocol(Hello(Vec::new(), Some(resolver)));
    reactor.run_until(connected.add_callback(|_| done)).unwrap()
}

#[test]
fn one_port_serves_with_tls_and_without_as_each_client_begins() {
    for segment in [1, 3, 1460] {
        let reactor = world(segment);
        let (client, server) = tls_pair("echo.test");
        sniff_server_tls(TcpServer::new(&reactor, (HOST, 443).into()), &server)
            .listen(|_: &Address| Says)
            .unwrap();
        let tcp = || HostnameClient::new(&reactor, "echo.test", 443);
        let tls = wrap_client_tls(tcp(), &client, "echo.test");
        assert_eq!(say_hello(&reactor, &tls), "hello safe");
        assert_eq!(say_hello(&reactor, &tcp()), "hello plain");
    }
}
