//! What goes out.

use torsade_core::testing::Simulation;
use torsade_http::{AgentOptions, InvalidRequest, Method, Proxies, Request, Stage};

use crate::support::{Step, URL, World, answer, stage};

fn ok() -> Vec<Step> {
    vec![Step::Request, answer("ok")]
}

#[test]
fn a_get_carries_host_and_path_and_no_body() {
    // C151, C152
    let world = World::new([ok()]);
    let response = world.agent.get("http://server.test/a/b?c=d#fragment");
    world.run(response).unwrap();
    assert_eq!(
        world.received(0),
        "GET /a/b?c=d HTTP/1.1\r\nHost: server.test\r\n\r\n"
    );
}

#[test]
fn host_has_the_port_unless_it_is_the_schemes_and_brackets_for_ipv6() {
    // C151, R58: seen by a proxy, which takes requests for any host
    for (url, target, host) in [
        ("http://far.test", "http://far.test/", "far.test"),
        ("http://far.test?q", "http://far.test/?q", "far.test"),
        ("http://FAR.test:80/", "http://far.test/", "far.test"),
        ("http://far.test:/#part", "http://far.test/", "far.test"),
        (
            "http://far.test:443/",
            "http://far.test:443/",
            "far.test:443",
        ),
        ("http://[::1]/x", "http://[::1]/x", "[::1]"),
        ("http://[0:0::1]:8080/", "http://[::1]:8080/", "[::1]:8080"),
        (
            "http://192.0.2.1:81/",
            "http://192.0.2.1:81/",
            "192.0.2.1:81",
        ),
        (
            "http://caf\u{e9}.test/",
            "http://xn--caf-dma.test/",
            "xn--caf-dma.test",
        ),
    ] {
        let proxy = Proxies::all("http://server.test:3128".parse().unwrap());
        let options = AgentOptions::new().proxies(proxy);
        let world = World::at_port(3128, Simulation::new(), options, [ok()]);
        world.run(world.agent.get(url)).unwrap();
        assert_eq!(
            world.received(0),
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
        );
    }
    let world = World::at_port(8080, Simulation::new(), AgentOptions::new(), [ok()]);
    world
        .run(world.agent.get("http://server.test:8080/"))
        .unwrap();
    assert!(world.received(0).contains("\r\nHost: server.test:8080\r\n"));
}

#[test]
fn the_callers_fields_are_sent_in_order_and_the_callers_host_wins() {
    // C151
    let world = World::new([ok()]);
    let request = Request::new(Method::GET, URL)
        .and_then(|request| request.header("x-b", "1"))
        .and_then(|request| request.header("X-A", "2"))
        .and_then(|request| request.header("Host", "elsewhere.test"))
        .unwrap();
    world.run(world.agent.request(request)).unwrap();
    let received = world.received(0);
    assert_eq!(received.matches("Host:").count(), 1);
    assert!(received.contains("Host: elsewhere.test\r\n"), "{received}");
    assert!(
        received.find("X-B: 1") < received.find("X-A: 2"),
        "{received}"
    );
}

#[test]
fn a_body_of_bytes_has_its_length_whatever_its_size() {
    // C152
    for size in [5, 16 * 1024, 16 * 1024 + 1, 200_000] {
        let world = World::new([vec![Step::Request, Step::Bytes(size), answer("ok")]]);
        let request = Request::new(Method::POST, URL)
            .unwrap()
            .body("x".repeat(size));
        world.run(world.agent.request(request)).unwrap();
        let received = world.received(0);
        assert!(
            received.contains(&format!("\r\nContent-Length: {size}\r\n")),
            "{size}"
        );
        assert!(received.ends_with(&"x".repeat(size)));
    }
}

