//! DeferredList: waits for several Deferreds, whatever becomes of them.

use std::fmt;
use std::panic::Location;

use super::Deferred;
use super::gather;
use super::join::{Join, Slots};
use super::unhandled::{UnseenResult, seen, unseen};
use crate::error::NoDeferreds;
use crate::{Failure, Result};

/// Several Deferreds of one type, to wait for together.
///
/// What is waited for is said by the last call, and with it the type of the result:
///
/// | | fires | with |
/// |---|---|---|
/// | [`all`](Self::all) | when all have a result | each result |
/// | [`fire_on_one_callback`](Self::fire_on_one_callback) | at the first value | that, or all failures |
/// | [`fire_on_one_errback`](Self::fire_on_one_errback) | at the first failure, or when all have a value | that, or all values |
/// | [`fire_on_one`](Self::fire_on_one) | at the first value or failure | that |
///
/// Cancelling what they give cancels each of the Deferreds that has no result, and the result is
/// made of what they come to by that. Once it has fired, the other Deferreds run on; use
/// [`race`](super::race) to have them cancelled.
///
/// A failure that is no part of the result is logged, since nobody else will see it, unless
/// [`consume_errors`](Self::consume_errors) says otherwise.
///
/// # Examples
/// ```
/// use torsade_core::{Deferred, DeferredList};
///
/// let results = DeferredList::new([Deferred::succeed(1), Deferred::fail(std::fmt::Error)])
///     .all()
///     .try_take()
///     .unwrap()
///     .unwrap();
/// assert!(matches!(results[0], Ok(1)));
/// assert!(results[1].is_err());
/// ```
#[doc(alias = "twisted.internet.defer.DeferredList")]
#[must_use = "say what to wait for"]
pub struct DeferredList<T> {
    inputs: Vec<Deferred<T>>,
    consumes_errors: bool,
}

/// What [`DeferredList::fire_on_one_callback`] gives.
///
/// ```
/// use torsade_core::{Deferred, DeferredList, FirstCallback};
///
/// let (_late, waiting) = Deferred::<u32>::new();
/// let first = DeferredList::new([waiting, Deferred::succeed(7)]).fire_on_one_callback();
/// match first.try_take().unwrap()? {
///     FirstCallback::Value { index, value } => assert_eq!((index, value), (1, 7)),
///     FirstCallback::AllFailed(failures) => panic!("{failures:?}"),
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub enum FirstCallback<T> {
    /// One of them had a value, and was the first.
    Value {
        /// Which one, counted from zero in the order given.
        index: usize,
        /// Its value.
        value: T,
    },
    /// All failed: what each failed with, in the order given.
    AllFailed(Vec<Failure>),
}

