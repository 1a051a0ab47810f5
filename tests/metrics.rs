//! The example `metrics`: its page is asked for by the HTTP client, in a simulated world.

#[path = "../examples/metrics/page.rs"]
mod page;

use std::net::SocketAddr;
use std::time::Duration;

use page::{Metrics, metrics_protocol};
use torsade::http::{Agent, Response};
use torsade::testing::{Simulation, StringTransport, assert_clean};
use torsade::{Address, Reactor, TcpServer};

fn address() -> SocketAddr {
    "192.0.2.1:9100".parse().unwrap()
}

fn world() -> (Reactor, Metrics) {
    let address = address();
    let reactor = Simulation::new()
        .host("here.test", [address.ip()])
        .reactor();
    let metrics = Metrics {
        agent: Agent::new(&reactor),
        reactor: reactor.clone(),
    };
    (reactor, metrics)
}

/// The numbers of a page, by name.
fn value(page: &str, name: &str) -> f64 {
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(name));
    let value = lines.find_map(|line| line.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {name} in {page}"));
    value.parse().unwrap()
}

#[test]
fn the_page_tells_of_the_connection_that_asks_for_it() {
    let (reactor, metrics) = world();
    let agent = metrics.agent.clone();
    let server = TcpServer::new(&reactor, address());
    let listening = server.listen(move |_: &Address| metrics_protocol(metrics.clone()));
    let listening = listening.unwrap();
    let get = || {
        let response = agent.get("http://here.test:9100/metrics");
        let text = response
            .add_callback(|response| response.error_for_status())
            .add_callback(Response::text);
        reactor.run_until(text).unwrap()
    };
    get();
    let page = get();
    // Both ends are in this world.
    assert_eq!(value(&page, "torsade_connections"), 2.0, "{page}");
    assert_eq!(value(&page, "torsade_connections_made_total"), 4.0);
    assert_eq!(value(&page, "torsade_listening_ports"), 1.0);
    assert_eq!(value(&page, "torsade_http_connections"), 1.0);
    assert_eq!(value(&page, "torsade_http_connections_made_total"), 2.0);
    let turns = value(&page, "torsade_turn_seconds_count");
    assert!(turns > 0.0);
    assert_eq!(
        value(&page, "torsade_turn_seconds_bucket{le=\"+Inf\"}"),
        turns
    );
    // Each number is described.
    let described = page
        .lines()
        .filter(|line| line.starts_with("# HELP "))
        .count();
    let typed = page
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .count();
    assert_eq!((described, typed), (17, 17));
    reactor.run_until(listening.stop_listening()).unwrap();
    reactor.advance(Duration::from_secs(5)).unwrap();
    drop(agent);
    assert_clean(&reactor);
}

#[test]
fn other_requests_are_told_what_is_wrong_with_them_and_closed() {
    let answer = |request: &str| {
        let (reactor, metrics) = world();
        let wire = StringTransport::new().on(&reactor);
        let _protocol = wire.connect(metrics_protocol(metrics));
        wire.receive(request.as_bytes()).unwrap();
        assert!(wire.is_disconnecting(), "{request}");
        String::from_utf8(wire.value()).unwrap()
    };
    assert!(answer("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(answer("POST /metrics HTTP/1.1\r\nA: b\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(answer("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(answer("GET /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 "));
}
