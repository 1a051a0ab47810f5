use std::cell::Cell;

use super::deep::{WAITERS, on_a_small_stack};
use super::*;
use crate::deferred::run_queue::call_user;
use crate::error::{Cancelled, Panicked};
use crate::testing::log_capture::capture;
use crate::{Failure, SharedDeferred};

/// One who waits, and notes what comes.
fn reader(shared: &SharedDeferred<u32>, name: &'static str, journal: &Journal) -> Deferred<()> {
    let noted = journal.clone();
    shared.when_fired().add_both(move |result| {
        noted.note(match result {
            Ok(n) => format!("{name}:{n}"),
            Err(failure) => format!("{name}:{failure}"),
        });
    })
}

// C10
#[test]
fn all_who_wait_get_the_value_in_the_order_they_came_and_so_do_those_who_come_late() {
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::new();
    let shared = deferred.share();
    let waits = ["a", "b", "c"].map(|name| reader(&shared, name, &journal));
    assert!(!shared.is_fired());
    resolver.callback(1);
    assert!(shared.is_fired());
    drop(reader(&shared.clone(), "late", &journal));
    assert_eq!(journal.take(), "a:1 b:1 c:1 late:1");
    drop(waits);
}

// C10
#[test]
fn all_who_wait_get_the_failure_and_can_look_at_its_error() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let shared = deferred.share();
    let (one, two) = (shared.when_fired(), shared.when_fired());
    let (records, ()) = capture(|| resolver.errback(Oops("a")));
    assert!(records.is_empty(), "{records:?}");
    for waits in [one, two, shared.when_fired()] {
        let failure = result_of(waits).unwrap_err();
        assert_eq!(failure.check(), Some(&Oops("a")));
        assert_eq!(failure.find(), Some(&Oops("a")));
        assert_eq!(failure.to_string(), "oops a");
        assert_eq!(format!("{failure:#}"), "oops a");
        let text = format!("{failure:?}");
        assert_eq!(text.matches("oops a").count(), 1, "{text}");
        assert!(text.contains("fired at"), "{text}");
        // It belongs to the others as well.
        assert_eq!(failure.trap::<Oops>().unwrap_err().to_string(), "oops a");
    }
}

// C10
#[test]
fn failures_that_are_shared_have_a_path_of_their_own_from_there() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let shared = deferred.share();
    let one = shared.when_fired().add_callback(Ok).add_callback(Ok);
    let two = shared.when_fired();
    resolver.errback(Oops("a"));
    let steps = |waits| result_of::<u32>(waits).unwrap_err().path().steps().len();
    assert_eq!(steps(one), steps(two) + 2);
}

// C10
#[test]
fn a_failure_that_is_shared_again_and_again_is_looked_through_in_one_step() {
    on_a_small_stack(|| {
        let mut deferred = Deferred::<u32>::fail(Oops("a"));
        for _ in 0..100_000 {
            deferred = deferred.share().when_fired();
        }
        let failure = result_of(deferred).unwrap_err();
        assert_eq!(failure.check(), Some(&Oops("a")));
        assert_eq!(failure.to_string(), "oops a");
        drop(failure);
    });
}

// C14
#[test]
fn a_failure_that_nobody_asks_for_is_logged_once() {
    let (records, ()) = capture(|| {
        let shared = Deferred::<u32>::fail(Oops("a")).share();
        drop(shared.clone());
        drop(shared);
    });
    assert_eq!(records.len(), 1, "{records:?}");
    let (records, ()) = capture(|| {
        let shared = Deferred::<u32>::fail(Oops("a")).share();
        drop(shared.when_fired().add_errback(|_| Ok(0)));
    });
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn one_who_is_cancelled_leaves_and_the_others_wait_on() {
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::new();
    let shared = deferred.share();
    let [a, b] = ["a", "b"].map(|name| reader(&shared, name, &journal));
    a.cancel();
    assert_eq!(journal.take(), "a:cancelled");
    b.cancel();
    assert!(!resolver.is_cancelled(), "another may come");
    let c = reader(&shared, "c", &journal);
    resolver.callback(1);
    assert_eq!(journal.take(), "b:cancelled c:1");
    drop((b, c));
}

#[test]
fn the_last_who_leaves_cancels_the_source_if_no_other_can_come() {
    let cancelled = Rc::new(Cell::new(0));
    let counts = cancelled.clone();
    let (resolver, deferred) =
        Deferred::<u32>::with_canceller(move || counts.set(counts.get() + 1));
    let shared = deferred.share();
    let (one, two) = (shared.when_fired(), shared.when_fired());
    drop(shared);
    one.cancel();
    assert!(!resolver.is_cancelled());
    let (records, ()) = capture(|| two.cancel());
    assert!(records.is_empty(), "{records:?}");
    assert!(resolver.is_cancelled());
    assert_eq!(cancelled.get(), 1);
    assert_eq!(error_of::<Cancelled>(one), Cancelled);
    assert_eq!(error_of::<Cancelled>(two), Cancelled);
}

#[test]
fn one_that_is_dropped_is_no_cancel() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let shared = deferred.share();
    let (kept, dropped) = (shared.when_fired(), shared.when_fired());
    drop(shared);
    drop(dropped);
    kept.cancel();
    assert!(!resolver.is_cancelled());
    resolver.callback(1);
}

