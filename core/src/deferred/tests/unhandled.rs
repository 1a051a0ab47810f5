use log::Level;

use super::*;
use crate::deferred::unhandled::while_forgetting;
use crate::error::Abandoned;
use crate::testing::log_capture::{Captured, capture};

#[track_caller]
fn assert_one(records: &[Captured], error: &str) {
    let [record] = records else {
        panic!("one record, not {records:?}")
    };
    assert_eq!(record.level, Level::Error);
    assert_eq!(record.target, "torsade");
    let start = format!("Unhandled error in Deferred: {error}");
    assert!(record.text.starts_with(&start), "{}", record.text);
}

// C14, R106
#[test]
fn a_failure_that_nobody_can_take_is_logged_once_when_that_is_known() {
    // Fired after the handle went: at the fire.
    let (resolver, deferred) = Deferred::<u32>::new();
    let (records, ()) = capture(|| drop(deferred.map(|n| n + 1)));
    assert!(records.is_empty());
    let (records, ()) = capture(|| resolver.errback(Oops("a")));
    assert_one(&records, "oops a");

    // Fired before: when the handle goes.
    let (resolver, deferred) = Deferred::<u32>::new();
    let (records, ()) = capture(|| resolver.errback(Oops("b")));
    assert!(records.is_empty());
    let (records, ()) = capture(|| drop(deferred));
    assert_one(&records, "oops b");

    // Never pending.
    let (records, ()) = capture(|| drop(Deferred::<u32>::fail(Oops("c"))));
    assert_one(&records, "oops c");
}

// C14
#[test]
fn a_handled_failure_is_not_logged() {
    let (records, ()) = capture(|| {
        let (resolver, deferred) = Deferred::<u32>::new();
        drop(deferred.add_errback(|_| Ok(1)));
        resolver.errback(Oops("a"));
        assert!(result_of(Deferred::<u32>::fail(Oops("b"))).is_err());
        drop(Deferred::<u32>::fail(Oops("c")).add_both(|_| ()));
    });
    assert!(records.is_empty(), "{records:?}");
}

// C14
#[test]
fn the_record_shows_the_path() {
    let (records, line) = capture(|| {
        let (resolver, deferred) = Deferred::<u32>::new();
        let line = line!() - 1;
        drop(deferred.map(|n| n + 1));
        resolver.errback(Oops("a"));
        line
    });
    let file = file!();
    let expected = [
        "Unhandled error in Deferred: oops a".to_owned(),
        format!("  raised at {file}:{}", line + 3),
        format!("  made at {file}:{line}"),
        format!("  fired at {file}:{}", line + 3),
        format!("  passed at {file}:{}", line + 2),
    ];
    let lines: Vec<_> = records[0].text.lines().take(5).collect();
    assert_eq!(lines, expected);
}

// C9
#[test]
fn an_inner_failure_is_reported_once_by_the_outer() {
    let (records, ()) = capture(|| {
        let (inner_resolver, inner) = Deferred::<u32>::new();
        let (resolver, outer) = Deferred::new();
        drop(outer.add_callback(move |()| inner).map(|n| n + 1));
        resolver.callback(());
        inner_resolver.errback(Oops("inner"));
    });
    assert_one(&records, "oops inner");
}

// C14, R106
#[test]
fn a_panic_that_nobody_takes_is_logged() {
    let (records, ()) = capture(|| {
        drop(Deferred::succeed(1).add_callback(|_| -> Result<u32> { panic!("at the disco") }));
    });
    assert_one(&records, "panicked: at the disco");
}

#[test]
fn a_dropped_resolver_fails_its_deferred() {
    let (resolver, deferred) = Deferred::<u32>::new();
    drop(resolver);
    assert_eq!(error_of::<Abandoned>(deferred), Abandoned);
    let (records, ()) = capture(|| drop(Deferred::<u32>::new()));
    assert_one(&records, &Abandoned.to_string());
}

#[test]
fn what_is_abandoned_with_a_stopped_reactor_is_no_error_and_what_is_later_is() {
    let abandon = || drop(Deferred::<u32>::new());
    let (records, ()) = capture(|| while_forgetting(abandon));
    assert!(records.iter().all(|record| record.level != Level::Error));
    let (records, ()) = capture(abandon);
    assert_one(&records, &Abandoned.to_string());
}
