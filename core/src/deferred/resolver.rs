//! Resolver: the write side of a Deferred.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::source::Source;
use crate::error::Abandoned;
use crate::{Failure, Result};

/// The write side of a [`Deferred`](super::Deferred): gives it its result, once.
///
/// Firing consumes it, so firing twice does not compile. A `Resolver` that is dropped unfired
/// fails its Deferred with [`Abandoned`]: nobody waits for ever because somebody forgot.
///
/// Fired inside a user function (a callback, a protocol method, a timer), the callbacks run when
/// that function has returned; fired anywhere else, they have run when the call returns. If the
/// Deferred has been cancelled then the result is dropped.
///
/// # Examples
/// ```
/// use torsade_core::Deferred;
///
/// let (resolver, deferred) = Deferred::new();
/// let deferred = deferred.add_callback(|n: u32| Ok(n + 1));
/// resolver.callback(41);
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 42);
/// ```
///
/// There is no second result, in any order of `callback` and `errback`:
/// ```compile_fail,E0382
/// let (resolver, deferred) = torsade_core::Deferred::<u32>::new();
/// resolver.callback(1);
/// resolver.callback(2);
/// ```
/// ```compile_fail,E0382
/// let (resolver, deferred) = torsade_core::Deferred::<u32>::new();
/// resolver.callback(1);
/// resolver.errback(std::fmt::Error);
/// ```
///
/// A Deferred is not a value to fire with; a callback may return one, and [`chain`] connects one
/// with a Resolver:
/// ```compile_fail,E0308
/// let (resolver, deferred) = torsade_core::Deferred::<u32>::new();
/// resolver.callback(torsade_core::Deferred::succeed(1));
/// ```
///
/// It stays on its thread:
/// ```compile_fail,E0277
/// fn sends<T: Send>(_: T) {}
/// let (resolver, deferred) = torsade_core::Deferred::<u32>::new();
/// sends(resolver);
/// ```
///
/// [`chain`]: super::Deferred::chain
#[must_use = "a Resolver that is dropped fails its Deferred with `Abandoned`"]
pub struct Resolver<T: 'static> {
    /// Taken when it fires, so that `drop` knows.
    source: Option<Rc<Source<T>>>,
}

impl<T: 'static> Resolver<T> {
    #[inline]
    pub(super) fn new(source: Rc<Source<T>>) -> Self {
        Self {
            source: Some(source),
        }
    }

    /// Fires the Deferred with a value.
    #[doc(alias = "Deferred.callback")]
    #[track_caller]
    #[inline]
    pub fn callback(self, value: T) {
        self.fire(Ok(value), Location::caller());
    }

    /// Fires the Deferred with a failure.
    #[doc(alias = "Deferred.errback")]
    #[track_caller]
    pub fn errback(self, failure: impl Into<Failure>) {
        self.fire(Err(failure.into()), Location::caller());
    }

    /// Fires the Deferred with a value or a failure.
    ///
    /// ```
    /// use torsade_core::{Deferred, Result};
    ///
    /// let (resolver, port) = Deferred::new();
    /// let parsed = || -> Result<u16> { Ok("8007".parse()?) };
    /// resolver.resolve(parsed());
    /// assert_eq!(port.try_take().unwrap()?, 8007);
    /// # Result::<()>::Ok(())
    /// ```
    #[track_caller]
    #[inline]
    pub fn resolve(self, result: Result<T>) {
        self.fire(result, Location::caller());
    }

    /// As [`resolve`](Self::resolve), where that is no place that would tell a user anything.
    pub(crate) fn pass_on(mut self, result: Result<T>) {
        if let Some(source) = self.source.take() {
            source.fire(result, None);
        }
    }

    /// Whether the Deferred was cancelled, so that nobody waits for a result any more.
    ///
    /// While the canceller runs this is true as well, though a result would still be taken then.
    ///
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let (resolver, deferred) = Deferred::<u64>::new();
    /// let mut sum = 0;
    /// for number in 0..1000 {
    ///     if resolver.is_cancelled() {
    ///         break; // nobody wants to know any more
    ///     }
    ///     sum += number;
    ///     if number == 10 {
    ///         deferred.cancel();
    ///     }
    /// }
    /// assert_eq!(sum, 55);
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(|source| source.work.is_cancelled())
    }

    #[inline]
    fn fire(mut self, result: Result<T>, at: &'static Location<'static>) {
        if let Some(source) = self.source.take() {
            source.fire(result, Some(at));
        }
    }
}

impl<T: 'static> Drop for Resolver<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            abandon(source);
        }
    }
}

#[cold]
fn abandon<T: 'static>(source: Rc<Source<T>>) {
    // Nobody holds the Deferred, and nothing was ever added to it: nobody is missing anything.
    if Rc::strong_count(&source) == 1 && !source.is_awaited() {
        return;
    }
    // While the canceller runs, its Resolver going away means no more than "I have no result".
    if source.work.is_pending() {
        source.fire(Err(Abandoned.into()), None);
    }
}

impl<T: 'static> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}
