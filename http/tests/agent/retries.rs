//! Requests that failed by chance, made again.

use std::time::Duration;

use torsade_core::endpoints::Backoff;
use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Result};
use torsade_http::{
    AgentOptions, BodyProducer, BodyWriter, Method, Proxies, Request, RequestAgent, Response,
    RetryAgent,
};
use torsade_tls::ClientTls;

use crate::support::{Step, URL, World, answer, send};

fn busy(fields: &str) -> Step {
    send(format!(
        "HTTP/1.1 503 Busy\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

/// What came, and after how many seconds.
fn retry(world: &World, request: Request) -> (Result<Response>, u64) {
    let backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60))
        .factor(2.0)
        .jitter(Duration::ZERO);
    let agent = RetryAgent::new(&world.reactor, world.agent.clone()).backoff(backoff);
    let start = world.reactor.now();
    let result = world.run(agent.request(request));
    (result, (world.reactor.now() - start).as_secs())
}

fn get() -> Request {
    Request::new(Method::GET, URL).unwrap()
}

#[test]
fn what_failed_by_chance_is_made_again_with_growing_pauses() {
    let scripts = [
        vec![Step::Request, Step::Reset],
        vec![Step::Request, busy("")],
        vec![Step::Request, answer("at last")],
    ];
    let world = World::new(scripts);
    let (response, seconds) = retry(&world, get());
    assert_eq!(world.run(response.unwrap().text()).unwrap(), "at last");
    assert_eq!((seconds, world.connections()), (2 + 4, 3));
    // PUT may be made twice as well, if its body can be.
    let with_body = [
        vec![Step::Request, Step::Bytes(4), busy("")],
        vec![Step::Request, Step::Bytes(4), answer("ok")],
    ];
    let world = World::new(with_body);
    let request = Request::new(Method::PUT, URL).unwrap().body("data");
    assert_eq!(retry(&world, request).0.unwrap().status(), 200);
    assert!(world.received(1).ends_with("data"));
}

#[test]
fn the_server_says_how_long_to_wait() {
    // A simulated world begins with the year 1970.
    for (fields, expected) in [
        ("Retry-After: 7\r\n", 7),
        ("Retry-After: Thu, 01 Jan 1970 00:00:30 GMT\r\n", 30),
        ("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 0),
        ("Retry-After: soon\r\n", 2),
    ] {
        let world = World::new([
            vec![Step::Request, busy(fields)],
            vec![Step::Request, answer("ok")],
        ]);
        let (response, seconds) = retry(&world, get());
        assert_eq!(response.unwrap().status(), 200);
        assert_eq!(seconds, expected, "{fields}");
    }
    // Longer than we want to.
    let world = World::new([vec![Step::Request, busy("Retry-After: 3600\r\n")]]);
    let (response, seconds) = retry(&world, get());
    assert_eq!((response.unwrap().status().as_u16(), seconds), (503, 0));
}

#[test]
fn what_would_do_harm_or_cannot_help_is_made_once() {
    struct Once;
    impl BodyProducer for Once {
        fn length(&self) -> Option<u64> {
            Some(4)
        }
        fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
            writer.write(b"data");
            Deferred::succeed(())
        }
    }
    let request = |method| Request::new(method, URL).unwrap();
    let with_body = || [vec![Step::Request, Step::Bytes(4), busy("")]];
    for (request, scripts) in [
        (request(Method::POST).body("data"), with_body()),
        (request(Method::PUT).body_producer(Once), with_body()),
        (
            get(),
            [vec![
                Step::Request,
                send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            ]],
        ),
        (
            get(),
            [vec![
                Step::Request,
                send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
            ]],
        ),
    ] {
        let world = World::new(scripts);
        retry(&world, request).0.unwrap();
        assert_eq!(world.connections(), 1);
    }
    // A response had begun.
    let world = World::new([vec![Step::Request, send("HTTP/1.1 2"), Step::Fin]]);
    assert!(retry(&world, get()).0.is_err());
    assert_eq!(world.connections(), 1);
}

/// How often a request to `url` is made of a server at `port` that does as `script` says.
fn attempts(url: &str, port: u16, options: AgentOptions, script: &[Step]) -> usize {
    let tls = ClientTls::builder().bundled_roots().build();
    let options = options.tls(&tls.unwrap());
    let world = World::at_port(port, Simulation::new(), options, [script.to_vec()]);
    let request = Request::new(Method::GET, url).unwrap();
    retry(&world, request).0.unwrap_err();
    world.is_clean();
    world.connections()
}

#[test]
fn what_tls_says_no_to_is_asked_again_only_if_it_may_pass() {
    // A fatal alert, RFC 8446 section 6.
    let alert = |description: u8| send([0x15, 3, 3, 0, 2, 2, description]);
    for (answer, times) in [
        // handshake_failure, protocol_version, no_application_protocol, unrecognized_name,
        // access_denied
        (alert(40), 1),
        (alert(70), 1),
        (alert(120), 1),
        (alert(112), 1),
        (alert(49), 1),
        // internal_error
        (alert(80), 3),
        (send("HTTP/1.1 400 Bad Request\r\n\r\n"), 1),
        (send("SSH-2.0-OpenSSH_9.6\r\n"), 1),
        (Step::Fin, 3),
        (Step::Reset, 3),
    ] {
        let script = [Step::Bytes(1), answer.clone()];
        let found = attempts("https://server.test/", 443, AgentOptions::new(), &script);
        assert_eq!(found, times, "{answer:?}");
    }
}

#[test]
fn what_is_no_http_or_no_way_out_is_asked_once() {
    for (answer, times) in [
        (send("SSH-2.0-OpenSSH_9.6\r\n"), 1),
        (send("\x15\x03\x03\0\x02\x02\x46"), 1),
        (send("HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n"), 1),
        (Step::Fin, 3),
    ] {
        let script = [Step::Request, answer.clone()];
        assert_eq!(
            attempts(URL, 80, AgentOptions::new(), &script),
            times,
            "{answer:?}"
        );
    }
    for (status, times) in [
        ("403 No", 1),
        ("407 Who", 1),
        ("503 Busy", 3),
        ("502 Bad", 3),
    ] {
        let proxy = Proxies::all("http://server.test:3128".parse().unwrap());
        let options = AgentOptions::new().proxies(proxy);
        let script = [Step::Request, send(format!("HTTP/1.1 {status}\r\n\r\n"))];
        let found = attempts("https://far.test/", 3128, options, &script);
        assert_eq!(found, times, "{status}");
    }
    for (code, times) in [(1, 3), (2, 1), (5, 3), (7, 1), (8, 1)] {
        let proxy = Proxies::all("socks5://server.test:3128".parse().unwrap());
        let options = AgentOptions::new().proxies(proxy);
        let script = [
            Step::Bytes(3),
            send([5, 0]),
            Step::Bytes(15),
            send([5, code, 0]),
        ];
        let found = attempts("http://far.test/", 3128, options, &script);
        assert_eq!(found, times, "{code}");
    }
    // A name that is none is none two seconds later; a port may be open then.
    let world = World::new([vec![]]);
    for (url, seconds) in [("http://nowhere.test/", 0), ("http://server.test:81/", 6)] {
        let (result, took) = retry(&world, Request::new(Method::GET, url).unwrap());
        assert!(result.is_err());
        assert_eq!(took, seconds, "{url}");
    }
}

#[test]
fn a_body_that_cannot_be_produced_is_not_asked_for_again() {
    struct Broken;
    impl BodyProducer for Broken {
        fn length(&self) -> Option<u64> {
            None
        }
        fn start_producing(&mut self, _: BodyWriter) -> Deferred<()> {
            Deferred::fail(std::io::Error::other("the disk is gone"))
        }
    }
    struct Short;
    impl BodyProducer for Short {
        fn length(&self) -> Option<u64> {
            Some(4)
        }
        fn start_producing(&mut self, _: BodyWriter) -> Deferred<()> {
            Deferred::succeed(())
        }
    }
    let put = || Request::new(Method::PUT, URL).unwrap();
    for request in [
        put().body_producers(|| Broken),
        put().body_producers(|| Short),
    ] {
        let world = World::new([vec![]]);
        assert!(retry(&world, request).0.is_err());
        assert_eq!(world.connections(), 1);
    }
}

#[test]
fn after_the_last_attempt_its_result_is_the_result() {
    let world = World::new([vec![Step::Request, busy("")]]);
    let (response, seconds) = retry(&world, get());
    assert_eq!((response.unwrap().status().as_u16(), seconds), (503, 6));
    assert_eq!(world.connections(), 3);
    let world = World::new([vec![Step::Request, Step::Reset]]);
    assert!(retry(&world, get()).0.is_err());
    assert_eq!(world.connections(), 3);
    world.is_clean();
}
