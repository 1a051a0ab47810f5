use std::cell::Cell;

use super::deep::{WAITERS, on_a_small_stack};
use super::*;
use crate::deferred::run_queue::call_user;
use crate::error::{Cancelled, FirstError};
use crate::testing::log_capture::capture;
use crate::{Failure, gather};

// C25
#[test]
fn the_values_come_in_the_order_given_whatever_the_order_of_firing() {
    let (mut resolvers, deferreds) = pairs(4);
    let gathered = gather(deferreds);
    for (index, n) in [(2, 'c'), (0, 'a'), (3, 'd')] {
        resolvers[index].take().unwrap().callback(n);
        assert!(!gathered.is_fired());
    }
    resolvers[1].take().unwrap().callback('b');
    assert_eq!(value_of(gathered), ['a', 'b', 'c', 'd']);
}

// C25
#[test]
fn a_tuple_of_different_types_gives_a_tuple_of_values() {
    let (resolver, number) = Deferred::<u32>::new();
    let pair = gather((number, Deferred::succeed("two")));
    assert!(!pair.is_fired());
    resolver.callback(1);
    assert_eq!(value_of(pair), (1, "two"));

    let eight = gather((
        Deferred::succeed(1_u8),
        Deferred::succeed('2'),
        Deferred::succeed("3"),
        Deferred::succeed(4_i64),
        Deferred::succeed(()),
        Deferred::succeed(Some(6)),
        Deferred::succeed([7, 7]),
        Deferred::succeed("8".to_owned()),
    ));
    assert_eq!(
        value_of(eight),
        (1, '2', "3", 4, (), Some(6), [7, 7], "8".to_owned())
    );
}

// C25
#[test]
fn nothing_is_gathered_at_once() {
    assert!(value_of(gather(Vec::<Deferred<u32>>::new())).is_empty());
}

// C25
#[test]
fn the_first_failure_is_the_result_around_its_cause_and_the_others_run_on() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let gathered = gather(deferreds);
    resolvers[2].take().unwrap().callback(2);
    resolvers[1].take().unwrap().errback(Oops("b"));
    let failure = result_of(gathered).unwrap_err();
    assert_eq!(failure.find(), Some(&Oops("b")));
    assert!(failure.path().to_string().contains("made at"));
    let first = failure.trap::<FirstError>().unwrap();
    assert_eq!(first.index, 1);
    assert_eq!(first.failure.trap::<Oops>().unwrap(), Oops("b"));
    let last = resolvers[0].take().unwrap();
    assert!(!last.is_cancelled());
    last.callback(0);
}

// C25
#[test]
fn the_first_failure_of_a_tuple_is_the_result() {
    let (resolver, number) = Deferred::<u32>::new();
    let failed = gather((
        number,
        Deferred::<()>::fail(Oops("b")),
        Deferred::succeed(1),
    ));
    resolver.callback(1);
    assert_eq!(error_of::<FirstError>(failed).index, 1);
}

// C25, C14
#[test]
fn a_failure_after_the_first_is_logged_and_one_that_is_the_result_is_not() {
    let (mut resolvers, deferreds) = pairs::<u32>(2);
    let (records, failed) = capture(|| {
        let gathered = gather(deferreds);
        resolvers[0].take().unwrap().errback(Oops("first"));
        error_of::<FirstError>(gathered)
    });
    assert!(records.is_empty(), "{records:?}");
    assert_eq!(failed.index, 0);
    let (records, ()) = capture(|| resolvers[1].take().unwrap().errback(Oops("late")));
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].text.contains("late"));
}

// C14
#[test]
fn a_gather_that_nobody_holds_logs_its_failure_once() {
    let (records, ()) = capture(|| {
        let (mut resolvers, deferreds) = pairs::<u32>(2);
        drop(gather(deferreds));
        resolvers[1].take().unwrap().errback(Oops("b"));
        resolvers[0].take().unwrap().callback(0);
    });
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].text.contains("oops b"), "{}", records[0].text);
}

// C25
#[test]
fn cancelling_cancels_what_is_pending_and_shows_as_just_that() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let gathered = gather(deferreds);
    resolvers[1].take().unwrap().callback(1);
    let (records, ()) = capture(|| gathered.cancel());
    assert!(records.is_empty(), "{records:?}");
    assert!(resolvers[0].take().unwrap().is_cancelled());
    assert!(resolvers[2].take().unwrap().is_cancelled());
    assert_eq!(error_of::<Cancelled>(gathered), Cancelled);
}

