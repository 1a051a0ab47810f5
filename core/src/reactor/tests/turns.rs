//! The order of one turn, and fairness between its steps.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::{Journal, Noting, ms, noting, run_for, simulated};
use crate::net::{ConnectOptions, ListenOptions};
use crate::{Deferred, Protocol, Reactor, Result, Transport};

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Calls `f` in a turn, and lets the next ones pass.
fn in_a_turn(reactor: &Reactor, f: impl FnOnce() + 'static) {
    reactor.call_soon(f);
    run_for(reactor, ms(1));
}

#[test]
fn a_turn_has_its_steps_in_the_documented_order() {
    let reactor = simulated();
    let journal = Journal::default();
    let waits = {
        let (resolver, deferred) = Deferred::<()>::new();
        let journal = journal.clone();
        let coroutine = reactor.spawn(async move {
            deferred.await?;
            journal.note("coroutine");
            Ok(())
        });
        (resolver, coroutine)
    };
    let handle = reactor.clone();
    let noted = journal.clone();
    in_a_turn(&reactor, move || {
        // All of this is there when the next turn begins.
        waits.0.callback(());
        drop(waits.1);
        handle.call_soon(noted.noting("call"));
        let _ = handle.call_later(Duration::ZERO, noted.noting("timer"));
        let _ = handle
            .remote()
            .call_from_thread(move |_| noted.noting("remote")());
    });
    // The coroutine ran in the turn in which it was woken, after the calls of that turn.
    assert_eq!(journal.take(), "coroutine remote timer call");
}

#[test]
fn events_come_before_timers_and_calls() {
    let reactor = simulated();
    let journal = Journal::default();
    reactor
        .listen_tcp(local(7), noting(&journal), &ListenOptions::new())
        .unwrap();
    let client = reactor
        .run_until(reactor.connect_tcp(
            local(7),
            noting(&Journal::default()),
            &ConnectOptions::new(),
        ))
        .unwrap();
    assert_eq!(journal.take(), "made");

    // What is sent arrives after a millisecond; so the timer is due in the same turn.
    let handle = reactor.clone();
    let noted = journal.clone();
    reactor.call_soon(move || {
        client.transport().write(b"data");
        let soon = noted.clone();
        let inner = handle.clone();
        let _ = handle.call_later(ms(1), move || {
            soon.note("timer");
            inner.call_soon(soon.noting("call"));
        });
    });
    run_for(&reactor, ms(3));
    assert_eq!(journal.take(), "data timer call");
}

#[test]
fn what_is_fired_runs_before_the_next_timer() {
    let reactor = simulated();
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::<()>::new();
    drop(deferred.map({
        let noting = journal.noting("fired");
        move |()| noting()
    }));
    let noted = journal.clone();
    let _ = reactor.call_later(ms(1), move || {
        resolver.callback(());
        noted.note("first");
    });
    let _ = reactor.call_later(ms(1), journal.noting("second"));
    run_for(&reactor, ms(2));
    assert_eq!(journal.take(), "first fired second");
}

#[test]
fn writes_of_a_turn_arrive_together() {
    // C72: one write at the turn's end, from several functions.
    let reactor = simulated();
    let journal = Journal::default();
    reactor
        .listen_tcp(local(7), noting(&journal), &ListenOptions::new())
        .unwrap();
    let client = reactor
        .run_until(reactor.connect_tcp(
            local(7),
            noting(&Journal::default()),
            &ConnectOptions::new(),
        ))
        .unwrap();
    for piece in ["a", "b", "c"] {
        let client = client.clone();
        reactor.call_soon(move || client.transport().write(piece.as_bytes()));
    }
    run_for(&reactor, ms(2));
    assert_eq!(journal.take(), "made abc");
}

/// Calls itself in every turn, and counts.
fn go_on(reactor: &Reactor, count: &Rc<Cell<usize>>, by_timer: bool) {
    count.set(count.get() + 1);
    let (again, count) = (reactor.clone(), Rc::clone(count));
    let next = move || go_on(&again, &count, by_timer);
    if by_timer {
        let _ = reactor.call_later(Duration::ZERO, next);
    } else {
        reactor.call_soon(next);
    }
}

#[test]
fn a_chain_of_calls_without_delay_lets_other_threads_speak() {
    // C58, R100
    for by_timer in [true, false] {
        let reactor = simulated();
        let count = Rc::new(Cell::new(0));
        let (handle, counted) = (reactor.clone(), Rc::clone(&count));
        reactor.call_soon(move || go_on(&handle, &counted, by_timer));
        let remote = reactor.remote();
        reactor.call_soon(move || {
            let _ = remote.call_from_thread(|reactor| {
                let _ = reactor.stop();
            });
        });
        reactor.run().unwrap();
        assert!((1..5).contains(&count.get()), "{}", count.get());
    }
}

struct Stops(Reactor);

impl Protocol for Stops {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        let _ = self.0.stop();
        Ok(())
    }
}

#[test]
fn a_storm_of_calls_lets_a_real_socket_speak() {
    // C58, R100: on the operating system, where time passes by itself.
    let reactor = Reactor::new().unwrap();
    let stops = reactor.clone();
    let port = reactor
        .listen_tcp(
            local(0),
            move |_: &_| Stops(stops.clone()),
            &ListenOptions::new(),
        )
        .unwrap();
    let count = Rc::new(Cell::new(0));
    go_on(&reactor, &count, true);
    go_on(&reactor, &count, false);
    let address = port.socket_addr().unwrap();
    let connected = reactor
        .connect_tcp(
            address,
            |_: &_| Noting(Journal::default()),
            &ConnectOptions::new(),
        )
        .map(|client| client.transport().write(b"stop"));
    reactor.run().unwrap();
    assert!(connected.is_fired());
    assert!(count.get() > 2);
}

#[test]
fn more_calls_than_a_turn_runs_are_all_run_in_order() {
    let reactor = simulated();
    let ran = Rc::new(Cell::new(0));
    for n in 0..2500 {
        let ran = Rc::clone(&ran);
        reactor.call_soon(move || assert_eq!(ran.replace(ran.get() + 1), n));
    }
    run_for(&reactor, ms(1));
    assert_eq!(ran.get(), 2500);
}
