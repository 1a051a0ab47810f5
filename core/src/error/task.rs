//! What loops and cooperative tasks refuse.

use std::error::Error;
use std::fmt;

/// A [`LoopingCall`](crate::task::LoopingCall) cannot do that, in the state that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopingCallError {
    /// It was started and has not ended yet.
    AlreadyRunning,
    /// It was not started, or has been stopped.
    NotRunning,
}

impl fmt::Display for LoopingCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyRunning => "the looping call is running already",
            Self::NotRunning => "the looping call is not running",
        })
    }
}

impl Error for LoopingCallError {}