#[test]
fn a_post_without_a_body_says_so() {
    // C152
    let world = World::new([ok()]);
    let request = Request::new(Method::POST, URL).unwrap();
    world.run(world.agent.request(request)).unwrap();
    assert!(world.received(0).contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn what_is_no_request_is_refused_before_any_connection() {
    // C150, C174, R7, R60
    let world = World::new([ok()]);
    for url in [
        "ftp://server.test/",
        "http://",
        "no url",
        "http://user:word@server.test/",
    ] {
        let failure = world.run(world.agent.get(url)).unwrap_err();
        assert!(
            failure.check::<InvalidRequest>().is_some(),
            "{url}: {failure}"
        );
    }
    for (name, value) in [
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "a\0b"),
        ("X-A", "a\rb"),
        ("X-A", "a\nb"),
        ("Host", "a\r\nX: y"),
        ("", "1"),
        ("X A", "1"),
        ("X\r\nA", "1"),
    ] {
        let request = Request::new(Method::GET, URL).unwrap().header(name, value);
        assert!(request.is_err(), "{name:?}: {value:?}");
    }
    for method in ["GET / HTTP/1.1\r\nX: y", "GE T", "G\0T", ""] {
        assert!(Method::from_bytes(method.as_bytes()).is_err());
    }
    // A host that a field may carry, but that is none.
    for host in ["a b", "u:p@h", "a/b", "a,b"] {
        let request = Request::new(Method::GET, URL).unwrap().header("Host", host);
        let failure = world
            .run(world.agent.request(request.unwrap()))
            .unwrap_err();
        assert_eq!(stage(&failure), Stage::Sending, "{host}");
        assert_eq!(world.received(0), "", "not a byte of it went out");
    }
    // What a URL's parser lets through is encoded by it.
    world
        .run(world.agent.get("http://server.test/ HTTP/1.1\r\nX: y"))
        .unwrap();
    assert_eq!(world.connections(), 1);
    assert_eq!(world.received(0).matches("\r\n\r\n").count(), 1);
    assert!(
        !world.received(0).contains("\r\nX:"),
        "{}",
        world.received(0)
    );
}

#[test]
fn connection_close_is_sent_when_connections_are_not_kept() {
    // C164
    let options = AgentOptions::new().keep_alive(false);
    let world = World::with(Simulation::new(), options, [ok()]);
    world.get_text().unwrap();
    world.get_text().unwrap();
    assert_eq!(world.connections(), 2);
    assert!(world.received(0).contains("\r\nConnection: close\r\n"));
    world.is_clean();
}

#[test]
fn endpoints_of_ones_own_lead_to_unix_sockets() {
    use std::cell::RefCell;
    use std::rc::Rc;
    use torsade_core::endpoints::{UnixClient, UnixServer};
    use torsade_core::testing::Simulation;
    use torsade_core::{Address, Protocol, Result, Transport};
    use torsade_http::{Agent, AgentOptions, Response};

    struct Daemon(Rc<RefCell<Vec<u8>>>);
    impl Protocol for Daemon {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            self.0.borrow_mut().extend_from_slice(data);
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlocal");
            Ok(())
        }
    }

    let reactor = Simulation::new().reactor();
    let heard = Rc::new(RefCell::new(Vec::new()));
    let path = std::path::PathBuf::from("/run/daemon.sock");
    let notes = Rc::clone(&heard);
    UnixServer::new(&reactor, path.clone())
        .listen(move |_: &Address| Daemon(Rc::clone(&notes)))
        .unwrap();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let (own, names) = (reactor.clone(), Rc::clone(&asked));
    let options = AgentOptions::new().endpoints(move |host, port| {
        names.borrow_mut().push(format!("{host}:{port}"));
        Ok(Box::new(UnixClient::new(&own, path.clone())))
    });
    let agent = Agent::with_options(&reactor, options);
    for _ in 0..2 {
        let text = agent
            .get("http://daemon/version")
            .add_callback(Response::text);
        assert_eq!(reactor.run_until(text).unwrap(), "local");
    }
    assert_eq!(*asked.borrow(), ["daemon:80"], "the connection was kept");
    let heard = String::from_utf8(heard.borrow().clone()).unwrap();
    assert_eq!(
        heard,
        "GET /version HTTP/1.1\r\nHost: daemon\r\n\r\n".repeat(2)
    );
}
