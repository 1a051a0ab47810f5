//! Coroutines: `spawn`, wakers, and their end with the reactor.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use super::{Journal, NotesDrop, errors, ms, run_for, simulated};
use crate::task::defer_later;
use crate::testing::log_capture::capture;
use crate::{Cancelled, Deferred, Panicked, Reactor, ReactorError, Result};

#[test]
fn a_coroutine_runs_to_its_first_wait_when_it_is_made() {
    // C34
    let reactor = simulated();
    let journal = Journal::default();
    let noted = journal.clone();
    let waiting = defer_later(&reactor, ms(5), || Ok(7));
    let result = reactor.spawn(async move {
        noted.note("started");
        let seven = waiting.await?;
        noted.note("went on");
        Ok(seven + 1)
    });
    journal.note("made");
    assert_eq!(reactor.run_until(result).unwrap(), 8);
    assert_eq!(journal.take(), "started made went on");
}

#[test]
fn a_coroutine_made_in_a_user_function_starts_when_that_returns() {
    // C34, and the rule that user functions never nest.
    let reactor = simulated();
    let journal = Journal::default();
    let (handle, noted) = (reactor.clone(), journal.clone());
    reactor.call_soon(move || {
        let started = noted.clone();
        drop(handle.spawn(async move { started.note("coroutine") }));
        noted.note("function");
    });
    reactor.call_soon(journal.noting("next"));
    run_for(&reactor, ms(1));
    assert_eq!(journal.take(), "function coroutine next");
}

#[test]
fn a_failure_is_raised_where_it_is_awaited_and_may_be_handled() {
    // C34
    let reactor = simulated();
    let handled = reactor.spawn(async {
        match Deferred::<u32>::fail(Cancelled).await {
            Ok(value) => Ok(value),
            Err(failure) => failure.trap::<Cancelled>().map(|_| 3),
        }
    });
    assert_eq!(reactor.run_until(handled).unwrap(), 3);

    let passed_on = reactor.spawn(async { Ok(Deferred::<u32>::fail(Cancelled).await? + 1) });
    let failure = reactor.run_until(passed_on).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
}

#[test]
fn what_a_coroutine_returns_may_be_a_deferred() {
    let reactor = simulated();
    let later = reactor.clone();
    let result = reactor.spawn(async move { defer_later(&later, ms(3), || Ok("value")) });
    assert_eq!(reactor.run_until(result).unwrap(), "value");
}

#[test]
fn a_panic_fails_the_deferred_at_the_start_and_later() {
    // C34, C61
    let reactor = simulated();
    let (records, ()) = capture(|| {
        let later = reactor.clone();
        let fails = |message: &'static str| -> Result<()> { panic!("{message}") };
        let at_once = reactor.spawn(async move { fails("at once") });
        let after = reactor.spawn(async move {
            defer_later(&later, ms(1), || ()).await?;
            fails("later")
        });
        for (result, message) in [(at_once, "at once"), (after, "later")] {
            let failure = reactor.run_until(result).unwrap_err();
            assert_eq!(failure.check::<Panicked>().unwrap().message, message);
        }
    });
    assert!(errors(&records).is_empty(), "somebody has seen them");
}

#[test]
fn a_waker_works_from_another_thread() {
    // C63
    let reactor = Reactor::new().unwrap();
    let is_set = Arc::new(AtomicBool::new(false));
    let mut thread = None;
    let result = reactor.spawn(poll_fn(move |context| {
        if is_set.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        let (is_set, waker) = (Arc::clone(&is_set), context.waker().clone());
        thread.get_or_insert_with(|| {
            thread::spawn(move || {
                is_set.store(true, Ordering::SeqCst);
                // Many times: it counts once.
                (0..1000).for_each(|_| waker.wake_by_ref());
            })
        });
        Poll::Pending
    }));
    reactor.run_until(result).unwrap();
}

#[test]
fn a_coroutine_that_wakes_itself_lets_others_run() {
    // R100
    let reactor = simulated();
    let mut left = 1000;
    let spins = reactor.spawn(poll_fn(move |context| {
        left -= 1;
        context.waker().wake_by_ref();
        if left > 0 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }));
    let journal = Journal::default();
    reactor.call_soon(journal.noting("other"));
    let noting = journal.noting("end");
    reactor.run_until(spins.map(move |()| noting())).unwrap();
    assert_eq!(journal.take(), "other end");
}

#[test]
fn a_waker_that_is_kept_is_harmless_afterwards() {
    // C96
    let reactor = simulated();
    let kept = Arc::new(Mutex::new(None::<Waker>));
    let keeps = Arc::clone(&kept);
    let result = reactor.spawn(poll_fn(move |context| {
        *keeps.lock().unwrap() = Some(context.waker().clone());
        Poll::Ready(Ok(()))
    }));
    reactor.run_until(result).unwrap();
    let waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    // Another one has the same slot, and is not woken by it.
    drop(reactor.spawn(std::future::pending::<Result<()>>()));
    waker.wake_by_ref();
    run_for(&reactor, ms(1));
    drop(reactor);
    waker.wake();
}

#[test]
fn a_dropped_reactor_drops_its_coroutines() {
    // C96
    let reactor = simulated();
    let journal = Journal::default();
    let dropped = NotesDrop(journal.clone(), "dropped");
    let result = reactor.spawn(async move {
        let _dropped = dropped;
        std::future::pending::<Result<()>>().await
    });
    let handle = reactor.clone();
    drop(reactor);
    assert_eq!(journal.take(), "dropped");
    assert!(result.try_take().unwrap().is_err());
    let refused = handle.spawn(async { Ok(()) });
    let failure = refused.try_take().unwrap().unwrap_err();
    assert_eq!(failure.check(), Some(&ReactorError::Gone));
}

#[test]
fn a_cancel_just_before_the_end_of_the_reactor_is_no_error() {
    // C14, C35
    let reactor = simulated();
    let (records, ()) = capture(|| {
        let waits = defer_later(&reactor, ms(1), || ());
        let result = reactor.spawn(async move { waits.await });
        let canceller = result.canceller();
        drop(result);
        canceller.cancel();
        drop(reactor);
    });
    assert!(errors(&records).is_empty(), "{records:?}");
}

#[test]
fn a_failure_of_a_coroutine_that_nobody_waits_for_is_logged_once() {
    // C14, R106
    let reactor = simulated();
    let (records, ()) = capture(|| {
        drop(reactor.spawn(async { Err::<(), _>(crate::Failure::from(std::fmt::Error)) }));
        run_for(&reactor, ms(1));
        drop(reactor);
    });
    let errors = errors(&records);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("Unhandled error in Deferred"));
}
