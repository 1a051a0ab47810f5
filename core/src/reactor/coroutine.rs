//! Coroutines: futures that run on the reactor and await Deferreds.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::remote::Shared;
use super::turn::Core;
use crate::deferred::{poll_noting_awaited, run_queue};
use crate::watch::{Place, watch};
use crate::{Cancelled, Canceller, Deferred, Failure, Outcome, Resolver};

/// Names a coroutine; stays harmless when that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    index: usize,
    generation: u64,
}

/// The coroutines of a reactor that have not ended.
#[derive(Default)]
pub(super) struct Coroutines {
    slots: RefCell<Slab<Slot>>,
    generation: Cell<u64>,
}

struct Slot {
    generation: u64,
    /// Where it was spawned.
    made_at: &'static Location<'static>,
    wake: Arc<WakeCoroutine>,
    /// `None` while it is being polled.
    body: Option<Box<dyn Body>>,
    /// What it awaits at present, to cancel that.
    awaits: Vec<Canceller>,
    /// It was cancelled while it was being polled: what it then awaits is to be cancelled.
    is_cancelled: bool,
}

/// A future and the Resolver of its result.
trait Body {
    /// Polls; when ready, the Resolver has been used.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// Drops the future and fails its Deferred.
    fn fail(self: Box<Self>, failure: Failure);
}

struct Coroutine<F, T: 'static> {
    future: Pin<Box<F>>,
    promise: Promise<T>,
}

/// What the coroutine's end is told to. It is fired with a Deferred, so that a cancel can put
/// another promise in its place, and the coroutine still has the last word.
type Promise<T> = Rc<Cell<Option<Resolver<Deferred<T>>>>>;

impl<F> Body for Coroutine<F, <F::Output as Outcome>::Output>
where
    F: Future,
    F::Output: Outcome,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(outcome) = self.future.as_mut().poll(context) else {
            return Poll::Pending;
        };
        if let Some(resolver) = self.promise.take() {
            resolver.callback(outcome.into_deferred());
        }
        Poll::Ready(())
    }

    fn fail(self: Box<Self>, failure: Failure) {
        let Self { future, promise } = *self;
        drop(future);
        if let Some(resolver) = promise.take() {
            resolver.errback(failure);
        }
    }
}

/// Starts a coroutine.
#[track_caller]
pub(super) fn spawn<F>(core: &Rc<Core>, future: F) -> Deferred<<F::Output as Outcome>::Output>
where
    F: Future + 'static,
    F::Output: Outcome,
{
    let made_at = Location::caller();
    let coroutines = &core.coroutines;
    coroutines.generation.set(coroutines.generation.get() + 1);
    let generation = coroutines.generation.get();
    let mut slots = coroutines.slots.borrow_mut();
    let entry = slots.vacant_entry();
    let key = Key {
        index: entry.key(),
        generation,
    };

    let promise = Promise::default();
    let deferred = promised(Rc::downgrade(core), key, &promise, made_at);
    let body = Coroutine {
        future: Box::pin(future),
        promise,
    };
    entry.insert(Slot {
        generation,
        made_at,
        wake: Arc::new(WakeCoroutine {
            shared: Arc::clone(&core.shared),
            key,
            is_woken: AtomicBool::new(false),
        }),
        body: Some(Box::new(body)),
        awaits: Vec::new(),
        is_cancelled: false,
    });
    drop(slots);

    // Through the run queue: at once, or when the running user function has returned.
    let core = Rc::downgrade(core);
    drop(Deferred::succeed(()).map(move |()| {
        if let Some(core) = core.upgrade() {
            core.coroutines.poll(key);
        }
    }));
    deferred
}

/// The Deferred of what the coroutine comes to, with its Resolver put into `promise`.
///
/// When it is cancelled, so is what the coroutine awaits. The coroutine sees that as a failure,
/// which it may handle, and what it makes of it becomes the result.
fn promised<T: 'static>(
    core: Weak<Core>,
    key: Key,
    promise: &Promise<T>,
    made_at: &'static Location<'static>,
) -> Deferred<T> {
    // Weak, since the coroutine owns the promise, that the Resolver, and that this closure.
    let weak_promise = Rc::downgrade(promise);
    let canceller = move || {
        let (Some(this), Some(promise)) = (core.upgrade(), weak_promise.upgrade()) else {
            return;
        };
        if !this.coroutines.can_be_told(key) {
            return this.coroutines.end(key, Cancelled.into());
        }
        let cancelled = promise.take();
        let still_to_come = promised(core, key, &promise, made_at);
        if let Some(resolver) = cancelled {
            resolver.callback(still_to_come);
        }
        this.coroutines.cancel_awaited(key);
    };
    let (resolver, deferred) = Deferred::pair(Some(Box::new(canceller)), made_at);
    promise.set(Some(resolver));
    deferred.attach(made_at, |outcome| match outcome {
        Ok(outcome) => outcome,
        Err(failure) => Deferred::fail(failure),
    })
}

