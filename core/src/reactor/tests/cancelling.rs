//! What a cancel means to a coroutine.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Journal, NotesDrop, ms, simulated};
use crate::task::defer_later;
use crate::{Cancelled, Canceller, Deferred, Failure, Result, TimedOut};

/// A Deferred that never fires, and notes when it is cancelled.
fn never(journal: &Journal) -> Deferred<u32> {
    let (resolver, deferred) = Deferred::with_canceller(journal.noting("canceller"));
    std::mem::forget(resolver);
    deferred
}

#[test]
fn a_cancel_reaches_what_is_awaited_through_any_depth() {
    // C35
    let reactor = simulated();
    let journal = Journal::default();
    let (outer, waits) = (reactor.clone(), never(&journal));
    let result = reactor.spawn(async move {
        let inner = outer.clone();
        let middle = outer.spawn(async move { inner.spawn(async move { waits.await }).await });
        middle.await
    });
    result.cancel();
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    assert_eq!(journal.take(), "canceller");
}

#[test]
fn a_coroutine_may_turn_a_cancel_into_a_value() {
    // C35
    let reactor = simulated();
    let waits = never(&Journal::default());
    let later = reactor.clone();
    let result = reactor.spawn(async move {
        let failure = waits.await.unwrap_err();
        failure.trap::<Cancelled>()?;
        // It may even take its time over that.
        defer_later(&later, ms(5), || ()).await?;
        Ok("tidied up")
    });
    let canceller = result.canceller();
    reactor.call_soon(move || canceller.cancel());
    assert_eq!(reactor.run_until(result).unwrap(), "tidied up");
}

#[test]
fn a_coroutine_may_turn_a_cancel_into_another_error() {
    // C35
    let reactor = simulated();
    let waits = never(&Journal::default());
    let result = reactor.spawn(async move {
        waits.await.map_err(|_| Failure::from(std::fmt::Error))?;
        Ok(())
    });
    result.cancel();
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<std::fmt::Error>().is_some());
}

#[test]
fn a_coroutine_that_tidies_up_can_be_cancelled_again() {
    // C35
    let reactor = simulated();
    let journal = Journal::default();
    let (first, second, noted) = (never(&journal), never(&journal), journal.clone());
    let result = reactor.spawn(async move {
        let _ = first.await;
        noted.note("tidying");
        second.await
    });
    for delay in [1, 2] {
        let canceller = result.canceller();
        let _ = reactor.call_later(ms(delay), move || {
            canceller.cancel();
            canceller.cancel();
        });
    }
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    assert_eq!(journal.take(), "canceller tidying canceller");
}

#[test]
fn a_coroutine_that_is_cancelled_before_it_starts_is_told_at_its_first_wait() {
    // C35
    let reactor = simulated();
    let journal = Journal::default();
    let (handle, noted) = (reactor.clone(), journal.clone());
    let (done, result) = Deferred::<&str>::new();
    reactor.call_soon(move || {
        let started = noted.clone();
        let waits = never(&noted);
        let coroutine = handle.spawn(async move {
            started.note("started");
            let failure = waits.await.unwrap_err();
            assert!(failure.check::<Cancelled>().is_some());
            Ok("told")
        });
        coroutine.cancel();
        coroutine.chain(done);
    });
    assert_eq!(reactor.run_until(result).unwrap(), "told");
    assert_eq!(journal.take(), "started canceller");
}

#[test]
fn a_coroutine_that_is_cancelled_while_it_runs_is_told_at_its_next_wait() {
    // C35
    let reactor = simulated();
    let own = Rc::new(RefCell::new(None::<Canceller>));
    let (inside, later) = (Rc::clone(&own), reactor.clone());
    let waits = never(&Journal::default());
    let result = reactor.spawn(async move {
        defer_later(&later, ms(1), || ()).await?;
        inside.take().unwrap().cancel();
        let failure = waits.await.unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());
        Ok("told")
    });
    *own.borrow_mut() = Some(result.canceller());
    assert_eq!(reactor.run_until(result).unwrap(), "told");
}

#[test]
fn a_coroutine_that_awaits_no_deferred_is_dropped_by_a_cancel() {
    // C35
    let reactor = simulated();
    let journal = Journal::default();
    let dropped = NotesDrop(journal.clone(), "dropped");
    let result = reactor.spawn(async move {
        let _dropped = dropped;
        std::future::pending::<Result<()>>().await
    });
    assert_eq!(journal.take(), "");
    result.cancel();
    assert_eq!(journal.take(), "dropped");
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
}

#[test]
fn a_cancel_after_the_end_changes_nothing() {
    // C18, C35
    let reactor = simulated();
    let result = reactor.spawn(async { Ok(1) });
    result.cancel();
    assert_eq!(reactor.run_until(result).unwrap(), 1);
}

#[test]
fn a_time_out_cancels_a_coroutine() {
    // C29, C35
    let reactor = simulated();
    let journal = Journal::default();
    let waits = never(&journal);
    let result = reactor
        .spawn(async move { waits.await })
        .add_timeout(&reactor, ms(5));
    let failure = reactor.run_until(result).unwrap_err();
    assert!(failure.check::<TimedOut>().is_some());
    assert_eq!(journal.take(), "canceller");
    assert_eq!(reactor.delayed_calls(), 0);
}

#[test]
fn a_cancel_between_a_result_and_the_next_step_is_not_lost() {
    // C35, R107
    let reactor = simulated();
    let (resolver, first) = Deferred::new();
    let later = reactor.clone();
    let result: Deferred<()> = reactor.spawn(async move {
        first.await?;
        for _ in 0..1000 {
            defer_later(&later, ms(10), || ()).await?;
        }
        Ok(())
    });
    resolver.callback(());
    // It has been woken, but has not gone on yet.
    result.cancel();
    let limited = result.add_timeout(&reactor, ms(1000));
    let failure = reactor.run_until(limited).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some(), "{failure:?}");
}
