//! Kept connections that turn out to be closed, or on which something comes that nobody asked for.

use std::time::Duration;

use torsade_core::Result;
use torsade_core::testing::Simulation;
use torsade_http::wire::WireError;
use torsade_http::{AgentOptions, Method, Request, Response, Stage};

use crate::support::{
    Step, URL, World, answer, answers, open_and_idle, request_error, send, stage,
};

#[test]
fn a_connection_that_the_server_closes_leaves_the_pool() {
    // C162
    let mut script = answers(1);
    script.extend([Step::Sleep(Duration::from_secs(1)), Step::Fin]);
    let world = World::new([script]);
    world.get_text().unwrap();
    assert_eq!(open_and_idle(&world), (1, 1));
    world.pass(Duration::from_secs(2));
    assert_eq!(open_and_idle(&world), (0, 0));
    assert_eq!(world.get_text().unwrap(), "ok");
}

#[test]
fn a_connection_on_which_something_comes_unasked_is_dropped() {
    // R48
    for unasked in [
        "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        "x",
    ] {
        let mut script = answers(1);
        script.extend([Step::Sleep(Duration::from_secs(1)), send(unasked)]);
        let world = World::new([script]);
        world.get_text().unwrap();
        world.pass(Duration::from_secs(2));
        assert_eq!(open_and_idle(&world), (0, 0));
        assert_eq!(world.get_text().unwrap(), "ok");
        assert_eq!(world.connections(), 2);
    }
}

#[test]
fn what_the_loop_has_not_seen_yet_is_seen_before_a_connection_is_used() {
    // R48, complaint 6: it comes in the same turn as the answer that makes us ask again
    let unasked = send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    for end in [
        vec![Step::Fin],
        vec![unasked.clone()],
        vec![unasked, Step::Fin],
    ] {
        for closes_first in [true, false] {
            // A POST is not made again, so it must not be sent there, however short it was idle. A GET
            // would be, but after a while it is cheaper to look.
            sees_before_it_sends(&end, closes_first, Duration::from_millis(500), Method::POST);
            sees_before_it_sends(&end, closes_first, Duration::from_micros(500), Method::POST);
            sees_before_it_sends(&end, closes_first, Duration::from_millis(500), Method::GET);
        }
    }
}

/// Asks a host again in the very turn in which its connection, which was idle so long, sees `end`.
fn sees_before_it_sends(end: &[Step], closes_first: bool, idle: Duration, method: Method) {
    let half_a_second = Duration::from_millis(500);
    let mut closing = vec![
        Step::Request,
        Step::Sleep(half_a_second - idle),
        answer("ok"),
        Step::Sleep(idle),
    ];
    closing.extend_from_slice(end);
    let late = vec![Step::Request, Step::Sleep(half_a_second), answer("late")];
    let mut scripts = vec![closing, late];
    let mut hosts = ["http://server.test/", "http://other.test/"];
    let closed = hosts[0];
    if !closes_first {
        scripts.reverse();
        hosts.reverse();
    }
    scripts.push(answers(1));
    let world = World::new(scripts);
    let mut sent = hosts.map(|host| world.agent.get(host));
    if !closes_first {
        sent.reverse();
    }
    let [closing, late] = sent;
    let agent = world.agent.clone();
    let again = late.add_callback(move |_| agent.request(Request::new(method, closed).unwrap()));
    world.run(closing.add_callback(Response::text)).unwrap();
    let response = world.run(again).unwrap();
    assert_eq!(world.run(response.text()).unwrap(), "ok");
    assert_eq!(world.connections(), 3);
    let received = world.received(usize::from(!closes_first));
    assert_eq!(received.matches("HTTP/1.1").count(), 1, "{received}");
}

#[test]
fn closing_what_is_idle_does_not_wait_for_a_server_that_hangs() {
    // R50, C163: with TLS there is something to wait for, see there
    let mut script = answers(1);
    script.extend([Step::StopReading, Step::HANG]);
    let world = World::new([script]);
    world.get_text().unwrap();
    let start = world.reactor.now();
    world.run(world.agent.close_cached_connections()).unwrap();
    let took = world.reactor.now() - start;
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(open_and_idle(&world), (0, 0));
}

/// Two requests over one connection; the second is met with `step` instead of an answer.
fn second_request_meets(step: Step, request: Request) -> (World, Result<String>) {
    let mut script = answers(1);
    script.extend([Step::Request, step]);
    let world = World::new([script, answers(5)]);
    world.get_text().unwrap();
    let body = world
        .agent
        .request(request)
        .add_callback(|response| response.text());
    let result = world.run(body);
    (world, result)
}

#[test]
fn a_request_on_a_connection_that_turns_out_closed_is_made_again() {
    // C165, R43
    for method in [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::DELETE,
        Method::PUT,
        Method::TRACE,
    ] {
        for step in [Step::Fin, Step::Reset] {
            let request = Request::new(method.clone(), URL).unwrap();
            let (world, result) = second_request_meets(step, request);
            assert!(result.is_ok(), "{method}: {result:?}");
            assert_eq!(world.connections(), 2);
        }
    }
}

