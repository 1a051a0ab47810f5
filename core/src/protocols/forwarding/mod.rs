//! Connections that are passed on to others.

mod joint;
mod onward;
mod port_forward;
mod socks;
mod socks_request;
#[cfg(test)]
mod tests;

pub use port_forward::{ForwardedPort, PortForward};
pub use socks::{SocksConnection, SocksServer};
