//! Time limits, delayed calls and a program's `main`, mostly in virtual time.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use super::{defer_later, react, react_with};
use crate::reactor::Phase;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{Cancelled, Deferred, Failure, Panicked, Reactor, ReactorError, Resolver, TimedOut};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn simulated() -> Reactor {
    Simulation::new().reactor()
}

/// A Deferred that its canceller fires, in its own way.
fn cancelled_by(fire: impl FnOnce(Resolver<u32>) + 'static) -> Deferred<u32> {
    let resolver = Rc::new(Cell::new(None));
    let to_fire = Rc::clone(&resolver);
    let (fired, deferred) = Deferred::with_canceller(move || {
        if let Some(resolver) = to_fire.take() {
            fire(resolver);
        }
    });
    resolver.set(Some(fired));
    // A cycle, until the canceller runs; good enough for a test.
    deferred
}

#[test]
fn what_is_late_fails_with_the_limit_at_the_limit() {
    // C29
    let reactor = simulated();
    let start = reactor.now();
    let (_resolver, never) = Deferred::<()>::new();
    let result = reactor.run_until(never.add_timeout(&reactor, ms(40)));
    let timed_out = result.unwrap_err().trap::<TimedOut>().unwrap();
    assert_eq!(timed_out, TimedOut { after: ms(40) });
    assert_eq!(reactor.now() - start, ms(40));
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn what_is_in_time_takes_the_timer_with_it() {
    // C29
    let reactor = simulated();
    let in_time = defer_later(&reactor, ms(39), || Ok("value")).add_timeout(&reactor, ms(40));
    assert_eq!(reactor.delayed_calls(), 2);
    assert_eq!(reactor.run_until(in_time).unwrap(), "value");
    assert_eq!(reactor.delayed_calls(), 0);

    let failed = defer_later(&reactor, ms(1), || Err::<(), _>(Failure::from(Cancelled)));
    let result = reactor.run_until(failed.add_timeout(&reactor, ms(40)));
    assert!(result.unwrap_err().check::<Cancelled>().is_some());
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn what_has_fired_already_needs_no_timer() {
    // C29
    let reactor = simulated();
    let fired = Deferred::succeed(1).add_timeout(&reactor, ms(40));
    assert_eq!(reactor.delayed_calls(), 0);
    assert_eq!(fired.try_take().unwrap().unwrap(), 1);
}

#[test]
fn callbacks_that_are_added_later_are_not_limited() {
    // C29
    let reactor = simulated();
    let later = reactor.clone();
    let result = defer_later(&reactor, ms(10), || ())
        .add_timeout(&reactor, ms(20))
        .add_callback(move |()| defer_later(&later, ms(50), || Ok("slow")));
    assert_eq!(reactor.run_until(result).unwrap(), "slow");
}

#[test]
fn callbacks_that_were_added_before_are_limited() {
    // C29, C18
    let reactor = simulated();
    let later = reactor.clone();
    let result = defer_later(&reactor, ms(10), || ())
        .add_callback(move |()| defer_later(&later, ms(50), || ()))
        .add_timeout(&reactor, ms(20));
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<TimedOut>().is_some());
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn the_time_out_shows_whatever_the_canceller_fails_with() {
    // C30
    let reactor = simulated();
    let stubborn = cancelled_by(|resolver| resolver.errback(std::fmt::Error));
    let result = reactor.run_until(stubborn.add_timeout(&reactor, ms(5)));
    assert!(result.unwrap_err().check::<TimedOut>().is_some());
}

#[test]
fn a_value_that_a_canceller_gives_stands() {
    // C16, C30
    let reactor = simulated();
    let generous = cancelled_by(|resolver| resolver.callback(7));
    let result = reactor.run_until(generous.add_timeout(&reactor, ms(5)));
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn a_cancel_by_the_user_stays_a_cancel() {
    // C31
    let reactor = simulated();
    let (_resolver, never) = Deferred::<()>::new();
    let limited = never.add_timeout(&reactor, ms(5));
    limited.cancel();
    let failure = limited.try_take().unwrap().unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn the_error_may_be_ones_own() {
    // C31
    let reactor = simulated();
    let (_resolver, never) = Deferred::<()>::new();
    let limited = never.fail_after(&reactor, ms(5), |_| std::fmt::Error.into());
    let failure = reactor.run_until(limited).unwrap_err();
    assert!(failure.check::<std::fmt::Error>().is_some());
}

#[test]
fn the_shorter_of_two_limits_shows() {
    // C29
    for (inner, outer) in [(5, 9), (9, 5)] {
        let reactor = simulated();
        let (_resolver, never) = Deferred::<()>::new();
        let limited = never
            .add_timeout(&reactor, ms(inner))
            .add_timeout(&reactor, ms(outer));
        let failure = reactor.run_until(limited).unwrap_err();
        assert_eq!(failure.check(), Some(&TimedOut { after: ms(5) }));
        assert_eq!(reactor.delayed_calls(), 0);
    }
}

#[test]
fn a_limit_and_a_result_at_the_same_moment_agree_on_one() {
    // C29, R107: the timer that was made first comes first.
    let reactor = simulated();
    let result = defer_later(&reactor, ms(5), || Ok(1)).add_timeout(&reactor, ms(5));
    assert_eq!(reactor.run_until(result).unwrap(), 1);
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn a_late_result_is_dropped_without_a_word() {
    // C15, R107
    let reactor = simulated();
    let (resolver, deferred) = Deferred::<u32>::new();
    let (records, ()) = capture(|| {
        let _ = reactor.call_later(ms(9), move || resolver.errback(std::fmt::Error));
        let limited = deferred.add_timeout(&reactor, ms(5));
        assert!(reactor.run_until(limited).is_err());
        reactor
            .run_until(defer_later(&reactor, ms(9), || ()))
            .unwrap();
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn defer_later_gives_what_the_function_gives() {
    // C46
    let reactor = simulated();
    let start = reactor.now();
    let value = defer_later(&reactor, ms(5), || Ok(5));
    assert_eq!(reactor.run_until(value).unwrap(), 5);
    assert_eq!(reactor.now() - start, ms(5));

    let error = defer_later(&reactor, ms(5), || Err::<(), _>(Failure::from(Cancelled)));
    assert!(reactor.run_until(error).is_err());
    let panics = defer_later(&reactor, ms(5), || -> crate::Result<()> { panic!("oh") });
    let failure = reactor.run_until(panics).unwrap_err();
    assert!(failure.check::<Panicked>().is_some());
    let inner = reactor.clone();
    let twice = defer_later(&reactor, ms(5), move || {
        defer_later(&inner, ms(5), || Ok("twice"))
    });
    assert_eq!(reactor.run_until(twice).unwrap(), "twice");
    assert_eq!(reactor.now() - start, ms(25));
}

#[test]
fn a_cancelled_defer_later_never_calls_and_lets_go_at_once() {
    // C46
    let reactor = simulated();
    let alive = Rc::new(());
    let held = Rc::clone(&alive);
    let (records, ()) = capture(|| {
        let later = defer_later(&reactor, ms(5), move || -> crate::Result<()> {
            drop(held);
            panic!("it was cancelled");
        });
        later.cancel();
        assert_eq!(reactor.delayed_calls(), 0);
        let failure = later.try_take().unwrap().unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());
        assert_eq!(Rc::strong_count(&alive), 1);
        reactor
            .run_until(defer_later(&reactor, ms(9), || ()))
            .unwrap();
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn the_exit_code_of_a_main_that_succeeds_is_zero() {
    // C49
    assert_eq!(react(|_| ()), ExitCode::SUCCESS);
    assert_eq!(
        react(|reactor| defer_later(reactor, ms(1), || ())),
        ExitCode::SUCCESS
    );
}

#[test]
fn a_main_that_fails_is_logged_and_exits_with_one() {
    // C49
    let (records, code) = capture(|| {
        react(|reactor| defer_later(reactor, ms(1), || Err(Failure::from(std::fmt::Error))))
    });
    assert_eq!(code, ExitCode::FAILURE);
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].text.contains("main failed"));
}

#[test]
fn a_main_may_choose_its_exit_code() {
    // C49
    let code = react_with(|_| Deferred::succeed(ExitCode::from(7)));
    assert_eq!(code, ExitCode::from(7));
}

#[test]
fn when_main_has_fired_the_reactor_stops_in_an_orderly_way() {
    // C49, C53
    let ran = Rc::new(Cell::new(0));
    let counts = Rc::clone(&ran);
    let code = react(move |reactor| {
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let (counts, later) = (Rc::clone(&counts), reactor.clone());
            reactor.on_shutdown(phase, move || {
                counts.set(counts.get() + 1);
                defer_later(&later, ms(1), || ()).add_errback(|_| Ok(()))
            });
        }
    });
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(ran.get(), 3);
}

#[test]
fn a_main_that_stops_the_reactor_itself_is_not_stopped_again() {
    // C49: what it gives counts, if it is there by then.
    let ran = Rc::new(Cell::new(0));
    let counts = Rc::clone(&ran);
    let (records, code) = capture(|| {
        react_with(move |reactor| {
            reactor.on_shutdown(Phase::Before, move || counts.set(counts.get() + 1));
            let stop = reactor.clone();
            defer_later(reactor, ms(1), move || {
                assert_eq!(stop.stop(), Ok(()));
                Ok(ExitCode::from(3))
            })
        })
    });
    assert_eq!(code, ExitCode::from(3));
    assert_eq!(ran.get(), 1);
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_main_that_is_stopped_before_it_fires_has_failed() {
    // C49
    let (records, code) = capture(|| {
        react(|reactor| {
            let stop = reactor.clone();
            reactor.call_soon(move || assert_eq!(stop.stop(), Ok(())));
            let (resolver, never) = Deferred::<()>::new();
            let again = reactor.clone();
            reactor.on_shutdown(Phase::After, move || {
                assert_eq!(again.stop(), Err(ReactorError::NotRunning));
                drop(resolver);
            });
            never
        })
    });
    assert_eq!(code, ExitCode::FAILURE);
    assert_eq!(records.len(), 1, "{records:?}");
}
