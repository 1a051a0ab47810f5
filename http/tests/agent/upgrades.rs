//! Connections that speak another protocol after a request.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{ConnectionDone, Failure, Protocol, Result, Transport};
use torsade_http::{AgentOptions, Method, NotUpgraded, Request, RequestError, Response, WireError};

use crate::support::{Step, URL, World, answer, request_error, send};

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n";

/// Answers what comes in capitals, and notes all that happens.
struct Shout(Rc<RefCell<Vec<String>>>);

impl Protocol for Shout {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.borrow_mut().push("made".into());
        transport.write(b"hello");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.0
            .borrow_mut()
            .push(String::from_utf8_lossy(data).into());
        transport.write(&data.to_ascii_uppercase());
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let is_done = reason.check::<ConnectionDone>().is_some();
        self.0.borrow_mut().push(format!("lost, done: {is_done}"));
    }
}

fn request() -> Request {
    let request = Request::new(Method::GET, URL).unwrap();
    request.upgrade("shout").unwrap()
}

fn switched(world: &World) -> Response {
    let response = world.run(world.agent.request(request())).unwrap();
    assert_eq!(response.status(), 101);
    response
}

// R33
#[test]
fn what_comes_behind_the_head_is_for_the_next_protocol() {
    for early in ["", "early"] {
        let first = send(format!("{SWITCHED}{early}"));
        let later = [
            Step::Sleep(Duration::from_secs(1)),
            send("later"),
            Step::Bytes(15 + early.len() - 5),
        ];
        let mut script = vec![Step::Request, first];
        script.extend(later);
        script.push(Step::Fin);
        let world = World::new([script]);
        let seen = Rc::new(RefCell::new(Vec::new()));
        switched(&world).upgrade(Shout(Rc::clone(&seen))).unwrap();
        world.pass(Duration::from_secs(5));
        let expected = ["made", "early", "later", "lost, done: true"];
        let expected: Vec<&str> = expected
            .into_iter()
            .filter(|it| *it != "early" || !early.is_empty())
            .collect();
        assert_eq!(*seen.borrow(), expected);
        let received = world.received(0);
        assert!(
            received.contains("\r\nUpgrade: shout\r\nConnection: upgrade\r\n\r\n"),
            "{received}"
        );
        let shouted = format!("hello{}LATER", early.to_uppercase());
        assert!(received.ends_with(&shouted), "{received}");
        world.is_clean();
    }
}

#[test]
fn it_waits_for_whoever_takes_it_and_is_no_business_of_the_agent() {
    let script = vec![
        Step::Request,
        send(format!("{SWITCHED}early")),
        Step::Bytes(10),
        send("x"),
        Step::HANG,
    ];
    let world = World::new([script]);
    let response = switched(&world);
    assert_eq!(world.agent.pool_statistics().open, 0);
    // Longer than any time limit of the agent.
    world.pass(Duration::from_secs(3 * 60 * 60));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let transport = response.upgrade(Shout(Rc::clone(&seen))).unwrap();
    world.pass(Duration::from_secs(3 * 60 * 60));
    assert_eq!(*seen.borrow(), ["made", "early", "x"]);
    transport.lose_connection();
    world.is_clean();
    assert_eq!(seen.borrow().last().unwrap(), "lost, done: true");
}

#[test]
fn one_that_nobody_takes_is_closed() {
    let world = World::new([vec![Step::Request, send(SWITCHED), Step::HANG]]);
    drop(switched(&world));
    world.is_clean();
}

#[test]
fn one_that_was_lost_meanwhile_says_so() {
    let script = vec![
        Step::Request,
        send(format!("{SWITCHED}early")),
        Step::Sleep(Duration::from_secs(1)),
        Step::Reset,
    ];
    let world = World::new([script]);
    let response = switched(&world);
    world.pass(Duration::from_secs(5));
    let seen = Rc::new(RefCell::new(Vec::new()));
    response.upgrade(Shout(Rc::clone(&seen))).unwrap();
    world.pass(Duration::from_secs(1));
    assert_eq!(*seen.borrow(), ["made", "early", "lost, done: false"]);
    world.is_clean();
}

