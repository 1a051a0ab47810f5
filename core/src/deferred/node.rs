//! Node: a part of a chain that has a result, which goes down to whoever takes it.

use std::cell::Cell;
use std::rc::Rc;

use super::run_queue::{Run, Turn};
use super::unhandled::{UnseenResult, seen, unseen};
use crate::Result;

/// A part of a chain that produces a `T`.
///
/// What it does for that is in `work`. A Deferred knows it as `Node<T, dyn Work>`: so it reaches
/// the link without a virtual call.
///
/// Where the result goes is in three cells and not in one enum, as only that is moved by registers:
/// moves through the stack are what a stage would spend most of its time with.
pub(super) struct Node<T, W: ?Sized> {
    /// The result, if nobody waits for it.
    ready: Cell<Option<UnseenResult<T>>>,
    /// The next part of the chain, if it waits for the result.
    next: Cell<Option<Rc<dyn Consume<T>>>>,
    /// The stage of another chain that waits for the result: its callback has returned this
    /// chain's Deferred.
    adopter: Cell<Option<Rc<dyn Adopt<T>>>>,
    pub(super) work: W,
}

/// What a node does to get its result: nothing that a Deferred would ask for.
pub(super) trait Work {}

/// The end of a chain, as a Deferred holds it.
pub(super) type End<T> = Rc<Node<T, dyn Work>>;

/// A part of a chain that a `T` goes into.
pub(super) trait Consume<T> {
    /// Takes the input and goes on with it.
    fn feed(self: Rc<Self>, input: Result<T>, turn: &mut Turn);
}

/// A stage that waits for the `T` of a Deferred that its callback returned.
///
/// A trait of its own, as a stage from `T` to `T` would otherwise be a consumer of `T` twice.
pub(super) trait Adopt<T> {
    /// Takes the result of the inner Deferred and goes on with it.
    fn feed_inner(self: Rc<Self>, result: Result<T>, turn: &mut Turn);
}

impl<T, W: Default> Default for Node<T, W> {
    #[inline]
    fn default() -> Self {
        Self {
            ready: Cell::new(None),
            next: Cell::new(None),
            adopter: Cell::new(None),
            work: W::default(),
        }
    }
}

impl<T, W: ?Sized> Node<T, W> {
    /// Takes the result, if it is there.
    #[inline]
    pub(super) fn take(&self) -> Option<Result<T>> {
        self.ready.take().map(seen)
    }

    /// Whether the result is there.
    pub(super) fn is_ready(&self) -> bool {
        let ready = self.ready.take();
        let is_ready = ready.is_some();
        self.ready.set(ready);
        is_ready
    }

    /// Whether somebody waits for the result.
    pub(super) fn is_awaited(&self) -> bool {
        let (next, adopter) = (self.next.take(), self.adopter.take());
        let is_awaited = next.is_some() || adopter.is_some();
        self.next.set(next);
        self.adopter.set(adopter);
        is_awaited
    }

    /// Lets the result go into `next`. There is none yet.
    #[inline]
    pub(super) fn connect(&self, next: Rc<dyn Consume<T>>) {
        let none = self.next.replace(Some(next));
        debug_assert!(none.is_none(), "a Deferred goes into one place");
        // That is nothing to drop, and not even looking at it saves a stalled load.
        std::mem::forget(none);
    }

    /// Lets the result go into `outer`, whose callback has returned this one's Deferred.
    pub(super) fn connect_adopter(&self, outer: Rc<dyn Adopt<T>>) {
        self.adopter.set(Some(outer));
    }

    /// Takes the adopter away, if there is one that waits.
    pub(super) fn take_adopter(&self) -> Option<Rc<dyn Adopt<T>>> {
        self.adopter.take()
    }

    /// Keeps the result, whoever waits.
    #[inline]
    pub(super) fn keep(&self, result: Result<T>) {
        self.ready.set(Some(unseen(result)));
    }
}

impl<T: 'static, W: ?Sized> Node<T, W> {
    /// Gives the result to who waits for it, or keeps it.
    ///
    /// This is the last thing that a caller does: a panic of a value that is dropped on the way
    /// must not find anything undone in the callers.
    #[inline(always)]
    pub(super) fn settle(self: Rc<Self>, result: Result<T>, turn: &mut Turn) {
        if let Some(next) = self.next.take() {
            // Freed before the next stage runs, not after all of them.
            drop(self);
            next.feed(result, turn);
        } else {
            settle_end(self, result, turn);
        }
    }
}

/// Gives the result to the chain that waits for this one, or keeps it.
#[inline(never)]
fn settle_end<T: 'static, W: ?Sized>(node: Rc<Node<T, W>>, result: Result<T>, turn: &mut Turn) {
    if let Some(outer) = node.adopter.take() {
        drop(node);
        feed_adopter(outer, result, turn);
    } else {
        node.keep(result);
    }
}

/// Goes on in the chain that waits for the one that ends here.
#[cold]
fn feed_adopter<T>(outer: Rc<dyn Adopt<T>>, result: Result<T>, turn: &mut Turn) {
    let outer_chain = turn.take_chain().and_then(|chain| chain.head().release());
    turn.enter(outer_chain);
    outer.feed_inner(result, turn);
}

/// The result of an inner Deferred, on its way through the loop.
pub(super) struct Forward<T> {
    outer: Rc<dyn Adopt<T>>,
    result: Cell<Option<UnseenResult<T>>>,
}

impl<T> Forward<T> {
    pub(super) fn new(outer: Rc<dyn Adopt<T>>, result: Result<T>) -> Self {
        Self {
            outer,
            result: Cell::new(Some(unseen(result))),
        }
    }
}

impl<T: 'static> Run for Forward<T> {
    fn run(self: Rc<Self>, turn: &mut Turn) {
        if let Some(result) = self.result.take() {
            self.outer.clone().feed_inner(seen(result), turn);
        }
    }
}
