//! torsade (a twisted cord): Twisted's way of networking, in Rust.
//!
//! This package is the whole of it under one name: [`torsade_core`] as it is, and, behind the
//! features of these names, [`tls`] and [`http`].
//!
//! ```
//! use torsade::testing::Simulation;
//! use torsade::{Address, Protocol, Result, TcpServer, Transport};
//!
//! /// Sends back what it gets.
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
//!         transport.write(data);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let reactor = Simulation::new().reactor(); // or Reactor::new()?, on the real network
//! let address = "127.0.0.1:8007".parse()?;
//! let listening = TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
//! assert_eq!(listening.address().to_string(), "127.0.0.1:8007");
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! | what you want | where it is |
//! |---|---|
//! | a loop that calls you | [`Reactor`]; [`react`] is the whole of a client's `main` |
//! | to say what happens on a connection | [`Protocol`], and its handle, the [`Transport`] |
//! | lines, strings, frames instead of bytes | [`protocols`] |
//! | a protocol for each connection | [`Factory`]; limits and time-outs for it: [`policies`] |
//! | to listen and to connect | [`TcpServer`], [`HostnameClient`], and the rest of [`endpoints`] |
//! | a result that comes later | [`Deferred`]; several: [`gather`], [`race`], [`DeferredList`] |
//! | to await it | [`Reactor::spawn`] |
//! | to know what went wrong | [`Failure`], and the types in [`error`] |
//! | TLS | [`tls`] |
//! | to fetch something | [`http::Client`] |
//! | UDP, child processes, files, time | [`datagram`], [`process`], [`task`] |
//! | other threads | [`Reactor::defer_to_thread`], [`Remote`] |
//! | tests without sockets | [`testing`] |
//! | to see what a program does | [`Reactor::statistics`], [`Reactor::pending`] |
//!
//! ```text
//!     your protocol, your callbacks
//!     -----------------------------------------------------------
//!     http          Client, Agent, pool
//!     tls           a filter between socket and protocol
//!     protocols, policies, endpoints      Deferred
//!     Reactor       the loop              testing: the same loop,
//!     mio           the system's sockets  a network in memory
//! ```
//!
//! People who know Twisted find their names by searching for them: `addCallback` leads to
//! [`Deferred::add_callback`].

pub use torsade_core::*;

#[cfg(feature = "http")]
pub use torsade_http as http;
#[cfg(feature = "tls")]
pub use torsade_tls as tls;

#[cfg(all(doctest, feature = "http"))]
mod guides;
