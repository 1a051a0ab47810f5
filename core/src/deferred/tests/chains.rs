use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::error::{Panicked, WaitsForItself};
use crate::failure::StepKind;

// C1
#[test]
fn firing_runs_all_callbacks_in_order_before_it_returns() {
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::new();
    let (one, two) = (journal.clone(), journal.clone());
    let deferred = deferred
        .add_callback(move |n: u32| {
            one.note(format!("one:{n}"));
            Ok(n + 1)
        })
        .add_callback(move |n| two.note(format!("two:{n}")));
    resolver.callback(1);
    assert_eq!(journal.take(), "one:1 two:2");
    value_of(deferred);
}

// C2
#[test]
fn adding_to_a_fired_deferred_runs_the_callback_at_once() {
    let journal = Journal::default();
    let (one, two, three) = (journal.clone(), journal.clone(), journal.clone());
    drop(Deferred::succeed(1).add_callback(move |n| one.note(format!("one:{n}"))));
    assert_eq!(journal.take(), "one:1");
    drop(Deferred::<()>::fail(Oops("a")).add_errback(move |f| two.note(f.to_string())));
    assert_eq!(journal.take(), "oops a");
    let (resolver, deferred) = Deferred::new();
    resolver.callback(2);
    assert!(deferred.is_fired());
    drop(deferred.add_callback(move |n| three.note(format!("three:{n}"))));
    assert_eq!(journal.take(), "three:2");
}

// C3
#[test]
fn an_error_goes_to_the_next_errback_and_a_value_back_to_callbacks() {
    let journal = Journal::default();
    let (skipped, caught, last) = (journal.clone(), journal.clone(), journal.clone());
    let deferred = Deferred::succeed(1)
        .add_callback(|_| -> Result<u32> { Err(Oops("a").into()) })
        .add_callback(move |n| {
            skipped.note("skipped");
            Ok(n)
        })
        .add_errback(move |failure| {
            caught.note(failure.to_string());
            Ok(7)
        })
        .add_errback(|_| Ok(8))
        .add_callback(move |n| last.note(format!("last:{n}")));
    value_of(deferred);
    assert_eq!(journal.take(), "oops a last:7");
}

// C3
#[test]
fn firing_with_an_error_value_is_firing_with_a_failure() {
    let (resolver, deferred) = Deferred::<()>::new();
    resolver.errback(Oops("a"));
    assert_eq!(error_of::<Oops>(deferred), Oops("a"));
    let (resolver, deferred) = Deferred::<()>::new();
    resolver.resolve(Err(Oops("b").into()));
    assert_eq!(error_of::<Oops>(deferred), Oops("b"));
}

// C3
#[test]
fn a_panic_in_a_callback_is_a_failure() {
    for deferred in [Deferred::succeed(1), fired_later(1)] {
        let deferred = deferred
            .add_callback(|n| -> Result<u32> { panic!("number {n}") })
            .add_callback(|_| -> Result<u32> { unreachable!("skipped") });
        assert_eq!(error_of::<Panicked>(deferred).message, "number 1");
    }
}

// R106
#[test]
fn a_panic_leaves_the_rest_of_the_chain_to_run() {
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred
        .add_callback(|()| -> Result<u32> { panic!("a") })
        .add_errback(|_| -> Result<u32> { panic!("b") })
        .add_errback(|failure| {
            assert_eq!(
                failure.check(),
                Some(&Panicked {
                    message: "b".to_owned()
                })
            );
            Ok(3)
        });
    resolver.callback(());
    assert_eq!(value_of(deferred), 3);
}

// C4
#[test]
fn an_errback_does_not_get_the_error_of_its_own_callback() {
    let deferred = Deferred::succeed(1)
        .add_callbacks(
            |_| -> Result<&str> { Err(Oops("a").into()) },
            |_| Ok("the same pair"),
        )
        .add_errback(|_| Ok("a later one"));
    assert_eq!(value_of(deferred), "a later one");
    let deferred = Deferred::<()>::fail(Oops("a"))
        .add_callbacks(|()| Ok("callback"), |_| Deferred::succeed("errback"));
    assert_eq!(value_of(deferred), "errback");
}

// C6
#[test]
fn a_callback_added_by_a_callback_of_the_same_chain_goes_to_its_end() {
    let journal = Journal::default();
    let end = Rc::new(RefCell::new(None::<Deferred<()>>));
    let (resolver, deferred) = Deferred::new();
    let (one, two, adds, inner) = (
        journal.clone(),
        journal.clone(),
        end.clone(),
        journal.clone(),
    );
    let deferred = deferred
        .add_callback(move |()| {
            one.note("one-start");
            let deferred = adds.take().unwrap();
            adds.replace(Some(deferred.add_callback(move |()| inner.note("added"))));
            one.note("one-end");
        })
        .add_callback(move |()| two.note("two"));
    end.replace(Some(deferred));
    resolver.callback(());
    assert_eq!(journal.take(), "one-start one-end two added");
}

