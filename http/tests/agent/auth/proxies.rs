//! Proxies that ask who we are.

use torsade_core::Deferred;
use torsade_core::testing::Simulation;
use torsade_http::{
    AgentOptions, AuthError, BodyProducer, BodyWriter, Method, Proxies, Proxy, ProxyError, Request,
    Response,
};

use super::{field, heads, proven_in};
use crate::proxies::{OPEN, tunnels_by};
use crate::support::{Step, World, answer, request_error, send};

const FIELD: &str = "Proxy-Authorization";

fn proxy() -> Proxy {
    "http://me:secret@server.test:3128".parse().unwrap()
}

fn world(proxy: Proxy, script: Vec<Step>) -> World {
    let options = AgentOptions::new().proxies(Proxies::all(proxy));
    World::at_port(3128, Simulation::new(), options, [script])
}

fn refusal(more: &str) -> Step {
    send(format!(
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"r\"\r\n\
         Proxy-Authenticate: Digest realm=\"r\", qop=\"auth\", {more}\r\n\
         Content-Length: 4\r\n\r\nwho?"
    ))
}

fn get(world: &World) -> u16 {
    let response = world.run(world.agent.get("http://far.test/x?y")).unwrap();
    let status = response.status().as_u16();
    world.run(response.text()).unwrap();
    status
}

fn nonces(heads: &[String]) -> Vec<(String, u32)> {
    let proven = |head: &String| proven_in(head, FIELD, "");
    heads.iter().map(proven).collect()
}

#[test]
fn a_proxy_that_takes_requests_is_answered_and_its_nonce_used_again() {
    let next = "HTTP/1.1 200 OK\r\nProxy-Authentication-Info: nextnonce=\"two\"\r\n\
                Content-Length: 0\r\n\r\n";
    let script = vec![
        Step::Request,
        refusal("nonce=one"),
        Step::Request,
        answer("ok"),
        Step::Request,
        send(next),
        Step::Request,
        refusal("nonce=three, stale=true"),
        Step::Request,
        answer("ok"),
    ];
    let world = world(proxy(), script);
    for _ in 0..3 {
        assert_eq!(get(&world), 200);
    }
    assert_eq!(world.connections(), 1);
    let heads = heads(&world, 0);
    assert_eq!(field(&heads[0], FIELD), Some("Basic bWU6c2VjcmV0"));
    assert!(heads[1].starts_with("GET http://far.test/x?y "));
    let one = |nonce: &str| (nonce.to_owned(), 1);
    let expected = [one("one"), ("one".to_owned(), 2), one("two"), one("three")];
    assert_eq!(nonces(&heads[1..]), expected);
    assert!(!world.received(0).contains("\r\nAuthorization"));
}

#[test]
fn a_proxy_that_refuses_an_answer_is_not_asked_again() {
    let script = vec![
        Step::Request,
        refusal("nonce=one"),
        Step::Request,
        refusal("nonce=two"),
    ];
    let world = world(proxy().digest_only(), script);
    assert_eq!(get(&world), 407);
    let heads = heads(&world, 0);
    // The password itself is sent to nobody.
    assert_eq!(field(&heads[0], FIELD), None);
    assert_eq!(nonces(&heads[1..]), [("one".to_owned(), 1)]);
}

#[test]
fn a_body_that_a_proxy_has_refused_is_sent_again_if_there_can_be_another() {
    struct Produced;
    impl BodyProducer for Produced {
        fn length(&self) -> Option<u64> {
            Some(4)
        }
        fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
            writer.write(b"data");
            Deferred::succeed(())
        }
    }
    let script = || {
        vec![
            Step::Request,
            Step::Bytes(4),
            refusal("nonce=one"),
            Step::Request,
            Step::Bytes(4),
            answer("stored"),
        ]
    };
    let put = || Request::new(Method::PUT, "http://far.test/").unwrap();
    let world_of = || world(proxy(), script());
    for request in [put().body("data"), put().body_producers(|| Produced)] {
        let world = world_of();
        let response = world.run(world.agent.request(request)).unwrap();
        assert_eq!(response.status(), 200);
    }
    let world = world_of();
    let sent = world.agent.request(put().body_producer(Produced));
    let failure = world.run(sent).unwrap_err();
    let cause = &request_error(&failure).cause;
    assert!(matches!(
        cause.check::<AuthError>(),
        Some(AuthError::BodyIsGone { .. })
    ));
}

const ASKING: &[u8] =
    b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"one\", \
    qop=\"auth\", algorithm=MD5\r\nContent-Length: 0\r\n\r\n";

// R68
#[test]
fn a_tunnel_is_asked_for_again_with_an_answer() {
    let by_digest = |head: &str| match field(head, FIELD) {
        Some(value) if value.starts_with("Digest ") => OPEN,
        _ => ASKING,
    };
    for (proxy, unasked) in [
        (proxy(), Some("Basic bWU6c2VjcmV0")),
        (proxy().digest_only(), None),
    ] {
        let (reactor, agent, heard) = tunnels_by(Simulation::new(), proxy, false, by_digest);
        for count in 1..3 {
            let get = Request::new(Method::GET, "https://far.test/").unwrap();
            let text = agent.request(get.close()).add_callback(Response::text);
            assert_eq!(reactor.run_until(text).unwrap(), "safe");
            // At the second time it is known what the proxy wants.
            let heads = std::mem::take(&mut heard.borrow_mut().heads);
            let tunnel = &heads[heads.len() - 2];
            assert!(tunnel.starts_with("CONNECT far.test:443 "), "{tunnel}");
            assert_eq!(proven_in(tunnel, FIELD, ""), ("one".to_owned(), count));
            assert_eq!(field(&heads[heads.len() - 1], FIELD), None);
            if count == 1 {
                assert_eq!(heads.len(), 3);
                assert_eq!(field(&heads[0], FIELD), unasked);
            } else {
                assert_eq!(heads.len(), 2);
            }
        }
    }
}

#[test]
fn a_tunnel_that_is_refused_to_an_answer_is_an_error() {
    let (reactor, agent, heard) = tunnels_by(Simulation::new(), proxy(), false, |_| ASKING);
    let failure = reactor
        .run_until(agent.get("https://far.test/"))
        .unwrap_err();
    let error = request_error(&failure).cause.find::<ProxyError>().unwrap();
    let ProxyError::AuthenticationRequired {
        challenges,
        had_credentials,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert!(had_credentials);
    assert!(challenges.iter().any(|challenge| challenge.is("Digest")));
    assert_eq!(heard.borrow().heads.len(), 2);
}

#[test]
fn a_proxy_that_finds_every_nonce_too_old_is_given_up() {
    const STALE: &[u8] = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest realm=\"r\", \
        nonce=\"x\", stale=true\r\nContent-Length: 0\r\n\r\n";
    let (reactor, agent, heard) = tunnels_by(Simulation::new(), proxy(), false, |_| STALE);
    assert!(reactor.run_until(agent.get("https://far.test/")).is_err());
    assert_eq!(heard.borrow().heads.len(), 3);
}
