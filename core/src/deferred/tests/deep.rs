use std::cell::Cell;
use std::thread;

use super::*;
use crate::error::{Abandoned, Cancelled};

const MANY: u32 = 1_000_000;

/// Enough for what takes more memory each: a recursion of so many levels does not fit either.
pub(super) const WAITERS: u32 = 100_000;

/// Runs `f` on a stack that a recursion of `MANY` levels cannot live on.
pub(super) fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(f)
        .unwrap();
    thread.join().unwrap();
}

/// A chain of many stages, each of which adds one.
fn long_chain() -> (Resolver<u32>, Deferred<u32>) {
    let (resolver, mut deferred) = Deferred::new();
    for _ in 0..MANY {
        deferred = deferred.add_callback(|n| Ok(n + 1));
    }
    (resolver, deferred)
}

/// Many Deferreds, each waiting for the one before it, which its callback has returned.
fn nested_outward() -> (Resolver<u32>, Deferred<u32>) {
    let (resolver, mut deferred) = Deferred::new();
    for _ in 0..MANY {
        let inner = deferred;
        let (resolver, outer) = Deferred::new();
        deferred = outer.add_callback(move |()| inner);
        resolver.callback(());
    }
    (resolver, deferred)
}

/// Many Deferreds, each of which will return the one before it when it is fired.
fn to_be_nested() -> (Vec<Resolver<()>>, Resolver<u32>, Deferred<u32>) {
    let (innermost, mut deferred) = Deferred::new();
    let mut resolvers = Vec::new();
    for _ in 0..MANY {
        let inner = deferred;
        let (resolver, outer) = Deferred::new();
        deferred = outer.add_callback(move |()| inner);
        resolvers.push(resolver);
    }
    (resolvers, innermost, deferred)
}

// R105
#[test]
fn a_long_chain_fires_fails_is_abandoned_and_is_cancelled() {
    on_a_small_stack(|| {
        let (resolver, deferred) = long_chain();
        resolver.callback(0);
        assert_eq!(value_of(deferred), MANY);

        let (resolver, deferred) = long_chain();
        resolver.errback(Oops("a"));
        let failure = result_of(deferred).unwrap_err();
        assert_eq!(
            failure.path().elided() + failure.path().steps().len(),
            MANY as usize + 2
        );

        let (resolver, deferred) = long_chain();
        drop(resolver);
        assert_eq!(error_of::<Abandoned>(deferred), Abandoned);

        let (_resolver, deferred) = long_chain();
        deferred.cancel();
        assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
    });
}

// R105
#[test]
fn a_long_chain_is_dropped_unfired() {
    on_a_small_stack(|| {
        let (resolver, deferred) = long_chain();
        drop(deferred);
        drop(resolver);
        let (resolver, deferred) = long_chain();
        drop(resolver);
        drop(deferred);
    });
}

// C11, R105
#[test]
fn nested_deferreds_fire_from_the_inside() {
    on_a_small_stack(|| {
        let (resolver, deferred) = nested_outward();
        resolver.callback(5);
        assert_eq!(value_of(deferred), 5);

        let (resolver, deferred) = nested_outward();
        deferred.cancel();
        assert!(resolver.is_cancelled());
        assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
    });
}

// C11, R105
#[test]
fn nested_deferreds_fire_from_the_outside() {
    on_a_small_stack(|| {
        for reversed in [false, true] {
            let (mut resolvers, innermost, deferred) = to_be_nested();
            if reversed {
                resolvers.reverse();
            }
            for resolver in resolvers {
                resolver.callback(());
            }
            assert!(!deferred.is_fired());
            innermost.callback(5);
            assert_eq!(value_of(deferred), 5);
        }
    });
}

// R105
#[test]
fn nested_deferreds_are_dropped_unfired() {
    on_a_small_stack(|| {
        let (resolver, deferred) = nested_outward();
        drop(deferred);
        drop(resolver);
        let (resolvers, innermost, deferred) = to_be_nested();
        drop(deferred);
        drop(resolvers);
        drop(innermost);
        let (resolvers, innermost, deferred) = to_be_nested();
        drop(innermost);
        drop(resolvers);
        drop(deferred.add_errback(|_| Ok(0)));
    });
}

// C11, R105
#[test]
fn a_recursion_by_returned_deferreds_takes_no_stack() {
    fn count_down(n: u32) -> Deferred<u32> {
        Deferred::succeed(n).add_callback(|n| match n {
            0 => Deferred::succeed(0),
            n => count_down(n - 1),
        })
    }
    on_a_small_stack(|| assert_eq!(value_of(count_down(MANY)), 0));
}

// C11
#[test]
fn a_loop_by_returned_deferreds_keeps_nothing_of_the_rounds_before() {
    thread_local! {
        static ALIVE: Cell<i32> = const { Cell::new(0) };
        static MOST: Cell<i32> = const { Cell::new(0) };
    }
    /// Counts the stages that are alive, by the result that a stage would keep.
    struct Alive;
    impl Alive {
        fn new() -> Self {
            ALIVE.set(ALIVE.get() + 1);
            MOST.set(MOST.get().max(ALIVE.get()));
            Self
        }
    }
    impl Drop for Alive {
        fn drop(&mut self) {
            ALIVE.set(ALIVE.get() - 1);
        }
    }
    fn round(n: u32) -> Deferred<Alive> {
        let alive = Alive::new();
        Deferred::succeed(n).add_callback(move |n| {
            let _alive = alive;
            if n == 0 {
                Deferred::succeed(Alive::new())
            } else {
                round(n - 1)
            }
        })
    }
    drop(round(1000));
    assert!(MOST.get() < 5, "{} at once", MOST.get());
    assert_eq!(ALIVE.get(), 0);
}

// R105
#[test]
fn awaiting_ready_deferreds_in_a_loop_takes_no_stack() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    on_a_small_stack(|| {
        let mut body = pin!(async {
            let mut sum = 0;
            for _ in 0..MANY {
                sum += Deferred::succeed(1).await?;
            }
            Ok::<_, crate::Failure>(sum)
        });
        let poll = body.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll, Poll::Ready(Ok(MANY))));
    });
}

// R105
#[test]
fn chains_that_fire_each_other_take_no_stack() {
    on_a_small_stack(|| {
        let (mut first, last) = Deferred::<u32>::new();
        for _ in 0..MANY {
            let (resolver, deferred) = Deferred::<u32>::new();
            deferred.chain(first);
            first = resolver;
        }
        first.callback(3);
        assert_eq!(value_of(last), 3);

        let (mut first, last) = Deferred::<u32>::new();
        for _ in 0..MANY {
            let (resolver, deferred) = Deferred::<u32>::new();
            deferred.chain(first);
            first = resolver;
        }
        drop(first);
        assert_eq!(error_of::<Abandoned>(last), Abandoned);
    });
}
