use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use crate::deferred::run_queue::call_user;
use crate::error::Cancelled;
use crate::testing::log_capture::capture;
use crate::{Resolver, gather};

/// Where a producer keeps its Resolver for the canceller.
type Kept = Rc<RefCell<Option<Resolver<u32>>>>;

/// A Deferred whose canceller does `cancel` with the Resolver.
fn cancelled_by(cancel: impl FnOnce(Resolver<u32>) + 'static) -> (Kept, Deferred<u32>) {
    let cell = Rc::new(RefCell::new(None));
    let taken = cell.clone();
    let (resolver, deferred) =
        Deferred::with_canceller(move || cancel(RefCell::take(&taken).expect("not fired yet")));
    cell.replace(Some(resolver));
    (cell, deferred)
}

// C15, C17, R107
#[test]
fn cancelling_fails_it_at_once_and_drops_what_the_producer_says_later() {
    let journal = Journal::default();
    let noted = journal.clone();
    let (resolver, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_both(move |result| {
        noted.note(result.unwrap_err().to_string());
        Ok(7)
    });
    deferred.cancel();
    assert_eq!(journal.take(), "cancelled");
    assert!(resolver.is_cancelled());
    resolver.callback(1);
    assert_eq!(value_of(deferred), 7);
    assert_eq!(journal.take(), "");
}

// C16
#[test]
fn what_the_canceller_fires_stands() {
    let (_, deferred) = cancelled_by(|resolver| resolver.callback(5));
    deferred.cancel();
    assert_eq!(value_of(deferred), 5);
    let (_, deferred) = cancelled_by(|resolver| resolver.errback(Oops("mine")));
    let deferred = deferred.map(|n| n + 1);
    deferred.cancel();
    assert_eq!(error_of::<Oops>(deferred), Oops("mine"));
}

// C16, C17
#[test]
fn a_canceller_that_does_not_fire_leaves_cancelled() {
    // Even if it drops the Resolver: that is not abandoned, it is cancelled.
    let (_, deferred) = cancelled_by(drop);
    deferred.cancel();
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C16
#[test]
fn a_canceller_is_called_once_and_freed_after_a_fire() {
    let count = Rc::new(Cell::new(0));
    let counts = count.clone();
    let (resolver, deferred) =
        Deferred::<u32>::with_canceller(move || counts.set(counts.get() + 1));
    let canceller = deferred.canceller();
    canceller.cancel();
    canceller.clone().cancel();
    deferred.cancel();
    assert_eq!(count.get(), 1);
    drop(resolver);
    drop(deferred.add_errback(|_| Ok(0)));

    let held = count.clone();
    let (resolver, deferred) = Deferred::with_canceller(move || held.set(0));
    assert_eq!(Rc::strong_count(&count), 2);
    resolver.callback(1);
    assert_eq!(Rc::strong_count(&count), 1);
    deferred.cancel();
    assert_eq!(value_of(deferred), 1);
    canceller.cancel();
    assert_eq!(count.get(), 1);
}

// C18
#[test]
fn cancelling_goes_into_the_inner_deferred() {
    let cancelled = Rc::new(Cell::new(false));
    let sets = cancelled.clone();
    let (_inner_resolver, inner) = Deferred::<u32>::with_canceller(move || sets.set(true));
    let inner = inner.map(|n| n + 1);
    let (resolver, outer) = Deferred::new();
    let outer = outer.add_callback(move |()| inner).map(|n| n + 1);
    resolver.callback(());
    assert!(!cancelled.get());
    outer.cancel();
    assert!(cancelled.get());
    assert_eq!(error_of::<Cancelled>(outer), Cancelled);
}

// C18
#[test]
fn cancelling_goes_through_many_levels() {
    let (resolver, mut deferred) = Deferred::<u32>::new();
    for _ in 0..5 {
        let inner = deferred;
        let (resolver, outer) = Deferred::new();
        deferred = outer.add_callback(move |()| inner);
        resolver.callback(());
    }
    deferred.cancel();
    assert!(resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C18
#[test]
fn a_canceller_of_a_stage_that_only_passes_on_still_works() {
    // The middle one returns `last`, and is itself waited for: without its canceller it would
    // be taken out of the chain.
    let (last_resolver, last) = Deferred::<u32>::new();
    let (middle_resolver, middle) = Deferred::new();
    let middle = middle.add_callback(move |()| last);
    let canceller = middle.canceller();
    let (resolver, outer) = Deferred::new();
    let outer = outer.add_callback(move |()| middle);
    resolver.callback(());
    middle_resolver.callback(());
    canceller.cancel();
    assert!(last_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(outer), Cancelled);
}

// C18
#[test]
fn a_canceller_taken_early_reaches_what_later_callbacks_wait_for() {
    let (inner_resolver, inner) = Deferred::<u32>::new();
    let (resolver, deferred) = Deferred::new();
    let canceller = deferred.canceller();
    let deferred = deferred.add_callback(move |()| inner).map(|n| n + 1);
    resolver.callback(());
    canceller.cancel();
    assert!(inner_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C12, R105
#[test]
fn two_chains_that_would_wait_for_each_other_are_an_error() {
    let cell = Rc::new(RefCell::new(None::<Deferred<u32>>));
    let returned = cell.clone();
    let (first_resolver, first) = Deferred::new();
    let first = first.add_callback(move |()| returned.take().unwrap());
    let (second_resolver, second) = Deferred::new();
    let second = second.add_callback(move |()| first);
    second_resolver.callback(());
    let seen = Rc::new(RefCell::new(None));
    let sees = seen.clone();
    cell.replace(Some(second.add_errback(move |failure| {
        sees.replace(Some(failure));
        Ok(0)
    })));
    first_resolver.callback(());
    assert!(
        seen.take()
            .unwrap()
            .check::<crate::error::WaitsForItself>()
            .is_some()
    );
}

// C18
#[test]
fn cancelling_a_fired_deferred_does_nothing() {
    let (resolver, deferred) = Deferred::new();
    resolver.callback(1);
    deferred.cancel();
    assert_eq!(value_of(deferred), 1);
    let deferred = Deferred::succeed(2);
    deferred.canceller().cancel();
    assert_eq!(value_of(deferred), 2);
}

// C19
#[test]
fn a_panic_in_the_canceller_is_logged_and_it_fails_all_the_same() {
    let (_resolver, deferred) = Deferred::<u32>::with_canceller(|| panic!("cannot"));
    let (records, ()) = capture(|| deferred.cancel());
    assert_eq!(records.len(), 1);
    assert!(
        records[0].text.contains("panicked: cannot"),
        "{}",
        records[0].text
    );
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// R107
#[test]
fn cancelling_in_a_user_function_waits_for_it_but_counts_from_then_on() {
    let journal = Journal::default();
    let (cancels, ends) = (journal.clone(), journal.clone());
    let (resolver, deferred) = Deferred::<u32>::with_canceller(move || cancels.note("canceller"));
    let canceller = deferred.canceller();
    call_user(move || {
        canceller.cancel();
        assert!(resolver.is_cancelled());
        resolver.callback(1);
        ends.note("end");
    })
    .unwrap();
    assert_eq!(journal.take(), "end canceller");
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// R107
#[test]
fn a_fire_before_the_cancel_in_the_same_function_wins() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(|n| n + 1);
    call_user(|| {
        resolver.callback(1);
        deferred.cancel();
    })
    .unwrap();
    assert_eq!(value_of(deferred), 2);
}

// C18, R107
#[test]
fn cancelling_after_a_fire_in_the_same_function_reaches_the_inner_deferred() {
    let (inner_resolver, inner) = Deferred::<u32>::new();
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(move |()| inner);
    call_user(|| {
        resolver.callback(());
        deferred.cancel();
    })
    .unwrap();
    assert!(inner_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// R107
#[test]
fn cancelling_inside_the_callback_that_runs_reaches_what_it_returns() {
    let (inner_resolver, inner) = Deferred::<u32>::new();
    let canceller = Rc::new(RefCell::new(None::<crate::Canceller>));
    let cancels = canceller.clone();
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(move |()| {
        cancels.take().unwrap().cancel();
        inner
    });
    canceller.replace(Some(deferred.canceller()));
    resolver.callback(());
    assert!(inner_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C18
#[test]
fn cancelling_reaches_what_a_callback_of_a_fired_deferred_waits_for() {
    let (inner_resolver, inner) = Deferred::<u32>::new();
    let deferred = call_user(|| Deferred::succeed(()).add_callback(move |()| inner)).unwrap();
    deferred.cancel();
    assert!(inner_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C18
#[test]
fn cancelling_reaches_what_is_waited_for_after_another_deferred_or_a_gather() {
    let (first_resolver, first) = Deferred::<u32>::new();
    let (gathered_resolver, gathered) = Deferred::<u32>::new();
    let (last_resolver, last) = Deferred::<u32>::new();
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred
        .add_callback(move |()| first)
        .add_callback(move |_| gather([gathered]))
        .add_callback(move |_| last);
    resolver.callback(());
    first_resolver.callback(1);
    gathered_resolver.callback(2);
    deferred.cancel();
    assert!(last_resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

#[test]
fn an_errback_may_go_on_with_a_new_deferred_after_a_cancel() {
    let (retry_resolver, retry) = Deferred::<u32>::new();
    let (_resolver, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_errback(move |failure| {
        failure.trap::<Cancelled>().unwrap();
        retry
    });
    deferred.cancel();
    assert!(!deferred.is_fired());
    retry_resolver.callback(9);
    assert_eq!(value_of(deferred), 9);
}

#[test]
fn a_canceller_holds_nothing() {
    let held = Rc::new(());
    let holds = held.clone();
    let (resolver, deferred) = Deferred::<u32>::new();
    let deferred = deferred.map(move |_| holds);
    let canceller = deferred.canceller();
    drop((resolver, deferred.add_errback(|_| Ok(Rc::new(())))));
    assert_eq!(Rc::strong_count(&held), 1);
    canceller.cancel();
}
