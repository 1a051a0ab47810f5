//! Where a connection leads to, and where it comes from.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The address of one end of a connection, or of a listening port.
///
/// Numeric and typed; the scope of a link-local IPv6 address is kept.
///
/// ```
/// use torsade_core::Address;
///
/// let address = Address::Tcp("192.0.2.1:80".parse()?);
/// assert_eq!(address.port(), Some(80));
/// assert_eq!(address.to_string(), "192.0.2.1:80");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "IPv4Address")]
#[doc(alias = "IPv6Address")]
#[doc(alias = "IAddress")]
pub enum Address {
    /// A TCP address; `port` 0 only before the system has chosen one.
    Tcp(SocketAddr),
    /// A UDP address; `port` 0 only before the system has chosen one.
    Udp(SocketAddr),
    /// A UNIX socket.
    #[doc(alias = "UNIXAddress")]
    Unix(UnixName),
    /// An end that has no name, such as that of a transport in memory.
    #[doc(alias = "PipeAddress")]
    Unnamed,
}

/// The name of a UNIX socket.
///
/// ```
/// use torsade_core::{Address, UnixName};
///
/// let socket = UnixName::from("/run/app.sock");
/// assert_eq!(socket.path(), Some("/run/app.sock".as_ref()));
/// // A name without a file begins with a NUL; `ss` shows that as `@`.
/// let hidden = UnixName::from("\0app");
/// assert!(hidden.path().is_none());
/// assert_eq!(Address::from(hidden).to_string(), "@app");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[doc(alias = "UNIXAddress")]
pub enum UnixName {
    /// A file.
    Path(PathBuf),
    /// A name without a file, which only Linux has; without the NUL before it.
    Abstract(Vec<u8>),
    /// The end of who connects, which mostly has none.
    Unnamed,
}

impl Address {
    /// The IP address and port, if this is a TCP or UDP address.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(*address),
            Self::Unix(_) | Self::Unnamed => None,
        }
    }

    /// The same for a port, which mostly has one.
    pub(crate) fn require_socket_addr(&self) -> Result<SocketAddr, NoSocketAddr> {
        self.socket_addr().ok_or_else(|| NoSocketAddr {
            address: self.clone(),
        })
    }

    /// The port, if this is a TCP or UDP address.
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|address| address.port())
    }
}

/// A port has no IP address and port: it is a UNIX socket, say.
///
/// ```
/// use torsade_core::endpoints::UnixServer;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, NoSocketAddr};
///
/// let reactor = Simulation::new().reactor();
/// let port = UnixServer::new(&reactor, "/run/echo.sock").listen(|_: &Address| Echo)?;
/// let error: NoSocketAddr = port.socket_addr().unwrap_err();
/// assert_eq!(error.to_string(), "/run/echo.sock is no IP address and port");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSocketAddr {
    /// What it has.
    pub address: Address,
}

impl fmt::Display for NoSocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no IP address and port", self.address)
    }
}

impl Error for NoSocketAddr {}

impl UnixName {
    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Abstract(_) | Self::Unnamed => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<UnixName> for Address {
    fn from(name: UnixName) -> Self {
        Self::Unix(name)
    }
}

/// A path that begins with a NUL is an abstract name, as elsewhere.
impl<P: AsRef<Path> + ?Sized> From<&P> for UnixName {
    fn from(path: &P) -> Self {
        let path = path.as_ref();
        match path.as_os_str().as_encoded_bytes() {
            [0, name @ ..] => Self::Abstract(name.to_vec()),
            _ => Self::Path(path.to_owned()),
        }
    }
}

impl From<PathBuf> for UnixName {
    fn from(path: PathBuf) -> Self {
        Self::from(&path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Udp(address) => address.fmt(f),
            Self::Unix(name) => name.fmt(f),
            Self::Unnamed => f.write_str("unnamed"),
        }
    }
}

/// As `ss` and `lsof` write it: an abstract name begins with `@`.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Self::Unnamed => f.write_str("an unnamed UNIX socket"),
        }
    }
}
