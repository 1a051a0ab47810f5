//! Attach: how a callback gets behind a Deferred, whether that has its result or not.

use std::panic::Location;
use std::rc::Rc;

use super::chain::{Bare, Chain};
use super::deferred::{Deferred, State};
use super::run_queue;
use super::stage::{Stage, passed};
use super::unhandled::seen;
use crate::Result;

impl<T: 'static> Deferred<T> {
    /// Puts a stage behind the chain, or calls its closure if the result is there.
    #[inline]
    pub(crate) fn attach<U, F>(self, at: &'static Location<'static>, closure: F) -> Deferred<U>
    where
        U: 'static,
        F: FnOnce(Result<T>) -> Deferred<U> + 'static,
    {
        let (input, chain) = match self.into_state() {
            State::Ready(result) => (seen(result), None),
            State::Pending { end, chain } => match end.take() {
                Some(result) => (result, Some(chain)),
                None => {
                    let stage = Stage::new(closure, at);
                    end.connect(stage.clone());
                    return Deferred::pending(stage, chain);
                }
            },
        };
        if run_queue::in_user_function() {
            let chain = chain.unwrap_or_else(|| Rc::new(Bare::default()));
            Deferred::pending(call_later(input, &chain, at, closure), chain)
        } else {
            call_now(input, at, closure)
        }
    }
}

/// Calls the closure of a stage that has its input from the beginning, without a stage.
///
/// It is inlined, and builds what it returns of its parts, so that `attach` writes its Deferred
/// from registers. If it were handed to a function to be written there then each `add_...` would
/// copy it in memory just after it was written, in larger pieces, which stalls the processor.
#[inline(always)]
fn call_now<T, U, F>(input: Result<T>, at: &'static Location<'static>, closure: F) -> Deferred<U>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    match run_queue::call_user(move || closure(input).into_state()) {
        Ok(State::Ready(Ok(value))) => Deferred::ready(Ok(value)),
        Ok(State::Ready(Err(failure))) => Deferred::ready(Err(passed(failure.see(), at))),
        Ok(State::Pending { end, chain }) => Deferred::pending(end, chain),
        Err(panicked) => Deferred::ready(Err(passed(panicked, at))),
    }
}

/// Calls it when the running user function has returned, as a stage on the run queue.
#[cold]
fn call_later<T, U, F>(
    input: Result<T>,
    chain: &Rc<dyn Chain>,
    at: &'static Location<'static>,
    closure: F,
) -> Rc<Stage<T, U, F>>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T>) -> Deferred<U> + 'static,
{
    let stage = Stage::new(closure, at);
    stage.work.put(input);
    run_queue::fire_in(Some(chain.clone()), stage.clone());
    stage
}
