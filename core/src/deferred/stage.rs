//! Stage: one callback of a chain, its input and its output, in one allocation.

use std::any::Any;
use std::cell::Cell;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::deferred::{Deferred, State};
use super::node::{Adopt, Consume, Consumer, Node, Output, Produce, waits_for};
use super::run_queue::{self, Run};
use super::unhandled::seen;
use crate::Result;
use crate::error::{Panicked, WaitsForItself};
use crate::failure::{Failure, Step};

pub(super) struct Stage<T, U, F> {
    /// There from the moment that the stage is ready until it runs.
    input: Cell<Option<Result<T>>>,
    /// There until the stage runs.
    closure: Cell<Option<F>>,
    output: Output<U>,
    /// The node that the stage waits for: the one before it, or later the inner one. It is not
    /// cleared when that has given its result, as that node goes away then.
    up: Cell<Option<Weak<dyn Node>>>,
    /// Where the callback was added.
    at: &'static Location<'static>,
}

impl<T, U, F> Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    /// A stage that waits for a node.
    #[inline]
    pub(super) fn waiting(closure: F, up: Weak<dyn Node>, at: &'static Location<'static>) -> Self {
        Self {
            input: Cell::new(None),
            closure: Cell::new(Some(closure)),
            output: Output::new(),
            up: Cell::new(Some(up)),
            at,
        }
    }

    /// A stage that is ready to run.
    pub(super) fn ready(closure: F, input: Result<T>, at: &'static Location<'static>) -> Self {
        Self {
            input: Cell::new(Some(input)),
            closure: Cell::new(Some(closure)),
            output: Output::new(),
            up: Cell::new(None),
            at,
        }
    }

    #[inline]
    fn settle(&self, mut result: Result<U>) -> Option<Rc<dyn Run>> {
        stamp(&mut result, self.at);
        self.output.settle(result)
    }

    /// Makes the stage wait for the Deferred that its callback returned.
    #[cold]
    fn adopt(&self, this: &Rc<dyn Run>, inner: Rc<dyn Produce<U>>) -> Option<Rc<dyn Run>> {
        if let Some(result) = inner.output().take() {
            return self.settle(result);
        }
        let this: Rc<dyn Any> = this.clone();
        let this: Rc<Self> = this
            .downcast()
            .expect("`this` is the Rc that `self` lies in");
        let inner_node: Rc<dyn Node> = inner.clone();
        let this_node: Rc<dyn Node> = this.clone();
        if waits_for(&inner_node, &this_node) {
            return self.settle(Err(WaitsForItself.into()));
        }
        // If all that is left to do here is to give the inner result to another stage that waits
        // in the same way, that one can wait for it itself. So a chain of Deferreds that goes on
        // for ever by returning the next one (a loop, in callbacks) takes no more memory with
        // each round. The one weak reference is that stage's; any further one is a canceller,
        // and has to find its way up through here.
        drop(this_node);
        if Rc::weak_count(&this) == 1
            && let Some(outer) = self.output.take_adopter()
        {
            outer.wait_for(Rc::downgrade(&inner_node));
            inner.output().connect(Consumer::Adopter(outer));
            return None;
        }
        self.up.set(Some(Rc::downgrade(&inner_node)));
        inner.output().connect(Consumer::Adopter(this));
        None
    }
}

/// Notes on a failure that it came out of the callback added there.
#[inline]
pub(super) fn stamp<U>(result: &mut Result<U>, at: &'static Location<'static>) {
    if let Err(failure) = result {
        failure.add_step(Step::passed(at));
    }
}

impl<T, U, F> Run for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn run(&self, this: &Rc<dyn Run>) -> Option<Rc<dyn Run>> {
        let (Some(input), Some(closure)) = (self.input.take(), self.closure.take()) else {
            // The inner Deferred has fired.
            return self.output.forward();
        };
        match closure(input).into_state() {
            State::Ready(result) => self.settle(seen(result)),
            State::Pending(inner) => self.adopt(this, inner),
        }
    }

    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>> {
        let closure = self.closure.take();
        if closure.is_some() || self.output.is_ready() {
            // It has not run yet: the panic came from the drop of what ran before.
            self.closure.set(closure);
            run_queue::log_stray(&panicked);
            return Some(this.clone());
        }
        self.settle(Err(Failure::from(panicked)))
    }
}

impl<T, U, F> Node for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn up(&self) -> Option<Rc<dyn Node>> {
        let up = self.up.take();
        let node = up.as_ref().and_then(Weak::upgrade);
        self.up.set(up);
        node
    }

    fn down(&self) -> Option<Rc<dyn Node>> {
        self.output.consumer_node()
    }

    fn is_settled(&self) -> bool {
        self.output.is_ready()
    }
}

impl<T, U, F> Produce<U> for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    #[inline]
    fn output(&self) -> &Output<U> {
        &self.output
    }
}

impl<T, U, F> Consume<T> for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    #[inline]
    fn feed(self: Rc<Self>, input: Result<T>) -> Rc<dyn Run> {
        self.input.set(Some(input));
        self
    }
}

impl<T, U, F> Adopt<U> for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn feed_inner(self: Rc<Self>, mut result: Result<U>) -> Rc<dyn Run> {
        stamp(&mut result, self.at);
        self.output.hold(result);
        self
    }

    fn wait_for(&self, inner: Weak<dyn Node>) {
        self.up.set(Some(inner));
    }
}
