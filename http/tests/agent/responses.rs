//! What comes in, and who takes it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Failure, Resolver, Result};
use torsade_http::{
    AgentOptions, BodyControl, BodyProtocol, BodyTooLong, Method, PartialBody, PotentialDataLoss,
    Request, ResponseDone, Stage, StatusCode,
};

use crate::support::{Step, URL, World, answer, request_error, send, stage};

type OnData = Box<dyn FnMut(&BodyControl, &[u8]) -> Result<()>>;

/// Notes what a body's receiver is told.
struct Taker {
    log: Rc<RefCell<Vec<String>>>,
    over: Option<Resolver<Failure>>,
    on_data: OnData,
}

impl BodyProtocol for Taker {
    fn connection_made(&mut self, _: &BodyControl) {
        self.log.borrow_mut().push("made".into());
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        self.log
            .borrow_mut()
            .push(String::from_utf8_lossy(data).into_owned());
        (self.on_data)(body, data)
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.log.borrow_mut().push(format!("lost: {reason}"));
        let kind: Failure = if let Some(done) = reason.check::<ResponseDone>() {
            done.clone().into()
        } else if reason.check::<PotentialDataLoss>().is_some() {
            PotentialDataLoss.into()
        } else {
            std::io::Error::other(format!("{reason:#}")).into()
        };
        if let Some(over) = self.over.take() {
            over.callback(kind);
        }
    }
}

type Log = Rc<RefCell<Vec<String>>>;

fn taker(
    on_data: impl FnMut(&BodyControl, &[u8]) -> Result<()> + 'static,
) -> (Taker, Log, Deferred<Failure>) {
    let log: Log = Rc::default();
    let (resolver, over) = Deferred::new();
    let taker = Taker {
        log: Rc::clone(&log),
        over: Some(resolver),
        on_data: Box::new(on_data),
    };
    (taker, log, over)
}

#[test]
fn a_response_is_there_when_its_head_is() {
    // C154
    let world = World::new([vec![
        Step::Request,
        send("HTTP/1.1 201 Made\r\nContent-Length: 4\r\nX-A: 1\r\nX-A: 2\r\n\r\n"),
        Step::Sleep(Duration::from_secs(20)),
        send("body"),
    ]]);
    let start = world.reactor.now();
    let response = world.run(world.get()).unwrap();
    assert!(world.reactor.now() - start < Duration::from_secs(1));
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.reason(), b"Made");
    assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(response.body_length(), Some(4));
    assert_eq!(world.run(response.text()).unwrap(), "body");
}

#[test]
fn bodies_end_by_length_by_the_last_chunk_or_with_the_connection() {
    // C156, C158, R18, R22, R29, whatever the segments
    let heads_and_bodies = [
        ("Content-Length: 5\r\n\r\nhello", false),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-T: 1\r\n\r\n",
            false,
        ),
        ("\r\nhello", true),
        (
            "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            false,
        ),
    ];
    for (rest, ends_with_connection) in heads_and_bodies {
        for segment in [1, 3, 1460] {
            let reply = send(format!("HTTP/1.1 200 OK\r\n{rest}"));
            let mut script = vec![Step::Request, reply];
            if ends_with_connection {
                script.push(Step::Fin);
            }
            let simulation = Simulation::new().segment_size(segment);
            let world = World::with(simulation, AgentOptions::new(), [script]);
            assert_eq!(world.get_text().unwrap(), "hello", "{rest:?} in {segment}s");
        }
    }
}