#[test]
fn a_request_that_may_have_had_an_effect_is_not_made_again() {
    // C165, R43
    let post = || Request::new(Method::POST, URL).unwrap();
    let put = Request::new(Method::PUT, URL).unwrap().body("body");
    for request in [post(), post().body("body"), put] {
        let (world, result) = second_request_meets(Step::Fin, request);
        let failure = result.unwrap_err();
        assert_eq!(stage(&failure), Stage::WaitingForResponse);
        assert_eq!(world.connections(), 1);
    }
}

/// A second request that is larger than what fits between the two ends, whose sender is cut off.
fn large_request_meets(end: Step, request: Request) -> (World, Result<String>) {
    let mut script = answers(1);
    let pause = Step::Sleep(Duration::from_millis(50));
    script.extend([Step::StopReading, pause, end]);
    let world = World::new([script, answers(1)]);
    world.get_text().unwrap();
    let request = request.header("X-Large", "x".repeat(100_000)).unwrap();
    let sent = world.agent.request(request).add_callback(Response::text);
    let result = world.run(sent);
    (world, result)
}

#[test]
fn a_request_that_is_cut_off_while_it_is_sent_is_made_again_if_it_may_be() {
    // R43
    for end in [Step::Fin, Step::Reset] {
        let get = Request::new(Method::GET, URL).unwrap();
        let (world, result) = large_request_meets(end.clone(), get);
        assert_eq!(result.unwrap(), "ok");
        assert_eq!(world.connections(), 2);
        let post = Request::new(Method::POST, URL).unwrap().body("body");
        let (world, result) = large_request_meets(end, post);
        assert!(stage(&result.unwrap_err()) <= Stage::WaitingForResponse);
        assert_eq!(world.connections(), 1);
    }
}

#[test]
fn a_request_and_the_end_of_its_connection_may_cross() {
    // R43: the server closes before, while and after the next request is on its way
    for step in 0..40 {
        for end in [Step::Fin, Step::Reset] {
            for method in [Method::GET, Method::POST] {
                // The answer is a millisecond on its way.
                let time = Duration::from_micros(100 * step);
                let mut script = answers(1);
                script.extend([Step::Sleep(time), end.clone()]);
                let world = World::new([script, answers(1)]);
                if world.get_text().is_err() {
                    // The reset has overtaken it.
                    continue;
                }
                let request = Request::new(method.clone(), URL).unwrap();
                let sent = world.agent.request(request);
                let result = world.run(sent.add_callback(Response::text));
                let shown = format!("{method} {end:?} after {time:?}: {result:?}");
                let count: usize = (0..world.connections())
                    .map(|at| world.received(at).matches("POST").count())
                    .sum();
                match method {
                    Method::GET => assert_eq!(result.unwrap(), "ok", "{shown}"),
                    _ => assert!(
                        count <= 1 && result.is_ok() == (world.connections() == 2),
                        "{shown}"
                    ),
                }
            }
        }
    }
}

#[test]
fn a_request_is_not_made_again_once_a_byte_of_the_response_came() {
    // R44
    let begun = "HTTP/1.1 200 OK\r\nCont";
    let replies = (1..=begun.len()).map(|cut| &begun[..cut]).chain(["\r\n"]);
    for reply in replies {
        for end in [Step::Fin, Step::Reset] {
            let mut script = answers(1);
            let in_a_moment = Step::Sleep(Duration::from_millis(10));
            script.extend([Step::Request, send(reply), in_a_moment, end]);
            let world = World::new([script, answers(1)]);
            world.get_text().unwrap();
            let failure = world.get_error();
            assert_eq!(stage(&failure), Stage::ReadingHead, "{reply:?}");
            assert_eq!(world.connections(), 1, "{reply:?}");
        }
    }
}

#[test]
fn a_request_is_made_again_only_once_and_only_on_a_new_connection() {
    // C165
    let mut script = answers(1);
    script.extend([Step::Request, Step::Fin]);
    let world = World::new([script, vec![Step::Request, Step::Fin], answers(1)]);
    world.get_text().unwrap();
    let failure = world.get_error();
    assert!(matches!(
        request_error(&failure).cause.find::<WireError>(),
        Some(WireError::ClosedBeforeResponse)
    ));
    assert_eq!(world.connections(), 2);
}

#[test]
fn a_request_on_a_new_connection_is_not_made_again() {
    // C165
    let world = World::new([vec![Step::Request, Step::Fin], answers(1)]);
    world.get_error();
    assert_eq!(world.connections(), 1);
}

#[test]
fn a_cancelled_or_late_request_is_not_made_again() {
    // C165
    let mut script = answers(1);
    script.push(Step::HANG);
    let options = AgentOptions::new().head_timeout(Some(Duration::from_secs(2)));
    let world = World::with(Simulation::new(), options, [script, answers(1)]);
    world.get_text().unwrap();
    assert!(request_error(&world.get_error()).is_timeout());
    assert_eq!(world.connections(), 1);
}
