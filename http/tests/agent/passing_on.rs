//! Bodies that come from elsewhere: from other responses, and from readers.

use std::time::Duration;

use torsade_core::Result;
use torsade_core::testing::Simulation;
use torsade_http::{AgentOptions, FileBodyProducer, Method, Request, Response, Stage};

use crate::support::{Step, URL, World, answer, send, stage};

/// A world with two servers: one sends `reply`, the other follows `script`. What the second got.
fn passed_on(reply: String, script: Vec<Step>) -> (World, Result<Response>) {
    let world = World::new([vec![Step::Request, send(reply), Step::Fin], script]);
    let original = world.run(world.get()).unwrap();
    let request = Request::new(Method::PUT, "http://other.test/copy").unwrap();
    let sent = world.run(world.agent.request(request.body(original)));
    (world, sent)
}

#[test]
fn a_response_is_sent_on_as_it_comes() {
    let body = "0123456789".repeat(100_000);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let script = vec![Step::Request, Step::Bytes(body.len()), answer("copied")];
    let (world, sent) = passed_on(format!("{head}{body}"), script);
    assert_eq!(sent.unwrap().status(), 200);
    let received = world.received(1);
    assert!(received.contains("Content-Length: 1000000\r\n") && received.ends_with(&body));

    // Without a length it goes in chunks.
    let script = vec![Step::Request, Step::Bytes(10), answer("copied")];
    let (world, sent) = passed_on("HTTP/1.1 200 OK\r\n\r\nhello".into(), script);
    assert_eq!(sent.unwrap().status(), 200);
    assert!(world.received(1).ends_with("5\r\nhello\r\n0\r\n\r\n"));
}

#[test]
fn a_response_that_breaks_off_breaks_the_request_off() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all";
    let (world, sent) = passed_on(head.into(), vec![Step::Request, Step::HANG]);
    let failure = sent.unwrap_err();
    assert_eq!(stage(&failure), Stage::Sending, "{failure:#}");
    assert!(
        format!("{failure:#}").contains("7 of 100 bytes"),
        "{failure:#}"
    );
    world.is_clean();
}

#[test]
fn a_server_that_does_not_read_slows_the_other_one_down() {
    let body = "x".repeat(10_000_000);
    let options = AgentOptions::new().silence_timeout(None).head_timeout(None);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let slow = vec![
        Step::StopReading,
        Step::Sleep(Duration::from_secs(60)),
        Step::Read,
        Step::Request,
        Step::Bytes(body.len()),
        answer("late"),
    ];
    let scripts = [vec![Step::Request, send(format!("{head}{body}"))], slow];
    let world = World::with(Simulation::new(), options, scripts);
    let original = world.run(world.get()).unwrap();
    let request = Request::new(Method::PUT, "http://other.test/copy").unwrap();
    let sent = world.agent.request(request.body(original));
    world.pass(Duration::from_secs(50));
    // Had it been read to its end, its connection would be idle.
    assert_eq!(world.agent.pool_statistics().idle, 0);
    assert_eq!(world.run(sent).unwrap().status(), 200);
}

#[test]
fn an_answer_before_the_end_lets_go_of_the_response_that_was_sent() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun";
    let refusal = send("HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n");
    let scripts = [
        vec![Step::Request, send(head), Step::HANG],
        vec![Step::Request, refusal, Step::HANG],
    ];
    let world = World::new(scripts);
    let original = world.run(world.get()).unwrap();
    let request = Request::new(Method::PUT, "http://other.test/copy").unwrap();
    let sent = world.run(world.agent.request(request.body(original)));
    assert_eq!(sent.unwrap().status(), 413);
    world.is_clean();
}

#[test]
fn whatever_can_be_read_is_a_body() {
    let reader = || std::io::Read::chain(&b"one, "[..], &b"two"[..]);
    for length in [Some(8), None] {
        let world = World::new([vec![Step::Request, Step::Bytes(8), answer("ok")]]);
        let body = FileBodyProducer::from_reader(&world.reactor, reader(), length);
        let request = Request::new(Method::PUT, URL).unwrap().body_producer(body);
        let sent = world.run(world.agent.request(request));
        assert_eq!(sent.unwrap().status(), 200);
        let end = if length.is_some() {
            "one, two"
        } else {
            "8\r\none, two\r\n0\r\n\r\n"
        };
        assert!(world.received(0).ends_with(end), "{}", world.received(0));
    }
}
