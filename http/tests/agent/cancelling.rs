//! Cancelling, wherever a request is.

use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Cancelled, Deferred};
use torsade_http::{AgentOptions, Method, PartialBody, Request, Response, Stage};

use crate::support::{HOST, Step, URL, World, answer, request_error, send, stage};

/// Cancels a request after `time`, and gives the stage that it says it was at.
fn cancelled_after(world: &World, deferred: Deferred<Response>, time: Duration) -> Stage {
    let start = world.reactor.now();
    let canceller = deferred.canceller();
    let _ = world.reactor.call_later(time, move || canceller.cancel());
    let failure = world.run(deferred).unwrap_err();
    assert_eq!(world.reactor.now() - start, time, "it fails at once");
    let error = request_error(&failure);
    assert!(error.is_cancelled(), "{failure:#}");
    assert!(failure.find::<Cancelled>().is_some());
    assert!(
        error.origin.contains(".test:80"),
        "it says whom it was for: {error}"
    );
    error.stage
}

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn while_connecting() {
    // C160, R46
    let elsewhere = "192.0.2.1".parse().unwrap();
    let simulation = Simulation::new()
        .host("quiet.test", [elsewhere])
        .silent(elsewhere);
    let world = World::with(simulation, AgentOptions::new(), [vec![]]);
    let request = world.agent.get("http://quiet.test/");
    assert_eq!(world.agent.pool_statistics().open, 1);
    assert_eq!(cancelled_after(&world, request, SHORT), Stage::Connecting);
    world.is_clean();
}

#[test]
fn while_waiting_for_a_connection() {
    // R46
    let options = AgentOptions::new().max_connections(1);
    let script = vec![Step::Request, Step::Sleep(SHORT * 2), answer("ok")];
    let world = World::with(Simulation::new(), options, [script]);
    let busy = world.get();
    let waiting = world.get();
    let stage = cancelled_after(&world, waiting, SHORT);
    assert_eq!(stage, Stage::WaitingForConnection);
    assert_eq!(world.agent.pool_statistics().waiting, 0);
    let text = world.run(busy.add_callback(Response::text));
    assert_eq!(text.unwrap(), "ok");
    assert_eq!(world.received(0).matches("GET").count(), 1);
}

#[test]
fn while_sending() {
    // C160
    let world = World::new([vec![Step::Request, Step::StopReading, Step::HANG]]);
    let request = Request::new(Method::PUT, URL)
        .unwrap()
        .body(vec![b'x'; 1_000_000]);
    let sending = world.agent.request(request);
    assert_eq!(cancelled_after(&world, sending, SHORT), Stage::Sending);
    assert_eq!(world.agent.pool_statistics().open, 0);
}

#[test]
fn while_waiting_for_the_response() {
    // C160
    let world = World::new([vec![Step::Request, Step::HANG]]);
    let stage = cancelled_after(&world, world.get(), SHORT);
    assert_eq!(stage, Stage::WaitingForResponse);
    world.is_clean();
    assert!(world.seen.borrow().ended[0]);
}

#[test]
fn while_reading_the_head() {
    // C160
    let world = World::new([vec![Step::Request, send("HTTP/1.1 200 OK\r\n"), Step::HANG]]);
    let stage = cancelled_after(&world, world.get(), SHORT);
    assert_eq!(stage, Stage::ReadingHead);
    world.is_clean();
}

#[test]
fn while_reading_the_body_the_connection_is_closed_and_what_came_is_kept() {
    // Complaint 3, C173, R107
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
    let world = World::new([vec![Step::Request, send(head), Step::HANG]]);
    let body = world.get().add_callback(Response::read_body);
    let canceller = body.canceller();
    let _ = world.reactor.call_later(SHORT, move || canceller.cancel());
    let failure = world.run(body).unwrap_err();
    assert_eq!(stage(&failure), Stage::ReadingBody);
    assert!(request_error(&failure).is_cancelled());
    assert_eq!(failure.check::<PartialBody>().unwrap().bytes, "some");
    world.is_clean();
    assert!(world.seen.borrow().ended[0]);
}

