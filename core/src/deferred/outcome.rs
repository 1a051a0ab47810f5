//! Outcome: what a callback may return.

use super::Deferred;
use crate::{Failure, Result};

/// What a callback may return: a [`Result`], another [`Deferred`], or nothing.
///
/// - `Ok(value)` and `Err(failure)` are the result at once. It is the only `Result` type that is
///   an outcome, so neither `Ok(..)` nor `?` in a closure needs a type annotation.
/// - A `Deferred` makes the chain wait for its result.
/// - `()` is for a closure that ends in a statement.
///
/// A plain value goes through [`Deferred::map`].
///
/// # Examples
/// ```
/// use torsade_core::Deferred;
///
/// let deferred = Deferred::succeed("41")
///     .add_callback(|text| Ok(text.parse::<u32>()?))
///     .add_callback(|number| Deferred::succeed(number + 1))
///     .add_callback(|number| println!("{number}"));
/// assert!(deferred.try_take().unwrap().is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}`",
    label = "returns `{Self}`, which is no `Outcome`",
    note = "a callback returns `Ok(value)` of `torsade::Result`, a `Deferred`, or nothing; for a plain value use `map`"
)]
pub trait Outcome {
    /// What the chain goes on with.
    type Output: 'static;

    /// Makes it a Deferred, which has fired if the result is known.
    ///
    /// ```
    /// use torsade_core::{Deferred, Outcome};
    ///
    /// /// Calls what may take its time, or not.
    /// fn call<O: Outcome>(function: impl FnOnce() -> O) -> Deferred<O::Output> {
    ///     function().into_deferred()
    /// }
    ///
    /// assert_eq!(call(|| Ok(7)).try_take().unwrap().unwrap(), 7);
    /// let (resolver, later) = Deferred::new();
    /// let called = call(|| later);
    /// resolver.callback(8);
    /// assert_eq!(called.try_take().unwrap().unwrap(), 8);
    /// ```
    fn into_deferred(self) -> Deferred<Self::Output>;
}

impl<T: 'static> Outcome for Result<T, Failure> {
    type Output = T;

    #[inline]
    fn into_deferred(self) -> Deferred<T> {
        Deferred::ready(self)
    }
}

impl<T: 'static> Outcome for Deferred<T> {
    type Output = T;

    #[inline]
    fn into_deferred(self) -> Self {
        self
    }
}

impl Outcome for () {
    type Output = ();

    #[inline]
    fn into_deferred(self) -> Deferred<()> {
        Deferred::ready(Ok(()))
    }
}
