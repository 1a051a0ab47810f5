//! Why a connection ended, or was refused something.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::{Address, Failure};

/// The connection was closed in an orderly way, by either side.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{ConnectionDone, Failure, Protocol, Result, Transport};
///
/// struct Download {
///     is_whole: Rc<Cell<bool>>,
/// }
///
/// impl Protocol for Download {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, reason: &Failure) {
///         self.is_whole.set(reason.check::<ConnectionDone>().is_some());
///     }
/// }
///
/// let is_whole = Rc::new(Cell::new(false));
/// let wire = StringTransport::new();
/// let _download = wire.connect(Download { is_whole: is_whole.clone() });
/// wire.lose(ConnectionDone);
/// assert!(is_whole.get());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "CONNECTION_DONE")]
#[doc(alias = "connectionDone")]
pub struct ConnectionDone;

/// The connection was aborted by us.
///
/// ```
/// # use torsade_core::protocols::wire::Echo;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Result, TcpServer};
/// use torsade_core::{ClientEndpoint, ConnectionAborted, Protocol, TcpClient, Transport};
///
/// /// Has changed its mind.
/// struct Rude;
///
/// impl Protocol for Rude {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.abort_connection();
///     }
/// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let conversation = TcpClient::new(&reactor, address).converse(Rude);
/// let failure = reactor.run_until(conversation).unwrap_err();
/// assert!(failure.check::<ConnectionAborted>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionAborted;

/// The connection ended in an unclean way: reset, timed out, cut off.
///
/// ```
/// use std::io::ErrorKind;
/// # use std::time::Duration;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
/// use torsade_core::ConnectionLost;
///
/// let (reactor, network) = Simulation::new().start();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
/// let conversation = TcpClient::new(&reactor, address).converse(AccumulatingProtocol::new());
/// let _ = reactor.call_later(Duration::from_secs(60), move || network.reset(address));
/// let failure = reactor.run_until(conversation).unwrap_err();
/// let lost = failure.trap::<ConnectionLost>()?;
/// assert_eq!(lost.peer, Address::Tcp(address));
/// assert_eq!(lost.error.kind(), ErrorKind::ConnectionReset);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "CONNECTION_LOST")]
pub struct ConnectionLost {
    /// What was being done when it showed.
    pub stage: Stage,
    /// Our end.
    pub host: Address,
    /// The other end.
    pub peer: Address,
    /// What the operating system said.
    pub error: Arc<io::Error>,
}

/// What a connection was doing when it was lost.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
/// use torsade_core::{ConnectionLost, Stage};
///
/// let (reactor, network) = Simulation::new().start();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
/// let conversation = TcpClient::new(&reactor, address).converse(AccumulatingProtocol::new());
/// // The peer's machine goes down and comes up again.
/// let _ = reactor.call_later(Duration::from_secs(60), move || network.reset(address));
/// let lost = reactor.run_until(conversation).unwrap_err().trap::<ConnectionLost>()?;
/// assert_eq!(lost.stage, Stage::Reading);
/// assert!(lost.to_string().ends_with("was lost while reading"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading from the peer.
    Reading,
    /// Writing to the peer.
    Writing,
    /// Waiting for the peer to read the rest or to say farewell, after `lose_connection`.
    Closing,
    /// The reactor stopped.
    ShuttingDown,
}

/// More was queued for the peer than [`set_max_queued`](crate::Transport::set_max_queued) allows.
///
/// ```
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, Result, TcpServer};
/// use torsade_core::{ClientEndpoint, Protocol, TcpClient, Transport, WriteQueueFull};
///
/// struct Chatterbox;
///
/// impl Protocol for Chatterbox {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.set_max_queued(Some(1_000_000));
///         transport.write(&vec![0; 5_000_000]);
///     }
/// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| AccumulatingProtocol::new())?;
/// let conversation = TcpClient::new(&reactor, address).converse(Chatterbox);
/// let failure = reactor.run_until(conversation).unwrap_err();
/// assert_eq!(failure.trap::<WriteQueueFull>()?.limit, 1_000_000);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteQueueFull {
    /// The limit, in bytes.
    pub limit: usize,
}

