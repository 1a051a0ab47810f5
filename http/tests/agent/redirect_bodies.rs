//! The bodies of redirects, which nobody wants: they neither decide nor hold up anything.

use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_http::{AgentOptions, Method, RedirectAgent, Request, RequestAgent, Response};

use crate::support::{Step, URL, World, answer, send};

/// The text that a redirect with this behind its `Location` leads to, over one connection at a time.
fn follow(rest: &str, more: impl IntoIterator<Item = Step>) -> (World, String) {
    let (world, text, took) = follow_slowly(rest, more);
    assert!(took < Duration::from_secs(1), "{rest:?}: {took:?}");
    (world, text)
}

fn follow_slowly(rest: &str, more: impl IntoIterator<Item = Step>) -> (World, String, Duration) {
    let redirect = send(format!("HTTP/1.1 302 Found\r\nLocation: /to\r\n{rest}"));
    let mut script = vec![Step::Request, redirect];
    script.extend(more);
    let options = AgentOptions::new().max_connections_per_host(1);
    let next = vec![Step::Request, answer("there")];
    let world = World::with(Simulation::new(), options, [script, next]);
    let request = Request::new(Method::GET, URL).unwrap();
    let agent = RedirectAgent::new(world.agent.clone());
    let start = world.reactor.now();
    let text = world.run(agent.request(request).add_callback(Response::text));
    let text = text.unwrap_or_else(|failure| panic!("{rest:?}: {failure:#}"));
    let took = world.reactor.now() - start;
    (world, text, took)
}

// R27
#[test]
fn a_body_that_is_broken_does_not_keep_its_redirect_from_being_followed() {
    let in_a_moment = || Step::Sleep(Duration::from_millis(10));
    for (rest, end) in [
        ("Content-Length: 99\r\n\r\nshort", Some(Step::Fin)),
        ("Content-Length: 99\r\n\r\nshort", Some(Step::Reset)),
        ("Content-Length: 3\r\n\r\nlonger", None),
        ("\r\nto the end", Some(Step::Fin)),
        ("\r\nwithout an end", None),
        (
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
            Some(Step::Fin),
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
            None,
        ),
        (
            "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
            Some(Step::Fin),
        ),
        ("Content-Length: 100000000\r\n\r\nfar too much", None),
    ] {
        let more = end.map(|end| [in_a_moment(), end]);
        let (world, text) = follow(rest, more.into_iter().flatten());
        assert_eq!(text, "there", "{rest:?}");
        assert_eq!(world.connections(), 2, "{rest:?}");
    }
}

// C169: one that does not come is not waited for.
#[test]
fn a_body_that_stalls_or_trickles_gives_its_place_away_soon() {
    let trickle = (0..99).flat_map(|_| [send("x"), Step::Sleep(Duration::from_millis(500))]);
    for more in [vec![Step::HANG], trickle.collect()] {
        let (world, text, took) = follow_slowly("Content-Length: 99\r\n\r\nshort", more);
        assert_eq!(text, "there");
        assert_eq!(world.connections(), 2);
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

// C169, complaint 5: the response of a redirect would hold the only connection that there may be.
#[test]
fn a_body_that_comes_later_does_not_hold_up_what_its_redirect_leads_to() {
    let body = [
        Step::Sleep(Duration::from_millis(100)),
        send("gone"),
        Step::Request,
        answer("here"),
    ];
    let (world, text) = follow("Content-Length: 4\r\n\r\n", body);
    assert_eq!(text, "here");
    assert_eq!(world.connections(), 1);
    assert_eq!(world.agent.pool_statistics().idle, 1);
}