#[test]
fn cancelling_what_is_shared_tells_all() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let shared = deferred.share();
    let (one, two) = (shared.when_fired(), shared.when_fired());
    shared.cancel();
    assert!(resolver.is_cancelled());
    for waits in [one, two] {
        let failure = result_of(waits).unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());
    }
}

#[test]
fn a_clone_that_panics_fails_only_the_one_it_is_for() {
    struct Counts(Rc<Cell<u32>>);
    impl Clone for Counts {
        fn clone(&self) -> Self {
            self.0.set(self.0.get() + 1);
            assert!(self.0.get().is_multiple_of(2), "odd");
            Self(self.0.clone())
        }
    }
    let (resolver, deferred) = Deferred::new();
    let shared = deferred.share();
    let waits: Vec<_> = (0..4).map(|_| shared.when_fired()).collect();
    resolver.callback(Counts(Rc::default()));
    let late = [shared.when_fired(), shared.when_fired()];
    let panicked: Vec<_> = waits
        .into_iter()
        .chain(late)
        .map(|waits| match result_of(waits) {
            Ok(_) => false,
            Err(failure) => failure.check::<Panicked>().is_some(),
        })
        .collect();
    assert_eq!(panicked, [true, false, true, false, true, false]);
}

#[test]
fn a_clone_may_ask_for_another() {
    thread_local! {
        static SHARED: Cell<Option<SharedDeferred<Asks>>> = const { Cell::new(None) };
    }
    struct Asks;
    impl Clone for Asks {
        fn clone(&self) -> Self {
            if let Some(shared) = SHARED.take() {
                drop(shared.when_fired());
            }
            Self
        }
    }
    let (resolver, deferred) = Deferred::new();
    let shared = deferred.share();
    let waits = shared.when_fired();
    SHARED.set(Some(shared));
    resolver.callback(Asks);
    assert!(result_of(waits).is_ok());
}

#[test]
fn one_who_is_cancelled_in_the_function_that_fires_gets_no_value() {
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::new();
    let shared = deferred.share();
    let [a, b] = ["a", "b"].map(|name| reader(&shared, name, &journal));
    call_user(|| {
        a.cancel();
        resolver.callback(1);
    })
    .unwrap();
    assert_eq!(journal.take(), "a:cancelled b:1");
    drop(b);
}

// R105
#[test]
fn many_who_wait_take_no_stack() {
    on_a_small_stack(|| {
        for fails in [false, true] {
            let (resolver, deferred) = Deferred::<u32>::new();
            let shared = deferred.share();
            let count = Rc::new(Cell::new(0));
            for _ in 0..WAITERS {
                let counts = count.clone();
                drop(shared.when_fired().add_both(move |result| {
                    counts.set(counts.get() + u32::from(result.is_err() == fails));
                }));
            }
            if fails {
                resolver.errback(Oops("a"));
            } else {
                resolver.callback(1);
            }
            assert_eq!(count.get(), WAITERS);
        }

        let (resolver, mut deferred) = Deferred::<u32>::new();
        for _ in 0..WAITERS {
            deferred = deferred.share().when_fired();
        }
        let canceller = deferred.canceller();
        drop(deferred.add_errback(|_: Failure| Ok(0)));
        canceller.cancel();
        assert!(resolver.is_cancelled());
    });
}
