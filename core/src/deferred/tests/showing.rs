//! What `{:?}` shows of them.

use super::*;
use crate::{DeferredList, DeferredLock, DeferredQueue, DeferredSemaphore};

#[test]
fn a_deferred_its_resolver_and_its_future_show_their_state() {
    let (resolver, deferred) = Deferred::new();
    assert_eq!(format!("{deferred:?}"), "Deferred { is_fired: false }");
    assert_eq!(format!("{resolver:?}"), "Resolver { is_cancelled: false }");
    resolver.callback(1);
    assert_eq!(format!("{deferred:?}"), "Deferred { is_fired: true }");
    let future = deferred.into_future();
    assert_eq!(format!("{future:?}"), "DeferredFuture { is_ready: true }");
}

#[test]
fn handles_without_a_state_show_their_names() {
    let (_resolver, mut deferred) = Deferred::<u32>::new();
    assert_eq!(format!("{:?}", deferred.canceller()), "Canceller { .. }");
    assert_eq!(format!("{:?}", deferred.pause()), "Pause { .. }");
    assert_eq!(format!("{:?}", deferred.share()), "SharedDeferred { .. }");
}

#[test]
fn what_many_wait_for_shows_how_many() {
    let list = DeferredList::<u32>::new([]).consume_errors();
    assert_eq!(
        format!("{list:?}"),
        "DeferredList { len: 0, consumes_errors: true }"
    );
    let lock = DeferredLock::new();
    let permit = value_of(lock.acquire());
    let _waits = lock.acquire();
    assert_eq!(
        format!("{lock:?}"),
        "DeferredLock { is_locked: true, waiting: 1 }"
    );
    assert_eq!(format!("{permit:?}"), "Permit { .. }");
    let semaphore = DeferredSemaphore::new(3).unwrap();
    let _permit = value_of(semaphore.acquire());
    assert_eq!(
        format!("{semaphore:?}"),
        "DeferredSemaphore { tokens: 2, limit: 3, waiting: 0 }"
    );
    let queue = DeferredQueue::new();
    queue.put(1).unwrap();
    assert_eq!(format!("{queue:?}"), "DeferredQueue { len: 1, waiting: 0 }");
}
