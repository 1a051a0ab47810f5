use std::cell::{Cell, RefCell};
use std::iter;
use std::rc::Rc;
use std::time::Duration;

use super::{CooperativeTask, Cooperator, STEPS_A_SLICE};
use crate::error::{SchedulerStopped, TaskError, TaskStopped};
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{Abandoned, Cancelled, Deferred, Failure, Panicked, Reactor, Result};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn simulated() -> (Reactor, Cooperator) {
    let reactor = Simulation::new().reactor();
    let cooperator = Cooperator::new(&reactor);
    (reactor, cooperator)
}

fn run_for(reactor: &Reactor, time: Duration) {
    reactor
        .run_until(defer_later(reactor, time, || ()))
        .expect("the reactor runs");
}

/// Notes what happens, in order.
#[derive(Clone, Default)]
struct Journal(Rc<RefCell<Vec<String>>>);

impl Journal {
    fn note(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    fn take(&self) -> String {
        self.0.take().join(" ")
    }

    /// So many steps that each note themselves.
    fn steps(&self, name: &'static str, count: u32) -> impl Iterator<Item = ()> + 'static {
        let journal = self.clone();
        (0..count).map(move |n| journal.note(format!("{name}{n}")))
    }
}

/// A number that counts the steps taken, and steps without an end.
fn for_ever() -> (Rc<Cell<u32>>, impl Iterator<Item = ()> + 'static) {
    let count = Rc::new(Cell::new(0));
    let counts = count.clone();
    let steps = iter::repeat_with(move || counts.set(counts.get() + 1));
    (count, steps)
}

/// The error of a Deferred that must have failed with an `E`.
#[track_caller]
fn error_of<E: std::error::Error + 'static>(done: Deferred<()>) -> E {
    let result = done.try_take().expect("it has fired");
    let failure = result.expect_err("it has failed");
    failure.trap().expect("it has failed with that error")
}

#[test]
fn tasks_take_their_steps_in_turn_and_tell_when_they_are_done() {
    // C47, C48
    let (reactor, cooperator) = simulated();
    let journal = Journal::default();
    let first = cooperator.cooperate(journal.steps("a", 3));
    let second = cooperator.coiterate(journal.steps("b", 2));
    assert_eq!(journal.take(), "", "not before the reactor runs");
    let noted = journal.clone();
    drop(first.when_done().map(move |()| noted.note("a-done")));
    reactor.run_until(first.when_done()).unwrap();
    assert_eq!(journal.take(), "a0 b0 a1 b1 a2 a-done");
    assert!(second.try_take().unwrap().is_ok());
    // Also later, and for each who asks.
    assert!(first.when_done().try_take().unwrap().is_ok());
}

#[test]
fn a_slice_ends_and_the_reactor_gets_to_the_rest() {
    // C47
    let (reactor, cooperator) = simulated();
    let (count, steps) = for_ever();
    let task = cooperator.cooperate(steps);
    let seen = count.clone();
    run_for(&reactor, Duration::ZERO);
    let in_between = seen.get();
    assert!(in_between >= STEPS_A_SLICE, "{in_between}");
    assert_eq!(in_between % STEPS_A_SLICE, 0);
    run_for(&reactor, Duration::ZERO);
    assert!(count.get() > in_between);
    task.stop().unwrap();
    let ended_at = count.get();
    run_for(&reactor, ms(1));
    assert_eq!(count.get(), ended_at);
}

#[test]
fn a_slice_of_slow_steps_ends_by_the_clock() {
    // C47
    let reactor = Reactor::new().unwrap();
    reactor.handle_signals(false);
    let cooperator = Cooperator::new(&reactor);
    let count = Rc::new(Cell::new(0));
    let counts = count.clone();
    let task = cooperator.cooperate(iter::repeat_with(move || {
        counts.set(counts.get() + 1);
        std::thread::sleep(ms(4));
    }));
    run_for(&reactor, Duration::ZERO);
    // Two slices at the most, of three steps at the most.
    assert!((1..=6).contains(&count.get()), "{}", count.get());
    task.stop().unwrap();
}

#[test]
fn what_a_step_fires_comes_before_the_next_step() {
    // C47, and the rule that user functions never nest.
    let (reactor, cooperator) = simulated();
    let journal = Journal::default();
    let noted = journal.clone();
    let steps = (0..3).map(move |n| {
        let (resolver, deferred) = Deferred::new();
        let fired = noted.clone();
        drop(deferred.map(move |()| fired.note(format!("fired{n}"))));
        resolver.callback(());
        noted.note(format!("step{n}"));
    });
    reactor.run_until(cooperator.coiterate(steps)).unwrap();
    assert_eq!(journal.take(), "step0 fired0 step1 fired1 step2 fired2");
}

#[test]
fn a_step_that_gives_a_deferred_holds_the_task_until_it_fires() {
    // C48
    let (reactor, cooperator) = simulated();
    let journal = Journal::default();
    let (noted, clock) = (journal.clone(), reactor.clone());
    let waits = cooperator.cooperate((0..2).map(move |n| {
        noted.note(format!("w{n}"));
        defer_later(&clock, ms(10), || Ok(5))
    }));
    drop(cooperator.cooperate(journal.steps("b", 2)));
    let start = reactor.now();
    run_for(&reactor, ms(5));
    assert_eq!(journal.take(), "w0 b0 b1");
    reactor.run_until(waits.when_done()).unwrap();
    assert_eq!(journal.take(), "w1");
    assert_eq!(reactor.now() - start, ms(20));
    // One that has fired is gone on with at once.
    let ready = cooperator.coiterate((0..3).map(Deferred::succeed));
    reactor.run_until(ready).unwrap();
}

#[test]
fn pauses_count_and_one_too_few_is_an_error() {
    // C48
    let (reactor, cooperator) = simulated();
    let (count, steps) = for_ever();
    let task = cooperator.cooperate(steps);
    assert_eq!(task.pause(), Ok(()));
    assert_eq!(task.pause(), Ok(()));
    run_for(&reactor, ms(1));
    assert_eq!(count.get(), 0);
    assert_eq!(task.resume(), Ok(()));
    run_for(&reactor, ms(1));
    assert_eq!(count.get(), 0);
    assert_eq!(task.resume(), Ok(()));
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
    run_for(&reactor, Duration::ZERO);
    assert_ne!(count.get(), 0);
    task.stop().unwrap();
}

#[test]
fn a_resume_does_not_end_the_wait_for_a_deferred() {
    // C48
    let (reactor, cooperator) = simulated();
    let journal = Journal::default();
    let (noted, clock) = (journal.clone(), reactor.clone());
    let task = cooperator.cooperate((0..2).map(move |n| {
        noted.note(format!("w{n}"));
        defer_later(&clock, ms(10), || ())
    }));
    run_for(&reactor, ms(1));
    assert_eq!(task.pause(), Ok(()));
    assert_eq!(task.resume(), Ok(()));
    run_for(&reactor, ms(5));
    assert_eq!(journal.take(), "w0");
    assert_eq!(task.pause(), Ok(()));
    run_for(&reactor, ms(20));
    assert_eq!(journal.take(), "");
    assert_eq!(task.resume(), Ok(()));
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "w1");
}

