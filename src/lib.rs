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
//! # Where to begin
//! [`Protocol`] and [`Transport`] are what a program is made of, [`Reactor`] runs it, and
//! [`react`] is the whole of a client's `main`. Results that come later are [`Deferred`]s. People
//! who know Twisted find their names by searching for them: `addCallback` leads to
//! [`Deferred::add_callback`].

pub use torsade_core::*;

#[cfg(feature = "http")]
pub use torsade_http as http;
#[cfg(feature = "tls")]
pub use torsade_tls as tls;

#[cfg(all(doctest, feature = "http"))]
mod guides;
