//! Several protocols on one port, told apart by what comes first.

use std::fmt;
use std::os::fd::OwnedFd;

use crate::{Failure, Protocol, Result, Transport};

/// What the first bytes of a connection say of its protocol.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::protocols::{Multiplexer, Picked};
/// use torsade_core::testing::StringTransport;
///
/// /// Those who say hello are answered.
/// fn pick(bytes: &[u8]) -> Picked {
///     match bytes {
///         _ if bytes.starts_with(b"HELO ") => Picked::protocol(Echo),
///         _ if b"HELO ".starts_with(bytes) => Picked::More,
///         _ => Picked::None,
///     }
/// }
///
/// let (polite, other) = (StringTransport::new(), StringTransport::new());
/// let _connections = [&polite, &other].map(|wire| wire.connect(Multiplexer::new(pick)));
/// polite.receive(b"HEL")?;
/// polite.receive(b"O there")?;
/// assert_eq!(polite.value(), b"HELO there");
/// other.receive(b"QUIT")?;
/// assert!(other.is_disconnecting());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub enum Picked {
    /// Too little: more have to come.
    More,
    /// It is this one; the bytes are for it.
    Protocol(Box<dyn Protocol>),
    /// None: the connection is closed.
    None,
}

impl Picked {
    /// It is this one.
    pub fn protocol(protocol: impl Protocol) -> Self {
        Self::Protocol(Box::new(protocol))
    }
}

/// A protocol that looks at what comes first, and then is another one.
///
/// It is for protocols in which the client speaks first. Where a filter is to be chosen, TLS for
/// example, there is [`ByFirstBytes`](crate::filter::ByFirstBytes).
///
/// ```
/// use torsade_core::protocols::wire::{Discard, Echo};
/// use torsade_core::protocols::{Multiplexer, Picked};
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:8007".parse()?;
/// let pick = |bytes: &[u8]| match bytes {
///     _ if bytes.starts_with(b"GET ") => Picked::protocol(Echo), // or another one
///     _ if b"GET ".starts_with(bytes) => Picked::More,
///     _ => Picked::protocol(Discard),
/// };
/// TcpServer::new(&reactor, address).listen(move |_: &Address| Multiplexer::new(pick))?;
/// # let seen = AccumulatingProtocol::new();
/// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// client.transport().write(b"GET / HTTP/1.1\r\n");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"GET / HTTP/1.1\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct Multiplexer {
    state: State,
}

type Pick = Box<dyn FnMut(&[u8]) -> Picked>;

enum State {
    Undecided { begun: Vec<u8>, pick: Pick },
    Picked(Box<dyn Protocol>),
    Closing,
}

/// So many bytes must be enough to decide.
const MOST: usize = 4096;

impl Multiplexer {
    /// Asks `pick` with all that has come, as long as it wants more: up to 4096 bytes, then the
    /// connection is closed.
    pub fn new(pick: impl FnMut(&[u8]) -> Picked + 'static) -> Self {
        Self {
            state: State::Undecided {
                begun: Vec::new(),
                pick: Box::new(pick),
            },
        }
    }

    fn picked(&mut self) -> Option<&mut dyn Protocol> {
        match &mut self.state {
            State::Picked(protocol) => Some(&mut **protocol),
            _ => None,
        }
    }
}

impl Protocol for Multiplexer {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let (begun, pick) = match &mut self.state {
            State::Picked(protocol) => return protocol.data_received(transport, data),
            State::Closing => return Ok(()),
            State::Undecided { begun, pick } => (begun, pick),
        };
        begun.extend_from_slice(data);
        match pick(begun) {
            Picked::More if begun.len() <= MOST => Ok(()),
            Picked::More | Picked::None => {
                self.state = State::Closing;
                transport.lose_connection();
                Ok(())
            }
            Picked::Protocol(mut protocol) => {
                let begun = std::mem::take(begun);
                protocol.connection_made(transport);
                let mut given = Ok(());
                for piece in begun.chunks(64 * 1024) {
                    // It may have closed the connection, and then it wants nothing.
                    if given.is_ok() && transport.is_connected() {
                        given = protocol.data_received(transport, piece);
                    }
                }
                self.state = State::Picked(protocol);
                given
            }
        }
    }

    fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
        if let Some(protocol) = self.picked() {
            protocol.descriptor_received(transport, descriptor);
        }
    }

    fn read_closed(&mut self, transport: &Transport) {
        match self.picked() {
            Some(protocol) => protocol.read_closed(transport),
            None => transport.lose_connection(),
        }
    }

    fn write_closed(&mut self, transport: &Transport) {
        if let Some(protocol) = self.picked() {
            protocol.write_closed(transport);
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Some(protocol) = self.picked() {
            protocol.connection_lost(reason);
        }
    }
}

impl fmt::Debug for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::More => "More",
            Self::Protocol(_) => "Protocol",
            Self::None => "None",
        })
    }
}

impl fmt::Debug for Multiplexer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplexer").finish_non_exhaustive()
    }
}
