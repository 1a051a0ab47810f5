//! torsade (a twisted cord): Twisted's way of networking, in Rust.

pub use torsade_core::*;

#[cfg(feature = "http")]
pub use torsade_http as http;
#[cfg(feature = "tls")]
pub use torsade_tls as tls;