#[test]
fn the_receiver_is_told_how_the_body_ended() {
    // C156
    let cases = [
        ("Content-Length: 2\r\n\r\nhi", "complete"),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
            "complete",
        ),
        ("\r\nhi", "may have been longer"),
        ("Content-Length: 3\r\n\r\nhi", "2 of 3 bytes"),
    ];
    for (rest, expected) in cases {
        let script = vec![
            Step::Request,
            send(format!("HTTP/1.1 200 OK\r\n{rest}")),
            Step::Fin,
        ];
        let world = World::new([script]);
        let (taker, log, over) = taker(|_, _| Ok(()));
        let told = world.get().add_callback(move |response| {
            response.deliver_body(taker);
            over
        });
        let reason = world.run(told).unwrap();
        assert!(format!("{reason:#}").contains(expected), "{reason:#}");
        let log = log.borrow();
        assert_eq!((log[0].as_str(), log[1].as_str()), ("made", "hi"));
        if rest.contains("X-T") {
            let done = reason.check::<ResponseDone>().unwrap();
            assert_eq!(done.trailers.as_ref().unwrap()["x-t"], "1");
        }
    }
}

#[test]
fn responses_without_a_body_are_complete_with_their_head() {
    // C155
    for (method, head) in [
        (Method::HEAD, "200 OK\r\nContent-Length: 1000"),
        (Method::HEAD, "200 OK\r\nTransfer-Encoding: chunked"),
        (Method::GET, "204 No Content"),
        (Method::GET, "304 Not Modified\r\nContent-Length: 1000"),
    ] {
        let world = World::new([vec![
            Step::Request,
            send(format!("HTTP/1.1 {head}\r\n\r\n")),
            Step::Request,
            answer("next"),
        ]]);
        let request = Request::new(method, URL).unwrap();
        let body = world
            .agent
            .request(request)
            .add_callback(|response| response.read_body());
        assert_eq!(world.run(body).unwrap(), "", "{head}");
        assert_eq!(world.get_text().unwrap(), "next");
        assert_eq!(world.connections(), 1, "the connection is kept: {head}");
    }
}

#[test]
fn informational_responses_are_passed_over() {
    // C155, R32
    let world = World::new([vec![
        Step::Request,
        send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        answer("final"),
    ]]);
    assert_eq!(world.get_text().unwrap(), "final");
}

#[test]
fn a_slow_taker_slows_the_server_down() {
    // C154: memory is bounded by what one read gives
    let body = "x".repeat(2_000_000);
    let world = World::new([vec![Step::Request, answer(&body)]]);
    let response = world.run(world.get()).unwrap();
    world.pass(Duration::from_secs(30));
    let memory = format!("{response:?}");
    let waiting: usize = memory
        .split("waiting: ")
        .nth(1)
        .and_then(|rest| rest.split(',').next()?.parse().ok())
        .unwrap();
    assert!(waiting <= 64 * 1024, "{waiting} bytes wait");
    assert_eq!(world.run(response.text()).unwrap().len(), body.len());
}

#[test]
fn a_taker_may_pause_and_resume() {
    let body = "0123456789".repeat(20_000);
    let world = World::new([vec![Step::Request, answer(&body)]]);
    let reactor = world.reactor.clone();
    let (taker, log, over) = taker(move |body, _| {
        body.pause();
        let body = body.clone();
        let _ = reactor.call_later(Duration::from_secs(1), move || body.resume());
        Ok(())
    });
    let told = world.get().add_callback(move |response| {
        response.deliver_body(taker);
        over
    });
    let reason = world.run(told).unwrap();
    assert!(reason.check::<ResponseDone>().is_some(), "{reason}");
    let log = log.borrow();
    assert!(log.len() > 4, "it came in pieces");
    assert_eq!(log[1..log.len() - 1].concat(), body);
}

#[test]
fn a_body_that_was_paused_at_its_end_does_not_hold_up_the_next_request() {
    // R45: its last piece has come, and so the connection is free
    for resumes in [false, true] {
        let world = World::new([vec![
            Step::Request,
            answer("first"),
            Step::Request,
            answer("second"),
        ]]);
        let control = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&control);
        let (taker, log, over) = taker(move |body, _| {
            body.pause();
            *kept.borrow_mut() = Some(body.clone());
            Ok(())
        });
        let response = world.run(world.get()).unwrap();
        response.deliver_body(taker);
        world.pass(Duration::from_millis(10));
        assert_eq!(*log.borrow(), ["made", "first"]);
        assert_eq!(world.get_text().unwrap(), "second");
        assert_eq!(world.connections(), 1);
        let control: BodyControl = control.take().unwrap();
        match resumes {
            true => control.resume(),
            // It is over, so nothing is left to abort.
            false => control.abort(),
        }
        if resumes {
            assert!(world.run(over).unwrap().check::<ResponseDone>().is_some());
        }
        assert_eq!(world.agent.pool_statistics().idle, 1);
    }
}

