//! Source: the top of a chain, which a Resolver fires.
//!
//! ```text
//!   Pending -> Fired                                  the Resolver fired
//!   Pending -> Requested -> Cancelling -> Cancelled   nobody fired, or the canceller did not
//!                               '------> Fired        the canceller fired it
//! ```

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use super::chain::{Chain, Head};
use super::live::Note;
use super::node::{Node, Work};
use super::run_queue::{self, Run, Turn};
use crate::Result;
use crate::error::{Cancelled, Panicked};
use crate::failure::{Failure, Step};
use crate::logged::log_error;

/// A node that gets its result from a Resolver.
pub(super) type Source<T> = Node<T, Origin>;

pub(super) type CancelFn = Box<dyn FnOnce()>;

#[derive(Default)]
pub(super) struct Origin {
    head: Head,
    state: Cell<State>,
    /// Freed when the source is fired, at the latest.
    canceller: Cell<Option<CancelFn>>,
    made_at: Cell<Option<&'static Location<'static>>>,
    note: Note,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Pending,
    /// To be cancelled as soon as no user function runs. What the producer says now comes late.
    Requested,
    /// The canceller runs, and may fire.
    Cancelling,
    Fired,
    Cancelled,
}

impl Origin {
    #[inline]
    pub(super) fn set(&self, canceller: Option<CancelFn>, made_at: &'static Location<'static>) {
        self.canceller.set(canceller);
        self.made_at.set(Some(made_at));
        self.note.begin(made_at);
    }

    fn add_made_at(&self, failure: &mut Failure) {
        if let Some(at) = self.made_at.get() {
            failure.add_step(Step::made(at));
        }
    }

    /// Whether a Resolver that goes away now leaves somebody waiting.
    pub(super) fn is_pending(&self) -> bool {
        self.state.get() == State::Pending
    }

    pub(super) fn is_cancelled(&self) -> bool {
        matches!(
            self.state.get(),
            State::Requested | State::Cancelling | State::Cancelled
        )
    }
}

impl Work for Origin {}

impl<T: 'static> Source<T> {
    /// Fires. A source that was cancelled drops the result.
    ///
    /// `at` is where it was fired; none if the Resolver was dropped, which has no place.
    #[inline]
    pub(super) fn fire(
        self: Rc<Self>,
        mut result: Result<T>,
        at: Option<&'static Location<'static>>,
    ) {
        if !matches!(self.work.state.get(), State::Pending | State::Cancelling) {
            return;
        }
        self.work.state.set(State::Fired);
        self.work.note.end();
        drop(self.work.canceller.take());
        if let Err(failure) = &mut result {
            self.work.add_made_at(failure);
            if let Some(at) = at {
                failure.add_step(Step::fired(at));
            }
        }
        if run_queue::in_user_function() {
            self.fire_later(result);
        } else {
            let chain = self.clone();
            run_queue::start_now(chain, |turn| self.settle(result, turn));
        }
    }

    /// Lets what waits for the result run when the running user function has returned.
    #[cold]
    fn fire_later(self: Rc<Self>, result: Result<T>) {
        self.keep(result);
        // Whoever waits does not look for it there, but is given it. Nobody: then it is just kept.
        if self.is_awaited() {
            run_queue::fire_in(Some(self.clone()), self);
        }
    }

    fn cancel(self: Rc<Self>, turn: &mut Turn) {
        self.work.state.set(State::Cancelling);
        if let Some(canceller) = self.work.canceller.take()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(canceller))
        {
            let panicked = Panicked::from_payload(payload);
            let made_at = self.work.made_at.get().map(|at| Step::made(at).to_string());
            log_error!(
                "Unhandled panic in the canceller of a Deferred, {}: {panicked}",
                made_at.unwrap_or_default()
            );
        }
        if self.work.state.get() == State::Cancelling {
            self.work.state.set(State::Cancelled);
            self.work.note.end();
            let mut failure = Failure::from(Cancelled);
            self.work.add_made_at(&mut failure);
            self.settle(Err(failure), turn);
        }
    }
}

impl<T: 'static> Chain for Source<T> {
    fn head(&self) -> &Head {
        &self.work.head
    }

    fn request_cancel(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        if self.work.state.get() != State::Pending {
            return None;
        }
        self.work.state.set(State::Requested);
        Some(self)
    }
}

impl<T: 'static> Run for Source<T> {
    fn run(self: Rc<Self>, turn: &mut Turn) {
        match self.take() {
            Some(result) => self.settle(result, turn),
            None => self.cancel(turn),
        }
    }
}
