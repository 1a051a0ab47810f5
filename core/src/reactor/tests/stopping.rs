//! How a reactor starts, stops, and may not.

use std::net::SocketAddr;

use super::{Journal, NotesDrop, errors, ms, noting, run_and_stop, run_for, simulated};
use crate::net::{ConnectOptions, ListenOptions};
use crate::reactor::Phase;
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{Deferred, Failure, Protocol, ReactorError, Result, Transport};

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// What a `run` was refused for.
fn refusal(result: Result<()>) -> ReactorError {
    *result.unwrap_err().check::<ReactorError>().unwrap()
}

#[test]
fn a_stop_before_the_run_or_a_second_one_is_refused() {
    // C50
    let reactor = simulated();
    assert_eq!(reactor.stop(), Err(ReactorError::NotRunning));
    let stop = reactor.clone();
    reactor.call_soon(move || {
        assert_eq!(stop.stop(), Ok(()));
        assert_eq!(stop.stop(), Err(ReactorError::NotRunning));
        assert!(stop.is_running(), "until it has stopped");
    });
    reactor.run().unwrap();
    assert_eq!(reactor.stop(), Err(ReactorError::NotRunning));
    assert!(reactor.has_stopped() && !reactor.is_running());
}

#[test]
fn a_run_while_it_runs_or_after_it_stopped_is_refused() {
    // C51
    let reactor = simulated();
    let again = reactor.clone();
    reactor.call_soon(move || {
        assert_eq!(refusal(again.run()), ReactorError::AlreadyRunning);
        let nested = again.run_until(Deferred::succeed(()));
        assert_eq!(refusal(nested), ReactorError::AlreadyRunning);
    });
    let (records, ()) = capture(|| run_and_stop(&reactor));
    assert!(errors(&records).is_empty());
    assert_eq!(refusal(reactor.run()), ReactorError::NotRestartable);
    let again = reactor.run_until(Deferred::succeed(()));
    assert_eq!(refusal(again), ReactorError::NotRestartable);
}

#[test]
fn no_other_reactor_runs_inside_a_callback() {
    // C51: it would call user functions inside one.
    let (outer, inner) = (simulated(), simulated());
    outer.call_soon(move || {
        assert_eq!(refusal(inner.run()), ReactorError::InsideCallback);
    });
    let (records, ()) = capture(|| run_and_stop(&outer));
    assert!(errors(&records).is_empty());
}

#[test]
fn run_until_gives_the_result_and_may_be_repeated() {
    // C51
    let reactor = simulated();
    let kept = reactor.call_later(ms(100), || ());
    for n in 0..3 {
        let later = defer_later(&reactor, ms(10), move || Ok(n));
        assert_eq!(reactor.run_until(later).unwrap(), n);
        assert!(!reactor.is_running() && !reactor.has_stopped());
    }
    assert!(kept.is_active());
    let failed = reactor.run_until(Deferred::<()>::fail(std::fmt::Error));
    assert!(failed.unwrap_err().check::<std::fmt::Error>().is_some());
}

#[test]
fn run_until_says_when_the_reactor_was_stopped_instead() {
    // C51
    let reactor = simulated();
    let (_resolver, never) = Deferred::<()>::new();
    let stop = reactor.clone();
    reactor.call_soon(move || stop.stop().unwrap());
    assert_eq!(refusal(reactor.run_until(never)), ReactorError::Stopped);
    assert!(reactor.has_stopped());
}

#[test]
fn a_stop_in_the_turn_in_which_the_result_comes_is_obeyed() {
    // C52
    let reactor = simulated();
    let journal = Journal::default();
    reactor.on_shutdown(Phase::After, journal.noting("after"));
    let (resolver, deferred) = Deferred::<u32>::new();
    let stop = reactor.clone();
    reactor.call_soon(move || {
        resolver.callback(5);
        stop.stop().unwrap();
    });
    assert_eq!(reactor.run_until(deferred).unwrap(), 5);
    assert!(reactor.has_stopped());
    assert_eq!(journal.take(), "after");
}

/// Panics when its connection is lost.
struct Panics;

impl Protocol for Panics {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        panic!("broken farewell");
    }
}