impl<T: 'static> DeferredList<T> {
    /// A list of these.
    pub fn new(inputs: impl IntoIterator<Item = Deferred<T>>) -> Self {
        Self {
            inputs: inputs.into_iter().collect(),
            consumes_errors: false,
        }
    }

    /// Drops the failures that are no part of the result, without logging them.
    ///
    /// ```
    /// use torsade_core::testing::{Simulation, take_logged_errors};
    /// use torsade_core::{ConnectionDone, Deferred, DeferredList};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let mirrors = || [Deferred::fail(ConnectionDone), Deferred::succeed(7)];
    /// drop(DeferredList::new(mirrors()).consume_errors().fire_on_one_callback());
    /// assert!(take_logged_errors(&reactor).is_empty());
    /// drop(DeferredList::new(mirrors()).fire_on_one_callback());
    /// # if cfg!(debug_assertions) {
    /// assert_eq!(take_logged_errors(&reactor).len(), 1);
    /// # }
    /// ```
    #[doc(alias = "consumeErrors")]
    pub fn consume_errors(mut self) -> Self {
        self.consumes_errors = true;
        self
    }

    /// Waits for all of them; gives their results in the order given.
    ///
    /// It never fails. An empty list gives an empty result, at once.
    #[track_caller]
    pub fn all(self) -> Deferred<Vec<Result<T>>> {
        let join = Join::at(Location::caller());
        if self.inputs.is_empty() {
            join.fire(Ok(Vec::new()));
        }
        let results = Slots::row(self.inputs.len());
        for (index, input) in self.inputs.into_iter().enumerate() {
            let results = results.clone();
            join.work.note(&input);
            join.add(index, input, move |join, result| {
                if let Some(all) = results.fill_at(index, result) {
                    join.fire(Ok(all));
                }
                Ok(())
            });
        }
        join.into_deferred()
    }

    /// Waits for the first value. If all of them fail then the failures are the result, which is
    /// not a failure itself.
    ///
    /// # Errors
    /// [`NoDeferreds`] at once, if the list is empty.
    ///
    /// # Examples
    /// ```
    /// use torsade_core::{Deferred, DeferredList, FirstCallback};
    ///
    /// let first = DeferredList::new([Deferred::fail(std::fmt::Error), Deferred::succeed(7)])
    ///     .consume_errors()
    ///     .fire_on_one_callback();
    /// let first = first.try_take().unwrap().unwrap();
    /// assert!(matches!(first, FirstCallback::Value { index: 1, value: 7 }));
    /// ```
    #[doc(alias = "fireOnOneCallback")]
    #[track_caller]
    pub fn fire_on_one_callback(self) -> Deferred<FirstCallback<T>> {
        let join = Join::at(Location::caller());
        if self.inputs.is_empty() {
            join.fire(Err(NoDeferreds.into()));
        }
        let consumes_errors = self.consumes_errors;
        let failures = Slots::row(self.inputs.len());
        for (index, input) in self.inputs.into_iter().enumerate() {
            let failures = failures.clone();
            join.work.note(&input);
            join.add(index, input, move |join, result| match result {
                Ok(value) => {
                    join.fire(Ok(FirstCallback::Value { index, value }));
                    dispose(failures.take(), consumes_errors);
                    Ok(())
                }
                Err(_) if join.work.is_fired() && consumes_errors => Ok(()),
                Err(failure) if join.work.is_fired() => join.too_late(failure),
                Err(failure) => {
                    if let Some(all) = failures.fill_at(index, unseen(Err(failure))) {
                        let all = all.into_iter().filter_map(|failed| seen(failed).err());
                        join.fire(Ok(FirstCallback::AllFailed(all.collect())));
                    }
                    Ok(())
                }
            });
        }
        join.into_deferred()
    }

    /// Waits for all values, as [`gather`](super::gather) does; an empty list gives none, at once.
    ///
    /// ```
    /// use torsade_core::{Deferred, DeferredList, FirstError};
    ///
    /// let (_late, waits) = Deferred::<u32>::new();
    /// let all = DeferredList::new([waits, Deferred::fail(std::fmt::Error)]).fire_on_one_errback();
    /// let failure = all.try_take().unwrap().unwrap_err();
    /// assert_eq!(failure.check::<FirstError>().unwrap().index, 1);
    /// ```
    ///
    /// # Errors
    /// [`FirstError`](crate::FirstError) as soon as one of them fails.
    #[doc(alias = "fireOnOneErrback")]
    #[track_caller]
    pub fn fire_on_one_errback(self) -> Deferred<Vec<T>> {
        gather::row(self.inputs, !self.consumes_errors, Location::caller())
    }

    /// Waits for the first result; gives its index and its value.
    ///
    /// ```
    /// use torsade_core::{Deferred, DeferredList};
    ///
    /// let (_late, waits) = Deferred::<u32>::new();
    /// let first = DeferredList::new([waits, Deferred::succeed(7)]).fire_on_one();
    /// assert_eq!(first.try_take().unwrap().unwrap(), (1, 7));
    /// ```
    ///
    /// # Errors
    /// [`FirstError`](crate::FirstError) if that is a failure; [`NoDeferreds`] at once, if the
    /// list is empty.
    #[track_caller]
    pub fn fire_on_one(self) -> Deferred<(usize, T)> {
        let join = Join::at(Location::caller());
        if self.inputs.is_empty() {
            join.fire(Err(NoDeferreds.into()));
        }
        let consumes_errors = self.consumes_errors;
        for (index, input) in self.inputs.into_iter().enumerate() {
            join.work.note(&input);
            join.add(index, input, move |join, result| match result {
                Ok(value) => {
                    join.fire(Ok((index, value)));
                    Ok(())
                }
                Err(failure) => {
                    let late = join.fail_first(index, failure);
                    if consumes_errors { Ok(()) } else { late }
                }
            });
        }
        join.into_deferred()
    }
}

impl<T> fmt::Debug for DeferredList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredList")
            .field("len", &self.inputs.len())
            .field("consumes_errors", &self.consumes_errors)
            .finish()
    }
}

/// Drops the failures that came before the first value; that logs them if they are not consumed.
fn dispose(failures: Vec<Option<UnseenResult<()>>>, consumes_errors: bool) {
    if consumes_errors {
        failures
            .into_iter()
            .flatten()
            .for_each(|failed| drop(seen(failed)));
    }
}
