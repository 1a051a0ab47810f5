//! Bodies that wait for `100 Continue`.

use std::time::Duration;

use torsade_http::{Method, Request, Response, Stage, StatusCode};

use crate::support::{Step, URL, World, answer, answers, send, stage};

/// A POST whose body waits to be asked for.
fn expecting(body: &'static str) -> Request {
    Request::new(Method::POST, URL)
        .unwrap()
        .header("Expect", "100-continue")
        .unwrap()
        .body(body)
}

#[test]
fn a_body_that_is_expected_is_sent_when_the_server_asks_for_it() {
    // R34
    let world = World::new([vec![
        Step::Request,
        Step::Sleep(Duration::from_millis(50)),
        send("HTTP/1.1 100 Continue\r\n\r\n"),
        Step::Bytes(4),
        answer("ok"),
    ]]);
    let start = world.reactor.now();
    world.run(world.agent.request(expecting("body"))).unwrap();
    assert!(world.reactor.now() - start < Duration::from_millis(500));
    assert!(world.received(0).ends_with("\r\n\r\nbody"));
}

#[test]
fn a_body_that_nobody_asks_for_is_sent_after_a_second() {
    // R34
    let world = World::new([vec![Step::Request, Step::Bytes(4), answer("ok")]]);
    let start = world.reactor.now();
    world.run(world.agent.request(expecting("body"))).unwrap();
    let took = world.reactor.now() - start;
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1100));
}

#[test]
fn a_body_that_is_refused_is_never_sent() {
    // R34: also when the status line takes longer than we wait for a word
    let refusal = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";
    for cut in [0, 13, refusal.len() - 1] {
        let mut script = vec![Step::Request];
        if cut > 0 {
            script.push(send(&refusal[..cut]));
            script.push(Step::Sleep(Duration::from_secs(3)));
        }
        script.push(send(&refusal[cut..]));
        let world = World::new([script]);
        let response = world.run(world.agent.request(expecting("body"))).unwrap();
        assert_eq!(response.status(), StatusCode::EXPECTATION_FAILED);
        world.pass(Duration::from_secs(5));
        assert!(!world.received(0).contains("body"), "cut at {cut}");
        assert!(world.seen.borrow().ended[0], "the body is owed");
    }
}

#[test]
fn what_comes_in_any_pieces_and_whenever_keeps_its_meaning() {
    // R34: 100 in two pieces around the end of our patience, late, twice, or with 103 before it
    let second = Step::Sleep(Duration::from_millis(1100));
    let ask = "HTTP/1.1 100 Continue\r\n\r\n";
    for before in [
        vec![send(&ask[..9]), second.clone(), send(&ask[9..])],
        vec![second.clone(), send(ask)],
        vec![send(ask), second.clone(), send(ask)],
        vec![send("HTTP/1.1 103 Early Hints\r\n\r\n"), send(ask)],
    ] {
        let mut script = vec![Step::Request];
        script.extend(before.clone());
        script.extend([Step::Bytes(4), answer("ok")]);
        script.extend(answers(1));
        let world = World::new([script]);
        let sent = world.agent.request(expecting("body"));
        let text = world.run(sent.add_callback(Response::text));
        assert_eq!(text.unwrap(), "ok", "{before:?}");
        assert_eq!(world.received(0).matches("body").count(), 1, "{before:?}");
        assert_eq!(world.get_text().unwrap(), "ok");
        assert_eq!(world.connections(), 1, "{before:?}");
    }
}

#[test]
fn a_head_that_stops_in_the_middle_holds_the_body_back_for_as_long() {
    // R34: once a byte of it is there, the server is known to answer
    let script = vec![
        Step::Request,
        send("HTTP/1.1 200 "),
        Step::Sleep(Duration::from_secs(5)),
        send("OK\r\nContent-Length: 2\r\n\r\nok"),
        Step::HANG,
    ];
    let world = World::new([script]);
    let sent = world.agent.request(expecting("body"));
    let text = world.run(sent.add_callback(Response::text));
    assert_eq!(text.unwrap(), "ok");
    assert!(!world.received(0).contains("body"));
    world.is_clean();
}

#[test]
fn a_server_that_ends_instead_of_asking_never_sees_the_body() {
    // R34
    for end in [Step::Fin, Step::Reset] {
        let world = World::new([vec![Step::Request, end]]);
        let failure = world
            .run(world.agent.request(expecting("body")))
            .unwrap_err();
        assert!(stage(&failure) <= Stage::WaitingForResponse, "{failure:#}");
        assert!(!world.received(0).contains("body"));
        world.is_clean();
    }
}
