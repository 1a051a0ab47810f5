//! The future of a Deferred: await its result.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::canceller::Canceller;
use super::chain::{self, Chain};
use super::deferred::{Deferred, State};
use super::node::{Consume, Node, Work};
use super::run_queue::{self, Run, Turn};
use super::unhandled::seen;
use crate::Result;
use crate::error::Panicked;
use crate::failure::Step;

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
#[doc(alias = "asFuture")]
#[must_use = "futures do nothing unless polled, and this one cancels when it is dropped"]
pub struct DeferredFuture<T: 'static> {
    waiting: Waiting<T>,
    awaited_at: &'static Location<'static>,
}

enum Waiting<T> {
    Ready(Result<T>),
    Pending {
        /// What `drop` cancels.
        chain: Rc<dyn Chain>,
        waiter: Rc<Waiter<T>>,
    },
    Done,
}

impl<T: 'static> DeferredFuture<T> {
    pub(super) fn new(deferred: Deferred<T>, awaited_at: &'static Location<'static>) -> Self {
        let waiting = match deferred.try_take() {
            Ok(result) => Waiting::Ready(result),
            Err(deferred) => match deferred.into_state() {
                State::Ready(result) => Waiting::Ready(seen(result)),
                State::Pending { end, chain } => {
                    let waiter = Rc::<Waiter<T>>::default();
                    end.connect(waiter.clone());
                    Waiting::Pending { chain, waiter }
                }
            },
        };
        Self {
            waiting,
            awaited_at,
        }
    }
}

// The result is moved out, never pinned.
impl<T> Unpin for DeferredFuture<T> {}

impl<T: 'static> Future for DeferredFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let Waiting::Pending { chain, waiter } = &self.waiting {
            match waiter.take() {
                Some(result) => self.waiting = Waiting::Ready(result),
                None => {
                    waiter.work.wake_later(context.waker());
                    note_awaited(chain);
                    return Poll::Pending;
                }
            }
        }
        match std::mem::replace(&mut self.waiting, Waiting::Done) {
            Waiting::Ready(mut result) => {
                if let Err(failure) = &mut result {
                    failure.add_step(Step::awaited(self.awaited_at));
                }
                Poll::Ready(result)
            }
            Waiting::Pending { .. } | Waiting::Done => Poll::Pending,
        }
    }
}

impl<T: 'static> Drop for DeferredFuture<T> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.waiting, Waiting::Done) {
            // A failure that came and was never looked at has not been seen.
            Waiting::Ready(result) => drop(Deferred::ready(result)),
            Waiting::Pending { chain, waiter } => {
                // What is there already counts as above; what comes from now on is not wanted.
                waiter.work.is_dropped.set(true);
                drop(waiter.work.waker.take());
                if !waiter.is_ready() {
                    chain::cancel(&chain);
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
            Waiting::Pending { waiter, .. } => waiter.is_ready(),
            Waiting::Done => false,
        };
        f.debug_struct("DeferredFuture")
            .field("is_ready", &is_ready)
            .finish()
    }
}

thread_local! {
    /// What the poll that runs has found pending, if somebody wants to know.
    static AWAITED: RefCell<Option<Vec<Canceller>>> = const { RefCell::new(None) };
}

/// Polls a future, and returns a canceller for each Deferred that it waits for after that.
///
/// So the one who runs a coroutine can cancel it in Twisted's way: what it awaits is cancelled,
/// and the coroutine sees that as a failure, which it may handle. (Dropping it gives it no say.)
pub(crate) fn poll_noting_awaited<R>(poll: impl FnOnce() -> R) -> (R, Vec<Canceller>) {
    // One poll may run inside another: a coroutine that drives futures of its own.
    let outer = AWAITED.replace(Some(Vec::new()));
    let result = poll();
    (result, AWAITED.replace(outer).unwrap_or_default())
}

fn note_awaited(chain: &Rc<dyn Chain>) {
    AWAITED.with_borrow_mut(|awaited| {
        if let Some(awaited) = awaited {
            awaited.push(Canceller::new(Some(Rc::downgrade(chain))));
        }
    });
}

/// The end of a chain that a future waits for. It keeps the result until the future takes it.
type Waiter<T> = Node<T, Awaited>;

#[derive(Default)]
struct Awaited {
    waker: Cell<Option<Waker>>,
    /// The future is gone, and does not want what comes.
    is_dropped: Cell<bool>,
}

impl Work for Awaited {}

impl Awaited {
    /// Keeps the waker of the last poll.
    fn wake_later(&self, waker: &Waker) {
        let kept = match self.waker.take() {
            Some(kept) if kept.will_wake(waker) => kept,
            _ => waker.clone(),
        };
        self.waker.set(Some(kept));
    }
}

impl<T: 'static> Consume<T> for Waiter<T> {
    fn feed(self: Rc<Self>, input: Result<T>, turn: &mut Turn) {
        if !self.work.is_dropped.get() {
            self.keep(input);
            turn.resume(self);
        }
    }
}

impl<T: 'static> Run for Waiter<T> {
    fn run(self: Rc<Self>, _turn: &mut Turn) {
        if let Some(waker) = self.work.waker.take()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake()))
        {
            run_queue::log_stray(&Panicked::from_payload(payload));
        }
    }
}
