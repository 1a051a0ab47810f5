//! What takes too long, at each stage, to the millisecond.

use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Failure, Result, TimedOut};
use torsade_http::{
    AgentOptions, Method, PartialBody, RedirectAgent, Request, RequestAgent, Response, Stage,
};

use crate::support::{Step, URL, World, answer, request_error, send, stage};
use crate::uploads::{Pieces, send_it};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The limits are far apart, so that each test sees which one it was.
fn options() -> AgentOptions {
    AgentOptions::new()
        .head_timeout(Some(secs(10)))
        .silence_timeout(Some(secs(20)))
        .total_timeout(Some(secs(100)))
}

fn world(script: impl Into<Vec<Step>>) -> World {
    World::with(Simulation::new(), options(), [script.into()])
}

/// The failure of something, and how long it took.
fn failure_after<T: 'static>(world: &World, deferred: Deferred<T>) -> (Failure, Duration) {
    let start = world.reactor.now();
    let result: Result<()> = world.run(deferred.map(|_| ()));
    (result.unwrap_err(), world.reactor.now() - start)
}

#[track_caller]
fn assert_timed_out(failure: &Failure, at: Stage, limit: Duration) {
    assert_eq!(stage(failure), at, "{failure:#}");
    let error = request_error(failure);
    assert!(error.is_timeout(), "{failure:#}");
    let timed_out = error.cause.find::<TimedOut>();
    assert_eq!(timed_out.map(|it| it.after), Some(limit), "{failure:#}");
    let text = format!("{failure:#}");
    assert!(text.contains("server.test:80"), "{text}");
}

/// Nearly: bytes are a few milliseconds under way.
#[track_caller]
fn assert_about(took: Duration, expected: Duration) {
    assert!(
        took >= expected && took < expected + Duration::from_millis(50),
        "{took:?}"
    );
}

#[test]
fn a_server_that_goes_silent_is_given_up_after_the_time_for_the_head() {
    // Complaint 1
    let world = world([Step::Request, Step::HANG]);
    let (failure, took) = failure_after(&world, world.get());
    assert_timed_out(&failure, Stage::WaitingForResponse, secs(10));
    assert_about(took, secs(10));
    world.is_clean();
}

#[test]
fn a_head_that_trickles_in_has_no_more_time_than_another() {
    // R11
    let mut script = vec![Step::Request];
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" {
        script.extend([send([*byte]), Step::Sleep(secs(1))]);
    }
    let world = world(script);
    let (failure, took) = failure_after(&world, world.get());
    assert_timed_out(&failure, Stage::ReadingHead, secs(10));
    assert_about(took, secs(10));
}

#[test]
fn interim_replies_do_not_prolong_the_time_for_the_head() {
    // R32
    let mut script = vec![Step::Request];
    for _ in 0..20 {
        script.extend([
            send("HTTP/1.1 102 Processing\r\n\r\n"),
            Step::Sleep(secs(1)),
        ]);
    }
    let world = world(script);
    let (failure, took) = failure_after(&world, world.get());
    assert!(request_error(&failure).is_timeout(), "{failure:#}");
    assert_about(took, secs(10));
}

#[test]
fn a_body_that_stands_still_is_given_up_with_what_came() {
    // Complaint 2
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
    let world = world([Step::Request, send(head), Step::HANG]);
    let (failure, took) = failure_after(&world, world.get().add_callback(Response::read_body));
    assert_timed_out(&failure, Stage::ReadingBody, secs(20));
    assert_eq!(failure.check::<PartialBody>().unwrap().bytes, "some");
    assert_about(took, secs(20));
    world.is_clean();
}

#[test]
fn a_body_that_moves_may_take_its_time() {
    let mut script = vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
    ];
    for byte in b"body" {
        script.extend([Step::Sleep(secs(19)), send([*byte])]);
    }
    assert_eq!(world(script).get_text().unwrap(), "body");
}

#[test]
fn silence_while_nobody_wants_the_body_is_not_counted() {
    let world = world([Step::Request, answer(&"x".repeat(500_000))]);
    let response = world.run(world.get()).unwrap();
    world.pass(secs(90));
    assert_eq!(world.run(response.text()).unwrap().len(), 500_000);
}