impl Coroutines {
    /// Whether the coroutine will see a cancel: it awaits a Deferred, or runs and may yet do so.
    fn can_be_told(&self, key: Key) -> bool {
        self.with_slot(key, |slot| slot.body.is_none() || !slot.awaits.is_empty())
            .unwrap_or(false)
    }

    fn cancel_awaited(&self, key: Key) {
        let awaits = self.with_slot(key, |slot| {
            // What it awaited may have come already: then the cancel is for what it awaits next.
            slot.is_cancelled = slot.body.is_none() || slot.wake.is_woken.load(Ordering::SeqCst);
            slot.awaits.clone()
        });
        for awaited in awaits.into_iter().flatten() {
            awaited.cancel();
        }
    }

    fn with_slot<R>(&self, key: Key, f: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let mut slots = self.slots.borrow_mut();
        slots
            .get_mut(key.index)
            .filter(|slot| slot.generation == key.generation)
            .map(f)
    }

    /// Goes on with a coroutine that was woken.
    pub(super) fn poll(&self, key: Key) {
        let taken = self.with_slot(key, |slot| {
            slot.awaits.clear();
            slot.wake.is_woken.store(false, Ordering::SeqCst);
            let body = slot.body.take()?;
            Some((body, Arc::clone(&slot.wake), slot.made_at))
        });
        let Some(Some((mut body, wake, made_at))) = taken else {
            return;
        };
        let waker = Waker::from(wake);
        let mut context = Context::from_waker(&waker);
        let (polled, awaits) = poll_noting_awaited(|| {
            let place = || Place::Given("the coroutine spawned at", made_at);
            run_queue::call_user(|| watch(place, || body.poll(&mut context)))
        });
        match polled {
            Ok(Poll::Pending) => {
                let mut body = Some(body);
                let is_cancelled = self.with_slot(key, |slot| {
                    slot.body = body.take();
                    slot.awaits = awaits;
                    std::mem::take(&mut slot.is_cancelled)
                });
                if let Some(body) = body {
                    // The reactor has stopped meanwhile, and forgotten it.
                    drop_as_user(body);
                } else if is_cancelled == Some(true) {
                    self.cancel_running(key);
                }
            }
            Ok(Poll::Ready(())) => {
                self.remove(key);
                drop_as_user(body);
            }
            Err(panicked) => {
                self.remove(key);
                fail_as_user(body, panicked);
            }
        }
    }

    /// Cancels what a coroutine awaits that was cancelled while it ran.
    fn cancel_running(&self, key: Key) {
        if self.can_be_told(key) {
            self.cancel_awaited(key);
        } else {
            self.end(key, Cancelled.into());
        }
    }

    fn end(&self, key: Key, failure: Failure) {
        if let Some(Slot {
            body: Some(body), ..
        }) = self.remove(key)
        {
            fail_as_user(body, failure);
        }
    }

    fn remove(&self, key: Key) -> Option<Slot> {
        self.with_slot(key, |_| ())?;
        Some(self.slots.borrow_mut().remove(key.index))
    }

    /// Where those that have not ended were spawned.
    pub(super) fn len(&self) -> usize {
        self.slots.borrow().len()
    }

    pub(super) fn places(&self) -> Vec<&'static Location<'static>> {
        let slots = self.slots.borrow();
        slots.iter().map(|(_, slot)| slot.made_at).collect()
    }

    /// Gives all of them up, to be dropped.
    pub(super) fn forget(&self) -> impl Iterator<Item = impl Sized> {
        self.slots.take().into_iter().map(|(_, slot)| slot.body)
    }
}

fn drop_as_user(body: Box<dyn Body>) {
    super::turn::run_call("dropping a coroutine", move || drop(body));
}

fn fail_as_user(body: Box<dyn Body>, failure: Failure) {
    super::turn::run_call("dropping a coroutine", move || body.fail(failure));
}

/// The waker of one coroutine; works from any thread.
struct WakeCoroutine {
    shared: Arc<Shared>,
    key: Key,
    /// It is in the inbox: once is enough.
    is_woken: AtomicBool,
}

impl Wake for WakeCoroutine {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::SeqCst) {
            self.shared.wake_coroutine(self.key);
        }
    }
}
