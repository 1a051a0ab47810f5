//! Source: the top of a chain, which a Resolver fires.
//!
//! ```text
//!   Pending -> Fired                                  the Resolver fired
//!   Pending -> Requested -> Cancelling -> Cancelled   nobody fired, or the canceller did not
//!                               '------> Fired        the canceller fired it
//! ```

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use super::node::{Node, Output, Produce};
use super::run_queue::Run;
use crate::Result;
use crate::error::{Cancelled, Panicked};
use crate::failure::{Failure, Step};

pub(super) type CancelFn = Box<dyn FnOnce()>;

pub(super) struct Source<T> {
    output: Output<T>,
    state: Cell<State>,
    /// Freed when the source is fired, at the latest.
    canceller: Cell<Option<CancelFn>>,
    made_at: &'static Location<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    /// To be cancelled as soon as no user function runs. What the producer says now comes late.
    Requested,
    /// The canceller runs, and may fire.
    Cancelling,
    Fired,
    Cancelled,
}

impl<T: 'static> Source<T> {
    #[inline]
    pub(super) fn new(canceller: Option<CancelFn>, made_at: &'static Location<'static>) -> Self {
        Self {
            output: Output::new(),
            state: Cell::new(State::Pending),
            canceller: Cell::new(canceller),
            made_at,
        }
    }

    /// Fires; returns what is ready then. A source that was cancelled drops the result.
    ///
    /// `at` is where it was fired; none if the Resolver was dropped, which has no place.
    #[inline]
    pub(super) fn fire(
        &self,
        mut result: Result<T>,
        at: Option<&'static Location<'static>>,
    ) -> Option<Rc<dyn Run>> {
        if !matches!(self.state.get(), State::Pending | State::Cancelling) {
            return None;
        }
        self.state.set(State::Fired);
        drop(self.canceller.take());
        if let Err(failure) = &mut result {
            failure.add_step(Step::made(self.made_at));
            if let Some(at) = at {
                failure.add_step(Step::fired(at));
            }
        }
        self.output.settle(result)
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

    /// The canceller has run, or there is none: if nobody fired then the result is `Cancelled`.
    fn finish_cancel(&self) -> Option<Rc<dyn Run>> {
        if self.state.get() != State::Cancelling {
            return None;
        }
        self.state.set(State::Cancelled);
        let mut failure = Failure::from(Cancelled);
        failure.add_step(Step::made(self.made_at));
        self.output.settle(Err(failure))
    }
}

impl<T: 'static> Node for Source<T> {
    fn up(&self) -> Option<Rc<dyn Node>> {
        None
    }

    fn down(&self) -> Option<Rc<dyn Node>> {
        self.output.consumer_node()
    }

    fn is_settled(&self) -> bool {
        matches!(self.state.get(), State::Fired | State::Cancelled)
    }

    fn request_cancel(self: Rc<Self>) -> Option<Rc<dyn Run>> {
        if self.state.get() != State::Pending {
            return None;
        }
        self.state.set(State::Requested);
        Some(self)
    }
}

impl<T: 'static> Produce<T> for Source<T> {
    #[inline]
    fn output(&self) -> &Output<T> {
        &self.output
    }
}

impl<T: 'static> Run for Source<T> {
    /// Cancels: that is the only thing for which a source is put on the run queue.
    fn run(&self, _this: &Rc<dyn Run>) -> Option<Rc<dyn Run>> {
        self.state.set(State::Cancelling);
        if let Some(canceller) = self.canceller.take() {
            canceller();
        }
        self.finish_cancel()
    }

    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>> {
        if self.state.get() == State::Requested {
            super::run_queue::log_stray(&panicked);
            return Some(this.clone());
        }
        log::error!(
            target: "torsade",
            "Unhandled panic in the canceller of a Deferred, {}: {panicked}",
            Step::made(self.made_at)
        );
        self.finish_cancel()
    }
}
