//! Transport: the handle through which a protocol speaks to its peer.

mod flow;
mod link;
mod socket;

use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Instant;

use bytes::Bytes;

use crate::{Deferred, Failure, Filter, Reactor, Traffic};

pub(crate) use link::Link;
pub use socket::Credentials;

/// A cheap handle to one end of a connection; clone it and keep it as you like.
///
/// It keeps nothing alive, and after the connection has ended every method of it is harmless:
/// what is written is dropped, what is asked for is `None`. None of its methods calls user code
/// before it returns: what it causes elsewhere happens when the running function has returned.
///
/// # Writing
/// What is written in one turn of the reactor leaves in one system call at the turn's end; a
/// large piece leaves at once, with all that was queued before it. Nothing is lost when the peer
/// reads slowly: it is queued. To be slowed down, [register a producer](Self::register_producer);
/// to see the queue, ask [`queued`](Self::queued); to bound it, [`set_max_queued`](Self::set_max_queued).
///
/// After [`lose_connection`](Self::lose_connection) or
/// [`lose_write_connection`](Self::lose_write_connection), what is written is dropped.
///
/// ```
/// use torsade_core::{Protocol, Result, Transport};
///
/// /// Says how much came, and closes after a kilobyte.
/// #[derive(Default)]
/// struct Meter {
///     bytes: usize,
/// }
///
/// impl Protocol for Meter {
///     fn connection_made(&mut self, transport: &Transport) {
///         println!("{} is here", transport.peer());
///         // No more than this for a peer that does not read.
///         transport.set_max_queued(Some(64 * 1024));
///     }
///
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         self.bytes += data.len();
///         transport.write(format!("{}\r\n", self.bytes).as_bytes());
///         if self.bytes > 1024 {
///             transport.lose_connection();
///         }
///         Ok(())
///     }
/// }
/// # let wire = torsade_core::testing::StringTransport::new();
/// # let _meter = wire.connect(Meter::default());
/// # wire.receive(b"hello")?;
/// # assert_eq!(wire.value(), b"5\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ITransport")]
#[doc(alias = "ITCPTransport")]
#[doc(alias = "Connection")]
#[doc(alias = "IConsumer")]
#[doc(alias = "IUNIXTransport")]
pub struct Transport {
    link: Weak<dyn Link>,
}

impl Transport {
    pub(crate) fn new(link: Weak<dyn Link>) -> Self {
        Self { link }
    }

    fn link(&self) -> Option<Rc<dyn Link>> {
        self.link.upgrade()
    }

    /// Sends `data`, after all that was written before.
    pub fn write(&self, data: &[u8]) {
        if let Some(link) = self.link() {
            link.write(data);
        }
    }

    /// Sends `data` without copying it.
    ///
    /// ```
    /// let wire = torsade_core::testing::StringTransport::new();
    /// wire.transport().write_bytes(vec![b'x'; 1_000_000]); // nor anything that becomes `Bytes`
    /// assert_eq!(wire.value().len(), 1_000_000);
    /// ```
    pub fn write_bytes(&self, data: impl Into<Bytes>) {
        if let Some(link) = self.link() {
            link.write_bytes(data.into());
        }
    }