#[test]
fn twice_or_after_the_end_does_nothing_more() {
    // R107
    let world = World::new([vec![Step::Request, answer("ok"), Step::Request, Step::HANG]]);
    let request = world.get();
    let canceller = request.canceller();
    let response = world.run(request).unwrap();
    canceller.cancel();
    assert_eq!(world.run(response.text()).unwrap(), "ok");

    let request = world.get();
    let canceller = request.canceller();
    world.pass(SHORT);
    canceller.cancel();
    canceller.cancel();
    assert!(request_error(&world.run(request).unwrap_err()).is_cancelled());
    world.is_clean();
}

#[test]
fn a_cancelled_request_does_not_hit_the_next_one_on_its_connection() {
    let world = World::new([vec![
        Step::Request,
        answer("one"),
        Step::Request,
        Step::Sleep(SHORT),
        answer("two"),
    ]]);
    let first = world.get();
    let canceller = first.canceller();
    let first = world.run(first.add_callback(Response::text)).unwrap();
    assert_eq!(first, "one");
    let second = world.get().add_callback(Response::text);
    world.pass(SHORT / 2);
    canceller.cancel();
    assert_eq!(world.run(second).unwrap(), "two");
    assert_eq!(world.connections(), 1);
}

#[test]
fn at_any_moment_leaves_nothing_behind() {
    // R46, R107: a request takes some 10 ms here; it is cancelled at each tenth of one of them
    let script = || {
        vec![
            Step::Request,
            Step::Sleep(Duration::from_millis(2)),
            send("HTTP/1.1 200 OK\r\nContent-Le"),
            Step::Sleep(Duration::from_millis(2)),
            send("ngth: 4\r\n\r\nbo"),
            Step::Sleep(Duration::from_millis(2)),
            send("dy"),
            Step::Fin,
        ]
    };
    let (mut cancelled, mut completed) = (0, 0);
    for tenth in 0..=120 {
        let simulation = Simulation::new().host("localhost", [HOST]);
        let world = World::with(simulation, AgentOptions::new(), [script()]);
        let text = world.get().add_callback(Response::text);
        let canceller = text.canceller();
        let time = Duration::from_micros(100 * tenth);
        let _ = world.reactor.call_later(time, move || canceller.cancel());
        match world.run(text) {
            Ok(text) => {
                assert_eq!(text, "body");
                completed += 1;
            }
            Err(failure) => {
                assert!(
                    request_error(&failure).is_cancelled(),
                    "{tenth}: {failure:#}"
                );
                cancelled += 1;
            }
        }
        world.pass(Duration::from_secs(1));
        world.is_clean();
        assert_eq!(world.get_text().unwrap(), "body", "after {time:?}");
    }
    assert!(
        cancelled > 50 && completed > 5,
        "{cancelled} cancelled, {completed} completed"
    );
}

#[test]
fn a_thousand_times_at_random_leaves_the_pool_as_it_was() {
    // R46, complaint 3: with some of them connecting, some waiting for a place, some under way
    let kept = || {
        let one = [
            Step::Request,
            Step::Sleep(Duration::from_millis(1)),
            answer("body"),
        ];
        one.into_iter().cycle().take(3000).collect::<Vec<_>>()
    };
    let options = AgentOptions::new().max_connections_per_host(5);
    let world = World::with(Simulation::new(), options, [kept()]);
    // Not at random, but the same in each run: the numbers of a small generator.
    let mut number: u64 = 1;
    let mut requests = Vec::new();
    for _ in 0..1000 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let time = Duration::from_micros((number >> 33) % 10_000);
        let text = world.get().add_callback(Response::text);
        let canceller = text.canceller();
        let _ = world.reactor.call_later(time, move || canceller.cancel());
        requests.push(text);
        if requests.len() % 20 == 0 {
            world.pass(Duration::from_millis(8));
        }
    }
    let results: Vec<_> = requests
        .into_iter()
        .map(|request| world.run(request))
        .collect();
    let completed = results.iter().filter(|result| result.is_ok()).count();
    assert!((10..990).contains(&completed), "{completed} completed");
    for failure in results.into_iter().filter_map(Result::err) {
        assert!(request_error(&failure).is_cancelled(), "{failure:#}");
    }
    world.pass(Duration::from_secs(1));
    let statistics = world.agent.pool_statistics();
    assert_eq!((statistics.open, statistics.waiting), (statistics.idle, 0));
    assert!(statistics.open <= 5);
    // Both ends of each, and the listener.
    assert_eq!(world.reactor.open_sources(), 2 * statistics.open + 1);
    assert_eq!(world.get_text().unwrap(), "body");
}
