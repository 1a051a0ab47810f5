//! Whose connection is it (RFC 1413)? The server, and a query.
//!
//! Believe an answer as far as the host that gives it: it is told by whoever holds port 113 there.

mod query;
mod server;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;

pub use query::{IdentError, query};
pub use server::Ident;

/// Which connection is asked about: one between the host that is asked and the one that asks.
///
/// ```
/// use std::net::SocketAddr;
/// use torsade_core::Result;
/// use torsade_core::protocols::ident::{Ident, IdentQuery, IdentUser};
/// use torsade_core::testing::StringTransport;
///
/// fn look_up(query: &IdentQuery) -> Result<IdentUser> {
///     let ((_, port), (who, _)) = (query.local, query.remote);
///     Ok(IdentUser::unix(format!("user-of-{port}-for-{who}")))
/// }
///
/// let wire = StringTransport::new()
///     .host("192.0.2.1:113".parse::<SocketAddr>()?)
///     .peer("192.0.2.2:4000".parse::<SocketAddr>()?);
/// let _ident = wire.connect(Ident::receiver(look_up));
/// wire.receive(b"6193, 23\r\n")?;
/// assert_eq!(wire.value(), b"6193, 23 : USERID : UNIX : user-of-6193-for-192.0.2.2\r\n");
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentQuery {
    /// The host that is asked, and its port of that connection.
    pub local: (IpAddr, u16),
    /// The host that asks, and its port of that connection.
    pub remote: (IpAddr, u16),
}

/// Whose connection it is.
///
/// ```
/// use torsade_core::protocols::ident::{self, Ident, IdentQuery, IdentUser};
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Deferred, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:113".parse()?;
/// let tell = |_: &IdentQuery| Deferred::succeed(IdentUser::unix("stjohns"));
/// TcpServer::new(&reactor, address).listen(move |_: &Address| Ident::receiver(tell))?;
/// let told = ident::query(&TcpClient::new(&reactor, address), 6193, 23);
/// let IdentUser { system, user } = reactor.run_until(told)?;
/// assert_eq!((&system[..], &user[..]), ("UNIX", "stjohns"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentUser {
    /// The operating system, by its name at IANA, and perhaps a character set behind a comma:
    /// `UNIX`, or `OTHER` for a user that is no name.
    pub system: String,
    /// The user.
    pub user: String,
}

/// Why a host does not tell whose connection it is.
///
/// ```
/// use torsade_core::protocols::ident::{self, Ident, IdentQuery, IdentRefusal};
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Deferred, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:113".parse()?;
/// let refuse = |_: &IdentQuery| Deferred::fail(IdentRefusal::HiddenUser);
/// TcpServer::new(&reactor, address).listen(move |_: &Address| Ident::receiver(refuse))?;
/// let told = ident::query(&TcpClient::new(&reactor, address), 6193, 23);
/// let failure = reactor.run_until(told).unwrap_err();
/// assert_eq!(failure.trap::<IdentRefusal>()?, IdentRefusal::HiddenUser);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "IdentError")]
pub enum IdentRefusal {
    /// A port is none.
    InvalidPort,
    /// There is no such connection, or it has no user.
    NoUser,
    /// The user does not want it told.
    HiddenUser,
    /// Another reason, or none.
    UnknownError,
    /// Something that the RFC does not know; such begin with an X.
    Other(String),
}

impl IdentUser {
    /// A user of a UNIX.
    pub fn unix(user: impl Into<String>) -> Self {
        Self {
            system: "UNIX".to_owned(),
            user: user.into(),
        }
    }
}

impl IdentRefusal {
    /// Its word on the wire.
    fn word(&self) -> &str {
        match self {
            Self::InvalidPort => "INVALID-PORT",
            Self::NoUser => "NO-USER",
            Self::HiddenUser => "HIDDEN-USER",
            Self::UnknownError => "UNKNOWN-ERROR",
            Self::Other(word) => word,
        }
    }

    fn from_word(word: &str) -> Self {
        let known = [
            Self::InvalidPort,
            Self::NoUser,
            Self::HiddenUser,
            Self::UnknownError,
        ];
        known
            .into_iter()
            .find(|refusal| refusal.word().eq_ignore_ascii_case(word))
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl fmt::Display for IdentRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host does not tell the user: {}", self.word())
    }
}

impl Error for IdentRefusal {}

/// The two numbers of `6193, 23`: the port of who is asked, and of who asks.
fn ports(text: &str) -> Option<(&str, &str)> {
    let (local, remote) = text.split_once(',')?;
    Some((local.trim(), remote.trim()))
}

/// A port, which is not 0.
fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}
