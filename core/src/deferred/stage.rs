//! Stage: one callback of a chain, its input and its output, in one allocation.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use super::chain::{self, Chain};
use super::deferred::{Deferred, State};
use super::node::{Adopt, Consume, End, Forward, Node, Work};
use super::run_queue::{Run, Turn};
use super::unhandled::{UnseenResult, seen, unseen};
use crate::error::{Panicked, WaitsForItself};
use crate::failure::Step;
use crate::watch::{Place, watch};
use crate::{Failure, Result};

/// A node that gets its result from a callback.
pub(super) type Stage<T, U, F> = Node<U, Callback<T, F>>;

pub(super) struct Callback<T, F> {
    /// There while the stage has to wait for its turn.
    input: Cell<Option<UnseenResult<T>>>,
    /// There until the stage runs.
    closure: Cell<Option<F>>,
    /// Where the callback was added.
    at: Cell<Option<&'static Location<'static>>>,
}

impl<T, F> Default for Callback<T, F> {
    #[inline]
    fn default() -> Self {
        Self {
            input: Cell::new(None),
            closure: Cell::new(None),
            at: Cell::new(None),
        }
    }
}

impl<T, F> Callback<T, F> {
    /// Gives it its input, to run with later.
    pub(super) fn put(&self, input: Result<T>) {
        self.input.set(Some(unseen(input)));
    }
}

impl<T, F> Work for Callback<T, F> {}

impl<T, U, F> Stage<T, U, F> {
    #[inline]
    pub(super) fn new(closure: F, at: &'static Location<'static>) -> Rc<Self> {
        // Not `Rc::new`: only `default` builds it in the heap, without a copy on the stack.
        let stage = Rc::<Self>::default();
        stage.work.closure.set(Some(closure));
        stage.work.at.set(Some(at));
        stage
    }
}

impl<T, U, F> Consume<T> for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn feed(self: Rc<Self>, input: Result<T>, turn: &mut Turn) {
        if turn.must_return() {
            return wait(self, input, turn);
        }
        let Some(closure) = self.work.closure.take() else {
            return;
        };
        let at = || place(self.work.at.get());
        let call = || watch(at, || closure(input).into_state());
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(State::Ready(Ok(value))) => self.settle(Ok(value), turn),
            Ok(State::Ready(Err(failure))) => fail(self, failure.see(), turn),
            Ok(State::Pending { end, chain }) => adopt(self, end, chain, turn),
            Err(payload) => fail(self, Panicked::from_payload(payload).into(), turn),
        }
    }
}

/// The stage waits for its turn.
#[cold]
fn wait<T, U, F>(stage: Rc<Stage<T, U, F>>, input: Result<T>, turn: &mut Turn)
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    stage.work.put(input);
    turn.resume(stage);
}

/// The callback that was added there.
#[cold]
fn place(at: Option<&'static Location<'static>>) -> Place {
    at.map_or(Place::Some("a callback"), |at| {
        Place::Given("the callback added at", at)
    })
}

/// The stage has its result.
fn finish<T, U, F>(stage: Rc<Stage<T, U, F>>, result: Result<U>, turn: &mut Turn)
where
    U: 'static,
{
    match result {
        Ok(value) => stage.settle(Ok(value), turn),
        Err(failure) => fail(stage, failure, turn),
    }
}

/// The stage fails.
#[cold]
fn fail<T, U, F>(stage: Rc<Stage<T, U, F>>, failure: Failure, turn: &mut Turn)
where
    U: 'static,
{
    let failure = match stage.work.at.get() {
        Some(at) => passed(failure, at),
        None => failure,
    };
    stage.settle(Err(failure), turn);
}

/// A failure that has passed the callback that was added there.
#[cold]
pub(super) fn passed(mut failure: Failure, at: &'static Location<'static>) -> Failure {
    failure.add_step(Step::passed(at));
    failure
}

/// Makes the stage wait for the Deferred that its callback returned.
#[cold]
fn adopt<T, U, F>(
    stage: Rc<Stage<T, U, F>>,
    inner: End<U>,
    inner_chain: Rc<dyn Chain>,
    turn: &mut Turn,
) where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    if let Some(result) = inner.take() {
        return finish(stage, result, turn);
    }
    // Every stage runs in a chain; if it did not then nobody could cancel it, and that is all.
    let Some(chain) = turn.take_chain() else {
        return inner.connect_adopter(stage);
    };
    if chain::waits_for(&inner_chain, &chain) {
        turn.enter(Some(chain));
        return finish(stage, Err(WaitsForItself.into()), turn);
    }
    // If all that is left to do here is to give the inner result to a stage that waits in the same
    // way, that one can wait for it itself. So callbacks that go on for ever by returning the next
    // Deferred (a loop) take no more memory with each round. The one weak reference to the chain
    // is that of the chain that waits for it; any further one is a canceller, which has to find
    // its way through here.
    if Rc::weak_count(&chain) == 1
        && let Some(outer) = stage.take_adopter()
    {
        if let Some(outer_chain) = chain.head().release() {
            chain::link(outer_chain, &inner_chain);
        }
        return inner.connect_adopter(outer);
    }
    chain::link(chain, &inner_chain);
    inner.connect_adopter(stage);
}

impl<T, U, F> Adopt<U> for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn feed_inner(self: Rc<Self>, result: Result<U>, turn: &mut Turn) {
        if turn.must_return() {
            turn.resume(Rc::new(Forward::new(self, result)));
            return;
        }
        finish(self, result, turn);
    }
}

impl<T, U, F> Run for Stage<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    fn run(self: Rc<Self>, turn: &mut Turn) {
        if let Some(input) = self.work.input.take() {
            self.feed(seen(input), turn);
        }
    }
}
