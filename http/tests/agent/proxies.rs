//! Requests by way of proxies: what goes to whom, and what goes wrong on the way.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::filter::Socks5Error;
use torsade_core::testing::Simulation;
use torsade_core::{Address, Failure, Protocol, Reactor, Result, TcpServer, Transport};
use torsade_http::{
    Agent, AgentOptions, Proxies, Proxy, ProxyError, Request, RequestError, Response, Stage,
};
use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError, wrap_server_tls};

use crate::support::{HOST, Step, World, answer, request_error, send, stage};

fn proxy(url: &str) -> Proxies {
    Proxies::all(url.parse::<Proxy>().unwrap())
}

/// A world whose scripted server is a proxy on port 3128.
fn world(url: &str, scripts: impl Into<Vec<Vec<Step>>>) -> World {
    let options = AgentOptions::new().proxies(proxy(url));
    World::at_port(3128, Simulation::new(), options, scripts.into())
}

fn text(world: &World, url: &str) -> Result<String> {
    world.run(world.agent.get(url).add_callback(Response::text))
}

// C166, RFC 9112 section 3.2.2
#[test]
fn an_http_proxy_is_asked_for_the_whole_url() {
    let script = vec![Step::Request, answer("one"), Step::Request, answer("two")];
    let world = world("http://me:secret@server.test:3128", [script]);
    let url = "http://far.test:8080/path?q=1#part";
    assert_eq!(text(&world, url).unwrap(), "one");
    assert_eq!(text(&world, url).unwrap(), "two");
    assert_eq!(world.connections(), 1, "it was kept");
    let head = "GET http://far.test:8080/path?q=1 HTTP/1.1\r\nHost: far.test:8080\r\n\
                Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n";
    assert_eq!(world.received(0), head.repeat(2));
}

#[test]
fn an_answer_of_the_proxy_is_an_answer_for_http() {
    let refusal = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    let world = world(
        "http://server.test:3128",
        [vec![Step::Request, send(refusal)]],
    );
    let response = world.run(world.agent.get("http://far.test/")).unwrap();
    assert_eq!(response.status(), 407);
}

// R47, C163
#[test]
fn connections_of_one_proxy_or_host_are_not_used_for_another() {
    let script = vec![Step::Request, answer("ok"), Step::Request, answer("again")];
    let world = world("http://server.test:3128", [script]);
    text(&world, "http://one.test/").unwrap();
    text(&world, "http://two.test/").unwrap();
    assert_eq!(world.connections(), 2);
}

/// What a proxy says to a head.
type AnswerTo = dyn Fn(&str) -> Vec<u8>;

/// What a proxy and the servers behind it have heard.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) heads: Vec<String>,
    ended: usize,
}

/// A proxy that opens tunnels, all to a server of its own behind TLS.
struct Tunnels {
    tls: ServerTls,
    answer: Rc<AnswerTo>,
    received: Vec<u8>,
    heard: Rc<RefCell<Heard>>,
}

