use super::*;
use crate::error::{Cancelled, FirstError, NoDeferreds};
use crate::testing::log_capture::capture;
use crate::{DeferredList, Failure, FirstCallback};

fn empty() -> DeferredList<u32> {
    DeferredList::new([])
}

/// What the results of a list come to, in words.
fn words(results: Vec<Result<u32>>) -> String {
    let words: Vec<_> = results
        .into_iter()
        .map(|result| result.map_or_else(|failure| failure.to_string(), |n| n.to_string()))
        .collect();
    words.join(", ")
}

// C21
#[test]
fn all_gives_each_result_in_the_order_given_and_never_fails() {
    let (mut resolvers, deferreds) = pairs(3);
    let (records, results) = capture(|| {
        let all = DeferredList::new(deferreds).all();
        resolvers[2].take().unwrap().callback(2);
        resolvers[1].take().unwrap().errback(Oops("b"));
        assert!(!all.is_fired());
        resolvers[0].take().unwrap().callback(0);
        value_of(all)
    });
    assert_eq!(words(results), "0, oops b, 2");
    assert!(records.is_empty(), "{records:?}");
}

// C21
#[test]
fn all_of_an_empty_list_is_there_at_once() {
    assert!(value_of(empty().all()).is_empty());
    assert!(value_of(empty().fire_on_one_errback()).is_empty());
}

// C22
#[test]
fn the_first_callback_is_a_value_with_its_index() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let first = DeferredList::new(deferreds)
        .consume_errors()
        .fire_on_one_callback();
    resolvers[0].take().unwrap().errback(Oops("a"));
    assert!(!first.is_fired());
    resolvers[2].take().unwrap().callback(7);
    assert!(matches!(
        value_of(first),
        FirstCallback::Value { index: 2, value: 7 }
    ));
    assert!(!resolvers[1].take().unwrap().is_cancelled());
}

// C22
#[test]
fn without_a_callback_all_failures_are_a_success() {
    let (mut resolvers, deferreds) = pairs::<u32>(2);
    let (records, first) = capture(|| {
        let first = DeferredList::new(deferreds).fire_on_one_callback();
        resolvers[1].take().unwrap().errback(Oops("b"));
        resolvers[0].take().unwrap().errback(Oops("a"));
        value_of(first)
    });
    assert!(records.is_empty(), "{records:?}");
    let FirstCallback::AllFailed(failures) = first else {
        panic!("none had a value")
    };
    let failures: Vec<_> = failures.iter().map(Failure::to_string).collect();
    assert_eq!(failures, ["oops a", "oops b"]);
}

// C22
#[test]
fn the_first_of_an_empty_list_is_an_error_and_does_not_hang() {
    assert_eq!(
        error_of::<NoDeferreds>(empty().fire_on_one_callback()),
        NoDeferreds
    );
    assert_eq!(error_of::<NoDeferreds>(empty().fire_on_one()), NoDeferreds);
}

// C23
#[test]
fn the_first_errback_is_the_result_with_its_index_and_cause() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let all = DeferredList::new(deferreds).fire_on_one_errback();
    resolvers[2].take().unwrap().errback(Oops("c"));
    let failed = error_of::<FirstError>(all);
    assert_eq!(failed.index, 2);
    assert_eq!(failed.failure.check(), Some(&Oops("c")));
    resolvers[0].take().unwrap().callback(1);
    resolvers[1].take().unwrap().callback(2);

    let values = DeferredList::new([4, 5].map(Deferred::succeed)).fire_on_one_errback();
    assert_eq!(value_of(values), [4, 5]);
}

// C22, C23
#[test]
fn with_both_flags_the_first_result_decides() {
    for fails in [false, true] {
        let (mut resolvers, deferreds) = pairs::<u32>(2);
        let first = DeferredList::new(deferreds).fire_on_one();
        let winner = resolvers[1].take().unwrap();
        if fails {
            winner.errback(Oops("b"));
            assert_eq!(error_of::<FirstError>(first).index, 1);
        } else {
            winner.callback(5);
            assert_eq!(value_of(first), (1, 5));
        }
        resolvers[0].take().unwrap().callback(0);
    }
}

// C23, C14
#[test]
fn failures_outside_the_result_are_logged_unless_they_are_consumed() {
    type Wait = fn(DeferredList<u32>) -> Deferred<()>;
    let first_callback: Wait = |list| list.fire_on_one_callback().map(drop);
    let first_errback: Wait = |list| list.fire_on_one_errback().map(drop).add_errback(|_| Ok(()));
    let first_result: Wait = |list| list.fire_on_one().map(drop).add_errback(|_| Ok(()));
    for (wait, logged) in [
        (first_callback, "oops early, oops late"),
        (first_errback, "oops late"),
        (first_result, "oops late"),
    ] {
        for consumes in [false, true] {
            let (mut resolvers, deferreds) = pairs(3);
            let mut list = DeferredList::new(deferreds);
            if consumes {
                list = list.consume_errors();
            }
            let (records, ()) = capture(|| {
                let waits = wait(list);
                resolvers[1].take().unwrap().errback(Oops("early"));
                resolvers[0].take().unwrap().callback(0);
                resolvers[2].take().unwrap().errback(Oops("late"));
                value_of(waits);
            });
            let said: Vec<_> = records
                .iter()
                .filter_map(|record| record.text.lines().next()?.split(": ").nth(1))
                .collect();
            assert_eq!(said.join(", "), if consumes { "" } else { logged });
        }
    }
}

// C24
#[test]
fn a_cancel_cancels_every_input_and_the_results_tell_of_it() {
    let (mut resolvers, mut deferreds) = pairs::<u32>(2);
    let (_panics, deferred) = Deferred::with_canceller(|| panic!("canceller"));
    deferreds.insert(0, deferred);
    let (_gives, deferred) = Deferred::<u32>::new();
    deferreds.push(deferred.add_errback(|_| Ok(3)));
    let (records, results) = capture(|| {
        let all = DeferredList::new(deferreds).all();
        resolvers[0].take().unwrap().callback(1);
        all.cancel();
        assert!(resolvers[1].take().unwrap().is_cancelled());
        value_of(all)
    });
    assert_eq!(words(results), "cancelled, 1, cancelled, 3");
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].text.contains("canceller"));
}

// C24
#[test]
fn a_cancel_shows_as_itself_where_there_is_one_result() {
    let (resolvers, deferreds) = pairs::<u32>(2);
    let all = DeferredList::new(deferreds).fire_on_one_errback();
    let (records, ()) = capture(|| all.cancel());
    assert!(records.is_empty(), "{records:?}");
    assert!(resolvers.iter().flatten().all(Resolver::is_cancelled));
    assert_eq!(error_of::<Cancelled>(all), Cancelled);
}

// C24
#[test]
fn a_cancel_after_it_has_fired_does_nothing() {
    let (mut resolvers, deferreds) = pairs::<u32>(2);
    let first = DeferredList::new(deferreds).fire_on_one_callback();
    resolvers[1].take().unwrap().callback(1);
    first.cancel();
    assert!(!resolvers[0].as_ref().unwrap().is_cancelled());
}
