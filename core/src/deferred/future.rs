//! The future of a Deferred: await its result.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::awaiting;
use super::canceller::{self, Canceller};
use super::deferred::{Deferred, State};
use super::node::{Consume, Consumer, Node, Output, Produce};
use super::run_queue::{self, Run};
use super::unhandled::seen;
use crate::Result;
use crate::error::Panicked;

/// The future of a [`Deferred`]'s result, made by `.await` or `into_future`.
///
/// Dropping it before it is ready cancels what the Deferred waits for, as
/// [`Deferred::cancel`] does, and what comes of that is dropped. Polled again after it was ready,
/// it is pending for ever.
///
/// # Examples
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use torsade_core::Deferred;
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// let mut sum = pin!(async { Ok::<_, torsade_core::Failure>(deferred.await? + 1) });
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(sum.as_mut().poll(&mut context).is_pending());
/// resolver.callback(41);
/// assert!(matches!(sum.as_mut().poll(&mut context), Poll::Ready(Ok(42))));
/// ```
#[must_use = "futures do nothing unless polled, and this one cancels when it is dropped"]
pub struct DeferredFuture<T: 'static> {
    waiting: Waiting<T>,
}

enum Waiting<T> {
    Ready(Result<T>),
    Pending {
        /// The end of the chain: what `drop` cancels. It goes when it has given its result.
        node: Weak<dyn Produce<T>>,
        waiter: Rc<Waiter<T>>,
    },
    Done,
}

impl<T: 'static> DeferredFuture<T> {
    pub(super) fn new(deferred: Deferred<T>) -> Self {
        let waiting = match deferred.try_take() {
            Ok(result) => Waiting::Ready(result),
            Err(deferred) => match deferred.into_state() {
                State::Ready(result) => Waiting::Ready(seen(result)),
                State::Pending(node) => {
                    let waiter = Rc::new(Waiter::new());
                    node.output().connect(Consumer::Next(waiter.clone()));
                    Waiting::Pending {
                        node: Rc::downgrade(&node),
                        waiter,
                    }
                }
            },
        };
        Self { waiting }
    }
}

// The result is moved out, never pinned.
impl<T> Unpin for DeferredFuture<T> {}

impl<T: 'static> Future for DeferredFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let Waiting::Pending { node, waiter } = &self.waiting {
            match waiter.result.take() {
                Some(result) => self.waiting = Waiting::Ready(result),
                None => {
                    waiter.wake_later(context.waker());
                    awaiting::note(Canceller::new(Some(node.clone())));
                    return Poll::Pending;
                }
            }
        }
        match std::mem::replace(&mut self.waiting, Waiting::Done) {
            Waiting::Ready(result) => Poll::Ready(result),
            Waiting::Pending { .. } | Waiting::Done => Poll::Pending,
        }
    }
}

impl<T: 'static> Drop for DeferredFuture<T> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.waiting, Waiting::Done) {
            // A failure that came and was never looked at has not been seen.
            Waiting::Ready(result) => drop(Deferred::ready(result)),
            Waiting::Pending { node, waiter } => {
                // What is there already counts as above; what comes from now on is not wanted.
                waiter.is_dropped.set(true);
                drop(waiter.waker.take());
                if let Some(node) = node.upgrade() {
                    canceller::cancel(node);
                }
            }
            Waiting::Done => {}
        }
    }
}

impl<T: 'static> fmt::Debug for DeferredFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ready = match &self.waiting {
            Waiting::Ready(_) => true,
            Waiting::Pending { waiter, .. } => waiter.result.is_ready(),
            Waiting::Done => false,
        };
        f.debug_struct("DeferredFuture")
            .field("is_ready", &is_ready)
            .finish()
    }
}

/// The end of a chain that a future waits for.
struct Waiter<T> {
    /// Nothing is ever connected to it: it keeps the result until the future takes it.
    result: Output<T>,
    waker: Cell<Option<Waker>>,
    /// The future is gone, and does not want what comes.
    is_dropped: Cell<bool>,
}

impl<T: 'static> Waiter<T> {
    fn new() -> Self {
        Self {
            result: Output::new(),
            waker: Cell::new(None),
            is_dropped: Cell::new(false),
        }
    }

    /// Keeps the waker of the last poll.
    fn wake_later(&self, waker: &Waker) {
        let kept = match self.waker.take() {
            Some(kept) if kept.will_wake(waker) => kept,
            _ => waker.clone(),
        };
        self.waker.set(Some(kept));
    }
}

impl<T: 'static> Run for Waiter<T> {
    fn run(&self, _this: &Rc<dyn Run>) -> Option<Rc<dyn Run>> {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        None
    }

    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>> {
        run_queue::log_stray(&panicked);
        // The waker may still be there: then the panic was from the drop of what ran before.
        self.run(this)
    }
}

impl<T: 'static> Node for Waiter<T> {
    fn up(&self) -> Option<Rc<dyn Node>> {
        None
    }

    fn down(&self) -> Option<Rc<dyn Node>> {
        None
    }

    fn is_settled(&self) -> bool {
        self.result.is_ready()
    }
}

impl<T: 'static> Consume<T> for Waiter<T> {
    fn feed(self: Rc<Self>, input: Result<T>) -> Rc<dyn Run> {
        if !self.is_dropped.get() {
            self.result.hold(input);
        }
        self
    }
}
