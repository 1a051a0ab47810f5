//! Pause: holds a result back.

use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

use super::node::{Consume, Node, Output, Produce};
use super::run_queue::{self, Run};
use super::unhandled::{UnseenResult, seen, unseen};
use crate::Result;
use crate::error::Panicked;

/// Holds back the result of a Deferred; made by [`Deferred::pause`](super::Deferred::pause).
///
/// Dropping it unpauses as well.
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
        if let Some(gate) = self.gate.take()
            && let Some(ready) = gate.open()
        {
            run_queue::fire(ready);
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
    /// Opens the gate; returns it if something waits before it, to run.
    fn open(self: Rc<Self>) -> Option<Rc<dyn Run>>;
}

/// The stage that a pause puts behind a Deferred.
pub(super) struct Gate<T> {
    /// What waits before the gate.
    input: Cell<Option<UnseenResult<T>>>,
    is_open: Cell<bool>,
    output: Output<T>,
    up: Option<Weak<dyn Node>>,
}

impl<T: 'static> Gate<T> {
    pub(super) fn new(up: Option<Weak<dyn Node>>) -> Self {
        Self {
            input: Cell::new(None),
            is_open: Cell::new(false),
            output: Output::new(),
            up,
        }
    }

    /// Gives it what shall wait before it.
    pub(super) fn put(&self, input: Result<T>) {
        self.input.set(Some(unseen(input)));
    }
}

impl<T: 'static> Open for Gate<T> {
    fn open(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        self.is_open.set(true);
        let input = self.input.take()?;
        self.input.set(Some(input));
        Some(self)
    }
}

impl<T: 'static> Run for Gate<T> {
    fn run(&self, _this: &Rc<dyn Run>) -> Option<Rc<dyn Run>> {
        if !self.is_open.get() {
            return None;
        }
        let input = self.input.take()?;
        self.output.settle(seen(input))
    }

    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>> {
        // `run` calls no user function, so it has not run yet.
        run_queue::log_stray(&panicked);
        Some(this.clone())
    }
}

impl<T: 'static> Node for Gate<T> {
    fn up(&self) -> Option<Rc<dyn Node>> {
        self.up.as_ref().and_then(Weak::upgrade)
    }

    fn down(&self) -> Option<Rc<dyn Node>> {
        self.output.consumer_node()
    }

    fn is_settled(&self) -> bool {
        self.output.is_ready()
    }
}

impl<T: 'static> Produce<T> for Gate<T> {
    fn output(&self) -> &Output<T> {
        &self.output
    }
}

impl<T: 'static> Consume<T> for Gate<T> {
    fn feed(self: Rc<Self>, input: Result<T>) -> Rc<dyn Run> {
        self.put(input);
        self
    }
}
