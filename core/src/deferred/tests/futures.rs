use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use crate::deferred::{DeferredFuture, poll_noting_awaited};
use crate::error::Cancelled;
use crate::testing::log_capture::capture;

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

// C34
#[test]
fn awaiting_gives_the_value_or_raises_the_failure() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let mut body = pin!(async {
        let n = deferred.await?;
        let m = Deferred::succeed(1).await?;
        Deferred::<u32>::fail(Oops("raised")).await?;
        Ok::<_, crate::Failure>(n + m)
    });
    assert!(poll(body.as_mut()).is_pending());
    resolver.callback(1);
    let Poll::Ready(Err(failure)) = poll(body.as_mut()) else {
        panic!("it has failed")
    };
    assert_eq!(failure.trap::<Oops>().unwrap(), Oops("raised"));
}

// C34
#[test]
fn the_waker_of_the_last_poll_is_woken_once_when_the_result_comes() {
    let (first, second) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let (resolver, deferred) = Deferred::new();
    let mut future = deferred.map(|n: u32| n + 1).into_future();
    for woken in [&first, &second, &second] {
        let waker = Waker::from(woken.clone());
        assert!(
            Pin::new(&mut future)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    resolver.callback(1);
    assert_eq!(first.0.load(Ordering::Relaxed), 0);
    assert_eq!(second.0.load(Ordering::Relaxed), 1);
    assert!(matches!(poll(Pin::new(&mut future)), Poll::Ready(Ok(2))));
    assert!(poll(Pin::new(&mut future)).is_pending());
    drop(future);
    assert_eq!(Arc::strong_count(&second), 1);
}

// C35, C36
#[test]
fn dropping_the_future_cancels_and_says_nothing() {
    for poll_first in [true, false] {
        let cancelled = Rc::new(Cell::new(false));
        let sets = cancelled.clone();
        let (resolver, deferred) = Deferred::<u32>::with_canceller(move || sets.set(true));
        let mut future = deferred.map(|n| n + 1).into_future();
        if poll_first {
            assert!(poll(Pin::new(&mut future)).is_pending());
        }
        let (records, ()) = capture(|| drop(future));
        assert!(records.is_empty(), "{records:?}");
        assert!(cancelled.get());
        assert!(resolver.is_cancelled());
    }
}

// C35
#[test]
fn dropping_a_coroutine_cancels_what_it_awaits_through_any_depth() {
    async fn inner(deferred: Deferred<u32>) -> Result<u32> {
        deferred.await
    }
    async fn outer(deferred: Deferred<u32>) -> Result<u32> {
        Ok(inner(deferred).await? + 1)
    }
    let (resolver, deferred) = Deferred::<u32>::new();
    let mut body = Box::pin(outer(deferred));
    assert!(poll(body.as_mut()).is_pending());
    drop(body);
    assert!(resolver.is_cancelled());
}

// C35
#[test]
fn a_cancel_from_outside_is_raised_at_the_await() {
    let (_resolver, deferred) = Deferred::<u32>::new();
    let canceller = deferred.canceller();
    let mut body = pin!(async {
        match deferred.await {
            Ok(n) => Ok(n),
            Err(failure) => {
                failure.trap::<Cancelled>()?;
                Ok::<_, crate::Failure>(7)
            }
        }
    });
    assert!(poll(body.as_mut()).is_pending());
    canceller.cancel();
    assert!(matches!(poll(body.as_mut()), Poll::Ready(Ok(7))));
}

// C35
#[test]
fn what_a_poll_waits_for_can_be_cancelled_and_the_body_may_handle_that() {
    let (resolver, deferred) = Deferred::<u32>::new();
    let mut body = pin!(async {
        match deferred.await {
            Ok(n) => n,
            Err(failure) => {
                assert!(failure.check::<Cancelled>().is_some());
                7
            }
        }
    });
    let (first, awaited) = poll_noting_awaited(|| poll(body.as_mut()));
    assert!(first.is_pending());
    let [canceller] = &awaited[..] else {
        panic!("it waits for one, not {awaited:?}")
    };
    canceller.cancel();
    assert!(resolver.is_cancelled());
    let (second, awaited) = poll_noting_awaited(|| poll(body.as_mut()));
    assert_eq!(second, Poll::Ready(7));
    assert!(awaited.is_empty());
}

// C14
#[test]
fn a_failure_that_came_before_the_future_was_dropped_is_logged() {
    let (records, ()) = capture(|| {
        let (resolver, deferred) = Deferred::<u32>::new();
        let future = deferred.into_future();
        resolver.errback(Oops("late"));
        drop(future);
    });
    assert_eq!(records.len(), 1);
    let (records, ()) = capture(|| drop(Deferred::<u32>::fail(Oops("early")).into_future()));
    assert_eq!(records.len(), 1);
}

// R106
#[test]
fn a_waker_that_panics_loses_no_result() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("awake");
        }
    }
    let (resolver, deferred) = Deferred::new();
    let mut future: DeferredFuture<u32> = deferred.into_future();
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        Pin::new(&mut future)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let (records, ()) = capture(|| resolver.callback(3));
    assert_eq!(records.len(), 1);
    assert!(matches!(poll(Pin::new(&mut future)), Poll::Ready(Ok(3))));
}
