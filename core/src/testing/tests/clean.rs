//! The check for what a test leaves behind finds each kind of it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::deferred::set_debugging;
use crate::error::Panicked;
use crate::testing::{
    AccumulatingProtocol, ConnectedPair, Simulation, assert_clean, take_logged_errors,
};
use crate::{
    Address, ClientEndpoint, ConnectionDone, Deferred, Protocol, Reactor, Result, TcpClient,
    TcpServer, Transport,
};

const ADDRESS: &str = "127.0.0.1:7";

fn world() -> Reactor {
    set_debugging(true);
    Simulation::new().reactor()
}

fn listen(reactor: &Reactor) -> crate::ListeningPort {
    let server = TcpServer::new(reactor, ADDRESS.parse().unwrap());
    let port = server.listen(|_: &Address| AccumulatingProtocol::new());
    port.unwrap()
}

/// What is said to be left behind; a leak must be found.
#[track_caller]
fn left(reactor: &Reactor) -> String {
    let checked = catch_unwind(AssertUnwindSafe(|| assert_clean(reactor)));
    Panicked::from_payload(checked.expect_err("something is left")).to_string()
}

#[track_caller]
fn assert_found(text: &str, parts: &[&str]) {
    assert!(text.contains("left behind: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_reactor_of_which_nothing_is_left_is_clean() {
    let reactor = world();
    let port = listen(&reactor);
    let client = TcpClient::new(&reactor, ADDRESS.parse().unwrap());
    let connected = client.connect(|_: &Address| AccumulatingProtocol::new());
    let client = reactor.run_until(connected).unwrap();
    client.transport().lose_connection();
    reactor.run_until(port.stop_listening()).unwrap();
    let call = reactor.call_later(Duration::from_secs(1), || ());
    assert!(call.cancel());
    reactor.advance(Duration::from_secs(1)).unwrap();
    assert_clean(&reactor);
}

#[test]
fn a_timed_call_is_found_with_where_it_was_made() {
    let reactor = world();
    let _ = reactor.call_later(Duration::from_secs(5), || ());
    assert_found(&left(&reactor), &["a call in 5s, made at ", "clean.rs:"]);
}

#[test]
fn a_listening_port_a_connection_and_an_attempt_are_found_with_their_addresses() {
    let reactor = world();
    let port = listen(&reactor);
    let text = left(&reactor);
    assert_found(
        &text,
        &["a listening port on 127.0.0.1:7, made at ", "clean.rs:"],
    );

    let client = TcpClient::new(&reactor, ADDRESS.parse().unwrap());
    let attempt = client.connect(|_: &Address| AccumulatingProtocol::new());
    let text = left(&reactor);
    assert_found(&text, &["an attempt to connect to 127.0.0.1:7"]);

    reactor.run_until(attempt).unwrap();
    reactor.run_until(port.stop_listening()).unwrap();
    let text = left(&reactor);
    assert_found(
        &text,
        &["a connection with 127.0.0.1:", "AccumulatingProtocol"],
    );
    assert!(!text.contains("a listening port"), "{text}");
}

#[test]
fn a_coroutine_and_the_deferred_that_it_waits_for_are_found() {
    let reactor = world();
    let (resolver, deferred) = Deferred::<()>::new();
    let spawned = reactor.spawn(deferred.into_future());
    let text = left(&reactor);
    assert_found(
        &text,
        &["a coroutine, spawned at ", "unfired Deferreds, made at "],
    );
    assert_found(&text, &["clean.rs:"]);
    resolver.callback(());
    reactor.advance(Duration::ZERO).unwrap();
    assert!(spawned.is_fired());
    assert_clean(&reactor);
}

#[test]
fn a_job_on_another_thread_is_found() {
    let reactor = world();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let job = reactor.defer_to_thread(move || wait.recv().map_err(crate::Failure::from));
    assert_found(&left(&reactor), &["1 jobs on other threads"]);
    go_on.send(()).unwrap();
    reactor.run_until(job).unwrap();
    assert_clean(&reactor);
}

#[test]
fn an_error_that_nobody_handles_is_found_with_its_path_and_only_once() {
    let reactor = world();
    drop(Deferred::<()>::fail(ConnectionDone));
    assert_found(
        &left(&reactor),
        &[
            "an error: Unhandled error in Deferred: ",
            "made at ",
            "clean.rs:",
        ],
    );
    assert_clean(&reactor);
}

#[test]
fn a_panic_in_a_call_and_in_a_protocol_is_found() {
    struct Panics;
    impl Protocol for Panics {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
            panic!("as a failed assertion does");
        }
    }
    let reactor = world();
    let _ = reactor.call_later(Duration::ZERO, || panic!("too bad"));
    assert_found(
        &left(&reactor),
        &["an error: the timed call made at ", "too bad"],
    );

    let pair = ConnectedPair::new(AccumulatingProtocol::new(), Panics).unwrap();
    pair.client().transport().write(b"x");
    pair.flush().unwrap();
    let text = left(pair.reactor());
    assert_found(
        &text,
        &[
            "Panics::data_received panicked",
            "as a failed assertion does",
        ],
    );
}

#[test]
fn errors_that_are_expected_are_taken_and_those_from_before_the_reactor_are_not_its_own() {
    set_debugging(true);
    drop(Deferred::<()>::fail(ConnectionDone));
    let _wait = [Deferred::<()>::new(), Deferred::new()];
    let reactor = world();
    assert_clean(&reactor);
    drop(Deferred::<()>::fail(crate::ConnectionAborted));
    let errors = take_logged_errors(&reactor);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("Unhandled error in Deferred"));
    assert_clean(&reactor);
    assert!(take_logged_errors(&reactor).is_empty());
}

#[test]
fn nothing_is_noted_while_that_is_off() {
    let reactor = world();
    set_debugging(false);
    drop(Deferred::<()>::fail(ConnectionDone));
    let (_resolver, _waits) = Deferred::<()>::new();
    assert!(take_logged_errors(&reactor).is_empty());
    assert_clean(&reactor);
}

#[test]
fn any_number_of_errors_takes_bounded_memory_and_the_newest_are_kept() {
    let reactor = world();
    for number in 0..1000_u32 {
        drop(Deferred::<()>::fail(std::io::Error::other(format!(
            "error {number}!"
        ))));
    }
    let errors = take_logged_errors(&reactor);
    assert!(errors.len() < 100);
    assert!(errors.last().unwrap().contains("error 999!"));
}

#[test]
fn what_can_be_done_at_once_is_not_left_behind() {
    let reactor = world();
    let ended = Rc::new(RefCell::new(Vec::new()));
    let probe = AccumulatingProtocol::new();
    let (one, other) = (probe.clone(), AccumulatingProtocol::new());
    let [first, second] = reactor.pair().unwrap();
    let first = reactor.run_until(first.open(move |_: &Address| one.clone()));
    let second = reactor.run_until(second.open(move |_: &Address| other.clone()));
    for end in [first, second] {
        let end = end.unwrap();
        end.transport().abort_connection();
        ended.borrow_mut().push(end);
    }
    assert_eq!(
        probe.ending(),
        None,
        "it is only told when the reactor runs"
    );
    assert_clean(&reactor);
    assert_eq!(probe.ending(), Some(crate::testing::Ending::Aborted));
}
