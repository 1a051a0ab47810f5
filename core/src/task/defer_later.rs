//! A call that is made later, as a Deferred.

use std::time::Duration;

use crate::{Deferred, Outcome, Reactor};

/// Calls `f` after `delay`, and fires with what it gives. Cancelled before, `f` is never called.
#[doc(alias = "deferLater")]
pub fn defer_later<O: Outcome>(
    reactor: &Reactor,
    delay: Duration,
    f: impl FnOnce() -> O + 'static,
) -> Deferred<O::Output> {
    let timer = std::rc::Rc::new(std::cell::Cell::new(None));
    let to_cancel = std::rc::Rc::clone(&timer);
    let (resolver, deferred) = Deferred::with_canceller(move || {
        if let Some(timer) = to_cancel.take() {
            let timer: crate::DelayedCall = timer;
            timer.cancel();
        }
    });
    timer.set(Some(
        reactor.call_later(delay, move || resolver.callback(())),
    ));
    deferred.add_callback(move |()| f())
}