#[test]
fn a_server_that_stays_with_http_is_a_typed_error() {
    let world = World::new([vec![
        Step::Request,
        answer("no"),
        Step::Request,
        answer("again"),
    ]]);
    let response = world.run(world.agent.request(request())).unwrap();
    let failure = response.upgrade(Shout(Rc::default())).unwrap_err();
    assert_eq!(failure.find::<NotUpgraded>().unwrap().status, 200);
    assert_eq!(world.get_text().unwrap(), "again");
    assert_eq!(world.connections(), 1);
}

// R33
#[test]
fn a_switch_that_nobody_asked_for_is_an_error() {
    let world = World::new([vec![Step::Request, send(SWITCHED), Step::HANG]]);
    let failure = world.get_error();
    let error: &RequestError = request_error(&failure);
    let wire = error.cause.find::<WireError>();
    assert!(
        matches!(wire, Some(WireError::UnexpectedUpgrade)),
        "{failure:#}"
    );
    world.is_clean();
}

// R33: the server cannot have read the request by then.
#[test]
fn a_switch_while_the_request_is_on_its_way_is_an_error() {
    let world = World::new([vec![Step::Request, send(SWITCHED), Step::HANG]]);
    let early = request().body(vec![b'x'; 1_000_000]);
    let failure = world.run(world.agent.request(early)).unwrap_err();
    let wire = request_error(&failure).cause.find::<WireError>();
    assert!(
        matches!(wire, Some(WireError::UnexpectedUpgrade)),
        "{failure:#}"
    );
    world.is_clean();
}

// R33, complaint 9
#[test]
fn its_bytes_are_its_own_in_pieces_of_any_size_and_whatever_they_look_like() {
    let said = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for piece in [1, 3, 1460] {
        let script = vec![
            Step::Request,
            send(format!("{SWITCHED}{said}")),
            Step::Bytes("hello".len() + said.len()),
            Step::Fin,
        ];
        let simulation = Simulation::new().segment_size(piece);
        let options = AgentOptions::new().max_connections(1);
        let next = vec![Step::Request, answer("next")];
        let world = World::with(simulation, options, [script, next]);
        let seen = Rc::new(RefCell::new(Vec::new()));
        switched(&world).upgrade(Shout(Rc::clone(&seen))).unwrap();
        // It takes nobody's place.
        assert_eq!(world.get_text().unwrap(), "next");
        world.pass(Duration::from_secs(1));
        let seen = seen.borrow();
        let (last, rest) = seen.split_last().unwrap();
        assert_eq!(
            (rest.concat(), last.as_str()),
            (format!("made{said}"), "lost, done: true")
        );
    }
}

/// Fails when something comes.
struct Broken {
    log: Rc<RefCell<Vec<String>>>,
    panics: bool,
}

impl Protocol for Broken {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        assert!(!self.panics, "oh no");
        Err(std::fmt::Error.into())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.log.borrow_mut().push(format!("{reason:#}"));
    }
}

#[test]
fn a_protocol_that_fails_or_panics_ends_its_connection_and_is_told() {
    for panics in [false, true] {
        for early in ["x", ""] {
            let script = vec![
                Step::Request,
                send(format!("{SWITCHED}{early}")),
                Step::Sleep(Duration::from_millis(10)),
                send("y"),
            ];
            let world = World::new([script]);
            let response = switched(&world);
            let log = Rc::new(RefCell::new(Vec::new()));
            let broken = Broken {
                log: Rc::clone(&log),
                panics,
            };
            response.upgrade(broken).unwrap();
            world.is_clean();
            let log = log.borrow();
            let expected = match panics {
                true => "oh no".to_owned(),
                false => std::fmt::Error.to_string(),
            };
            assert!(
                matches!(&log[..], [reason] if reason.contains(&expected)),
                "{log:?}"
            );
        }
    }
}
