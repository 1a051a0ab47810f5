//! The PROXY protocol: a balancer tells whose connection it passes on.

mod parse;
mod send;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;

use crate::{Address, Filter, Result};
use parse::{Parsed, parse};
pub use send::SendProxyHeader;

/// A filter that takes the header off the beginning of a connection, version 1 or 2, as HAProxy,
/// nginx and others send it.
///
/// The protocol is built when the header has come, and [`Transport::peer`](crate::Transport::peer)
/// and [`Transport::host`](crate::Transport::host) give the addresses of the connection that was
/// passed on. A header without addresses (a balancer's own check) leaves them as they are.
///
/// Only put it where nobody but the balancer can connect: who sends the header chooses what it says.
///
/// ```
/// use torsade_core::filter::ProxyHeader;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// # let seen = AccumulatingProtocol::new();
/// # let told = seen.clone();
/// let server = TcpServer::new(&reactor, address).filter(|| Ok(ProxyHeader::new()));
/// server.listen(move |peer: &Address| {
///     assert_eq!(peer.to_string(), "192.0.2.1:4000");
///     told.clone()
/// })?;
/// # let balancer = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
/// balancer.transport().write(b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\nhello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// [`SendProxyHeader`] is the other side of it. The format is in HAProxy's `doc/proxy-protocol.txt`.
#[derive(Debug, Default)]
#[doc(alias = "twisted.protocols.haproxy")]
#[doc(alias = "HAProxyProtocolWrapper")]
#[doc(alias = "proxyEndpoint")]
pub struct ProxyHeader {
    /// What has come of the header.
    begun: Vec<u8>,
    is_complete: bool,
    /// Who connected, and where to.
    addresses: Option<(Address, Address)>,
}

/// A connection did not begin with a header of the PROXY protocol.
///
/// ```
/// use torsade_core::Filter;
/// use torsade_core::filter::{ProxyHeader, ProxyHeaderError};
///
/// let mut header = ProxyHeader::new();
/// // Somebody who came round the balancer.
/// let decoded = header.decode(&mut b"GET / HTTP/1.1\r\n".to_vec(), &mut Vec::new(), &mut Vec::new());
/// assert_eq!(decoded.unwrap_err().trap::<ProxyHeaderError>()?, ProxyHeaderError::NotThere);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "InvalidProxyHeader")]
pub enum ProxyHeaderError {
    /// It begins otherwise than either version.
    NotThere,
    /// The line of version 1 is longer than the 107 bytes that are allowed.
    LineTooLong,
    /// The line of version 1 has something else where this should be.
    BadLine {
        /// What should be there.
        expected: &'static str,
        /// How many bytes are before that.
        at: usize,
    },
    /// The header of version 2 has this byte where its version and command should be.
    BadCommand(u8),
    /// The header of version 2 has this byte for its address family and protocol.
    BadFamily(u8),
    /// The header of version 2 is shorter than its addresses are, so many bytes.
    TooShort(usize),
    /// The connection ended in it.
    CutOff,
}

impl ProxyHeader {
    /// A filter for one connection.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Filter for ProxyHeader {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        if self.is_complete {
            plain.extend_from_slice(input);
            return Ok(());
        }
        self.begun.extend_from_slice(input);
        match parse(&self.begun)? {
            // A header is bounded, so this is as well.
            Parsed::Unfinished => {}
            Parsed::Header { len, addresses } => {
                plain.extend_from_slice(&self.begun[len..]);
                self.begun = Vec::new();
                self.addresses = addresses;
                self.is_complete = true;
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn wire_closed(&mut self) -> Result<()> {
        match self.is_complete {
            true => Ok(()),
            false => Err(ProxyHeaderError::CutOff.into()),
        }
    }

    fn is_ready(&self) -> bool {
        self.is_complete
    }

    fn has_farewell(&self) -> bool {
        false
    }

    fn peer(&self) -> Option<Address> {
        self.addresses.as_ref().map(|(peer, _)| peer.clone())
    }

    fn host(&self) -> Option<Address> {
        self.addresses.as_ref().map(|(_, host)| host.clone())
    }
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no PROXY header: ")?;
        match self {
            Self::NotThere => f.write_str("the connection begins with something else"),
            Self::LineTooLong => f.write_str("its line is longer than 107 bytes"),
            Self::BadLine { expected, at } => write!(f, "byte {at} of its line is not {expected}"),
            Self::BadCommand(byte) => write!(f, "its version and command are {byte:#04x}"),
            Self::BadFamily(byte) => write!(f, "its family and protocol are {byte:#04x}"),
            Self::TooShort(len) => write!(f, "its addresses do not fit into {len} bytes"),
            Self::CutOff => f.write_str("the connection ended in it"),
        }
    }
}

impl Error for ProxyHeaderError {}
