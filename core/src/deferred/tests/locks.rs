use super::deep::{WAITERS, on_a_small_stack};
use super::*;
use crate::deferred::run_queue::call_user;
use crate::error::{Cancelled, NoTokens, Panicked};
use crate::testing::log_capture::capture;
use crate::{DeferredLock, DeferredSemaphore, Permit};

/// Acquires, and notes when that is granted; the permit is kept in the Deferred.
fn acquire(lock: &DeferredLock, name: &'static str, journal: &Journal) -> Deferred<Permit> {
    let noted = journal.clone();
    lock.acquire().map(move |permit| {
        noted.note(name);
        permit
    })
}

// C32
#[test]
fn a_lock_serves_those_who_wait_in_the_order_they_came_before_release_returns() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    assert!(!lock.is_locked());
    let [a, b, c] = ["a", "b", "c"].map(|name| acquire(&lock, name, &journal));
    assert_eq!(journal.take(), "a");
    assert!(lock.is_locked());
    assert_eq!(lock.waiting(), 2);
    value_of(a).release();
    assert_eq!(journal.take(), "b");
    drop(value_of(b));
    assert_eq!(journal.take(), "c");
    assert_eq!(lock.waiting(), 0);
    drop(c);
    assert!(!lock.is_locked());
}

// C32
#[test]
fn a_semaphore_grants_as_many_as_it_has_tokens() {
    let semaphore = DeferredSemaphore::new(2).unwrap();
    let [a, b, c, d] = [(); 4].map(|()| semaphore.acquire());
    assert_eq!((semaphore.tokens(), semaphore.limit()), (0, 2));
    assert_eq!(semaphore.waiting(), 2);
    drop(value_of(b));
    assert!(c.is_fired());
    assert!(!d.is_fired());
    drop((a, c));
    assert!(d.is_fired());
    assert_eq!(semaphore.tokens(), 1);
    drop(d);
    assert_eq!((semaphore.tokens(), semaphore.waiting()), (2, 0));
}

// C32
#[test]
fn a_semaphore_without_tokens_is_refused() {
    assert_eq!(DeferredSemaphore::new(0).unwrap_err(), NoTokens);
}

// C32
#[test]
fn cancelling_one_that_waits_leaves_the_row() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    let [a, b, c] = ["a", "b", "c"].map(|name| acquire(&lock, name, &journal));
    b.cancel();
    assert_eq!(lock.waiting(), 1);
    assert_eq!(error_of::<Cancelled>(b), Cancelled);
    drop(a);
    assert_eq!(journal.take(), "a c");
    drop(c);
    assert!(!lock.is_locked());
}

// C32
#[test]
fn cancelling_one_that_has_the_lock_does_nothing() {
    let lock = DeferredLock::new();
    let held = lock.acquire();
    held.cancel();
    assert!(lock.is_locked());
    let waits = lock.acquire();
    drop(held);
    waits.cancel();
    drop(value_of(waits));
    assert!(!lock.is_locked());
}

// C32
#[test]
fn one_that_is_cancelled_in_the_same_function_before_the_release_is_passed_by() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    let [a, b, c] = ["a", "b", "c"].map(|name| acquire(&lock, name, &journal));
    let permit = value_of(a);
    call_user(|| {
        b.cancel();
        assert_eq!(lock.waiting(), 1);
        drop(permit);
    })
    .unwrap();
    assert_eq!(journal.take(), "a c");
    assert!(lock.is_locked());
    assert_eq!(error_of::<Cancelled>(b.map(drop)), Cancelled);
    drop(c);
    assert!(!lock.is_locked());
}

// C32
#[test]
fn one_that_is_cancelled_in_the_same_function_after_the_release_has_the_lock() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    let [a, b] = ["a", "b"].map(|name| acquire(&lock, name, &journal));
    let permit = value_of(a);
    call_user(|| {
        drop(permit);
        b.cancel();
    })
    .unwrap();
    assert_eq!(journal.take(), "a b");
    drop(value_of(b));
    assert!(!lock.is_locked());
}

// C32
#[test]
fn a_release_inside_a_function_hands_over_when_that_has_returned_and_before_all_else() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    let [a, b] = ["a", "b"].map(|name| acquire(&lock, name, &journal));
    let (releases, follows) = (journal.clone(), journal.clone());
    drop(
        a.map(move |permit| {
            permit.release();
            releases.note("released");
        })
        .map(move |()| follows.note("next")),
    );
    assert_eq!(journal.take(), "a released b next");
    drop(b);
}

