//! A call that is made later, as a Deferred.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::{Deferred, DelayedCall, Outcome, Reactor};

/// Calls `f` after `delay`, and fires with what it gives. Cancelled before, `f` is never called.
///
/// # Errors
/// Those of `f`; [`ReactorError`](crate::ReactorError) when the reactor has stopped already.
#[doc(alias = "deferLater")]
pub fn defer_later<O: Outcome>(
    reactor: &Reactor,
    delay: Duration,
    f: impl FnOnce() -> O + 'static,
) -> Deferred<O::Output> {
    if let Err(error) = reactor.try_core() {
        return Deferred::fail(error);
    }
    let timer = Rc::new(Cell::new(None::<DelayedCall>));
    let to_cancel = Rc::clone(&timer);
    let (resolver, deferred) = Deferred::with_canceller(move || {
        if let Some(timer) = to_cancel.take() {
            timer.cancel();
        }
    });
    timer.set(Some(
        reactor.call_later(delay, move || resolver.callback(())),
    ));
    deferred.add_callback(move |()| f())
}