    /// Sends several pieces, one after another.
    ///
    /// ```
    /// let wire = torsade_core::testing::StringTransport::new();
    /// wire.transport().write_sequence(["HELO ", "example.com", "\r\n"]);
    /// assert_eq!(wire.value(), b"HELO example.com\r\n");
    /// ```
    #[doc(alias = "writeSequence")]
    pub fn write_sequence<I>(&self, pieces: I)
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        if let Some(link) = self.link() {
            for piece in pieces {
                link.write(piece.as_ref());
            }
        }
    }

    /// Closes the connection once all that was written has gone out.
    ///
    /// Nothing more is received, and what is written is dropped. A registered producer may finish,
    /// unless it is [not waited for](crate::Producer::is_waited_for): until it is unregistered, writes are
    /// taken, and only then the connection closes. With TLS,
    /// close_notify is sent and the peer's awaited. The wait for the peer is bounded: after three
    /// seconds in which it took nothing, or did not answer, the connection ends with a
    /// [`ConnectionLost`](crate::ConnectionLost). Otherwise `connection_lost` comes, with [`ConnectionDone`](crate::ConnectionDone)
    /// when all went well. Calling it again changes nothing.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, Ending};
    ///
    /// let (client, server) = (AccumulatingProtocol::new(), AccumulatingProtocol::new());
    /// let pair = ConnectedPair::new(client.clone(), server.clone())?;
    /// pair.client().transport().write(b"the last words");
    /// pair.client().transport().lose_connection();
    /// pair.client().transport().write(b", and some more");
    /// pair.flush()?;
    /// assert_eq!(server.data(), b"the last words");
    /// assert_eq!((client.ending(), server.ending()), (Some(Ending::Done), Some(Ending::Done)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        if let Some(link) = self.link() {
            link.lose_connection();
        }
    }

    /// Ends our direction once all that was written has gone out; reading goes on.
    ///
    /// The peer reads to the end. The protocol is told by `write_closed`. When the peer's
    /// direction has ended as well, the connection is closed.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_core::{Protocol, Result, Transport};
    ///
    /// /// Says how much it got, when that is all.
    /// #[derive(Default)]
    /// struct Count(usize);
    ///
    /// impl Protocol for Count {
    ///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
    ///         self.0 += data.len();
    ///         Ok(())
    ///     }
    ///
    ///     fn read_closed(&mut self, transport: &Transport) {
    ///         transport.write(self.0.to_string().as_bytes());
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let client = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(client.clone(), Count::default())?;
    /// pair.client().transport().write(b"hello");
    /// pair.client().transport().lose_write_connection();
    /// pair.flush()?;
    /// assert_eq!(client.data(), b"5");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "loseWriteConnection")]
    #[doc(alias = "halfClose")]
    pub fn lose_write_connection(&self) {
        if let Some(link) = self.link() {
            link.lose_write_connection();
        }
    }

    /// Closes the connection at once: what is queued is dropped, the peer sees a reset.
    ///
    /// `connection_lost` comes with [`ConnectionAborted`](crate::ConnectionAborted).
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, Ending};
    ///
    /// let (client, server) = (AccumulatingProtocol::new(), AccumulatingProtocol::new());
    /// let pair = ConnectedPair::new(client.clone(), server.clone())?;
    /// pair.client().transport().write(b"never mind");
    /// pair.client().transport().abort_connection();
    /// pair.flush()?;
    /// assert_eq!((server.data(), client.ending()), (vec![], Some(Ending::Aborted)));
    /// assert!(server.ending().unwrap().is_reset());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "abortConnection")]
    pub fn abort_connection(&self) {
        if let Some(link) = self.link() {
            link.abort_connection();
        }
    }

    /// As [`abort_connection`](Self::abort_connection), with a reason of one's own for
    /// `connection_lost`.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, Ending, StringTransport};
    ///
    /// let seen = AccumulatingProtocol::new();
    /// let wire = StringTransport::new();
    /// let _seen = wire.connect(seen.clone());
    /// wire.transport().abort_with(std::io::Error::other("the disk is full"));
    /// wire.finish();
    /// assert_eq!(seen.ending(), Some(Ending::Error("the disk is full".to_owned())));
    /// ```
    pub fn abort_with(&self, reason: impl Into<Failure>) {
        if let Some(link) = self.link() {
            link.abort_with(reason.into());
        }
    }

    /// Whether something can still be written: neither lost nor closing, in our direction.
    pub fn is_open(&self) -> bool {
        self.link().is_some_and(|link| link.is_open())
    }

    /// Whether the connection is neither lost nor closing. Our direction alone may have ended: see
    /// [`lose_write_connection`](Self::lose_write_connection).
    ///
    /// ```
    /// let wire = torsade_core::testing::StringTransport::new();
    /// let transport = wire.transport();
    /// transport.lose_write_connection();
    /// assert!(transport.is_connected() && !transport.is_open()); // it still reads
    /// transport.lose_connection();
    /// assert!(!transport.is_connected());
    /// ```
    #[doc(alias = "connected")]
    #[doc(alias = "disconnecting")]
    pub fn is_connected(&self) -> bool {
        self.link().is_some_and(|link| link.is_connected())
    }

    /// Puts a filter between the wire and the protocol, in the middle of a connection.
    ///
    /// What was written before goes out as it is; what is written from now on goes through the
    /// filter. The Deferred fires when the filter is ready (for TLS: the handshake is done); when
    /// the filter fails, it fails with [`HandshakeFailed`](crate::HandshakeFailed), in which what
    /// the filter found is the cause, and the connection is closed with that.
    ///
    /// ```
    /// use torsade_core::filter::ProxyHeader;
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, success_result_of};
    ///
    /// let server = AccumulatingProtocol::new();
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), server.clone())?;
    /// let ready = pair.server().transport().start_filter(ProxyHeader::new());
    /// pair.client().transport().write(b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\nhello");
    /// pair.flush()?;
    /// success_result_of(ready);
    /// assert_eq!(server.data(), b"hello");
    /// assert_eq!(pair.server().transport().peer().to_string(), "192.0.2.1:4000");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "startTLS")]
    pub fn start_filter(&self, filter: impl Filter) -> Deferred<()> {
        match self.link() {
            Some(link) => link.start_filter(Box::new(filter)),
            None => Deferred::fail(crate::ConnectionDone),
        }
    }

    /// What the topmost filter agreed on with the peer, if it is a `T`: for TLS, a `TlsInfo`.
    ///
    /// ```
    /// use std::any::Any;
    /// use std::rc::Rc;
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_core::{Filter, Result};
    ///
    /// /// Both sides have agreed on a version.
    /// #[derive(Debug)]
    /// struct Versioned;
    ///
    /// impl Filter for Versioned {
    ///     fn negotiated(&self) -> Option<Rc<dyn Any>> {
    ///         Some(Rc::new(3_u8))
    ///     }
    /// #   fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
    /// #       plain.extend_from_slice(input);
    /// #       Ok(())
    /// #   }
    /// #   fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
    /// #       wire.extend_from_slice(plain);
    /// #       Ok(())
    /// #   }
    ///     // ...
    /// }
    ///
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// let transport = pair.client().transport();
    /// assert!(transport.negotiated::<u8>().is_none());
    /// drop(transport.start_filter(Versioned));
    /// assert_eq!(transport.negotiated::<u8>(), Some(Rc::new(3)));
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "getPeerCertificate")]
    #[doc(alias = "negotiatedProtocol")]
    pub fn negotiated<T: 'static>(&self) -> Option<Rc<T>> {
        self.link()?.negotiated()?.downcast().ok()
    }

    /// Fires when the connection is over and its protocol has been told of it: with success if it ended
    /// in an orderly way, with the reason if not. Cancelling aborts the connection. It is for one who
    /// waits from the beginning.
    pub(crate) fn when_lost(&self) -> Deferred<()> {
        match self.link() {
            Some(link) => link.when_lost(),
            None => Deferred::fail(crate::ConnectionDone),
        }
    }

    /// How many filters there are. What came before one was started did not come through it.
    pub(crate) fn filters(&self) -> usize {
        self.link().map_or(0, |link| link.filters())
    }

    /// What goes over it from now on: how much, and how fast it may. A connection whose traffic nobody
    /// asks for does not count it.
    pub fn traffic(&self) -> Traffic {
        match self.link() {
            Some(link) => link.traffic(),
            None => Traffic::new(Instant::now()),
        }
    }

    /// The reactor that drives this connection; one that is gone once the connection is forgotten.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::{Simulation, StringTransport};
    /// use torsade_core::{Protocol, Result, Transport};
    ///
    /// /// Has had enough after an hour.
    /// struct Hour;
    ///
    /// impl Protocol for Hour {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         let closes = transport.clone();
    ///         let hour = Duration::from_secs(3600);
    ///         let _ = transport.reactor().call_later(hour, move || closes.lose_connection());
    ///     }
    /// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
    /// }
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let _hour = wire.connect(Hour);
    /// reactor.advance(Duration::from_secs(3600))?;
    /// assert!(wire.is_disconnecting());
    /// # Result::<()>::Ok(())
    /// ```
    pub fn reactor(&self) -> Reactor {
        self.link()
            .map_or_else(Reactor::gone, |link| link.reactor())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Transport");
        match self.link() {
            Some(link) => debug
                .field("peer", &link.peer())
                .field("host", &link.host())
                .field("open", &link.is_open())
                .field("queued", &link.queued()),
            None => debug.field("open", &false),
        };
        debug.finish()
    }
}
