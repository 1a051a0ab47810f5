//! Connections that are kept, and how many there may be.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Result};
use torsade_http::{AgentOptions, Response};

use crate::support::{Step, URL, World, answer, answers, open_and_idle, send};

/// Answers each request after a second.
fn slow() -> Vec<Step> {
    let second = Duration::from_secs(1);
    let one = [Step::Request, Step::Sleep(second), answer("ok")];
    one.into_iter().cycle().take(300).collect()
}

/// Starts a request, and notes its name when it has its response.
fn noted(world: &World, url: &str, log: &Rc<RefCell<Vec<String>>>, name: &str) -> Deferred<String> {
    let (log, name) = (Rc::clone(log), name.to_owned());
    let response = world.agent.get(url);
    response.add_callback(move |response| {
        log.borrow_mut().push(name);
        response.text()
    })
}

fn all<T: 'static>(world: &World, requests: Vec<Deferred<T>>) -> Result<()> {
    for request in requests {
        world.run(request)?;
    }
    Ok(())
}

#[test]
fn a_connection_is_used_again_for_the_same_origin_only() {
    // C162, C163
    let world = World::new([answers(10)]);
    for _ in 0..3 {
        assert_eq!(world.get_text().unwrap(), "ok");
    }
    assert_eq!(world.connections(), 1);
    let elsewhere = world.agent.get("http://other.test/");
    world.run(elsewhere.add_callback(Response::text)).unwrap();
    assert_eq!(world.connections(), 2);
    assert_eq!(open_and_idle(&world), (2, 2));
}

#[test]
fn a_host_is_the_same_in_any_case_and_with_its_schemes_port() {
    let world = World::new([answers(10)]);
    for url in ["http://server.test/", "HTTP://SERVER.TEST:80/a"] {
        world
            .run(world.agent.get(url).add_callback(Response::text))
            .unwrap();
    }
    assert_eq!(world.connections(), 1);
}

#[test]
fn the_connection_used_last_is_used_first() {
    let world = World::new([slow(), answers(10)]);
    let (one, two) = (world.get(), world.get());
    world.run(two.add_callback(Response::text)).unwrap();
    world.run(one.add_callback(Response::text)).unwrap();
    assert_eq!(open_and_idle(&world), (2, 2));
    world.get_text().unwrap();
    assert_eq!(world.received(0).matches("GET").count(), 2);
    assert_eq!(world.received(1).matches("GET").count(), 1);
}

#[test]
fn a_connection_is_back_before_the_end_of_its_body_is_told() {
    // C162: so the next request of whoever waits for the body can use it
    let world = World::new([answers(10)]);
    let agent = world.agent.clone();
    let body = world
        .get()
        .add_callback(|response| response.read_body())
        .add_callback(move |_| agent.get(URL))
        .add_callback(|response| response.text());
    world.run(body).unwrap();
    assert_eq!(world.connections(), 1);
}

#[test]
fn replies_that_say_close_in_any_way_are_not_kept() {
    // C162
    for head in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\n",
        "HTTP/1.1 200 OK\r\nConnection: Close\r\n",
        "HTTP/1.1 200 OK\r\nConnection: foo, close\r\n",
        "HTTP/1.0 200 OK\r\n",
    ] {
        let reply = send(format!("{head}Content-Length: 2\r\n\r\nok"));
        let world = World::new([vec![Step::Request, reply]]);
        assert_eq!(world.get_text().unwrap(), "ok");
        assert_eq!(world.agent.pool_statistics().open, 0, "{head}");
        world.is_clean();
    }
}

#[test]
fn a_reply_of_http_1_0_that_says_keep_alive_is_kept() {
    // C162
    let reply =
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok".to_owned();
    let world = World::new([vec![
        Step::Request,
        send(&reply),
        Step::Request,
        send(&reply),
    ]]);
    world.get_text().unwrap();
    world.get_text().unwrap();
    assert_eq!(world.connections(), 1);
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    // C163
    let options = AgentOptions::new().idle_timeout(Some(Duration::from_secs(5)));
    let world = World::with(Simulation::new(), options, [answers(10)]);
    world.get_text().unwrap();
    world.pass(Duration::from_millis(4_900));
    assert_eq!(open_and_idle(&world), (1, 1));
    world.get_text().unwrap();
    world.pass(Duration::from_millis(4_900));
    assert_eq!(
        open_and_idle(&world),
        (1, 1),
        "the time begins anew with each use"
    );
    world.pass(Duration::from_millis(200));
    assert_eq!(open_and_idle(&world), (0, 0));
    world.is_clean();
}