impl Protocol for Tunnels {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.received.extend_from_slice(data);
        if !self.received.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        let head = String::from_utf8(std::mem::take(&mut self.received)).unwrap();
        let is_connect = head.starts_with("CONNECT ");
        let answer = (self.answer)(&head);
        self.heard.borrow_mut().heads.push(head);
        if !is_connect {
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsafe");
        } else {
            transport.write(&answer);
            if answer.ends_with(b"FIN") {
                transport.lose_connection();
            } else if answer.ends_with(b"RST") {
                transport.abort_connection();
            } else if answer.starts_with(b"HTTP/1.1 200") {
                let started = transport.start_tls_server(&self.tls)?;
                drop(started.add_errback(|_| Ok(())));
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.heard.borrow_mut().ended += 1;
    }
}

/// A reactor, an Agent that knows the proxy at `url`, and what the proxy hears.
fn tunnels(url: &str, answer: &[u8]) -> (Reactor, Agent, Rc<RefCell<Heard>>) {
    tunnels_in(Simulation::new(), url, answer)
}

fn tunnels_in(
    simulation: Simulation,
    url: &str,
    answer: &[u8],
) -> (Reactor, Agent, Rc<RefCell<Heard>>) {
    let proxy = url.parse::<Proxy>().unwrap();
    let answer = answer.to_vec();
    tunnels_by(simulation, proxy, url.starts_with("https"), move |_| {
        answer.clone()
    })
}

/// The same with a proxy made already, and what answers each head.
pub(crate) fn tunnels_by<B: AsRef<[u8]>>(
    simulation: Simulation,
    proxy: Proxy,
    is_https: bool,
    answer: impl Fn(&str) -> B + 'static,
) -> (Reactor, Agent, Rc<RefCell<Heard>>) {
    let answer: Rc<AnswerTo> = Rc::new(move |head| answer(head).as_ref().to_vec());
    let names = ["far.test".to_owned(), "server.test".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let tls = ServerTls::builder()
        .certificate_pem(cert.pem(), signing_key.serialize_pem())
        .build()
        .unwrap();
    let client = ClientTls::builder().roots_from_pem(cert.pem());
    let client = client.alpn(["http/1.1"]).build().unwrap();
    let reactor = simulation.host("server.test", [HOST]).reactor();
    let heard = Rc::new(RefCell::new(Heard::default()));
    let mut server = TcpServer::new(&reactor, (HOST, 3128).into());
    if is_https {
        server = wrap_server_tls(server, &tls);
    }
    let notes = Rc::clone(&heard);
    server
        .listen(move |_: &Address| Tunnels {
            tls: tls.clone(),
            answer: Rc::clone(&answer),
            received: Vec::new(),
            heard: Rc::clone(&notes),
        })
        .unwrap();
    let options = AgentOptions::new()
        .tls(&client)
        .proxies(Proxies::all(proxy));
    let agent = Agent::with_options(&reactor, options);
    (reactor, agent, heard)
}

pub(crate) const OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\nContent-Length: 10\r\n\r\n";

// C166, R66, R68, complaint 8
#[test]
fn https_goes_through_a_tunnel_and_never_in_clear() {
    for url in [
        "http://me:secret@server.test:3128",
        "https://me:secret@server.test:3128",
    ] {
        let (reactor, agent, heard) = tunnels(url, OPEN);
        let request = Request::new(torsade_http::Method::GET, "https://far.test/private")
            .unwrap()
            .header("Authorization", "Bearer of-the-server")
            .unwrap()
            .header("Proxy-Authorization", "Basic of-the-proxy")
            .unwrap();
        let response = reactor.run_until(agent.request(request)).unwrap();
        assert_eq!(
            response.tls().unwrap().server_name.as_deref(),
            Some("far.test")
        );
        assert_eq!(reactor.run_until(response.text()).unwrap(), "safe");
        let heads = &heard.borrow().heads;
        assert_eq!(
            heads[0],
            "CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n\
             Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        );
        // The proxy's credentials are none of the server's business.
        assert_eq!(
            heads[1],
            "GET /private HTTP/1.1\r\nHost: far.test\r\nAuthorization: Bearer of-the-server\r\n\r\n"
        );
    }
}

#[test]
fn a_tunnel_is_kept_for_the_next_request() {
    let (reactor, agent, heard) = tunnels("http://server.test:3128", OPEN);
    for _ in 0..3 {
        let text = agent.get("https://far.test/").add_callback(Response::text);
        assert_eq!(reactor.run_until(text).unwrap(), "safe");
    }
    let connects = heard
        .borrow()
        .heads
        .iter()
        .filter(|head| head.starts_with("CONNECT"))
        .count();
    assert_eq!(connects, 1);
}

fn failure(answer: &[u8]) -> (Failure, ProxyError) {
    let (reactor, agent, _) = tunnels("http://server.test:3128", answer);
    let failure = reactor
        .run_until(agent.get("https://far.test/"))
        .unwrap_err();
    assert_eq!(stage(&failure), Stage::Connecting);
    let text = format!("{failure:#}");
    assert!(
        text.contains("https://far.test:443 by way of http://server.test:3128"),
        "{text}"
    );
    let error = request_error(&failure).cause.find::<ProxyError>();
    let error = error.unwrap_or_else(|| panic!("{text}")).clone();
    (failure, error)
}

// R67
#[test]
fn a_refusal_of_the_proxy_names_everybody() {
    let (_, error) = failure(b"HTTP/1.1 403 Not you\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(&error, ProxyError::Refused { status, .. } if status.as_u16() == 403));
    let (_, error) = failure(
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"office\"\r\nProxy-Authenticate: \
          Negotiate\r\n\r\n",
    );
    let ProxyError::AuthenticationRequired {
        challenges,
        had_credentials,
        ..
    } = error
    else {
        panic!("{error}")
    };
    let challenges: Vec<String> = challenges.iter().map(ToString::to_string).collect();
    assert_eq!(challenges, ["Basic realm=\"office\"", "Negotiate"]);
    assert!(!had_credentials);
    // With a body of no length.
    let (_, error) = failure(b"HTTP/1.1 407 Who\r\n\r\n<html>who?</html>FIN");
    assert!(
        matches!(error, ProxyError::AuthenticationRequired { .. }),
        "{error}"
    );
    for broken in [
        &b"HTTP/1.1 20FIN"[..],
        b"HTTP/1.1 200 OK\r\nX: FIN",
        b"FIN",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
    ] {
        let (_, error) = failure(broken);
        assert!(matches!(error, ProxyError::Broken { .. }), "{error}");
    }
}

// R67
#[test]
fn a_proxy_that_breaks_the_connection_is_named() {
    let (reactor, agent, _) = tunnels("http://server.test:3128", b"RST");
    let failure = reactor
        .run_until(agent.get("https://far.test/"))
        .unwrap_err();
    assert_eq!(stage(&failure), Stage::Connecting);
    let text = format!("{failure:#}");
    assert!(
        text.contains("https://far.test:443 by way of http://server.test:3128"),
        "{text}"
    );
    assert_eq!(agent.pool_statistics().open, 0);
}

// R64, R67
#[test]
fn the_answer_of_a_proxy_may_come_byte_by_byte_and_in_many_forms() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for answer in [
        OPEN,
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        long.as_bytes(),
    ] {
        for segment in [1, 1460] {
            let simulation = Simulation::new().segment_size(segment);
            let (reactor, agent, _) = tunnels_in(simulation, "http://server.test:3128", answer);
            let text = agent.get("https://far.test/").add_callback(Response::text);
            assert_eq!(reactor.run_until(text).unwrap(), "safe");
        }
    }
}

#[test]
fn the_server_behind_the_tunnel_has_to_prove_itself() {
    let (reactor, agent, _) = tunnels("http://server.test:3128", OPEN);
    let failure = reactor
        .run_until(agent.get("https://elsewhere.test/"))
        .unwrap_err();
    let error = request_error(&failure).cause.find::<TlsError>().unwrap();
    assert!(matches!(error, TlsError::WrongName { .. }), "{error}");
}

// R70
#[test]
fn cancelling_at_any_time_leaves_no_connection_to_the_proxy() {
    let (mut cancelled, mut completed) = (0, 0);
    for tenths in 0..120 {
        let (reactor, agent, heard) = tunnels("http://server.test:3128", OPEN);
        let limit = Duration::from_micros(100 * tenths + 50);
        let text = agent.get("https://far.test/").add_callback(Response::text);
        let result = reactor.run_until(text.add_timeout(&reactor, limit));
        if let Err(failure) = &result {
            let is_request = failure.find::<RequestError>().is_some()
                || failure.check::<torsade_http::PartialBody>().is_some()
                || failure.check::<torsade_core::TimedOut>().is_some();
            assert!(is_request, "{failure:#}");
            let rest = torsade_core::task::defer_later(&reactor, Duration::from_secs(10), || ());
            reactor.run_until(rest).unwrap();
            assert_eq!(agent.pool_statistics().open, 0, "after {limit:?}");
            assert_eq!(reactor.open_sources(), 1, "after {limit:?}");
            cancelled += 1;
        } else {
            completed += 1;
        }
        drop(heard);
    }
    // So it was cancelled at each of its stages.
    assert!(
        cancelled > 50 && completed > 5,
        "{cancelled} and {completed}"
    );
}

#[test]
fn a_proxy_that_says_nothing_is_given_up() {
    let (reactor, agent, _) = tunnels("http://server.test:3128", b"HTTP/1.1 100 Wait\r\n\r\n");
    let start = reactor.now();
    let failure = reactor
        .run_until(agent.get("https://far.test/"))
        .unwrap_err();
    assert!(request_error(&failure).is_timeout(), "{failure:#}");
    assert_eq!(reactor.now() - start, Duration::from_secs(30));
}

#[test]
fn socks5_connects_for_http_and_looks_names_up() {
    let granted = send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50");
    let script = vec![
        Step::Bytes(3),
        send(b"\x05\x00"),
        Step::Bytes(7 + 8),
        granted,
        Step::Request,
        answer("through"),
    ];
    let world = world("socks5://server.test:3128", [script]);
    assert_eq!(text(&world, "http://far.test/x").unwrap(), "through");
    let expected = "\u{5}\u{1}\0\u{5}\u{1}\0\u{3}\u{8}far.test\0PGET /x HTTP/1.1\r\n\
                    Host: far.test\r\n\r\n";
    assert_eq!(world.received(0), expected);
}

#[test]
fn a_refusal_of_a_socks5_proxy_is_typed() {
    let script = vec![
        Step::Bytes(3),
        send(b"\x05\x00"),
        Step::Bytes(15),
        send(b"\x05\x05\x00"),
    ];
    let world = world("socks5://server.test:3128", [script]);
    let failure = text(&world, "http://far.test/").unwrap_err();
    let error = request_error(&failure).cause.find::<Socks5Error>();
    assert_eq!(error, Some(&Socks5Error::Refused(5)));
    assert_eq!(stage(&failure), Stage::Connecting);
    world.is_clean();
}

#[test]
fn hosts_without_a_proxy_are_reached_directly() {
    let options = AgentOptions::new().proxies(proxy("http://no-such.test").no_proxy("server.test"));
    let script = vec![Step::Request, answer("direct")];
    let world = World::with(Simulation::new(), options, [script]);
    assert_eq!(world.get_text().unwrap(), "direct");
    let failure = text(&world, "http://other.test/").unwrap_err();
    assert!(
        format!("{failure:#}").contains("no-such.test"),
        "{failure:#}"
    );
}

#[test]
fn a_proxy_can_be_asked_for_tunnels_to_http_too() {
    let proxy: Proxy = "http://server.test:3128".parse().unwrap();
    let options = AgentOptions::new().proxies(Proxies::all(proxy.always_tunnel()));
    let tunnel = send("HTTP/1.1 200 Open\r\n\r\n");
    let script = vec![Step::Request, tunnel, Step::Request, answer("through")];
    let world = World::at_port(3128, Simulation::new(), options, [script]);
    assert_eq!(text(&world, "http://far.test/x").unwrap(), "through");
    let (connect, rest) = (
        "CONNECT far.test:80 HTTP/1.1\r\n",
        "GET /x HTTP/1.1\r\nHost: far.test\r\n\r\n",
    );
    let received = world.received(0);
    assert!(
        received.starts_with(connect) && received.ends_with(rest),
        "{received}"
    );
}
