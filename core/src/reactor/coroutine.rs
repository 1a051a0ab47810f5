//! Coroutines: futures that run on the reactor and await Deferreds.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::remote::Shared;
use super::turn::Core;
use crate::deferred::{poll_noting_awaited, run_queue};
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
    waker: Waker,
    /// `None` while it is being polled.
    body: Option<Box<dyn Body>>,
    /// What it awaits at present, to cancel that.
    awaits: Vec<Canceller>,
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
    resolver: Option<Resolver<T>>,
}

impl<F> Body for Coroutine<F, <F::Output as Outcome>::Output>
where
    F: Future,
    F::Output: Outcome,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(outcome) = self.future.as_mut().poll(context) else {
            return Poll::Pending;
        };
        if let Some(resolver) = self.resolver.take() {
            outcome.into_deferred().chain(resolver);
        }
        Poll::Ready(())
    }

    fn fail(self: Box<Self>, failure: Failure) {
        let Self { future, resolver } = *self;
        drop(future);
        if let Some(resolver) = resolver {
            resolver.errback(failure);
        }
    }
}

/// Starts a coroutine.
pub(super) fn spawn<F>(core: &Rc<Core>, future: F) -> Deferred<<F::Output as Outcome>::Output>
where
    F: Future + 'static,
    F::Output: Outcome,
{
    let coroutines = &core.coroutines;
    coroutines.generation.set(coroutines.generation.get() + 1);
    let generation = coroutines.generation.get();
    let mut slots = coroutines.slots.borrow_mut();
    let entry = slots.vacant_entry();
    let key = Key {
        index: entry.key(),
        generation,
    };

    let canceller = {
        let core = Rc::downgrade(core);
        move || cancel(&core, key)
    };
    let (resolver, deferred) = Deferred::with_canceller(canceller);
    let body = Coroutine {
        future: Box::pin(future),
        resolver: Some(resolver),
    };
    entry.insert(Slot {
        generation,
        waker: Waker::from(Arc::new(WakeCoroutine {
            shared: Arc::clone(&core.shared),
            key,
        })),
        body: Some(Box::new(body)),
        awaits: Vec::new(),
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

/// The Deferred of a coroutine was cancelled: so is what it awaits. It then sees the failure, and
/// may still decide otherwise.
fn cancel(core: &Weak<Core>, key: Key) {
    let Some(core) = core.upgrade() else { return };
    let awaits = core
        .coroutines
        .with_slot(key, |slot| std::mem::take(&mut slot.awaits));
    let Some(awaits) = awaits else { return };
    if awaits.is_empty() {
        core.coroutines.end(key, Cancelled.into());
    }
    for awaited in awaits {
        awaited.cancel();
    }
}

impl Coroutines {
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
            slot.body.take().map(|body| (body, slot.waker.clone()))
        });
        let Some(Some((mut body, waker))) = taken else {
            return;
        };
        let mut context = Context::from_waker(&waker);
        let (polled, awaits) =
            poll_noting_awaited(|| run_queue::call_user(|| body.poll(&mut context)));
        match polled {
            Ok(Poll::Pending) => {
                let mut body = Some(body);
                self.with_slot(key, |slot| {
                    slot.body = body.take();
                    slot.awaits = awaits;
                });
                // It was ended while it ran, by itself.
                if let Some(body) = body {
                    drop_as_user(body);
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

    /// Drops all of them.
    pub(super) fn forget(&self) {
        let slots = self.slots.take();
        drop(slots);
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
}

impl Wake for WakeCoroutine {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.wake_coroutine(self.key);
    }
}
