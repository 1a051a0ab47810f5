//! What goes out.

use torsade_core::testing::Simulation;
use torsade_http::{AgentOptions, InvalidRequest, Method, Request};

use crate::support::{Step, URL, World, answer};

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
    // C151, R58
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
    // C150, R60
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
        ("X A", "1"),
        ("X\r\nA", "1"),
    ] {
        let request = Request::new(Method::GET, URL).unwrap().header(name, value);
        assert!(request.is_err(), "{name:?}: {value:?}");
    }
    assert!(Method::from_bytes(b"GET / HTTP/1.1\r\nX: y").is_err());
    // What a URL's parser lets through is encoded by it.
    world
        .run(world.agent.get("http://server.test/ HTTP/1.1\r\nX: y"))
        .unwrap();
    assert_eq!(world.connections(), 1);
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
