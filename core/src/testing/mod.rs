//! For tests, ours and yours.

#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "some of it is for unit tests only")
)]
pub(crate) mod log_capture;
mod simulation;

pub use simulation::{Network, Simulation};