#[test]
fn bytes_behind_a_complete_body_keep_its_connection_from_being_used_again() {
    // R28
    let reply = send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
    let world = World::new([vec![Step::Request, reply]]);
    assert_eq!(world.get_text().unwrap(), "ok");
    assert_eq!(world.agent.pool_statistics().open, 0);
    assert_eq!(world.get_text().unwrap(), "ok");
    assert_eq!(world.connections(), 2);
}

#[test]
fn requests_beyond_the_limit_of_a_host_wait_in_order() {
    // Complaint 7
    let options = AgentOptions::new().max_connections_per_host(2);
    let world = World::with(Simulation::new(), options, [slow()]);
    let log = Rc::default();
    let requests: Vec<_> = (0..6)
        .map(|number| noted(&world, URL, &log, &number.to_string()))
        .collect();
    assert_eq!(world.agent.pool_statistics().waiting, 4);
    let start = world.reactor.now();
    all(&world, requests).unwrap();
    assert_eq!(world.connections(), 2);
    assert_eq!(*log.borrow(), ["0", "1", "2", "3", "4", "5"]);
    let took = world.reactor.now() - start;
    assert!(took < Duration::from_millis(3_100), "{took:?}");
}

#[test]
fn a_full_host_does_not_hold_up_another() {
    let options = AgentOptions::new().max_connections_per_host(1);
    let world = World::with(Simulation::new(), options, [slow()]);
    let log = Rc::default();
    let requests = vec![
        noted(&world, URL, &log, "a1"),
        noted(&world, URL, &log, "a2"),
        noted(&world, "http://other.test/", &log, "b1"),
    ];
    all(&world, requests).unwrap();
    assert_eq!(*log.borrow(), ["a1", "b1", "a2"]);
}

#[test]
fn a_request_whose_turn_it_is_gets_its_connection_at_once() {
    let options = AgentOptions::new()
        .max_connections_per_host(1)
        .max_connections(2);
    let world = World::with(Simulation::new(), options, [slow()]);
    let pool = || {
        let pool = world.agent.pool_statistics();
        (pool.open, pool.waiting)
    };
    let mut requests = vec![world.get()];
    assert_eq!(pool(), (1, 0), "nobody is there");
    requests.push(world.get());
    assert_eq!(pool(), (1, 1));
    requests.push(world.agent.get("http://other.test/"));
    assert_eq!(pool(), (2, 1), "those who wait, wait for another host");
    let texts = requests
        .into_iter()
        .map(|request| request.add_callback(Response::text));
    all(&world, texts.collect()).unwrap();
    // An idle one gives way.
    let third = world.agent.get("http://127.0.0.1/");
    assert_eq!(pool(), (2, 0), "nobody waits");
    world.run(third.add_callback(Response::text)).unwrap();
}

#[test]
fn the_limit_of_all_is_shared_in_order_and_the_longest_idle_gives_way() {
    // Complaint 7
    let options = AgentOptions::new().max_connections(2);
    let world = World::with(Simulation::new(), options, [slow()]);
    let log = Rc::default();
    // Two hosts fill it; what comes for a third is served before a later one for the first.
    let requests = vec![
        noted(&world, URL, &log, "a1"),
        noted(&world, "http://other.test/", &log, "b1"),
        noted(&world, "http://127.0.0.1/", &log, "c1"),
        noted(&world, URL, &log, "a2"),
        noted(&world, URL, &log, "a3"),
    ];
    all(&world, requests).unwrap();
    assert_eq!(*log.borrow(), ["a1", "b1", "c1", "a2", "a3"]);
    assert!(world.agent.pool_statistics().open <= 2);
}

#[test]
fn the_connection_that_was_idle_the_longest_gives_way() {
    let options = AgentOptions::new().max_connections(3);
    let world = World::with(Simulation::new(), options, [answers(10)]);
    let get = |host: &str| {
        let response = world.agent.get(&format!("http://{host}/"));
        world.run(response.add_callback(Response::text)).unwrap();
    };
    for host in ["server.test", "other.test", "127.0.0.1", "localhost"] {
        get(host);
    }
    assert_eq!(open_and_idle(&world), (3, 3));
    for host in ["other.test", "127.0.0.1", "localhost"] {
        get(host);
    }
    assert_eq!(world.connections(), 4, "these three were kept");
    world.pass(Duration::from_millis(10));
    assert_eq!(world.seen.borrow().ended, [true, false, false, false]);
}