// C25, C16
#[test]
fn what_the_cancelled_come_to_is_the_result() {
    let keeps_going = |value: u32| {
        let (resolver, deferred) = Deferred::<u32>::new();
        let deferred = deferred.add_errback(move |failure| {
            failure.trap::<Cancelled>()?;
            Ok(value)
        });
        (resolver, deferred)
    };
    let (_first, one) = keeps_going(1);
    let (_second, two) = keeps_going(2);
    let gathered = gather((one, two));
    gathered.cancel();
    assert_eq!(value_of(gathered), (1, 2));

    let (_resolver, deferred) = Deferred::<u32>::new();
    let gathered = gather([deferred.add_errback(|_| Err(Failure::from(Oops("mine"))))]);
    gathered.cancel();
    let failed = error_of::<FirstError>(gathered);
    assert_eq!(failed.failure.check(), Some(&Oops("mine")));
}

// C25
#[test]
fn cancelling_what_has_fired_changes_nothing() {
    let (mut resolvers, deferreds) = pairs::<u32>(2);
    let gathered = gather(deferreds);
    resolvers[0].take().unwrap().errback(Oops("a"));
    gathered.cancel();
    assert!(!resolvers[1].as_ref().unwrap().is_cancelled());
    assert_eq!(error_of::<FirstError>(gathered).index, 0);
}

// C18, C25
#[test]
fn a_cancel_reaches_through_callbacks_and_gathers_and_awaits() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let inner = gather([deferred]).map(|row| row[0]);
    let outer = Deferred::succeed(()).add_callback(|()| gather([inner]));
    let canceller = outer.canceller();
    let future = outer.into_future();
    canceller.cancel();
    assert!(resolver.is_cancelled());
    drop(future);

    let (resolver, deferred) = Deferred::<u32>::new();
    drop(gather([deferred]).into_future());
    assert!(resolver.is_cancelled());
}

#[test]
fn inside_a_user_function_everything_waits_until_it_has_returned() {
    let journal = Journal::default();
    let noted = journal.clone();
    call_user(|| {
        let (resolver, deferred) = Deferred::<u32>::new();
        drop(gather([Deferred::succeed(1), deferred]).map(move |all| {
            noted.note(format!("{all:?}"));
        }));
        resolver.callback(2);
        journal.note("returns");
    })
    .unwrap();
    assert_eq!(journal.take(), "returns [1, 2]");
}

#[test]
fn values_are_dropped_when_they_are_of_no_use_any_more() {
    let alive = Rc::new(());
    let (mut resolvers, deferreds) = pairs::<Rc<()>>(3);
    let gathered = gather(deferreds);
    resolvers[0].take().unwrap().callback(alive.clone());
    assert_eq!(Rc::strong_count(&alive), 2);
    resolvers[1].take().unwrap().errback(Oops("b"));
    assert_eq!(Rc::strong_count(&alive), 1);
    resolvers[2].take().unwrap().callback(alive.clone());
    assert_eq!(Rc::strong_count(&alive), 1);
    drop(gathered.add_errback(|_| Ok(Vec::new())));
}

#[test]
fn the_panic_of_a_value_that_is_dropped_loses_nobody() {
    struct Bomb(Rc<Cell<bool>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0.replace(false), "dropped");
        }
    }
    let armed = Rc::new(Cell::new(true));
    let (mut resolvers, deferreds) = pairs::<Bomb>(2);
    let (_records, gathered) = capture(|| {
        let gathered = gather(deferreds);
        resolvers[0].take().unwrap().callback(Bomb(armed.clone()));
        resolvers[1].take().unwrap().errback(Oops("b"));
        gathered
    });
    let failed = result_of(gathered).err().unwrap();
    assert!(failed.check::<FirstError>().is_some());
}

// R105
#[test]
fn many_inputs_and_many_levels_take_no_stack() {
    on_a_small_stack(|| {
        let (resolvers, deferreds) = pairs::<u32>(WAITERS as usize);
        let gathered = gather(deferreds);
        for (resolver, n) in resolvers.into_iter().flatten().zip(0..) {
            resolver.callback(n);
        }
        assert_eq!(value_of(gathered).last(), Some(&(WAITERS - 1)));

        let (resolvers, deferreds) = pairs::<u32>(WAITERS as usize);
        let gathered = gather(deferreds);
        gathered.cancel();
        assert!(resolvers.iter().flatten().all(Resolver::is_cancelled));
        assert_eq!(error_of::<Cancelled>(gathered), Cancelled);

        for cancels in [false, true] {
            let (resolver, mut deferred) = Deferred::<u32>::new();
            for _ in 0..WAITERS {
                deferred = gather([deferred]).map(|row| row[0]);
            }
            if cancels {
                deferred.cancel();
                assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
            } else {
                resolver.callback(7);
                assert_eq!(value_of(deferred), 7);
            }
        }
    });
}
