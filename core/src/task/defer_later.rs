//! A call that is made later, as a Deferred.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::{Deferred, DelayedCall, Outcome, Reactor};

/// Calls `f` after `delay`, and fires with what it gives. Cancelled before, `f` is never called.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::task::defer_later;
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let answer = defer_later(&reactor, Duration::from_secs(5), || Ok(42));
/// assert_eq!(reactor.run_until(answer)?, 42);
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// Those of `f`; [`ReactorError`](crate::ReactorError) when the reactor has stopped already.
#[doc(alias = "deferLater")]
#[track_caller]
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
    let cancel = move || {
        if let Some(timer) = to_cancel.take() {
            timer.cancel();
        }
    };
    let at = Location::caller();
    let (resolver, deferred) = Deferred::pair(Some(Box::new(cancel)), at);
    timer.set(Some(
        reactor.call_later(delay, move || resolver.callback(())),
    ));
    deferred.attach(at, move |passed| match passed {
        Ok(()) => f().into_deferred(),
        Err(failure) => Deferred::fail(failure),
    })
}
