use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::LoopingCall;
use crate::error::LoopingCallError;
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{
    Abandoned, Cancelled, Deferred, Failure, Outcome, Panicked, Reactor, ReactorError, Result,
};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn simulated() -> Reactor {
    Simulation::new().reactor()
}

fn run_for(reactor: &Reactor, time: Duration) {
    reactor
        .run_until(defer_later(reactor, time, || ()))
        .expect("the reactor runs");
}

/// When a loop has called its function: the milliseconds since the reactor was made.
#[derive(Clone, Default)]
struct Times(Rc<RefCell<Vec<u128>>>);

impl Times {
    fn take(&self) -> Vec<u128> {
        self.0.take()
    }
}

/// A loop that notes when it calls, and then does something.
fn noting<O: Outcome>(
    reactor: &Reactor,
    mut then: impl FnMut(&LoopingCall) -> O + 'static,
) -> (Times, LoopingCall) {
    let times = Times::default();
    let (noted, clock, start) = (times.clone(), reactor.clone(), reactor.now());
    let looping_call = LoopingCall::new(reactor, move |this| {
        noted.0.borrow_mut().push((clock.now() - start).as_millis());
        then(this)
    });
    (times, looping_call)
}

/// The error of a start that must have failed with an `E`.
#[track_caller]
fn error_of<E: std::error::Error + 'static>(ended: Deferred<LoopingCall>) -> E {
    let result = ended.try_take().expect("it has ended");
    let failure = result.expect_err("it has failed");
    failure.trap().expect("it has failed with that error")
}

#[test]
fn the_first_call_comes_before_start_returns_and_the_others_at_the_interval() {
    // C40, C41
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    let ended = looping_call.start(ms(10));
    assert_eq!(times.take(), [0]);
    assert!(looping_call.is_running());
    run_for(&reactor, ms(35));
    assert_eq!(times.take(), [10, 20, 30]);
    assert!(!ended.is_fired());
}

#[test]
fn started_later_the_first_call_comes_after_an_interval() {
    // C40
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    drop(looping_call.start_later(ms(10)));
    run_for(&reactor, ms(25));
    assert_eq!(times.take(), [10, 20]);
}

#[test]
fn started_in_a_user_function_the_first_call_comes_when_that_has_returned() {
    // C40, and the rule that user functions never nest.
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    let seen = times.clone();
    reactor.call_soon(move || {
        drop(looping_call.start(ms(10)));
        assert!(seen.take().is_empty());
    });
    run_for(&reactor, ms(5));
    assert_eq!(times.take(), [0]);
}

