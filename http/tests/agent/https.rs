//! https: the same requests over TLS, and all that TLS can object to.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use torsade_core::testing::Simulation;
use torsade_core::{Failure, Filter, Result, TcpServer};
use torsade_http::{Agent, AgentOptions, PartialBody, Response, Stage, UnspokenProtocol};
use torsade_tls::{ClientTls, ServerTls, TlsError, TlsFilter, TlsVersion, Trust, wrap_server_tls};

use crate::support::{Step, World, answer, request_error, send, stage};

const URL: &str = "https://server.test/";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key, as PEM.
struct Identity {
    chain: String,
    key: String,
}

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn identity(issuer: &Issuer, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    Identity {
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn server_tls(identity: &Identity) -> ServerTls {
    let builder = ServerTls::builder();
    let builder = builder.certificate_pem(identity.chain.as_str(), identity.key.as_str());
    builder.alpn(["http/1.1"]).build().unwrap()
}

fn client_tls(authority: &Issuer) -> ClientTls {
    let builder = ClientTls::builder().roots_from_pem(authority.pem());
    builder.alpn(["http/1.1"]).build().unwrap()
}

/// A world whose server speaks TLS, and whose Agent does as `client` says.
fn world(client: &ClientTls, server: &ServerTls, scripts: impl Into<Vec<Vec<Step>>>) -> World {
    World::wrapped(
        |endpoint| wrap_server_tls(endpoint, server),
        443,
        Simulation::new(),
        AgentOptions::new().tls(client),
        scripts.into(),
    )
}

/// A server that is trusted.
fn good_world(scripts: impl Into<Vec<Vec<Step>>>) -> World {
    let authority = authority("ours");
    let server = server_tls(&identity(&authority, "server.test", |_| {}));
    world(&client_tls(&authority), &server, scripts)
}

fn get(world: &World) -> Result<String> {
    world.run(world.agent.get(URL).add_callback(Response::text))
}

/// The error of a request that TLS does not let through.
fn refused(world: &World) -> (Failure, TlsError) {
    let failure = get(world).unwrap_err();
    let text = format!("{failure:#}");
    assert!(text.contains("https://server.test:443"), "{text}");
    let error = request_error(&failure).cause.find::<TlsError>();
    let error = error
        .unwrap_or_else(|| panic!("no error of TLS: {text}"))
        .clone();
    world.is_clean();
    (failure, error)
}

fn refused_certificate(change: impl FnOnce(&mut CertificateParams)) -> TlsError {
    let authority = authority("ours");
    let server = server_tls(&identity(&authority, "server.test", change));
    let world = world(
        &client_tls(&authority),
        &server,
        [vec![Step::Request, answer("never")]],
    );
    let (failure, error) = refused(&world);
    assert_eq!(stage(&failure), Stage::Connecting);
    // Complaint 11
    assert_eq!(world.connections(), 0, "the server's program saw nobody");
    error
}

#[test]
fn a_response_tells_what_tls_agreed_on() {
    // Complaint 11
    let world = good_world([vec![Step::Request, answer("safe")]]);
    let response = world.run(world.agent.get(URL)).unwrap();
    let tls = response.tls().unwrap();
    assert_eq!(tls.version, TlsVersion::Tls13);
    assert_eq!(tls.alpn.as_deref(), Some(b"http/1.1".as_slice()));
    let certificate = &tls.peer_certificates[0];
    assert_eq!(certificate.dns_names(), ["server.test"]);
    assert!(certificate.days_left(std::time::SystemTime::now()) > 0);
    assert_eq!(world.run(response.text()).unwrap(), "safe");
}

#[test]
fn a_plain_response_has_no_tls() {
    let world = World::new([vec![Step::Request, answer("plain")]]);
    assert!(world.run(world.get()).unwrap().tls().is_none());
}

#[test]
fn connections_are_kept_and_large_bodies_travel_in_any_segments() {
    let body = "0123456789".repeat(30_000);
    let authority = authority("ours");
    let server = server_tls(&identity(&authority, "server.test", |_| {}));
    for segment in [100, 1460, 65_536] {
        let world = World::wrapped(
            |endpoint| wrap_server_tls(endpoint, &server),
            443,
            Simulation::new().segment_size(segment),
            AgentOptions::new().tls(&client_tls(&authority)),
            [vec![
                Step::Request,
                answer(&body),
                Step::Request,
                answer("next"),
            ]],
        );
        assert!(get(&world).unwrap() == body, "{segment}");
        assert_eq!(get(&world).unwrap(), "next");
        assert_eq!(world.connections(), 1);
    }
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    let close = send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let world = good_world([vec![Step::Request, close]]);
    let mut resumed = Vec::new();
    for _ in 0..3 {
        let response = world.run(world.agent.get(URL)).unwrap();
        resumed.push(response.tls().unwrap().resumed);
        world.run(response.text()).unwrap();
    }
    assert_eq!(world.connections(), 3);
    assert_eq!(resumed, [false, true, true]);
}

#[test]
fn an_expired_certificate_says_since_when() {
    // Complaint 10, R87
    let error = refused_certificate(|params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    assert!(matches!(error, TlsError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("2020-01-01"), "{error}");
}

#[test]
fn a_certificate_from_the_future_says_from_when() {
    let error = refused_certificate(|params| {
        params.not_before = date_time_ymd(2090, 1, 1);
        params.not_after = date_time_ymd(2091, 1, 1);
    });
    assert!(matches!(error, TlsError::NotYetValid { .. }), "{error}");
    assert!(error.to_string().contains("2090-01-01"), "{error}");
}

#[test]
fn a_certificate_for_another_name_says_for_which() {
    // Complaint 10
    let error = refused_certificate(|params| {
        *params = CertificateParams::new(["elsewhere.test".to_owned()]).unwrap();
    });
    assert!(matches!(error, TlsError::WrongName { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("server.test") && text.contains("elsewhere.test"),
        "{text}"
    );
}

#[test]
fn an_unknown_issuer_is_named() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let server = server_tls(&identity(&theirs, "server.test", |_| {}));
    let world = world(&client_tls(&ours), &server, [vec![]]);
    let (failure, error) = refused(&world);
    assert_eq!(stage(&failure), Stage::Connecting);
    assert!(matches!(error, TlsError::UnknownIssuer { .. }), "{error}");
    assert!(error.to_string().contains("theirs"), "{error}");
}

#[test]
fn a_self_signed_certificate_shows_its_fingerprint() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["server.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let server = server_tls(&Identity {
        chain: certificate.pem(),
        key: key.serialize_pem(),
    });
    let world = world(&client_tls(&authority("ours")), &server, [vec![]]);
    let (_, error) = refused(&world);
    match &error {
        TlsError::SelfSigned { fingerprint, .. } => assert!(!fingerprint.is_empty()),
        other => panic!("{other}"),
    }
}

#[test]
fn https_to_a_plain_server_says_that_it_is_one() {
    // Complaint 10
    let tls = client_tls(&authority("ours"));
    let options = AgentOptions::new().tls(&tls);
    let bad_request = send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let scripts = [vec![Step::Bytes(1), bad_request, Step::HANG]];
    let world = World::at_port(443, Simulation::new(), options, scripts);
    let (failure, error) = refused(&world);
    assert_eq!(stage(&failure), Stage::Connecting);
    assert!(matches!(error, TlsError::NotTls { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("HTTP"), "{text}");
}

#[test]
fn http_to_a_tls_server_says_that_it_is_one() {
    let authority = authority("ours");
    let server = server_tls(&identity(&authority, "server.test", |_| {}));
    let world = World::wrapped(
        |endpoint| wrap_server_tls(endpoint, &server),
        80,
        Simulation::new(),
        AgentOptions::new(),
        [vec![]],
    );
    let failure = world.get_error();
    let text = format!("{failure:#}");
    assert!(
        text.contains("server.test:80") && text.contains("TLS"),
        "{text}"
    );
    world.is_clean();
}

#[test]
fn a_server_that_is_silent_in_the_handshake_is_given_up() {
    let tls = client_tls(&authority("ours"));
    let options = AgentOptions::new()
        .tls(&tls)
        .connect_timeout(Duration::from_secs(7));
    let world = World::at_port(443, Simulation::new(), options, [vec![Step::HANG]]);
    let start = world.reactor.now();
    let failure = get(&world).unwrap_err();
    assert_eq!(stage(&failure), Stage::Connecting);
    assert!(request_error(&failure).is_timeout(), "{failure:#}");
    assert_eq!(world.reactor.now() - start, Duration::from_secs(7));
    let text = format!("{failure:#}");
    assert!(text.contains("handshake"), "{text}");
    world.is_clean();
}

#[test]
fn a_server_that_closes_in_the_handshake_says_nothing_more() {
    let tls = client_tls(&authority("ours"));
    let options = AgentOptions::new().tls(&tls);
    let scripts = [vec![Step::Bytes(1), Step::Fin]];
    let world = World::at_port(443, Simulation::new(), options, scripts);
    let (_, error) = refused(&world);
    assert!(
        matches!(
            error,
            TlsError::EofInHandshake {
                answered: false,
                ..
            }
        ),
        "{error}"
    );
}

/// A server that wants to see a certificate of `theirs`.
fn demanding_world(client: impl FnOnce(&Issuer, &Issuer) -> ClientTls) -> World {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let identity = identity(&ours, "server.test", |_| {});
    let server = ServerTls::builder()
        .certificate_pem(identity.chain, identity.key)
        .require_client_certificates(Trust::none().roots_from_pem(theirs.pem()))
        .build()
        .unwrap();
    world(
        &client(&ours, &theirs),
        &server,
        [vec![Step::Request, answer("known")]],
    )
}

fn with_certificate_of(issuer: &Issuer, trusted: &Issuer) -> ClientTls {
    let identity = identity(issuer, "somebody", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    ClientTls::builder()
        .roots_from_pem(trusted.pem())
        .client_certificate_pem(identity.chain, identity.key)
        .build()
        .unwrap()
}

#[test]
fn a_client_with_the_right_certificate_is_let_in() {
    let world = demanding_world(|ours, theirs| with_certificate_of(theirs, ours));
    assert_eq!(get(&world).unwrap(), "known");
}

#[test]
fn a_client_without_or_with_a_wrong_certificate_learns_that_it_was_refused() {
    // R78: with TLS 1.3 the alert comes when the request is on its way already
    let without = demanding_world(|ours, _| client_tls(ours));
    let wrong = demanding_world(|ours, _| with_certificate_of(ours, ours));
    for (world, has_shown_one) in [(without, false), (wrong, true)] {
        let (_, error) = refused(&world);
        match &error {
            TlsError::CertificateRefused { was_shown, .. } => {
                assert_eq!(*was_shown, has_shown_one);
            }
            other => panic!("{other}"),
        }
    }
}

/// TLS that ends without a word.
#[derive(Debug)]
struct NoFarewell(TlsFilter);

impl Filter for NoFarewell {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        self.0.start(wire)
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()> {
        self.0.decode(input, plain, wire)
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        self.0.encode(plain, wire)
    }

    fn close_write(&mut self, _: &mut Vec<u8>) {}

    fn wire_closed(&mut self) -> Result<()> {
        self.0.wire_closed()
    }

    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    fn is_read_closed(&self) -> bool {
        self.0.is_read_closed()
    }

    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        self.0.negotiated()
    }
}

/// The answer of a server that ends its connection without close_notify.
fn cut_off(reply: &str) -> Result<String> {
    let authority = authority("ours");
    let server = server_tls(&identity(&authority, "server.test", |_| {}));
    let world = World::wrapped(
        move |endpoint: TcpServer| endpoint.filter(move || Ok(NoFarewell(server.filter()?))),
        443,
        Simulation::new(),
        AgentOptions::new().tls(&client_tls(&authority)),
        [vec![Step::Request, send(reply), Step::Fin]],
    );
    let result = get(&world);
    world.is_clean();
    result
}

#[test]
fn a_body_that_ends_with_a_connection_cut_off_is_an_error() {
    // R71, RFC 9112 section 9.8
    let failure = cut_off("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello").unwrap_err();
    assert_eq!(stage(&failure), Stage::ReadingBody);
    assert_eq!(failure.check::<PartialBody>().unwrap().bytes, "hello");
    let error = request_error(&failure).cause.find::<TlsError>();
    assert!(
        matches!(error, Some(TlsError::ClosedWithoutCloseNotify { .. })),
        "{failure:#}"
    );
}

#[test]
fn a_body_that_says_where_it_ends_is_complete_although_the_connection_is_cut_off() {
    // R71
    for reply in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        assert_eq!(cut_off(reply).unwrap(), "hello");
    }
}

#[test]
fn a_body_that_ends_with_close_notify_is_complete() {
    let reply = send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
    let world = good_world([vec![Step::Request, reply, Step::Fin]]);
    assert_eq!(get(&world).unwrap(), "hello");
    world.is_clean();
}

#[test]
fn agents_with_different_trust_share_nothing() {
    // R47, R79
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let server = server_tls(&identity(&ours, "server.test", |_| {}));
    let answers = [Step::Request, answer("ok")].into_iter().cycle().take(10);
    let world = world(&client_tls(&ours), &server, [answers.collect()]);
    assert_eq!(get(&world).unwrap(), "ok");
    let strict = AgentOptions::new().tls(&client_tls(&theirs));
    let strict = Agent::with_options(&world.reactor, strict);
    let failure = world.run(strict.get(URL)).unwrap_err();
    assert!(failure.find::<TlsError>().is_some(), "{failure:#}");
    assert_eq!(get(&world).unwrap(), "ok");
    assert_eq!(world.connections(), 1);
}

// R50, C163
#[test]
fn closing_idle_connections_ends_although_the_server_has_no_last_word() {
    let world = good_world([vec![Step::Request, answer("ok"), Step::StopReading]]);
    assert_eq!(get(&world).unwrap(), "ok");
    assert_eq!(world.agent.pool_statistics().idle, 1);
    let start = world.reactor.now();
    world.run(world.agent.close_cached_connections()).unwrap();
    let took = world.reactor.now() - start;
    assert!(took <= Duration::from_secs(4), "{took:?}");
    assert_eq!(world.agent.pool_statistics().open, 0);
}

#[test]
fn a_server_that_chooses_a_protocol_that_is_not_spoken_is_a_typed_error() {
    let issuer = authority("one");
    let identity = identity(&issuer, "server.test", |_| {});
    let server =
        ServerTls::builder().certificate_pem(identity.chain.as_str(), identity.key.as_str());
    let server = server.alpn(["h2", "http/1.1"]).build().unwrap();
    let client = ClientTls::builder().roots_from_pem(issuer.pem());
    let client = client.alpn(["h2", "http/1.1"]).build().unwrap();
    let world = world(&client, &server, [vec![Step::HANG]]);
    let failure = world.run(world.agent.get(URL)).unwrap_err();
    assert_eq!(stage(&failure), Stage::Connecting);
    let unspoken = failure.find::<UnspokenProtocol>();
    let unspoken = unspoken.unwrap_or_else(|| panic!("{failure:#}"));
    assert_eq!(unspoken.alpn, b"h2");
    let is_silent = (0..world.connections()).all(|at| world.received(at).is_empty());
    assert!(is_silent, "nothing is sent that it would not understand");
    world.is_clean();
}
