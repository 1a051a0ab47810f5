//! Where a connection leads to, and where it comes from.

use std::fmt;
use std::net::SocketAddr;

/// The address of one end of a connection, or of a listening port.
///
/// Numeric and typed; the scope of a link-local IPv6 address is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "IPv4Address")]
#[doc(alias = "IPv6Address")]
pub enum Address {
    /// A TCP address; `port` 0 only before the system has chosen one.
    Tcp(SocketAddr),
    /// An end that has no name, such as that of a transport in memory.
    Unnamed,
}

impl Address {
    /// The IP address and port, if this is a TCP address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unnamed => None,
        }
    }

    /// The port, if this is a TCP address.
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|address| address.port())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unnamed => f.write_str("unnamed"),
        }
    }
}
