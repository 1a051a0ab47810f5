//! For tests, ours and yours.
//!
//! From the simplest to the whole:
//!
//! - A [`StringTransport`] is a transport that keeps what is written, for one protocol.
//! - A [`ConnectedPair`] is two protocols and the wire between them, which moves when you say so.
//! - A [`Simulation`] is a world for whole programs: a reactor with a virtual clock and a network in
//!   memory. [`Reactor::advance`](crate::Reactor::advance) lets its time pass.
//! - A [`World`] has several hosts, each with a reactor, and everything between them that can go wrong,
//!   repeatable from a seed.
//!
//! [`success_result_of`] and its neighbours look at Deferreds, and [`assert_clean`] at what a test
//! left behind.

mod accumulating;
mod advance;
mod clean;
#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub mod conformance;
mod connected_pair;
mod ending;
#[cfg(any(test, feature = "conformance"))]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "some of it is for unit tests only")
)]
pub(crate) mod log_capture;
mod results;
mod simulation;
mod string_transport;
mod world;

pub use accumulating::AccumulatingProtocol;
pub use clean::{assert_clean, take_logged_errors};
pub use connected_pair::{ConnectedPair, Side};
pub use ending::Ending;
pub use results::{assert_no_result, failure_result_of, success_result_of};
pub use simulation::{Network, Simulation};
pub use string_transport::StringTransport;
pub use world::{Link, World};

#[cfg(test)]
mod tests;