// C7, C9
#[test]
fn a_chain_waits_for_the_deferred_that_a_callback_returns() {
    let journal = Journal::default();
    let (inner_resolver, inner) = Deferred::new();
    let (first, then) = (journal.clone(), journal.clone());
    let inner = inner.add_callback(move |n: u32| {
        first.note(format!("inner:{n}"));
        Ok(n + 1)
    });
    let (resolver, outer) = Deferred::new();
    let outer = outer
        .add_callback(move |()| inner)
        .add_callback(move |n| then.note(format!("outer:{n}")));
    resolver.callback(());
    assert_eq!(journal.take(), "");
    assert!(!outer.is_fired());
    inner_resolver.callback(1);
    assert_eq!(journal.take(), "inner:1 outer:2");
    value_of(outer);
}

// C8
#[test]
fn a_fired_deferred_that_a_callback_returns_is_used_at_once() {
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(|n: u32| fired_later(n + 1));
    resolver.callback(1);
    assert_eq!(value_of(deferred), 2);
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(|()| Deferred::<u32>::fail(Oops("inner")));
    resolver.callback(());
    assert_eq!(error_of::<Oops>(deferred), Oops("inner"));
}

// C12, R105
#[test]
fn a_deferred_returned_from_its_own_chain_is_an_error_at_once() {
    for stages in [0, 1, 5] {
        let own = Rc::new(RefCell::new(None::<Deferred<u32>>));
        let returned = own.clone();
        let (resolver, deferred) = Deferred::new();
        let mut deferred = deferred.add_callback(move |n: u32| match returned.take() {
            Some(own) => own,
            None => Deferred::succeed(n),
        });
        let seen = Rc::new(RefCell::new(None));
        for _ in 0..stages {
            deferred = deferred.add_callback(Ok);
        }
        let sees = seen.clone();
        deferred = deferred.add_errback(move |failure| {
            sees.replace(Some(failure));
            Ok(0)
        });
        own.replace(Some(deferred));
        resolver.callback(1);
        assert!(seen.take().unwrap().check::<WaitsForItself>().is_some());
    }
}

// C12
#[test]
fn a_lone_stage_that_returns_its_own_deferred_is_logged() {
    let (records, ()) = crate::testing::log_capture::capture(|| {
        let own = Rc::new(RefCell::new(None::<Deferred<u32>>));
        let returned = own.clone();
        let (resolver, deferred) = Deferred::<u32>::new();
        own.replace(Some(
            deferred.add_callback(move |_| returned.take().unwrap()),
        ));
        resolver.callback(1);
    });
    assert_eq!(records.len(), 1);
    assert!(records[0].text.contains(&WaitsForItself.to_string()));
}

#[test]
fn chain_fires_the_other_deferred() {
    let (resolver, source) = Deferred::new();
    let (other_resolver, other) = Deferred::<u32>::new();
    source.chain(other_resolver);
    resolver.callback(4);
    assert_eq!(value_of(other), 4);
    let (other_resolver, other) = Deferred::<u32>::new();
    Deferred::fail(Oops("a")).chain(other_resolver);
    assert_eq!(error_of::<Oops>(other), Oops("a"));
}

#[test]
fn a_failure_knows_the_path_that_it_took() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let deferred = deferred.add_callback(Ok);
    let deferred = deferred.map(|n| n + 1);
    resolver.errback(Oops("a"));
    let failure = result_of(deferred).unwrap_err();
    let steps = failure.path().steps();
    let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(
        kinds,
        [
            StepKind::Made,
            StepKind::Fired,
            StepKind::Passed,
            StepKind::Passed
        ]
    );
    let first = steps[0].at.line();
    let lines: Vec<_> = steps.iter().map(|step| step.at.line() - first).collect();
    assert_eq!(lines, [0, 3, 1, 2]);
    assert!(steps.iter().all(|step| step.at.file() == file!()));
    assert_eq!(failure.raised_at().line(), first + 3);
}

#[test]
fn closures_need_no_annotations() {
    #[derive(Debug)]
    struct Partial(u32);
    impl fmt::Display for Partial {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{} so far", self.0)
        }
    }
    impl Error for Partial {}

    let deferred = Deferred::succeed("41")
        .add_callback(|text| Ok(text.parse::<u32>()?))
        .add_callback(|n| Ok(n + 1))
        .add_callback(|n| if n > 50 { Ok(n) } else { Err(Partial(n))? })
        .add_errback(|failure| {
            let partial = failure.trap::<Partial>()?;
            Ok(partial.0)
        })
        .add_both(|result| {
            let n = result?;
            Ok(n)
        })
        .add_callbacks(|n| Ok(n * 2), Err);
    assert_eq!(value_of(deferred), 84);
}

/// A Deferred that was fired through its Resolver.
fn fired_later<T: 'static>(value: T) -> Deferred<T> {
    let (resolver, deferred) = Deferred::new();
    resolver.callback(value);
    deferred
}
