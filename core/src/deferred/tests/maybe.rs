use super::*;
use crate::deferred::run_queue::call_user;
use crate::error::Panicked;
use crate::{execute, maybe_deferred};

// C28
#[test]
fn a_result_a_deferred_and_a_panic_all_become_a_deferred() {
    assert_eq!(value_of(maybe_deferred(|| Ok(1))), 1);
    let failed = maybe_deferred(|| Err::<u32, _>(Oops("a").into()));
    assert_eq!(error_of::<Oops>(failed), Oops("a"));
    value_of(maybe_deferred(|| {}));
    let panicked = maybe_deferred(|| -> Result<u32> { panic!("oh") });
    assert_eq!(error_of::<Panicked>(panicked).message, "oh");

    let (resolver, deferred) = Deferred::new();
    let itself = maybe_deferred(|| deferred);
    assert!(!itself.is_fired());
    resolver.callback(5);
    assert_eq!(value_of(itself), 5);
}

// C28
#[test]
fn executing_gives_a_plain_value_or_a_panic() {
    let borrowed = "torsade".to_owned();
    assert_eq!(value_of(execute(|| borrowed.len())), 7);
    let panicked = execute(|| -> u32 { panic!("oh") });
    assert_eq!(error_of::<Panicked>(panicked).message, "oh");
}

// C28
#[test]
fn the_function_runs_at_once_and_what_it_fires_waits_for_it() {
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::new();
    let noted = journal.clone();
    drop(deferred.map(move |()| noted.note("callback")));
    call_user(|| {
        drop(execute(|| {
            resolver.callback(());
            journal.note("function");
        }));
        journal.note("caller");
    })
    .unwrap();
    assert_eq!(journal.take(), "function caller callback");
}
