use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::Resolver;
use crate::deferred::run_queue::{call_user, in_user_function};
use crate::error::Panicked;

/// A Deferred whose callbacks note `name` and a number, and its Resolver.
fn noting(journal: &Journal, name: &'static str, stages: usize) -> Resolver<()> {
    let (resolver, mut deferred) = Deferred::new();
    for stage in 1..=stages {
        let journal = journal.clone();
        deferred = deferred.add_callback(move |()| journal.note(format!("{name}{stage}")));
    }
    drop(deferred);
    resolver
}

#[test]
fn what_a_callback_fires_runs_after_it_and_before_the_next_stage() {
    let journal = Journal::default();
    let b = noting(&journal, "b", 1);
    let (a, deferred) = Deferred::new();
    let (one, two) = (journal.clone(), journal.clone());
    drop(
        deferred
            .add_callback(move |()| {
                one.note("a1-start");
                b.callback(());
                one.note("a1-end");
            })
            .add_callback(move |()| two.note("a2")),
    );
    a.callback(());
    assert_eq!(journal.take(), "a1-start a1-end b1 a2");
}

#[test]
fn what_was_fired_runs_in_order_and_each_wholly() {
    let journal = Journal::default();
    let (c, d) = (noting(&journal, "c", 2), noting(&journal, "d", 2));
    let (b, deferred) = Deferred::new();
    let (b1, b2) = (journal.clone(), journal.clone());
    drop(
        deferred
            .add_callback(move |()| {
                b1.note("b1");
                d.callback(());
            })
            .add_callback(move |()| b2.note("b2")),
    );
    let (a, deferred) = Deferred::new();
    let (a1, a2) = (journal.clone(), journal.clone());
    drop(
        deferred
            .add_callback(move |()| {
                b.callback(());
                c.callback(());
                a1.note("a1");
            })
            .add_callback(move |()| a2.note("a2")),
    );
    a.callback(());
    assert_eq!(journal.take(), "a1 b1 d1 d2 b2 c1 c2 a2");
}

#[test]
fn adding_to_a_fired_deferred_in_a_user_function_waits_for_it() {
    let journal = Journal::default();
    let inner = journal.clone();
    call_user(|| {
        let noted = inner.clone();
        let deferred = Deferred::succeed(1).add_callback(move |n| noted.note(format!("one:{n}")));
        assert!(!deferred.is_fired());
        inner.note("end");
    })
    .unwrap();
    assert_eq!(journal.take(), "end one:1");
}

#[test]
fn a_cell_that_a_function_has_borrowed_is_never_found_borrowed() {
    let cell = Rc::new(RefCell::new(0));
    let (resolver, deferred) = Deferred::new();
    let seen = cell.clone();
    let deferred = deferred.add_callback(move |n: u32| *seen.borrow_mut() += n);
    call_user(|| {
        let mut held = cell.borrow_mut();
        resolver.callback(2);
        *held += 1;
    })
    .unwrap();
    assert_eq!(*cell.borrow(), 3);
    value_of(deferred);
}

#[test]
fn call_user_gives_the_value_or_the_panic() {
    assert_eq!(call_user(|| 5).unwrap(), 5);
    assert!(call_user(in_user_function).unwrap());
    assert!(!in_user_function());
    let failure = call_user(|| -> u32 { panic!("number {}", 7) }).unwrap_err();
    assert_eq!(failure.trap::<Panicked>().unwrap().message, "number 7");
    assert!(!in_user_function());
    let failure = call_user(|| std::panic::panic_any(7)).unwrap_err();
    assert_eq!(
        failure.trap::<Panicked>().unwrap().message,
        "a panic without a message"
    );
}

#[test]
fn what_a_function_fired_before_its_panic_runs() {
    let journal = Journal::default();
    let a = noting(&journal, "a", 1);
    assert!(
        call_user(|| {
            a.callback(());
            panic!("after that")
        })
        .is_err()
    );
    assert_eq!(journal.take(), "a1");
}

#[test]
fn a_nested_call_leaves_what_it_fires_to_the_outermost() {
    let journal = Journal::default();
    let a = noting(&journal, "a", 1);
    let outer = journal.clone();
    call_user(move || {
        call_user(|| a.callback(())).unwrap();
        outer.note("outer-end");
    })
    .unwrap();
    assert_eq!(journal.take(), "outer-end a1");
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_contained() {
    struct Mine;
    impl Drop for Mine {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
    assert!(call_user(|| std::panic::panic_any(Mine)).is_err());
    assert!(!in_user_function());
}

// R106
#[test]
fn a_value_that_panics_when_dropped_loses_no_stage() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let journal = Journal::default();
    // Dropped at the end of a chain that nobody holds, with another chain still to run.
    let b = noting(&journal, "b", 2);
    let (records, ()) = crate::testing::log_capture::capture(|| {
        let (resolver, deferred) = Deferred::new();
        drop(deferred.add_callback(|()| Ok(Bomb)));
        call_user(|| {
            resolver.callback(());
            b.callback(());
        })
        .unwrap();
    });
    assert_eq!(journal.take(), "b1 b2");
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].text.contains("bomb"));
    assert!(!in_user_function());
}

#[test]
fn a_closure_dropped_uncalled_may_drop_a_resolver() {
    let journal = Journal::default();
    let noted = journal.clone();
    let (inner_resolver, inner) = Deferred::<()>::new();
    drop(inner.add_errback(move |failure| noted.note(failure.to_string())));
    let (resolver, deferred) = Deferred::<()>::new();
    let deferred = deferred
        .add_callback(move |()| inner_resolver.callback(()))
        .add_errback(|_| Ok(()));
    resolver.errback(Oops("a"));
    assert_eq!(journal.take(), "the Resolver was dropped without a result");
    value_of(deferred);
}
