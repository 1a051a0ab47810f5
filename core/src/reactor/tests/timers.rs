//! Timed calls, asked of the reactor; the store itself has tests of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::{Journal, errors, ms, run_for, simulated};
use crate::testing::log_capture::capture;
use crate::{DelayedCall, Reactor};

#[test]
fn a_timed_call_never_comes_before_its_time_nor_while_it_is_made() {
    // C58
    let reactor = simulated();
    let start = reactor.now();
    let came = Rc::new(Cell::new(None));
    let (clock, noted) = (reactor.clone(), Rc::clone(&came));
    let _ = reactor.call_later(ms(7), move || noted.set(Some(clock.now())));
    assert_eq!(came.get(), None);
    run_for(&reactor, ms(20));
    assert_eq!(came.get(), Some(start + ms(7)));
}

#[test]
fn equal_deadlines_come_in_the_order_made() {
    // C59, R100
    let reactor = simulated();
    let came = Rc::new(RefCell::new(Vec::new()));
    for n in 0..100 {
        let came = Rc::clone(&came);
        let _ = reactor.call_later(ms(if n % 2 == 0 { 5 } else { 3 }), move || {
            came.borrow_mut().push(n);
        });
    }
    run_for(&reactor, ms(10));
    let expected = (1..100).step_by(2).chain((0..100).step_by(2));
    assert_eq!(*came.borrow(), expected.collect::<Vec<_>>());
}

#[test]
fn a_call_without_delay_waits_for_the_next_turn() {
    // C58: calls of `call_soon` that are there already come first.
    let reactor = simulated();
    let journal = Journal::default();
    let (handle, noted) = (reactor.clone(), journal.clone());
    let _ = reactor.call_later(ms(1), move || {
        let _ = handle.call_later(Duration::ZERO, noted.noting("inner"));
        handle.call_soon(noted.noting("soon"));
        noted.note("outer");
    });
    let _ = reactor.call_later(ms(1), journal.noting("other"));
    run_for(&reactor, ms(2));
    assert_eq!(journal.take(), "outer other soon inner");
}

#[test]
fn what_is_cancelled_in_the_same_batch_does_not_come() {
    // C60, R100
    let reactor = simulated();
    let journal = Journal::default();
    let victim = Rc::new(RefCell::new(None::<DelayedCall>));
    let (to_cancel, noted) = (Rc::clone(&victim), journal.clone());
    let _ = reactor.call_later(ms(1), move || {
        let victim = to_cancel.take().unwrap();
        assert!(victim.is_active());
        assert!(victim.cancel());
        assert!(!victim.is_active());
        noted.note("canceller");
    });
    *victim.borrow_mut() = Some(reactor.call_later(ms(1), journal.noting("victim")));
    run_for(&reactor, ms(2));
    assert_eq!(journal.take(), "canceller");
}

#[test]
fn a_call_is_reset_and_delayed_while_others_come() {
    // C39, C60
    let reactor = simulated();
    let journal = Journal::default();
    let start = reactor.now();
    let reset = reactor.call_later(ms(2), journal.noting("reset"));
    let delayed = reactor.call_later(ms(3), journal.noting("delayed"));
    let (first, second) = (reset.clone(), delayed.clone());
    let _ = reactor.call_later(ms(1), move || {
        assert!(first.reset(ms(9)));
        assert!(second.delay(ms(2)));
    });
    run_for(&reactor, ms(4));
    assert_eq!(journal.take(), "");
    assert_eq!(reset.time(), Some(start + ms(10)));
    assert_eq!(delayed.time(), Some(start + ms(5)));
    run_for(&reactor, ms(6));
    assert_eq!(journal.take(), "delayed reset");
}

