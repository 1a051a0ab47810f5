//! Connections that speak another protocol after a request.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::{ConnectionDone, Failure, Protocol, Result, Transport};
use torsade_http::{Method, NotUpgraded, Request, RequestError, Response, WireError};

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
