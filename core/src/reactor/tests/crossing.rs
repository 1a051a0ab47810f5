//! What crosses between futures and Deferreds, and how a cancel does.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{Journal, NotesDrop, ms, run_for, simulated};
use crate::testing::log_capture::capture;
use crate::{Cancelled, ConnectionDone, Deferred, Failure, Result};

#[test]
fn a_value_crosses_unchanged_both_ways() {
    // C36
    let reactor = simulated();
    // It is no clone that arrives.
    let value = Rc::new(Cell::new(1));
    let kept = value.clone();
    let (resolver, deferred) = Deferred::new();
    let there_and_back = reactor.spawn(reactor.spawn(deferred.into_future()).into_future());
    resolver.callback(value);
    let arrived = reactor.run_until(there_and_back).unwrap();
    assert!(Rc::ptr_eq(&arrived, &kept));
    assert_eq!(Rc::strong_count(&kept), 2);
}

#[test]
fn an_error_crosses_unchanged_both_ways_with_its_path() {
    // C36
    let reactor = simulated();
    let failure = Failure::from(ConnectionDone);
    let (raised_at, address) = (failure.raised_at(), std::ptr::from_ref(failure.error()));
    let (resolver, deferred) = Deferred::<u32>::new();
    let there_and_back = reactor.spawn(async move {
        let result: Result<u32> = deferred.await;
        result
    });
    resolver.errback(failure);
    let (records, result) = capture(|| reactor.run_until(there_and_back));
    let failure = result.unwrap_err();
    assert!(failure.check::<ConnectionDone>().is_some());
    assert!(std::ptr::addr_eq(failure.error(), address));
    assert_eq!(failure.raised_at(), raised_at);
    let path = failure.path().to_string();
    assert!(path.starts_with("made at "), "{path}");
    assert!(
        path.lines().nth(1).unwrap().starts_with("fired at "),
        "{path}"
    );
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn cancelling_the_deferred_of_a_future_cancels_the_deferred_that_it_was() {
    // C36
    let reactor = simulated();
    let journal = Journal::default();
    let (resolver, deferred) = Deferred::<u32>::with_canceller(journal.noting("canceller"));
    let spawned = reactor.spawn(deferred.into_future());
    spawned.cancel();
    assert!(resolver.is_cancelled());
    let failure = reactor.run_until(spawned).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    assert_eq!(journal.take(), "canceller");
}

#[test]
fn cancelling_the_deferred_of_a_foreign_future_drops_that() {
    // C36
    let reactor = simulated();
    let journal = Journal::default();
    let dropped = NotesDrop(journal.clone(), "dropped");
    let spawned = reactor.spawn(async move {
        let _dropped = dropped;
        poll_fn(|_| Poll::<()>::Pending).await;
    });
    assert_eq!(journal.take(), "");
    spawned.cancel();
    assert_eq!(journal.take(), "dropped");
    let failure = spawned.try_take().unwrap().unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
}

#[test]
fn dropping_the_future_of_a_deferred_cancels_the_future_that_it_was() {
    // C36
    for is_polled in [false, true] {
        let reactor = simulated();
        let journal = Journal::default();
        let (resolver, awaited) = Deferred::<u32>::with_canceller(journal.noting("canceller"));
        let dropped = NotesDrop(journal.clone(), "dropped");
        let (records, ()) = capture(|| {
            let spawned = reactor.spawn(async move {
                let _dropped = dropped;
                awaited.await
            });
            let mut future = spawned.into_future();
            if is_polled {
                let polled = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
            }
            drop(future);
            assert!(resolver.is_cancelled());
            run_for(&reactor, ms(1));
        });
        assert_eq!(journal.take(), "canceller dropped");
        assert!(records.is_empty(), "{records:?}");
    }
}