// C32
#[test]
fn running_holds_the_lock_until_the_result_is_there() {
    let lock = DeferredLock::new();
    let (resolver, work) = Deferred::new();
    let first = lock.run(move || work);
    let second = lock.run(|| Ok("second"));
    assert!(lock.is_locked());
    assert!(!second.is_fired());
    resolver.callback("first");
    assert_eq!(value_of(first), "first");
    assert_eq!(value_of(second), "second");
    assert!(!lock.is_locked());
}

// C32
#[test]
fn running_releases_on_success_failure_panic_and_cancel() {
    let lock = DeferredLock::new();
    assert_eq!(value_of(lock.run(|| Ok(1))), 1);
    assert!(!lock.is_locked());

    let failed = lock.run(|| Err::<u32, _>(Oops("a").into()));
    assert_eq!(error_of::<Oops>(failed), Oops("a"));
    assert!(!lock.is_locked());

    let panicked = lock.run(|| -> Result<u32> { panic!("oh") });
    assert_eq!(error_of::<Panicked>(panicked).message, "oh");
    assert!(!lock.is_locked());

    let (resolver, work) = Deferred::<u32>::new();
    let runs = lock.run(move || work);
    assert!(lock.is_locked());
    runs.cancel();
    assert!(resolver.is_cancelled());
    assert_eq!(error_of::<Cancelled>(runs), Cancelled);
    assert!(!lock.is_locked());

    drop(lock.run(|| Deferred::<u32>::new().1).add_errback(|_| Ok(0)));
    assert!(!lock.is_locked(), "an abandoned one");
}

// C32
#[test]
fn running_that_is_cancelled_before_its_turn_never_calls() {
    let lock = DeferredLock::new();
    let held = value_of(lock.acquire());
    let waits = lock.run(|| -> Result<u32> { unreachable!("it was cancelled") });
    waits.cancel();
    drop(held);
    assert_eq!(error_of::<Cancelled>(waits), Cancelled);
    assert!(!lock.is_locked());
}

#[test]
fn a_waiter_that_nobody_holds_gives_its_turn_away() {
    let (lock, journal) = (DeferredLock::new(), Journal::default());
    let held = lock.acquire();
    drop(lock.acquire());
    drop(lock.acquire().into_future());
    let last = acquire(&lock, "last", &journal);
    assert_eq!(lock.waiting(), 2);
    drop(held);
    assert_eq!(journal.take(), "last");
    drop(last);
    assert!(!lock.is_locked());
}

#[test]
fn those_who_wait_are_served_also_when_nobody_has_a_handle_any_more() {
    let lock = DeferredLock::new();
    let held = value_of(lock.acquire());
    let waits = lock.acquire();
    drop(lock);
    drop(held);
    let (records, ()) = capture(|| drop(value_of(waits)));
    assert!(records.is_empty(), "{records:?}");
}

// R105
#[test]
fn many_that_wait_take_no_stack_whether_they_run_or_are_dropped_or_cancelled() {
    on_a_small_stack(|| {
        let lock = DeferredLock::new();
        let count = Rc::new(std::cell::Cell::new(0));
        let held = value_of(lock.acquire());
        for _ in 0..WAITERS {
            let counts = count.clone();
            let runs = lock.run(move || {
                counts.set(counts.get() + 1);
                Ok(())
            });
            drop(runs.add_callback(|()| Ok(())));
        }
        held.release();
        assert_eq!(count.get(), WAITERS);
        assert!(!lock.is_locked());

        for in_function in [false, true] {
            let held = value_of(lock.acquire());
            for _ in 0..WAITERS {
                drop(lock.acquire());
            }
            if in_function {
                call_user(|| held.release()).unwrap();
            } else {
                held.release();
            }
            assert!(!lock.is_locked());
        }

        let held = value_of(lock.acquire());
        let waits: Vec<_> = (0..WAITERS).map(|_| lock.acquire()).collect();
        waits.iter().rev().for_each(Deferred::cancel);
        assert_eq!(lock.waiting(), 0);
        drop(held);
        assert!(!lock.is_locked());
    });
}
