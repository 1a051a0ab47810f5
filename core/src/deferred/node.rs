//! What the parts of a chain are to each other.
//!
//! ```text
//!   Resolver -> Source -> Stage -> Stage <- Deferred       strong: downward
//!                  ^........|  ^.....|                     weak: upward, only for cancelling
//! ```
//!
//! A result goes down: each node holds its consumer. A node whose consumer is gone, or not there
//! yet, keeps the result in its output. When a callback returns a pending Deferred, the stage
//! becomes the consumer of that inner node as well, as an [`Adopt`]er, and its upward link leads
//! to the inner node from then on.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use super::run_queue::Run;
use super::unhandled::{UnseenResult, seen, unseen};
use crate::Result;

/// A node of a chain, without its types: what cancelling needs.
pub(super) trait Node {
    /// The node that this one waits for; none if it is a source, or has its input already.
    fn up(&self) -> Option<Rc<dyn Node>>;

    /// The node that waits for this one.
    fn down(&self) -> Option<Rc<dyn Node>>;

    /// Whether the node has its result, taken or not.
    fn is_settled(&self) -> bool;

    /// Marks a pending source as cancelled, and returns what has to run then.
    ///
    /// Only sources can be cancelled; everything else waits for one.
    fn request_cancel(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        None
    }
}

/// A node that produces a `T`.
pub(super) trait Produce<T>: Node {
    fn output(&self) -> &Output<T>;
}

/// A node that consumes a `T` as its input.
pub(super) trait Consume<T>: Node {
    /// Takes the input; the node is ready to run then.
    fn feed(self: Rc<Self>, input: Result<T>) -> Rc<dyn Run>;
}

/// A node that waits for the `T` of a Deferred that its callback returned.
///
/// A trait of its own, as a stage from `T` to `T` would otherwise be a consumer of `T` twice.
pub(super) trait Adopt<T>: Node {
    /// Takes the result of the inner Deferred; the node is ready to run then.
    fn feed_inner(self: Rc<Self>, result: Result<T>) -> Rc<dyn Run>;

    /// Waits for this inner node from now on.
    fn wait_for(&self, inner: Weak<dyn Node>);
}

/// Who gets the result of a node.
pub(super) enum Consumer<T> {
    Next(Rc<dyn Consume<T>>),
    Adopter(Rc<dyn Adopt<T>>),
}

impl<T> Consumer<T> {
    fn node(&self) -> Rc<dyn Node>
    where
        T: 'static,
    {
        match self {
            Self::Next(next) => next.clone(),
            Self::Adopter(outer) => outer.clone(),
        }
    }
}

/// Where a node's result goes: to its consumer, or into a slot until there is one.
pub(super) struct Output<T> {
    /// The result, while nobody has taken it.
    slot: Cell<Option<UnseenResult<T>>>,
    consumer: Cell<Option<Consumer<T>>>,
}

impl<T> Output<T> {
    pub(super) fn new() -> Self {
        Self {
            slot: Cell::new(None),
            consumer: Cell::new(None),
        }
    }

    /// Gives the result to the consumer, which is then ready to run, or keeps it.
    #[inline]
    pub(super) fn settle(&self, result: Result<T>) -> Option<Rc<dyn Run>> {
        match self.consumer.take() {
            Some(Consumer::Next(next)) => Some(next.feed(result)),
            Some(Consumer::Adopter(outer)) => Some(outer.feed_inner(result)),
            None => {
                self.slot.set(Some(unseen(result)));
                None
            }
        }
    }

    /// Keeps the result although there may be a consumer: [`forward`](Self::forward) gives it on.
    pub(super) fn hold(&self, result: Result<T>) {
        self.slot.set(Some(unseen(result)));
    }

    /// Gives a result that was held to the consumer, if both are there.
    pub(super) fn forward(&self) -> Option<Rc<dyn Run>> {
        self.settle(self.take()?)
    }

    /// Takes the result out of the slot.
    #[inline]
    pub(super) fn take(&self) -> Option<Result<T>> {
        self.slot.take().map(seen)
    }

    /// Whether a result lies in the slot.
    pub(super) fn is_ready(&self) -> bool {
        let result = self.slot.take();
        let is_ready = result.is_some();
        self.slot.set(result);
        is_ready
    }

    #[inline]
    pub(super) fn connect(&self, consumer: Consumer<T>) {
        self.consumer.set(Some(consumer));
    }

    /// Takes the consumer away if it is an adopter.
    pub(super) fn take_adopter(&self) -> Option<Rc<dyn Adopt<T>>> {
        match self.consumer.take() {
            Some(Consumer::Adopter(outer)) => Some(outer),
            other => {
                self.consumer.set(other);
                None
            }
        }
    }

    pub(super) fn consumer_node(&self) -> Option<Rc<dyn Node>>
    where
        T: 'static,
    {
        let consumer = self.consumer.take();
        let node = consumer.as_ref().map(Consumer::node);
        self.consumer.set(consumer);
        node
    }
}

/// The node that the chain above `node` waits for.
pub(super) fn top(mut node: Rc<dyn Node>) -> Rc<dyn Node> {
    while let Some(up) = node.up() {
        node = up;
    }
    node
}

/// Whether `inner` waits for `stage`, so that `stage` must not wait for `inner`.
///
/// Looks up from `inner` and down from `stage`, a step each in turn: either end decides, so the
/// cost is that of the shorter chain. (Only up, a million Deferreds that are nested from the
/// outside would take a million looks of up to a million steps.)
pub(super) fn waits_for(inner: &Rc<dyn Node>, stage: &Rc<dyn Node>) -> bool {
    let (mut up, mut down) = (inner.clone(), stage.clone());
    while !Rc::ptr_eq(&up, stage) && !Rc::ptr_eq(&down, inner) {
        match (up.up(), down.down()) {
            (Some(next_up), Some(next_down)) => (up, down) = (next_up, next_down),
            _ => return false,
        }
    }
    true
}
