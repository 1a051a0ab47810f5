//! For tests, ours and yours.

#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub(crate) mod log_capture;
mod simulation;

pub use simulation::{Network, Simulation};