/// A transport has a producer already.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{AlreadyRegistered, ProducerKind};
///
/// let (from, to) = (StringTransport::new(), StringTransport::new());
/// let first = from.transport().clone();
/// to.transport().register_producer(first.clone(), ProducerKind::Push)?;
/// let second = to.transport().register_producer(first.clone(), ProducerKind::Push);
/// assert_eq!(second, Err(AlreadyRegistered));
/// // The next one may come when the first has done its part.
/// to.transport().unregister_producer();
/// to.transport().register_producer(first, ProducerKind::Push)?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyRegistered;

/// The factory built no protocol for the connection, so it was closed.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, Factory, NoProtocol, TcpClient, TcpServer};
///
/// /// Has nothing to do with anybody.
/// struct Closed;
///
/// impl Factory for Closed {
///     type Protocol = Echo;
///
///     fn build_protocol(&mut self, _: &Address) -> Option<Echo> {
///         None
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let connected = TcpClient::new(&reactor, address).connect(Closed);
/// let failure = reactor.run_until(connected).unwrap_err();
/// assert_eq!(failure.trap::<NoProtocol>()?.peer, Address::Tcp(address));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoProtocol {
    /// The peer it would have been for.
    pub peer: Address,
}

/// A connection never became ready to use, or a filter put on it never did.
///
/// The reason is its [`source`](Error::source): `find` finds it.
///
/// ```
/// use torsade_core::filter::{ProxyHeader, ProxyHeaderError};
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
/// use torsade_core::{HandshakeFailed, Result};
///
/// # fn main() -> Result<()> {
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
/// let ready = pair.server().transport().start_filter(ProxyHeader::new());
/// pair.client().transport().write(b"GET / HTTP/1.1\r\n");
/// pair.flush()?;
/// let failure = failure_result_of(ready);
/// assert!(failure.check::<HandshakeFailed>().is_some());
/// // What the filter found, whatever that is wrapped in.
/// assert_eq!(failure.find(), Some(&ProxyHeaderError::NotThere));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HandshakeFailed {
    /// What ended the connection.
    pub reason: Arc<Failure>,
}

/// A filter was started while plain bytes from before it were still waiting: some that came and
/// had not been taken yet, or some that were written for a filter below that was not ready.
///
/// Those that came must not be mistaken for bytes that came through the filter: that is how commands are
/// smuggled into an encrypted session (CVE-2011-0411).
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::filter::ProxyHeader;
/// use torsade_core::protocols::{LineControl, LineProtocol, LineReceiver};
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_core::{Failure, PlaintextPending, Result};
///
/// /// Knows one command, which begins a filter: TLS, in earnest.
/// struct Commands {
///     was_attacked: Rc<Cell<bool>>,
/// }
///
/// impl LineProtocol for Commands {
///     fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
///         assert_eq!(line, b"STARTTLS");
///         lines.transport().start_filter(ProxyHeader::new());
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, reason: &Failure) {
///         self.was_attacked.set(reason.check::<PlaintextPending>().is_some());
///     }
/// }
///
/// let seen = Rc::new(Cell::new(false));
/// let server = LineReceiver::new(Commands { was_attacked: seen.clone() });
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), server)?;
/// // Somebody on the way adds a command, to be taken for one of the encrypted ones.
/// pair.client().transport().write(b"STARTTLS\r\nRCPT TO:<mallory>\r\n");
/// pair.flush()?;
/// assert!(seen.get());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaintextPending;

impl fmt::Display for ConnectionDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was closed cleanly")
    }
}

impl fmt::Display for ConnectionAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was aborted on this side")
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Reading => "reading",
            Stage::Writing => "writing",
            Stage::Closing => "closing",
            Stage::ShuttingDown => "shutting down",
        };
        write!(
            f,
            "the connection to {} (from {}) was lost while {stage}",
            self.peer, self.host
        )
    }
}

impl fmt::Display for WriteQueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the peer reads too slowly: more than {} bytes are queued for it",
            self.limit
        )
    }
}

impl fmt::Display for AlreadyRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transport has a producer already")
    }
}

impl fmt::Display for NoProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the factory built no protocol for {}", self.peer)
    }
}

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection did not become ready")
    }
}

impl fmt::Display for PlaintextPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter was started while plain bytes from before it were still waiting")
    }
}

impl Error for PlaintextPending {}

impl Error for HandshakeFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.reason.error())
    }
}

impl Error for ConnectionDone {}
impl Error for ConnectionAborted {}
impl Error for WriteQueueFull {}
impl Error for AlreadyRegistered {}
impl Error for NoProtocol {}

impl Error for ConnectionLost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}