#[test]
fn a_stopped_task_says_so_to_each_and_drops_its_steps() {
    // C48
    let (reactor, cooperator) = simulated();
    let alive = Rc::new(());
    let held = alive.clone();
    let (records, ()) = capture(|| {
        let task = cooperator.cooperate(iter::repeat_with(move || drop(held.clone())));
        let (one, two) = (task.when_done(), task.when_done());
        run_for(&reactor, Duration::ZERO);
        assert_eq!(task.stop(), Ok(()));
        assert_eq!(Rc::strong_count(&alive), 1);
        for done in [one, two, task.when_done()] {
            assert_eq!(error_of::<TaskStopped>(done), TaskStopped);
        }
        for refused in [task.stop(), task.pause(), task.resume()] {
            assert_eq!(refused, Err(TaskError::Stopped));
        }
        run_for(&reactor, ms(1));
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_task_that_is_done_or_has_failed_says_that_when_it_is_asked_for_more() {
    // C48
    let (reactor, cooperator) = simulated();
    let done = cooperator.cooperate(iter::empty::<()>());
    reactor.run_until(done.when_done()).unwrap();
    assert_eq!(done.stop(), Err(TaskError::Done));

    let (records, fails) = capture(|| {
        let fails = cooperator.cooperate([Err::<(), _>(Failure::from(std::fmt::Error))]);
        let waits = fails.when_done();
        let failure = reactor.run_until(fails.when_done()).unwrap_err();
        assert!(failure.check::<std::fmt::Error>().is_some());
        assert!(waits.try_take().unwrap().is_err());
        fails
    });
    assert_eq!(fails.pause(), Err(TaskError::Failed));
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_failure_or_a_panic_ends_the_task_and_no_other() {
    // C48, C14
    let (reactor, cooperator) = simulated();
    let journal = Journal::default();
    let (records, ()) = capture(|| {
        let clock = reactor.clone();
        let late = cooperator.coiterate(iter::repeat_with(move || {
            defer_later(&clock, ms(1), || {
                Err::<(), _>(Failure::from(std::fmt::Error))
            })
        }));
        let panics = cooperator.coiterate(iter::repeat_with(|| -> Result<()> { panic!("oh") }));
        drop(cooperator.cooperate(journal.steps("a", 2)));
        run_for(&reactor, ms(2));
        let failure = late.try_take().unwrap().unwrap_err();
        assert!(failure.check::<std::fmt::Error>().is_some());
        let failure = panics.try_take().unwrap().unwrap_err();
        assert_eq!(failure.check::<Panicked>().unwrap().message, "oh");
    });
    assert_eq!(journal.take(), "a0 a1");
    assert!(records.is_empty(), "{records:?}");

    let (records, ()) = capture(|| {
        drop(cooperator.cooperate([Err::<(), _>(Failure::from(std::fmt::Error))]));
        run_for(&reactor, ms(1));
    });
    assert_eq!(records.len(), 1, "nobody asked: {records:?}");
}

#[test]
fn a_cancel_stops_the_task_and_what_it_waits_for() {
    let (reactor, cooperator) = simulated();
    let (records, ()) = capture(|| {
        let clock = reactor.clone();
        let done = cooperator.coiterate(iter::repeat_with(move || {
            defer_later(&clock, ms(100), || ())
        }));
        run_for(&reactor, ms(1));
        assert_eq!(reactor.delayed_calls(), 1);
        done.cancel();
        assert_eq!(reactor.delayed_calls(), 0);
        assert_eq!(error_of::<Cancelled>(done), Cancelled);
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_task_may_stop_itself() {
    let (reactor, cooperator) = simulated();
    let this = Rc::new(RefCell::new(None));
    let (to_stop, count) = (this.clone(), Rc::new(Cell::new(0)));
    let counts = count.clone();
    let task = cooperator.cooperate(iter::repeat_with(move || {
        counts.set(counts.get() + 1);
        if let Some(task) = to_stop.take() {
            let task: CooperativeTask = task;
            task.stop().unwrap();
        }
    }));
    this.replace(Some(task.clone()));
    run_for(&reactor, ms(1));
    assert_eq!(count.get(), 1);
    assert_eq!(error_of::<TaskStopped>(task.when_done()), TaskStopped);
}

#[test]
fn a_stopped_cooperator_ends_its_tasks_and_refuses_others_until_it_is_started() {
    // C48
    let (reactor, cooperator) = simulated();
    let (_, steps) = for_ever();
    let running = cooperator.cooperate(steps);
    let clock = reactor.clone();
    let waiting = cooperator.cooperate(iter::repeat_with(move || {
        defer_later(&clock, ms(10), || ())
    }));
    // In virtual time, nothing waits while there is something to do.
    run_for(&reactor, Duration::ZERO);
    cooperator.stop();
    assert!(!cooperator.is_running());
    assert_eq!(
        error_of::<SchedulerStopped>(running.when_done()),
        SchedulerStopped
    );
    let refused = cooperator.coiterate(iter::repeat(()));
    assert_eq!(error_of::<SchedulerStopped>(refused), SchedulerStopped);
    run_for(&reactor, ms(20));
    assert_eq!(
        error_of::<SchedulerStopped>(waiting.when_done()),
        SchedulerStopped
    );
    cooperator.start();
    let (count, steps) = for_ever();
    let again = cooperator.cooperate(steps.take(3));
    reactor.run_until(again.when_done()).unwrap();
    assert_eq!(count.get(), 3);
}

#[test]
fn a_reactor_that_ends_ends_the_tasks() {
    let (reactor, cooperator) = simulated();
    let (records, (task, done)) = capture(|| {
        let (_, steps) = for_ever();
        let task = cooperator.cooperate(steps);
        let done = task.when_done();
        drop(task.when_done());
        let stop = reactor.clone();
        reactor.call_soon(move || stop.stop().unwrap());
        reactor.run().unwrap();
        (task, done)
    });
    assert!(
        records.iter().all(|record| record.level > log::Level::Warn),
        "{records:?}"
    );
    assert_eq!(error_of::<Abandoned>(done), Abandoned);
    assert_eq!(task.stop(), Err(TaskError::Stopped));
    let refused = cooperator.coiterate(iter::repeat(()));
    assert_eq!(error_of::<Abandoned>(refused), Abandoned);
}

#[test]
fn tasks_go_on_without_a_handle_and_are_freed_when_they_are_done() {
    let (reactor, cooperator) = simulated();
    let alive = Rc::new(Cell::new(0));
    let counts = alive.clone();
    let clock = reactor.clone();
    drop(cooperator.cooperate((0..3).map(move |_| {
        counts.set(counts.get() + 1);
        defer_later(&clock, ms(1), || ())
    })));
    drop(cooperator);
    run_for(&reactor, ms(10));
    assert_eq!(alive.get(), 3);
    assert_eq!(Rc::strong_count(&alive), 1);
}
