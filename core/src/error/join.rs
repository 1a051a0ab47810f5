//! How waiting for several Deferreds at once fails.

use std::error::Error;
use std::fmt;

use crate::Failure;

/// One of several Deferreds failed, and that was the first: it decided the result of the whole.
///
/// The failure keeps the path it took. [`Failure::find`] finds its error through this one.
///
/// ```
/// use std::io;
/// use torsade_core::{Deferred, FirstError, gather};
///
/// let both = gather([Deferred::succeed(1), Deferred::fail(io::Error::other("no"))]);
/// let failure = both.try_take().unwrap().unwrap_err();
/// assert_eq!(failure.check::<FirstError>().unwrap().index, 1);
/// ```
#[derive(Debug)]
#[doc(alias = "twisted.internet.defer.FirstError")]
pub struct FirstError {
    /// Which one failed, counted from zero in the order in which they were given.
    #[doc(alias = "FirstError.index")]
    pub index: usize,
    /// What it failed with.
    #[doc(alias = "subFailure")]
    pub failure: Failure,
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {} of several Deferreds failed", self.index)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}

/// Every Deferred of a race failed.
///
/// ```
/// use std::io;
/// use torsade_core::{Deferred, FailureGroup, race};
///
/// let none = race([Deferred::<u32>::fail(io::Error::other("no"))]);
/// let failure = none.try_take().unwrap().unwrap_err();
/// assert_eq!(failure.check::<FailureGroup>().unwrap().failures.len(), 1);
/// ```
#[derive(Debug)]
#[doc(alias = "twisted.internet.defer.FailureGroup")]
pub struct FailureGroup {
    /// What each of them failed with, in the order in which they were given; never empty.
    pub failures: Vec<Failure>,
}

impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all {} Deferreds failed", self.failures.len())?;
        for failure in self.failures.iter().take(SHOWN) {
            write!(f, "; {failure:#}")?;
        }
        if self.failures.len() > SHOWN {
            f.write_str("; ...")?;
        }
        Ok(())
    }
}

impl Error for FailureGroup {}

/// The first of no Deferreds was asked for: there will never be one.
///
/// ```
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{Deferred, NoDeferreds, race};
///
/// let mirrors: Vec<Deferred<String>> = Vec::new();
/// let failure = failure_result_of(race(mirrors));
/// assert!(failure.check::<NoDeferreds>().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoDeferreds;

impl fmt::Display for NoDeferreds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no Deferreds of which one could be the first")
    }
}

impl Error for NoDeferreds {}

/// How many failures the text of a group shows: a race may have had a million.
const SHOWN: usize = 8;