#[test]
fn a_call_that_came_or_was_cancelled_is_out_of_reach() {
    // C60
    let reactor = simulated();
    let own = Rc::new(RefCell::new(None::<DelayedCall>));
    let inside = Rc::clone(&own);
    let call = reactor.call_later(ms(1), move || {
        let call = inside.take().unwrap();
        assert!(!call.is_active() && !call.cancel() && !call.reset(ms(1)) && !call.delay(ms(1)));
    });
    *own.borrow_mut() = Some(call.clone());
    let cancelled = reactor.call_later(ms(1), || panic!("it was cancelled"));
    assert!(cancelled.cancel());
    run_for(&reactor, ms(2));
    assert!(own.borrow().is_none(), "it came");
    for call in [call, cancelled] {
        assert!(!call.is_active() && call.time().is_none());
        assert!(!call.cancel() && !call.reset(ms(1)) && !call.delay(ms(1)));
    }
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn the_number_of_pending_calls_is_right_at_all_times() {
    // C60
    let reactor = simulated();
    let handle = reactor.clone();
    let _ = reactor.call_later(ms(1), move || {
        assert_eq!(handle.delayed_calls(), 2, "one more, and that of `run_for`");
        let _ = handle.call_later(ms(5), || ());
        assert_eq!(handle.delayed_calls(), 3);
    });
    let cancelled = reactor.call_later(ms(3), || ());
    let _ = reactor.call_later(ms(4), || ());
    assert_eq!(reactor.delayed_calls(), 3);
    cancelled.cancel();
    assert_eq!(reactor.delayed_calls(), 2);
    run_for(&reactor, ms(2));
    assert_eq!(reactor.delayed_calls(), 2);
}

#[test]
fn a_million_cancelled_calls_leave_nothing() {
    // R100
    let reactor = simulated();
    let alive = Rc::new(());
    for n in 0..1_000_000 {
        let alive = Rc::clone(&alive);
        let call = reactor.call_later(ms(1 + n % 60_000), move || drop(alive));
        assert!(call.cancel());
    }
    assert_eq!(Rc::strong_count(&alive), 1);
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn a_panic_in_a_timed_call_is_logged_and_the_others_come() {
    // C61
    let reactor = simulated();
    let journal = Journal::default();
    let (records, ()) = capture(|| {
        let _ = reactor.call_later(ms(1), || panic!("broken timer"));
        let _ = reactor.call_later(ms(1), journal.noting("next"));
        run_for(&reactor, ms(2));
    });
    assert_eq!(journal.take(), "next");
    let errors = errors(&records);
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("the timed call made at core/src/reactor/tests/timers.rs:")
            && errors[0].contains("broken timer")
    );
}

#[test]
fn a_call_very_far_away_neither_overflows_nor_comes_early() {
    // C62
    for reactor in [simulated(), Reactor::new().unwrap()] {
        let far = [
            Duration::MAX,
            Duration::from_secs(u64::from(u32::MAX)),
            Duration::from_secs(60 * 24 * 60 * 60),
        ]
        .map(|delay| reactor.call_later(delay, || panic!("too early")));
        assert!(far[0].delay(Duration::MAX));
        assert!(far[1].reset(Duration::MAX));
        run_for(&reactor, ms(1));
        assert!(far.iter().all(DelayedCall::is_active));
    }
}

#[test]
fn more_calls_than_a_turn_runs_all_come_and_the_last_may_make_one_more() {
    // C58, C59: a turn runs a thousand.
    for count in [999, 1000, 1001, 2000, 2500] {
        let reactor = simulated();
        let came = Rc::new(Cell::new(0));
        let stop = reactor.clone();
        for n in 0..count {
            let (came, stop) = (Rc::clone(&came), stop.clone());
            let _ = reactor.call_later(ms(1), move || {
                assert_eq!(came.replace(n + 1), n);
                if n + 1 == count {
                    let inner = stop.clone();
                    let _ = stop.call_later(Duration::ZERO, move || inner.stop().unwrap());
                }
            });
        }
        reactor.run().unwrap();
        assert_eq!(came.get(), count);
    }
}

#[test]
fn two_hundred_thousand_calls_come_in_order() {
    let (reactor, last) = (simulated(), Rc::new(Cell::new(None)));
    let many = 200_000_u64;
    let mut pending = Vec::new();
    for number in 0..many {
        // Scattered over a day, each at a millisecond of its own.
        let at = ms(number * 7_919 % many * 432);
        let last = Rc::clone(&last);
        pending.push(reactor.call_later(at, move || {
            assert!(last.replace(Some(at)) < Some(at), "one came out of turn");
        }));
    }
    assert_eq!(reactor.delayed_calls(), many as usize);
    run_for(&reactor, Duration::from_secs(24 * 3600 + 1));
    assert_eq!(reactor.delayed_calls(), 0);
    assert_eq!(last.get(), Some(ms((many - 1) * 432)));
}

#[test]
fn real_time_is_kept() {
    // C58, C62: never early by the system's clock either.
    let reactor = Reactor::new().unwrap();
    let start = reactor.now();
    for n in 0..20 {
        let clock = reactor.clone();
        let delay = Duration::from_micros(137 * n);
        let _ = reactor.call_later(delay, move || assert!(clock.now() >= start + delay));
    }
    let (records, ()) = capture(|| run_for(&reactor, ms(5)));
    assert!(errors(&records).is_empty());
}
