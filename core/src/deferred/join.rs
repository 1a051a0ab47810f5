//! Join: the top of a chain whose result is made of the results of other Deferreds.
//!
//! ```text
//!   input 0 -> Stage --.
//!   input 1 -> Stage ---> Join -> ... -> Deferred
//!   input 2 -> Stage --'
//! ```
//!
//! Cancelling it is not the end of it: its inputs are cancelled, and what they then come to makes
//! the result.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use super::Deferred;
use super::canceller::Canceller;
use super::chain::{Chain, Head};
use super::node::{Node, Work};
use super::run_queue::{self, Run, Turn};
use crate::error::{Cancelled, FirstError};
use crate::failure::{Failure, Step};
use crate::{FailureGroup, Result};

/// A node that gets its result when enough of its inputs have theirs.
pub(super) type Join<R> = Node<R, Inputs>;

#[derive(Default)]
pub(super) struct Inputs {
    head: Head,
    made_at: Cell<Option<&'static Location<'static>>>,
    is_fired: Cell<bool>,
    is_cancelled: Cell<bool>,
    /// What there is to cancel; none where an input has its result. Empty once this is fired.
    cancellers: RefCell<Vec<Option<Canceller>>>,
}

impl Work for Inputs {}

impl Inputs {
    /// Notes an input that is to be cancelled when this is; they are noted in their order.
    pub(super) fn note<T: 'static>(&self, input: &Deferred<T>) {
        self.cancellers.borrow_mut().push(Some(input.canceller()));
    }

    pub(super) fn is_fired(&self) -> bool {
        self.is_fired.get()
    }

    fn forget(&self, index: usize) {
        if let Some(canceller) = self.cancellers.borrow_mut().get_mut(index) {
            *canceller = None;
        }
    }

    /// Cancels all inputs without a result. Their callbacks run later: a user function runs now.
    fn cancel_all(cancellers: Vec<Option<Canceller>>) {
        debug_assert!(run_queue::in_user_function(), "nothing runs in this loop");
        for canceller in cancellers.into_iter().flatten() {
            canceller.cancel();
        }
    }
}

impl<R: 'static> Join<R> {
    pub(super) fn at(made_at: &'static Location<'static>) -> Rc<Self> {
        let join = Rc::<Self>::default();
        join.work.made_at.set(Some(made_at));
        join
    }

    pub(super) fn into_deferred(self: Rc<Self>) -> Deferred<R> {
        Deferred::pending(self.clone(), self)
    }

    /// Has `take` called with the result of a noted input.
    ///
    /// What it returns as an error is a failure for which there is no place in the result: like
    /// any other that nobody can see, it is logged.
    pub(super) fn add<T: 'static>(
        self: &Rc<Self>,
        index: usize,
        input: Deferred<T>,
        take: impl FnOnce(&Rc<Self>, Result<T>) -> Result<()> + 'static,
    ) {
        let join = self.clone();
        let at = self.work.made_at.get().unwrap_or(Location::caller());
        drop(input.attach(at, move |result| {
            join.work.forget(index);
            Deferred::ready(take(&join, result))
        }));
    }

    /// Fires, if that was not done before. Callbacks run when the running function has returned.
    pub(super) fn fire(self: &Rc<Self>, mut result: Result<R>) {
        if self.work.is_fired.replace(true) {
            return;
        }
        drop(self.work.cancellers.take());
        if let (Err(failure), Some(at)) = (&mut result, self.work.made_at.get()) {
            failure.add_step(Step::made(at));
        }
        self.keep(result);
        // Whoever waits does not look for it there, but is given it. Nobody: then it is just kept.
        if self.is_awaited() {
            run_queue::fire_in(Some(self.clone()), self.clone());
        }
    }

    /// Fires, and cancels all inputs that have no result; what they say then is not wanted.
    pub(super) fn fire_and_cancel(self: &Rc<Self>, result: Result<R>) {
        let cancellers = self.work.cancellers.take();
        self.work.is_cancelled.set(true);
        // Before the result goes on, as in Twisted: the losers are gone when the winner is told.
        Inputs::cancel_all(cancellers);
        self.fire(result);
    }

    /// Fires with the failure of an input, if it is the first. Gives back one that comes too late,
    /// and that nobody has asked for by a cancel.
    pub(super) fn fail_first(self: &Rc<Self>, index: usize, failure: Failure) -> Result<()> {
        if self.work.is_fired() {
            return self.too_late(failure);
        }
        if self.is_of_cancel(&failure) {
            self.fire(Err(failure));
        } else {
            let error = |failure| FirstError { index, failure };
            self.fire(Err(Failure::instead_of(failure, |failure| {
                Box::new(error(failure))
            })));
        }
        Ok(())
    }

    /// Fires with the failures of all inputs, in their order.
    pub(super) fn fail_all(self: &Rc<Self>, mut failures: Vec<Failure>) {
        let of_cancel = failures
            .iter()
            .position(|failure| self.is_of_cancel(failure));
        self.fire(Err(match of_cancel {
            Some(index) => failures.swap_remove(index),
            None => FailureGroup { failures }.into(),
        }));
    }

    /// What becomes of a failure that is not part of the result.
    pub(super) fn too_late(&self, failure: Failure) -> Result<()> {
        if self.work.is_cancelled.get() {
            Ok(())
        } else {
            Err(failure)
        }
    }

    /// Whether an input failed because the whole was cancelled: then the whole shows just that.
    fn is_of_cancel(&self, failure: &Failure) -> bool {
        self.work.is_cancelled.get() && failure.check::<Cancelled>().is_some()
    }
}

impl<R: 'static> Chain for Join<R> {
    fn head(&self) -> &Head {
        &self.work.head
    }

    fn request_cancel(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        if self.work.is_fired() {
            return None;
        }
        self.work.is_cancelled.set(true);
        // By the run queue, so that joins in joins in joins take no stack.
        Some(self)
    }
}

impl<R: 'static> Run for Join<R> {
    fn run(self: Rc<Self>, turn: &mut Turn) {
        if !self.work.is_fired() {
            let cancellers = self.work.cancellers.borrow().clone();
            Inputs::cancel_all(cancellers);
        } else if let Some(result) = self.take() {
            self.settle(result, turn);
        }
    }
}

/// The values of the inputs that have come so far.
pub(super) struct Slots<V> {
    /// `V` is a row of `Option`s: a vector or a tuple.
    values: RefCell<V>,
    missing: Cell<usize>,
}

impl<V: Default> Slots<V> {
    pub(super) fn new(empty: V, missing: usize) -> Rc<Self> {
        Rc::new(Self {
            values: RefCell::new(empty),
            missing: Cell::new(missing),
        })
    }

    /// Puts a value into its slot, which is empty. Gives all of them when none is missing.
    pub(super) fn fill(&self, put: impl FnOnce(&mut V)) -> Option<V> {
        put(&mut self.values.borrow_mut());
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0).then(|| self.take())
    }

    /// Takes the values, to be given or dropped: they are the user's, so not under a borrow.
    pub(super) fn take(&self) -> V {
        self.values.take()
    }
}

impl<T> Slots<Vec<Option<T>>> {
    pub(super) fn row(length: usize) -> Rc<Self> {
        Self::new(
            std::iter::repeat_with(|| None).take(length).collect(),
            length,
        )
    }

    /// As [`fill`](Self::fill), in the order of the inputs.
    pub(super) fn fill_at(&self, index: usize, value: T) -> Option<Vec<T>> {
        let all = self.fill(|row| row[index] = Some(value))?;
        Some(all.into_iter().flatten().collect())
    }
}
