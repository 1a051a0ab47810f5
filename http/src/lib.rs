//! The HTTP/1.1 client of torsade.
//!
//! [`wire`] is the protocol itself, without sockets: bytes in, events out.

pub mod error;
pub mod wire;

pub use error::WireError;
