//! What a test left behind.

use std::fmt::Write as _;
use std::time::Duration;

use crate::{Reactor, deferred, logged};

/// Nothing is left of what was done with this reactor: no connection, listening port or attempt to
/// connect, no timed call, coroutine or job, no Deferred that is not fired, and no error that nobody
/// handled. For the end of a test.
///
/// What can be done at once is done first. Deferreds and errors are those that the reactor's thread
/// noted since the reactor was made (see [`set_debugging`](crate::deferred::set_debugging)): an error
/// is what nobody could be told of and so was logged, like a failure at the end of a Deferred, or a
/// panic in a timed call. Errors that a test expects, [`take_logged_errors`] takes.
///
/// ```should_panic
/// use std::time::Duration;
/// use torsade_core::testing::{Simulation, assert_clean};
///
/// let reactor = Simulation::new().reactor();
/// let _ = reactor.call_later(Duration::from_secs(5), || ());
/// assert_clean(&reactor); // "left behind: a call in 5s, made at .."
/// ```
///
/// # Panics
/// When something is left, with a list of it: what it is, and where it was made or what it serves.
#[doc(alias = "DirtyReactorAggregateError")]
#[track_caller]
pub fn assert_clean(reactor: &Reactor) {
    // A reactor that has stopped does nothing more, and has forgotten what it waited for.
    let _ = reactor.advance(Duration::ZERO);
    let mut left = reactor.pending();
    let mut errors = Vec::new();
    if let Some(core) = reactor.core() {
        left.deferreds = deferred::live_places_since(core.begun.deferreds);
        errors = logged::take_errors_since(core.begun.errors);
    }
    let mut list = left.to_string();
    for error in errors {
        let _ = writeln!(list, "an error: {error}");
    }
    if !list.is_empty() {
        panic!("left behind: {}", list.trim_end());
    }
}

/// The errors that were logged since the reactor was made, as far as nobody has asked for them yet:
/// for tests that expect some. See [`assert_clean`].
///
/// ```
/// use torsade_core::testing::{Simulation, assert_clean, take_logged_errors};
/// use torsade_core::{ConnectionDone, Deferred};
///
/// let reactor = Simulation::new().reactor();
/// drop(Deferred::<()>::fail(ConnectionDone));
/// let errors = take_logged_errors(&reactor);
/// # if cfg!(debug_assertions) {
/// assert!(errors[0].starts_with("Unhandled error in Deferred: "));
/// # }
/// assert_clean(&reactor);
/// ```
#[doc(alias = "flushLoggedErrors")]
#[doc(alias = "EventLoggingObserver")]
pub fn take_logged_errors(reactor: &Reactor) -> Vec<String> {
    let core = reactor.core();
    core.map_or_else(Vec::new, |core| {
        logged::take_errors_since(core.begun.errors)
    })
}