#[test]
fn all_of_a_request_has_a_limit_before_its_head_and_after() {
    // Complaints 1 and 2
    let slow_head = options().head_timeout(None);
    let world = World::with(
        Simulation::new(),
        slow_head,
        [vec![Step::Request, Step::HANG]],
    );
    let (failure, took) = failure_after(&world, world.get());
    assert_timed_out(&failure, Stage::WaitingForResponse, secs(100));
    assert_eq!(took, secs(100));
    world.is_clean();

    let mut script = vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    ];
    for _ in 0..100 {
        script.extend([Step::Sleep(secs(9)), send("x")]);
    }
    let world = World::with(Simulation::new(), options(), [script]);
    let (failure, took) = failure_after(&world, world.get().add_callback(Response::read_body));
    assert_timed_out(&failure, Stage::ReadingBody, secs(100));
    assert_eq!(took, secs(100));
    assert_eq!(failure.check::<PartialBody>().unwrap().bytes.len(), 11);
}

#[test]
fn a_request_may_have_limits_of_its_own_also_where_it_is_led_on_to() {
    let mut script = vec![
        Step::Request,
        send("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"),
        Step::Request,
        Step::Sleep(secs(14)),
        send("HTTP/1.1 200 OK\r\n\r\n"),
    ];
    for _ in 0..10 {
        script.extend([Step::Sleep(secs(29)), send("x")]);
    }
    script.push(Step::HANG);
    let world = world(script);
    let request = Request::new(Method::GET, URL)
        .unwrap()
        .head_timeout(Some(secs(15)))
        .silence_timeout(Some(secs(30)))
        .total_timeout(None);
    let agent = RedirectAgent::new(world.agent.clone());
    let body = agent.request(request).add_callback(Response::read_body);
    let (failure, took) = failure_after(&world, body);
    assert_timed_out(&failure, Stage::ReadingBody, secs(30));
    assert_eq!(failure.check::<PartialBody>().unwrap().bytes.len(), 10);
    assert_about(took, secs(14 + 290 + 30));
    world.is_clean();

    // The total is for less as well, and the next request on the connection has the agent's.
    let world = self::world([Step::Request, answer("kept"), Step::Request, Step::HANG]);
    let request = Request::new(Method::GET, URL).unwrap();
    let soon = request.total_timeout(Some(secs(1)));
    let body = world.agent.request(soon).add_callback(Response::text);
    assert_eq!(world.run(body).unwrap(), "kept");
    let (failure, took) = failure_after(&world, world.get());
    assert_timed_out(&failure, Stage::WaitingForResponse, secs(10));
    assert_about(took, secs(10));
}

#[test]
fn a_response_that_nobody_takes_is_closed_at_the_limit_of_all() {
    let world = world([Step::Request, answer(&"x".repeat(500_000))]);
    let response = world.run(world.get()).unwrap();
    world.pass(secs(101));
    assert_eq!(world.agent.pool_statistics().open, 0);
    let (failure, _) = failure_after(&world, response.read_body());
    assert_timed_out(&failure, Stage::ReadingBody, secs(100));
    assert!(
        !failure.check::<PartialBody>().unwrap().bytes.is_empty(),
        "what had come is not lost"
    );
}

#[test]
fn waiting_for_a_connection_counts_towards_the_limit_of_all() {
    let options = options()
        .head_timeout(None)
        .total_timeout(Some(secs(5)))
        .max_connections(1);
    let world = World::with(
        Simulation::new(),
        options,
        [vec![Step::Request, Step::HANG]],
    );
    let busy = world.get().add_both(|result| {
        assert!(request_error(&result.unwrap_err()).is_timeout());
    });
    world.pass(secs(1));
    let blocked = world.agent.get("http://other.test/");
    let start = world.reactor.now();
    world.run(busy).unwrap();
    assert_about(world.reactor.now() - start, secs(4));
    // It has a connection now, and a second left for the answer.
    let (failure, took) = failure_after(&world, blocked);
    assert_eq!(stage(&failure), Stage::WaitingForResponse);
    assert_about(took, secs(1));
    world.is_clean();
}

#[test]
fn a_time_limit_of_the_callers_own_shows_as_one() {
    // C160: whatever a cancelled request fails with
    let world = world([Step::Request, Step::HANG]);
    let limited = world.get().add_timeout(&world.reactor, secs(3));
    let (failure, took) = failure_after(&world, limited);
    assert_eq!(took, secs(3));
    assert_eq!(failure.find::<TimedOut>().map(|it| it.after), Some(secs(3)));
    world.is_clean();
}

