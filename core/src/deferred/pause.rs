//! Pause: holds a result back.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::chain::Chain;
use super::node::{Consume, Node, Work};
use super::run_queue::{self, Run, Turn};
use super::unhandled::{UnseenResult, seen, unseen};
use crate::Result;

/// Holds back the result of a Deferred; made by [`Deferred::pause`](super::Deferred::pause).
///
/// Dropping it unpauses as well.
///
/// ```
/// use torsade_core::Deferred;
///
/// let (resolver, mut deferred) = Deferred::new();
/// let pause = deferred.pause();
/// let doubled = deferred.map(|number: u32| number * 2);
/// resolver.callback(21);
/// assert!(!doubled.is_fired());
/// pause.unpause();
/// assert_eq!(doubled.try_take().unwrap()?, 42);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[must_use = "a Pause that is dropped at once holds nothing back"]
pub struct Pause {
    gate: Option<Rc<dyn Open>>,
}

impl Pause {
    pub(super) fn new(gate: Rc<dyn Open>) -> Self {
        Self { gate: Some(gate) }
    }

    /// Lets the result pass, now or when it comes.
    #[doc(alias = "Deferred.unpause")]
    pub fn unpause(self) {
        drop(self);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.open();
        }
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").finish_non_exhaustive()
    }
}

/// A gate, without the type of what waits before it.
pub(super) trait Open {
    /// Lets pass what waits before the gate, and what comes.
    fn open(self: Rc<Self>);
}

/// A node that a pause puts behind a Deferred.
pub(super) type Gate<T> = Node<T, Barrier<T>>;

pub(super) struct Barrier<T> {
    /// What waits before the gate.
    input: Cell<Option<UnseenResult<T>>>,
    /// The chain that was held up with the input.
    chain: Cell<Option<Rc<dyn Chain>>>,
    is_open: Cell<bool>,
}

impl<T> Default for Barrier<T> {
    fn default() -> Self {
        Self {
            input: Cell::new(None),
            chain: Cell::new(None),
            is_open: Cell::new(false),
        }
    }
}

impl<T> Barrier<T> {
    /// Gives it what shall wait before it.
    pub(super) fn put(&self, input: Result<T>, chain: Option<Rc<dyn Chain>>) {
        self.input.set(Some(unseen(input)));
        self.chain.set(chain);
    }
}

impl<T> Work for Barrier<T> {}

impl<T: 'static> Open for Gate<T> {
    fn open(self: Rc<Self>) {
        self.work.is_open.set(true);
        // If nothing waits there yet then running it changes nothing.
        run_queue::fire_in(self.work.chain.take(), self);
    }
}

impl<T: 'static> Run for Gate<T> {
    fn run(self: Rc<Self>, turn: &mut Turn) {
        if let Some(input) = self.work.input.take() {
            self.settle(seen(input), turn);
        }
    }
}

impl<T: 'static> Consume<T> for Gate<T> {
    fn feed(self: Rc<Self>, input: Result<T>, turn: &mut Turn) {
        if !self.work.is_open.get() {
            self.work.put(input, turn.take_chain());
        } else if turn.must_return() {
            self.work.put(input, None);
            turn.resume(self);
        } else {
            self.settle(input, turn);
        }
    }
}
