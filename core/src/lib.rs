//! The reactor, Deferreds, protocols, transports and endpoints of torsade.

mod address;
pub mod failure;
pub mod filter;
mod reactor;

pub use address::Address;
pub use failure::Failure;
pub use filter::Filter;

/// What functions of torsade, and functions given to it, return: the error is a [`Failure`].
pub type Result<T, E = Failure> = std::result::Result<T, E>;
