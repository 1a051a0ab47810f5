//! For tests, ours and yours.

#[cfg(test)]
pub(crate) mod log_capture;
mod simulation;

pub use simulation::{Network, Simulation};