#[test]
fn each_connection_is_told_before_the_during_triggers_even_if_one_panics() {
    // C57
    let reactor = simulated();
    let journal = Journal::default();
    reactor
        .listen_tcp(local(7), |_: &_| Panics, &ListenOptions::new())
        .unwrap();
    for _ in 0..2 {
        let connecting = reactor.connect_tcp(local(7), noting(&journal), &ConnectOptions::new());
        reactor.run_until(connecting).unwrap();
    }
    run_for(&reactor, ms(5));
    reactor.on_shutdown(Phase::Before, journal.noting("before"));
    reactor.on_shutdown(Phase::During, journal.noting("during"));
    let late = NotesDrop(journal.clone(), "forgotten");
    let _ = reactor.call_later(ms(1000), move || {
        drop(late);
        panic!("it is forgotten");
    });
    let (records, ()) = capture(|| run_and_stop(&reactor));
    assert_eq!(
        journal.take(),
        "made made before lost lost during forgotten"
    );
    assert_eq!(errors(&records).len(), 2, "{records:?}");
    assert_eq!(reactor.open_sources(), 0);
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn an_attempt_to_connect_fails_when_the_reactor_stops() {
    // C57, C76
    let silent = local(7).ip();
    let reactor = Simulation::new().silent(silent).reactor();
    let connecting = reactor.connect_tcp(
        local(7),
        noting(&Journal::default()),
        &ConnectOptions::new(),
    );
    run_and_stop(&reactor);
    assert!(connecting.try_take().unwrap().is_err());
    assert_eq!(reactor.open_sources(), 0);
}

#[test]
fn a_stopped_reactor_refuses_what_would_never_happen() {
    let reactor = simulated();
    run_and_stop(&reactor);
    let journal = Journal::default();
    let refused = |failure: Failure| failure.check() == Some(&ReactorError::Stopped);
    reactor.call_soon({
        let dropped = NotesDrop(journal.clone(), "call");
        move || drop(dropped)
    });
    let timer = reactor.call_later(ms(1), {
        let dropped = NotesDrop(journal.clone(), "timer");
        move || drop(dropped)
    });
    assert_eq!(journal.take(), "call timer");
    assert!(!timer.is_active());
    let (records, ()) = capture(|| {
        let job = reactor.defer_to_thread(|| Ok(()));
        assert!(refused(job.try_take().unwrap().unwrap_err()));
        let coroutine = reactor.spawn(async { Ok(()) });
        assert!(refused(coroutine.try_take().unwrap().unwrap_err()));
        let looked_up = reactor.look_up("localhost");
        assert!(refused(looked_up.try_take().unwrap().unwrap_err()));
        let options = ConnectOptions::new();
        let connecting = reactor.connect_tcp(local(7), noting(&journal), &options);
        assert!(refused(connecting.try_take().unwrap().unwrap_err()));
        let listening = reactor.listen_tcp(local(7), noting(&journal), &ListenOptions::new());
        assert!(refused(listening.unwrap_err()));
    });
    assert!(errors(&records).is_empty());
    assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (0, 0));
}

#[test]
fn a_reactor_that_is_dropped_while_it_runs_stops() {
    // C57: the connections are told, and not inside the function that drops it.
    let reactor = simulated();
    let journal = Journal::default();
    let handle = reactor.clone();
    let noted = journal.clone();
    reactor.on_shutdown(Phase::Before, journal.noting("before"));
    handle.call_soon(move || {
        drop(reactor);
        noted.note("dropped");
    });
    handle.run().unwrap();
    assert_eq!(journal.take(), "dropped before");
    assert_eq!(refusal(handle.run()), ReactorError::Gone);
}

#[test]
fn a_reactor_that_is_dropped_in_a_callback_ends_after_that() {
    let reactor = simulated();
    let journal = Journal::default();
    reactor.on_shutdown(Phase::After, journal.noting("after"));
    let noted = journal.clone();
    drop(Deferred::succeed(()).map(move |()| {
        drop(reactor);
        noted.note("callback");
    }));
    assert_eq!(journal.take(), "callback after");
}

#[test]
fn a_simulated_world_in_which_nothing_can_happen_says_so() {
    let reactor = simulated();
    let (resolver, never) = Deferred::<()>::new();
    let failure = reactor.run_until(never).unwrap_err();
    assert!(failure.to_string().contains("nothing can ever happen"));
    drop(resolver);
    // That ends the run, not the reactor.
    run_for(&reactor, ms(1));
}