#[test]
fn the_defaults_give_up_at_every_stage() {
    // Complaint 1
    let quiet = "192.0.2.1".parse().unwrap();
    let mut trickle = vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    ];
    for _ in 0..200 {
        trickle.extend([send("x"), Step::Sleep(secs(30))]);
    }
    let head = send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    for (url, script, at, limit) in [
        ("http://quiet.test/", vec![], Stage::Connecting, 30),
        (URL, vec![Step::Request], Stage::WaitingForResponse, 60),
        (URL, vec![Step::Request, head], Stage::ReadingBody, 60),
        (URL, trickle, Stage::ReadingBody, 3600),
    ] {
        let simulation = Simulation::new().host("quiet.test", [quiet]).silent(quiet);
        let world = World::with(simulation, AgentOptions::new(), [script]);
        let text = world.agent.get(url).add_callback(Response::text);
        let (failure, took) = failure_after(&world, text);
        assert_eq!(stage(&failure), at, "{failure:#}");
        assert!(request_error(&failure).is_timeout(), "{failure:#}");
        assert_about(took, secs(limit));
        assert_eq!(world.agent.pool_statistics().open, 0);
    }
}

#[test]
fn no_timer_is_left_behind_a_request_that_is_over() {
    let world = world([Step::Request, answer("ok"), Step::Fin]);
    world.get_text().unwrap();
    world.is_clean();
}

#[test]
fn a_large_body_may_take_longer_than_the_head_as_long_as_it_moves() {
    let options = AgentOptions::new()
        .head_timeout(Some(secs(5)))
        .silence_timeout(Some(secs(5)));
    // 64 KiB under way for a second each.
    let simulation = Simulation::new()
        .window(64 * 1024)
        .delay(Duration::from_millis(500));
    let size = 2_000_000;
    let script = vec![Step::Request, Step::Bytes(size), answer("ok")];
    let world = World::with(simulation, options, [script]);
    let start = world.reactor.now();
    let request = Request::new(Method::PUT, URL)
        .unwrap()
        .body(vec![b'x'; size]);
    world.run(world.agent.request(request)).unwrap();
    assert!(world.reactor.now() - start > secs(10));
}

#[test]
fn a_slow_producer_is_not_the_servers_fault() {
    let options = AgentOptions::new()
        .head_timeout(Some(Duration::from_millis(100)))
        .silence_timeout(Some(Duration::from_millis(100)));
    let script = vec![Step::Request, Step::Bytes(1000), answer("ok")];
    let world = World::with(Simulation::new(), options, [script]);
    let (producer, _) = Pieces::new(&world, Some(1000), &[b"x" as &[u8]; 1000]);
    world.run(send_it(&world, producer)).unwrap();
}

#[test]
fn a_producer_may_take_longer_than_the_silence_as_long_as_what_it_writes_moves() {
    // What is queued is as much at each look, since the producer writes as much as has gone out.
    let options = AgentOptions::new().silence_timeout(Some(secs(5)));
    let simulation = || {
        let slow = Simulation::new().window(64 * 1024);
        slow.delay(Duration::from_millis(500))
    };
    let size = 2_000_000;
    for length in [Some(size as u64), None] {
        let script = match length {
            Some(_) => vec![Step::Request, Step::Bytes(size), answer("ok")],
            None => vec![
                Step::Request,
                Step::Bytes(size + 2000 * 7 + 5),
                answer("ok"),
            ],
        };
        let world = World::with(simulation(), options.clone(), [script]);
        let start = world.reactor.now();
        let (producer, log) = Pieces::new(&world, length, &[&[b'x'; 1000] as &[u8]; 2000]);
        world.run(send_it(&world, producer)).unwrap();
        assert!(world.reactor.now() - start > secs(10));
        assert!(log.borrow().contains(&"pause"));
    }

    let script = vec![
        Step::Request,
        Step::Bytes(100_000),
        Step::StopReading,
        Step::HANG,
    ];
    let world = World::with(simulation(), options, [script]);
    let (producer, _) = Pieces::new(&world, None, &[&[b'x'; 1000] as &[u8]; 2000]);
    let (failure, took) = failure_after(&world, send_it(&world, producer));
    assert_timed_out(&failure, Stage::Sending, secs(5));
    assert!(took < secs(14), "{took:?}");
}

#[test]
fn a_server_that_takes_no_more_of_a_body_is_given_up() {
    let options = AgentOptions::new().silence_timeout(Some(secs(5)));
    let script = vec![Step::Request, Step::StopReading, Step::HANG];
    let world = World::with(Simulation::new(), options, [script]);
    let start = world.reactor.now();
    let request = Request::new(Method::PUT, URL)
        .unwrap()
        .body(vec![b'x'; 1_000_000]);
    let failure = world.run(world.agent.request(request)).unwrap_err();
    assert_eq!(stage(&failure), Stage::Sending);
    assert!(request_error(&failure).is_timeout());
    let took = world.reactor.now() - start;
    assert!(took < secs(11), "{took:?}");
    assert_eq!(world.agent.pool_statistics().open, 0);
}
