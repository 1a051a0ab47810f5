//! Failures that nobody will ever see are logged.

use crate::{Failure, Result};

/// A failure that nobody has seen yet: if it is dropped like that then it is logged.
pub(super) struct Unseen {
    /// There until it is seen.
    failure: Option<Failure>,
}

impl Unseen {
    /// Somebody takes the failure, and it is that one's from here.
    #[inline]
    pub(super) fn see(mut self) -> Failure {
        self.failure
            .take()
            .expect("only `see` takes the failure, and it consumes this")
    }
}

impl From<Failure> for Unseen {
    #[inline]
    fn from(failure: Failure) -> Self {
        Self {
            failure: Some(failure),
        }
    }
}

impl Drop for Unseen {
    #[inline]
    fn drop(&mut self) {
        if let Some(failure) = &self.failure {
            log(failure);
        }
    }
}

/// A result whose failure nobody has seen.
pub(super) type UnseenResult<T> = Result<T, Unseen>;

/// Puts a result aside: from now on, losing its failure is logged.
#[inline]
pub(super) fn unseen<T>(result: Result<T>) -> UnseenResult<T> {
    result.map_err(Unseen::from)
}

/// Takes a result that was put aside.
#[inline]
pub(super) fn seen<T>(result: UnseenResult<T>) -> Result<T> {
    result.map_err(Unseen::see)
}

/// Logs a failure that reached the end of a chain that nobody holds.
#[cold]
fn log(failure: &Failure) {
    log::error!(target: "torsade", "Unhandled error in Deferred: {failure:?}");
}