#[test]
fn stopped_before_its_first_call_it_never_calls() {
    // C44
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    let (records, ()) = capture(|| {
        reactor.call_soon(move || {
            let ended = looping_call.start(ms(10));
            assert_eq!(looping_call.stop(), Ok(()));
            assert!(!ended.is_fired());
            drop(ended.map(|ended| assert!(!ended.is_running())));
        });
        run_for(&reactor, ms(25));
    });
    assert!(times.take().is_empty());
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn beats_stay_on_the_grid_of_the_start_and_missed_ones_are_skipped() {
    // C41, C42: calls that take 25 ms, by a Deferred.
    let reactor = simulated();
    let clock = reactor.clone();
    let (times, looping_call) = noting(&reactor, move |_| defer_later(&clock, ms(25), || ()));
    run_for(&reactor, ms(3));
    drop(looping_call.start(ms(10)));
    run_for(&reactor, ms(100));
    assert_eq!(times.take(), [3, 33, 63, 93]);
}

#[test]
fn a_call_that_ends_on_a_beat_goes_on_with_the_next() {
    // C41: as in Twisted, and there is never a burst.
    let reactor = simulated();
    let clock = reactor.clone();
    let (times, looping_call) = noting(&reactor, move |_| defer_later(&clock, ms(20), || ()));
    drop(looping_call.start(ms(10)));
    run_for(&reactor, ms(65));
    assert_eq!(times.take(), [0, 30, 60]);
}

#[test]
fn after_many_beats_it_has_not_drifted() {
    // C41
    let reactor = simulated();
    let start = reactor.now();
    let (clock, mut left) = (reactor.clone(), 100_000_u32);
    let interval = Duration::from_nanos(333_333_333);
    let looping_call = LoopingCall::new(&reactor, move |this| {
        assert_eq!(
            (clock.now() - start).as_nanos() % interval.as_nanos(),
            0,
            "{left} left"
        );
        left -= 1;
        if left == 0 {
            this.stop()?;
        }
        Ok(())
    });
    reactor.run_until(looping_call.start(interval)).unwrap();
    assert_eq!(reactor.now() - start, interval * 99_999);
}

#[test]
fn the_next_beat_is_not_planned_until_the_deferred_has_fired() {
    // C42
    let reactor = simulated();
    let resolver = Rc::new(Cell::new(None));
    let kept = resolver.clone();
    let (times, looping_call) = noting(&reactor, move |_| {
        let (resolver, deferred) = Deferred::<u32>::new();
        kept.set(Some(resolver));
        deferred
    });
    drop(looping_call.start(ms(10)));
    assert_eq!(reactor.delayed_calls(), 0);
    run_for(&reactor, ms(31));
    assert_eq!(times.take(), [0]);
    resolver.take().unwrap().callback(1);
    run_for(&reactor, ms(10));
    assert_eq!(times.take(), [40]);
}

#[test]
fn a_failure_now_or_later_or_a_panic_ends_the_loop_and_is_logged_by_nobody() {
    // C43
    let reactor = simulated();
    let (records, ()) = capture(|| {
        let (_, fails) = noting(&reactor, |_| Err::<(), _>(Failure::from(std::fmt::Error)));
        error_of::<std::fmt::Error>(fails.start(ms(10)));
        assert!(!fails.is_running());

        let clock = reactor.clone();
        let (times, fails_late) = noting(&reactor, move |_| {
            defer_later(&clock, ms(5), || {
                Err::<(), _>(Failure::from(std::fmt::Error))
            })
        });
        let ended = fails_late.start(ms(10));
        run_for(&reactor, ms(30));
        assert_eq!(times.take(), [0]);
        error_of::<std::fmt::Error>(ended);

        let (_, panics) = noting(&reactor, |_| -> Result<()> { panic!("oh") });
        assert_eq!(error_of::<Panicked>(panics.start(ms(10))).message, "oh");
        // It still has its function.
        assert_eq!(error_of::<Panicked>(panics.start(ms(10))).message, "oh");
    });
    assert!(records.is_empty(), "{records:?}");
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn stopped_while_it_waits_it_ends_at_once_with_itself_and_can_be_started_again() {
    // C44
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    let ended = looping_call.start(ms(10));
    run_for(&reactor, ms(15));
    assert_eq!(looping_call.stop(), Ok(()));
    assert_eq!(reactor.delayed_calls(), 0);
    let again = ended.try_take().unwrap().unwrap();
    assert!(!again.is_running());
    assert_eq!(times.take(), [0, 10]);
    drop(again.start(ms(7)));
    assert!(looping_call.is_running());
    run_for(&reactor, ms(8));
    assert_eq!(times.take(), [15, 22]);
}

#[test]
fn stopped_by_its_function_it_ends_when_that_is_done() {
    // C44
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |this| {
        this.stop()?;
        assert_eq!(this.stop(), Err(LoopingCallError::NotRunning));
        assert!(!this.is_running());
        Ok(())
    });
    let ended = looping_call.start(ms(10));
    assert!(ended.try_take().unwrap().is_ok());
    assert_eq!(times.take(), [0]);
}

#[test]
fn stopped_while_the_deferred_is_pending_it_ends_when_that_fires() {
    // C44
    for fails in [false, true] {
        let reactor = simulated();
        let clock = reactor.clone();
        let (times, looping_call) = noting(&reactor, move |_| {
            defer_later(&clock, ms(25), move || {
                if fails {
                    return Err(Failure::from(std::fmt::Error));
                }
                Ok(())
            })
        });
        let ended = looping_call.start(ms(10));
        run_for(&reactor, ms(5));
        assert_eq!(looping_call.stop(), Ok(()));
        assert!(!ended.is_fired());
        let too_early = looping_call.start(ms(10));
        assert_eq!(
            error_of::<LoopingCallError>(too_early),
            LoopingCallError::AlreadyRunning
        );
        run_for(&reactor, ms(50));
        assert_eq!(ended.try_take().unwrap().is_err(), fails);
        assert_eq!(times.take(), [0]);
    }
}

#[test]
fn what_cannot_be_is_an_error() {
    // C45
    let reactor = simulated();
    let (_, looping_call) = noting(&reactor, |_| ());
    assert_eq!(looping_call.stop(), Err(LoopingCallError::NotRunning));
    assert_eq!(looping_call.reset(), Err(LoopingCallError::NotRunning));
    let ended = looping_call.start(ms(10));
    assert_eq!(
        error_of::<LoopingCallError>(looping_call.start_later(ms(10))),
        LoopingCallError::AlreadyRunning
    );
    assert!(!ended.is_fired());
}

#[test]
fn with_an_interval_of_zero_it_calls_once_in_every_turn() {
    // C45
    let reactor = simulated();
    let count = Rc::new(Cell::new(0));
    let counts = count.clone();
    let looping_call = LoopingCall::with_count(&reactor, move |this, beats| {
        assert_eq!(beats, 1);
        counts.set(counts.get() + 1);
        if counts.get() == 10 {
            this.stop()?;
        }
        Ok(())
    });
    let ended = looping_call.start(Duration::ZERO);
    assert_eq!(count.get(), 1);
    let (seen, clock) = (count.clone(), reactor.clone());
    reactor.call_soon(move || {
        let before = seen.get();
        clock.call_soon(move || assert_eq!(seen.get(), before + 1));
    });
    reactor.run_until(ended).unwrap();
    assert_eq!(count.get(), 10);
}

#[test]
fn a_reset_moves_the_next_call_and_those_after_it() {
    // C45
    let reactor = simulated();
    let (times, looping_call) = noting(&reactor, |_| ());
    drop(looping_call.start(ms(10)));
    run_for(&reactor, ms(14));
    assert_eq!(looping_call.reset(), Ok(()));
    run_for(&reactor, ms(21));
    assert_eq!(times.take(), [0, 10, 24, 34]);
}

#[test]
fn a_reset_while_the_function_is_at_work_counts_from_then() {
    // C45
    let reactor = simulated();
    let clock = reactor.clone();
    let (times, looping_call) = noting(&reactor, move |_| defer_later(&clock, ms(9), || ()));
    drop(looping_call.start(ms(10)));
    run_for(&reactor, ms(4));
    assert_eq!(looping_call.reset(), Ok(()));
    run_for(&reactor, ms(25));
    assert_eq!(times.take(), [0, 14, 24]);
}

#[test]
fn the_count_is_one_and_one_more_for_each_beat_that_was_skipped() {
    // C45
    let reactor = simulated();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let (noted, clock) = (counts.clone(), reactor.clone());
    let mut takes = [0, 35, 20, 0, 0].into_iter();
    let looping_call = LoopingCall::with_count(&reactor, move |this, count| {
        noted.borrow_mut().push(count);
        match takes.next() {
            Some(time) => defer_later(&clock, ms(time), || ()),
            None => Deferred::from(this.stop().map_err(Failure::from)),
        }
    });
    // Calls at 0, 10 (until 45), 50 (until 70), 80, 90, 100.
    reactor.run_until(looping_call.start(ms(10))).unwrap();
    assert_eq!(counts.take(), [1, 1, 4, 3, 1, 1]);
    drop(looping_call.start_later(ms(10)));
    run_for(&reactor, ms(15));
    assert_eq!(counts.take(), [1]);
}

#[test]
fn a_cancel_ends_the_loop_and_what_its_function_waits_for() {
    let reactor = simulated();
    let (records, ()) = capture(|| {
        let (times, waits) = noting(&reactor, |_| ());
        let ended = waits.start(ms(10));
        ended.cancel();
        assert_eq!(error_of::<Cancelled>(ended), Cancelled);
        assert!(!waits.is_running());
        assert_eq!(reactor.delayed_calls(), 0);
        assert_eq!(times.take(), [0]);

        let clock = reactor.clone();
        let (times, works) = noting(&reactor, move |_| defer_later(&clock, ms(50), || ()));
        let ended = works.start(ms(10));
        ended.cancel();
        assert_eq!(reactor.delayed_calls(), 0);
        assert_eq!(error_of::<Cancelled>(ended), Cancelled);
        drop(works.start(ms(10)));
        assert_eq!(times.take(), [0, 0]);
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn the_loop_runs_without_a_handle_and_is_freed_when_it_has_ended() {
    let reactor = simulated();
    let alive = Rc::new(());
    let held = alive.clone();
    let (times, looping_call) = noting(&reactor, move |this| {
        if Rc::strong_count(&held) > 1 {
            return Ok(());
        }
        this.stop().map_err(Failure::from)
    });
    drop(looping_call.start(ms(10)));
    drop(looping_call);
    run_for(&reactor, ms(15));
    assert_eq!(times.take(), [0, 10]);
    let weak = Rc::downgrade(&alive);
    drop(alive);
    run_for(&reactor, ms(10));
    assert_eq!(weak.strong_count(), 0);
}

#[test]
fn a_reactor_that_ends_ends_the_loop() {
    let reactor = simulated();
    let (_, looping_call) = noting(&reactor, |_| ());
    let (records, ended) = capture(|| {
        let ended = looping_call.start(ms(10));
        let (_, nobody_waits) = noting(&reactor, |_| ());
        drop(nobody_waits.start(ms(10)));
        let stop = reactor.clone();
        let _ = reactor.call_later(ms(25), move || stop.stop().unwrap());
        reactor.run().unwrap();
        ended
    });
    assert!(
        records.iter().all(|record| record.level > log::Level::Warn),
        "{records:?}"
    );
    assert_eq!(error_of::<Abandoned>(ended), Abandoned);
    assert!(!looping_call.is_running());
    let refused = looping_call.start(ms(10));
    assert_eq!(error_of::<ReactorError>(refused), ReactorError::Stopped);
    drop(reactor);
    let refused = looping_call.start(ms(10));
    assert_eq!(error_of::<ReactorError>(refused), ReactorError::Gone);
}
