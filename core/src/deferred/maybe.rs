//! maybe_deferred and execute: call a function now, and have what comes of it as a Deferred.

use super::{Deferred, Outcome, run_queue};

/// Calls a function at once, and makes a Deferred of whatever it does.
///
/// A result is a Deferred that has fired, a Deferred is itself, and a panic is a failure of type
/// [`Panicked`](crate::Panicked). So the caller has one way only to go on.
///
/// The function runs before this returns, as it would without `maybe_deferred`, also inside
/// another function of yours. What it fires waits until it has returned, as ever.
///
/// For a future, use [`Reactor::spawn`](crate::Reactor::spawn).
///
/// # Examples
/// ```
/// use torsade_core::error::Panicked;
/// use torsade_core::{Deferred, Result, maybe_deferred};
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse()?)
/// }
///
/// let port = maybe_deferred(|| port("8080")).add_callback(|port| Deferred::succeed(port + 1));
/// assert_eq!(port.try_take().unwrap().unwrap(), 8081);
///
/// let failed = maybe_deferred(|| -> Result<u16> { panic!("no port") });
/// assert!(failed.try_take().unwrap().unwrap_err().check::<Panicked>().is_some());
/// ```
#[doc(alias = "maybeDeferred")]
#[track_caller]
pub fn maybe_deferred<O: Outcome>(function: impl FnOnce() -> O) -> Deferred<O::Output> {
    match run_queue::call_user(|| function().into_deferred()) {
        Ok(deferred) => deferred,
        Err(panicked) => Deferred::fail(panicked),
    }
}

/// Calls a function at once, and makes a Deferred of its value, which has fired.
///
/// A panic is a failure of type [`Panicked`](crate::Panicked). [`maybe_deferred`] is for functions
/// that return a `Result` or a Deferred.
///
/// # Examples
/// ```
/// use torsade_core::execute;
///
/// let length = execute(|| "torsade".len());
/// assert_eq!(length.try_take().unwrap().unwrap(), 7);
/// ```
#[doc(alias = "twisted.internet.defer.execute")]
#[track_caller]
pub fn execute<T: 'static>(function: impl FnOnce() -> T) -> Deferred<T> {
    maybe_deferred(|| Ok(function()))
}
