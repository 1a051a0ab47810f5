//! Which protocol a new connection speaks.

use std::error::Error;
use std::fmt;
use std::rc::{Rc, Weak};

use torsade_core::{ConnectionDone, Failure, Protocol, Reactor, Result, Transport};
use torsade_tls::TlsInfo;

use super::{Connection, Http1, Owner};
use crate::origin::Origin;

/// The server has chosen a protocol (ALPN, RFC 7301) that is not spoken here.
///
/// Only what the agent's [`ClientTls`](torsade_tls::ClientTls) offers can be chosen: it should offer
/// `http/1.1` alone.
///
/// ```
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
/// use torsade_http::{Agent, AgentOptions, UnspokenProtocol};
/// use torsade_tls::ClientTls;
/// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
///
/// # let reactor = Simulation::new().reactor();
/// # let authority = Authority::new("for tests");
/// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).alpn(["h2"]).build()?;
/// # let server = wrap_server_tls(TcpServer::new(&reactor, "127.0.0.1:443".parse()?), &own);
/// # server.listen(|_: &Address| Discard)?;
/// // It offers what the agent does not speak, and the server takes it up.
/// let tls = ClientTls::builder().trust(authority.trust()).alpn(["h2", "http/1.1"]).build()?;
/// let agent = Agent::with_options(&reactor, AgentOptions::new().tls(&tls));
/// let failure = reactor.run_until(agent.get("https://localhost/")).unwrap_err();
/// assert_eq!(failure.find::<UnspokenProtocol>().map(|error| &*error.alpn), Some(&b"h2"[..]));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnspokenProtocol {
    /// Its name.
    pub alpn: Vec<u8>,
}

impl fmt::Display for UnspokenProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.alpn.escape_ascii();
        write!(
            f,
            "the server wants to speak {name}, and only http/1.1 is spoken here"
        )
    }
}

impl Error for UnspokenProtocol {}

/// The protocol of a connection to a server: it decides what is spoken.
pub(crate) enum Speaking {
    Undecided {
        origin: Origin,
        reactor: Reactor,
        owner: Weak<dyn Owner>,
    },
    Http1(Rc<Http1>),
    Unspoken(UnspokenProtocol),
}

impl Speaking {
    /// The connection that requests are sent on, once it is decided what it speaks.
    pub(crate) fn connection(&self) -> Result<Rc<dyn Connection>> {
        match self {
            Self::Http1(connection) => Ok(Rc::<Http1>::clone(connection)),
            Self::Unspoken(error) => Err(error.clone().into()),
            Self::Undecided { .. } => Err(ConnectionDone.into()),
        }
    }
}

impl Protocol for Speaking {
    fn connection_made(&mut self, transport: &Transport) {
        let Self::Undecided {
            origin,
            reactor,
            owner,
        } = self
        else {
            return;
        };
        let tls = transport.negotiated::<TlsInfo>();
        let alpn = tls.as_ref().and_then(|tls| tls.alpn.as_deref());
        *self = match alpn {
            None | Some(b"http/1.1" | b"http/1.0") => Self::Http1(Http1::new(
                origin.clone(),
                reactor,
                Weak::clone(owner),
                transport,
            )),
            Some(alpn) => {
                transport.lose_connection();
                let alpn = alpn.to_vec();
                Self::Unspoken(UnspokenProtocol { alpn })
            }
        };
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        match self {
            Self::Http1(connection) => connection.received(transport, data),
            _ => Ok(()),
        }
    }

    fn read_closed(&mut self, transport: &Transport) {
        match self {
            Self::Http1(connection) => connection.peer_ended(transport),
            _ => transport.lose_connection(),
        }
    }

    fn write_closed(&mut self, transport: &Transport) {
        if let Self::Http1(connection) = self {
            connection.write_ended(transport);
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Self::Http1(connection) = self {
            connection.lost(reason);
        }
    }
}
