//! Failures that nobody will ever see are logged.

use std::cell::Cell;

use crate::logged::log_error;
use crate::{Abandoned, Cancelled, Failure, Result};

/// A failure that nobody has seen yet: if it is dropped like that then it is logged.
pub(super) struct Unseen {
    /// There until it is seen.
    failure: Option<Failure>,
}

impl Unseen {
    /// The failure, to look at: that sees to nothing.
    pub(super) fn failure(&self) -> &Failure {
        let failure = self.failure.as_ref();
        failure.expect("only `see` takes the failure, and it consumes this")
    }

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

thread_local! {
    static FORGETTING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, which drops what a reactor that has stopped will not do any more. That nobody waits for
/// a Deferred that is abandoned so is nobody's mistake, nor that a coroutine comes to nothing more
/// that was cancelled a moment before.
pub(crate) fn while_forgetting(f: impl FnOnce()) {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            FORGETTING.set(self.0);
        }
    }
    let _leave = Leave(FORGETTING.replace(true));
    f();
}

/// Logs a failure that reached the end of a chain that nobody holds.
#[cold]
fn log(failure: &Failure) {
    let is_given_up =
        failure.check::<Abandoned>().is_some() || failure.check::<Cancelled>().is_some();
    if FORGETTING.get() && is_given_up {
        log::debug!(target: "torsade", "Not done, since the reactor stopped: {failure:?}");
        return;
    }
    log_error!("Unhandled error in Deferred: {failure:?}");
}
