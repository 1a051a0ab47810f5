//! What a reactor refuses.

use std::error::Error;
use std::fmt;

/// A reactor cannot do what was asked of it, in the state that it is in.
///
/// ```
/// use torsade_core::{Deferred, Reactor, ReactorError};
///
/// let reactor = Reactor::new()?;
/// assert!(matches!(reactor.stop(), Err(ReactorError::NotRunning)));
/// // A handle to one that is gone.
/// let handle = reactor.clone();
/// drop(reactor);
/// let failure = handle.run_until(Deferred::succeed(1)).unwrap_err();
/// assert!(matches!(failure.check(), Some(ReactorError::Gone)));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReactorError {
    /// It is not running, or stopping already.
    #[doc(alias = "ReactorNotRunning")]
    NotRunning,
    /// It is running already.
    #[doc(alias = "ReactorAlreadyRunning")]
    AlreadyRunning,
    /// A user function that the reactor called, or a callback, is running: it cannot wait for
    /// the reactor, which waits for it.
    InsideCallback,
    /// It was stopped, and a stopped reactor does not run again: make a new one.
    #[doc(alias = "ReactorNotRestartable")]
    NotRestartable,
    /// It was stopped before what was waited for came.
    Stopped,
    /// It has been dropped.
    Gone,
    /// There was always something more to do at the same moment, so that time never passed.
    NeverQuiet,
}

impl fmt::Display for ReactorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRunning => "the reactor is not running, or is stopping already",
            Self::AlreadyRunning => "the reactor is running already",
            Self::InsideCallback => "a callback cannot run the reactor that waits for it",
            Self::NotRestartable => "the reactor was stopped and cannot run again",
            Self::Stopped => "the reactor was stopped before the result came",
            Self::Gone => "the reactor has been dropped",
            Self::NeverQuiet => "there was always something more to do, and time never passed",
        })
    }
}

impl Error for ReactorError {}