#[test]
fn whoever_asks_again_at_once_does_not_starve_those_who_wait() {
    let options = AgentOptions::new().max_connections(1);
    let world = World::with(Simulation::new(), options, [slow()]);
    let log = Rc::default();
    let (agent, again_log) = (world.agent.clone(), Rc::clone(&log));
    let first = noted(&world, URL, &log, "a1").add_callback(move |_| {
        let response = agent.get(URL);
        response.add_callback(move |response| {
            again_log.borrow_mut().push("a2".to_owned());
            response.text()
        })
    });
    let other = noted(&world, "http://other.test/", &log, "b1");
    all(&world, vec![other, first]).unwrap();
    assert_eq!(*log.borrow(), ["a1", "b1", "a2"]);
}

#[test]
fn no_more_idle_connections_are_kept_than_may_be() {
    // C163
    let options = AgentOptions::new().max_idle_per_host(2);
    let world = World::with(Simulation::new(), options, [slow()]);
    let requests = (0..5)
        .map(|_| world.get().add_callback(Response::text))
        .collect();
    all(&world, requests).unwrap();
    assert_eq!(world.connections(), 5);
    assert_eq!(world.agent.pool_statistics().idle, 2);
    world.pass(Duration::from_secs(1));
    assert_eq!(open_and_idle(&world), (2, 2));
}

#[test]
fn a_connection_attempt_that_fails_gives_its_place_to_the_next() {
    let options = AgentOptions::new().max_connections(1);
    let world = World::with(Simulation::new(), options, [answers(1)]);
    let refused = world.agent.get("http://server.test:81/");
    let good = world.get().add_callback(Response::text);
    assert_eq!(world.agent.pool_statistics().waiting, 1);
    assert!(world.run(refused).is_err());
    assert_eq!(world.run(good).unwrap(), "ok");
}

#[test]
fn closing_waits_for_the_idle_ones_and_leaves_the_busy_ones_alone() {
    // C163
    let world = World::new([answers(10), slow()]);
    let (quick, busy) = (world.get(), world.get());
    world.run(quick.add_callback(Response::text)).unwrap();
    assert_eq!(open_and_idle(&world), (2, 1));
    world.run(world.agent.close_cached_connections()).unwrap();
    assert_eq!(open_and_idle(&world), (1, 0));
    world.pass(Duration::from_millis(10));
    assert_eq!(world.seen.borrow().ended, [true, false]);
    let text = world.run(busy.add_callback(Response::text)).unwrap();
    assert_eq!(text, "ok");
    world.run(world.agent.close_cached_connections()).unwrap();
    world.run(world.agent.close_cached_connections()).unwrap();
    world.is_clean();
}

#[test]
fn dropping_the_agent_closes_what_is_idle_now_and_what_becomes_idle() {
    let mut world = World::new([answers(10), slow()]);
    let (quick, busy) = (world.get(), world.get());
    world.run(quick.add_callback(Response::text)).unwrap();
    world.agent = torsade_http::Agent::new(&world.reactor);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.seen.borrow().ended, [true, false]);
    let text = world.run(busy.add_callback(Response::text)).unwrap();
    assert_eq!(text, "ok");
    world.pass(Duration::from_millis(100));
    assert_eq!(world.seen.borrow().ended, [true, true]);
    world.is_clean();
}

#[test]
fn a_thousand_requests_are_made_over_one_connection() {
    // C162
    let world = World::new([answers(1000)]);
    for _ in 0..1000 {
        assert_eq!(world.get_text().unwrap(), "ok");
    }
    assert_eq!(world.connections(), 1);
    assert_eq!(world.received(0).matches("GET / ").count(), 1000);
}

#[test]
fn the_pool_counts_what_it_makes_and_what_it_uses_again() {
    let world = World::new([answers(3)]);
    for _ in 0..3 {
        assert_eq!(world.get_text().unwrap(), "ok");
    }
    let pool = world.agent.pool_statistics();
    assert_eq!((pool.made, pool.reused), (1, 2));
}