#[test]
fn a_takers_error_closes_the_connection_and_is_told() {
    // C173: a real abort, whose reason its taker is told
    let world = World::new([vec![Step::Request, answer(&"x".repeat(500_000))]]);
    let (taker, _log, over) = taker(|_, _| Err(std::fmt::Error.into()));
    let told = world.get().add_callback(move |response| {
        response.deliver_body(taker);
        over
    });
    let reason = world.run(told).unwrap();
    assert!(
        format!("{reason:#}").contains(&std::fmt::Error.to_string()),
        "{reason:#}"
    );
    world.is_clean();
}

#[test]
fn a_body_over_the_limit_is_given_up_with_what_came() {
    // Complaint 4
    let world = World::new([vec![Step::Request, answer(&"x".repeat(500_000))]]);
    let body = world
        .get()
        .add_callback(|response| response.read_body_up_to(1000));
    let partial = world.run(body).unwrap_err().trap::<PartialBody>().unwrap();
    assert_eq!(partial.bytes.len(), 1000);
    assert_eq!(
        partial.reason.check::<BodyTooLong>(),
        Some(&BodyTooLong { limit: 1000 })
    );
    world.is_clean();
}

#[test]
fn what_came_of_a_broken_body_is_kept() {
    // C156
    let world = World::new([vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"),
        Step::Fin,
    ]]);
    let failure = world.get_error();
    assert_eq!(stage(&failure), Stage::ReadingBody);
    let partial = failure.check::<PartialBody>().unwrap();
    assert_eq!(partial.bytes, "half of it");
    assert_eq!(request_error(&failure).origin, "http://server.test:80");
    world.is_clean();
}

#[test]
fn text_is_decoded_as_the_head_says() {
    let world = World::new([vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=latin1\r\n"),
        send(b"Content-Length: 4\r\n\r\ncaf\xe9"),
    ]]);
    assert_eq!(world.get_text().unwrap(), "caf\u{e9}");
}

#[test]
fn a_dropped_response_is_drained_when_short_and_aborted_when_long() {
    // R45, complaint 4
    let slow = |length: usize| {
        vec![
            Step::Request,
            send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            )),
            Step::Sleep(Duration::from_secs(1)),
            send("x".repeat(length)),
            Step::Request,
            answer("next"),
        ]
    };
    for (length, is_kept) in [(1000, true), (1_000_000, false)] {
        let world = World::new([slow(length)]);
        drop(world.run(world.get()).unwrap());
        world.pass(Duration::from_secs(5));
        assert_eq!(
            world.agent.pool_statistics().idle,
            usize::from(is_kept),
            "{length}"
        );
        assert_eq!(world.seen.borrow().ended[0], !is_kept);
    }
}

#[test]
fn delivering_a_body_calls_nobody_before_it_returns() {
    let world = World::new([vec![Step::Request, answer("all at once")]]);
    let response = world.run(world.get()).unwrap();
    let seen: Rc<RefCell<Vec<usize>>> = Rc::default();
    let (taker, log, over) = taker(|_, _| Ok(()));
    let (log_inside, seen_inside) = (Rc::clone(&log), Rc::clone(&seen));
    Deferred::succeed(()).map(move |()| {
        response.deliver_body(taker);
        seen_inside.borrow_mut().push(log_inside.borrow().len());
    });
    assert_eq!(*seen.borrow(), [0], "inside a callback nothing runs yet");
    world.run(over).unwrap();
    assert_eq!(log.borrow().len(), 3);
}
