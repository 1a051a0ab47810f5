//! Chain: what all stages from one Resolver on have in common, and who waits for whom.
//!
//! ```text
//!   Resolver -> Source -> Stage -> Stage <- Deferred
//!                  ^------------------------'
//! ```
//!
//! A Deferred holds the end of its chain, to add to, and its head, to cancel. The stages between
//! do not know the head: the loop that runs them does, and that is enough, as a chain begins to
//! wait for another one only while it runs.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use super::run_queue::{self, Run};

/// The head of a chain.
pub(super) trait Chain {
    fn head(&self) -> &Head;

    /// Marks a pending source as cancelled, and returns what has to run then.
    fn request_cancel(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        None
    }
}

/// How a chain is linked with others.
#[derive(Default)]
pub(super) struct Head {
    /// The chain of the Deferred that a callback of this one returned. Weak: its Resolver holds it.
    waits_for: Cell<Option<Weak<dyn Chain>>>,
    /// The chain whose callback returned this one's Deferred. Strong: nobody else may hold it now.
    waited_by: Cell<Option<Rc<dyn Chain>>>,
}

impl Head {
    fn waits_for(&self) -> Option<Rc<dyn Chain>> {
        let inner = self.waits_for.take();
        let chain = inner.as_ref().and_then(Weak::upgrade);
        self.waits_for.set(inner);
        chain
    }

    fn waited_by(&self) -> Option<Rc<dyn Chain>> {
        let outer = self.waited_by.take();
        self.waited_by.set(outer.clone());
        outer
    }

    /// Nobody waits for this chain any more; returns who did.
    pub(super) fn release(&self) -> Option<Rc<dyn Chain>> {
        let outer = self.waited_by.take();
        if let Some(outer) = &outer {
            outer.head().waits_for.set(None);
        }
        outer
    }
}

/// The head of a chain that had its result from the beginning.
#[derive(Default)]
pub(super) struct Bare {
    head: Head,
}

impl Chain for Bare {
    fn head(&self) -> &Head {
        &self.head
    }
}

/// Makes `outer` wait for `inner`.
pub(super) fn link(outer: Rc<dyn Chain>, inner: &Rc<dyn Chain>) {
    outer.head().waits_for.set(Some(Rc::downgrade(inner)));
    inner.head().waited_by.set(Some(outer));
}

/// Whether `inner` is `outer` or waits for it, so that `outer` must not wait for `inner`.
///
/// Looks from `inner` at what it waits for and from `outer` at what waits for it, a step each in
/// turn: where either row ends they do not meet, so the cost is that of the shorter one. (One way
/// only, a million Deferreds that are nested from the outside would take a million looks of up to a
/// million steps.)
pub(super) fn waits_for(inner: &Rc<dyn Chain>, outer: &Rc<dyn Chain>) -> bool {
    let (mut up, mut down) = (inner.clone(), outer.clone());
    while !Rc::ptr_eq(&up, outer) {
        match (up.head().waits_for(), down.head().waited_by()) {
            (Some(next_up), Some(next_down)) => (up, down) = (next_up, next_down),
            _ => return false,
        }
    }
    true
}

/// Cancels what a chain waits for.
pub(super) fn cancel(chain: &Rc<dyn Chain>) {
    let source = innermost(chain.clone());
    if let Some(run) = source.clone().request_cancel() {
        run_queue::fire_in(Some(source), run);
    } else if run_queue::in_user_function() {
        // What the chain waits for has been fired, and its callbacks wait for the running user
        // function to return. One of them may then wait for an inner Deferred: that is the one.
        run_queue::fire(Rc::new(CancelLater {
            chain: chain.clone(),
        }));
    }
}

/// The chain that `chain` waits for in the end.
fn innermost(mut chain: Rc<dyn Chain>) -> Rc<dyn Chain> {
    while let Some(inner) = chain.head().waits_for() {
        chain = inner;
    }
    chain
}

/// Looks once more for what a chain waits for.
struct CancelLater {
    chain: Rc<dyn Chain>,
}

impl Run for CancelLater {
    fn run(self: Rc<Self>, turn: &mut run_queue::Turn) {
        let source = innermost(self.chain.clone());
        if let Some(run) = source.clone().request_cancel() {
            turn.enter(Some(source));
            turn.resume(run);
        }
    }
}
