//! Transport: the handle through which a protocol speaks to its peer.

use std::any::Any;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::Instant;

use bytes::Bytes;

use crate::{
    Address, AlreadyRegistered, Deferred, Failure, Filter, KeepAlive, Producer, ProducerKind,
    Reactor, Result, SocketOption, Traffic,
};

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

/// What stands behind a [`Transport`]: a connection of `net/`, or one of the testing kit.
pub(crate) trait Link {
    fn write(&self, data: &[u8]);
    fn write_bytes(&self, data: Bytes);
    fn queued(&self) -> usize;
    fn set_max_queued(&self, bytes: Option<usize>);
    fn lose_connection(&self);
    fn lose_write_connection(&self);
    fn abort_connection(&self);
    fn abort_with(&self, reason: Failure);
    fn is_open(&self) -> bool;
    fn is_connected(&self) -> bool;
    fn has_input(&self) -> bool;
    fn pause_reading(&self);
    fn resume_reading(&self);
    fn register_producer(
        &self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered>;
    fn unregister_producer(&self);
    fn peer(&self) -> Address;
    fn host(&self) -> Address;
    fn set_option(&self, option: SocketOption) -> Result<()>;
    fn send_descriptor(&self, descriptor: OwnedFd) -> Result<()>;
    fn peer_credentials(&self) -> Result<Credentials>;
    /// Fires when the connection is over and its protocol has been told; for one waiter.
    fn when_lost(&self) -> Deferred<()> {
        Deferred::fail(crate::ConnectionDone)
    }
    fn start_filter(&self, filter: Box<dyn Filter>) -> Deferred<()>;
    fn negotiated(&self) -> Option<Rc<dyn Any>>;
    /// How many filters there are between the wire and the protocol.
    fn filters(&self) -> usize {
        0
    }
    fn traffic(&self) -> Traffic;
    fn reactor(&self) -> Reactor;
}

/// Who made a UNIX connection: the numbers of its process, user and group, at that time.
///
/// ```
/// use torsade_core::Reactor;
/// use torsade_core::protocols::wire::Discard;
///
/// let reactor = Reactor::new()?;
/// let [one, _other] = reactor.pair()?;
/// let client = reactor.run_until(one.open(|_: &torsade_core::Address| Discard))?;
/// let credentials = client.transport().peer_credentials()?;
/// // Both ends are ours.
/// assert_eq!(credentials.process, Some(std::process::id()));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "ucred")]
pub struct Credentials {
    /// The process, unless it is in a namespace that ours cannot see.
    pub process: Option<u32>,
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
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

    /// How many bytes were written and have not yet been handed to the system.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
    /// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(Discard))?;
    /// # let transport = client.transport();
    /// transport.write(b"hello");
    /// assert_eq!(transport.queued(), 5); // until the turn ends
    /// reactor.advance(std::time::Duration::ZERO)?;
    /// assert_eq!(transport.queued(), 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn queued(&self) -> usize {
        self.link().map_or(0, |link| link.queued())
    }

    /// From now on, more than so many queued bytes abort the connection, with
    /// [`WriteQueueFull`](crate::WriteQueueFull) as its reason. `None`, the default, is no limit.
    pub fn set_max_queued(&self, bytes: Option<usize>) {
        if let Some(link) = self.link() {
            link.set_max_queued(bytes);
        }
    }

    /// Closes the connection once all that was written has gone out.
    ///
    /// Nothing more is received, and what is written is dropped. A registered producer may finish,
    /// unless it is [not waited for](Producer::is_waited_for): until it is unregistered, writes are
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

    /// Whether something waits to be received that this end has not seen yet: bytes, or the end.
    ///
    /// This asks the system, so it is for rare use: whoever takes an idle connection into use
    /// again learns in time that the peer has closed it meanwhile.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    ///
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// let idle = pair.client().transport();
    /// idle.pause_reading(); // while nobody uses it
    /// assert!(!idle.has_input());
    /// pair.server().transport().lose_connection();
    /// pair.flush()?;
    /// assert!(idle.has_input()); // the end, so it is of no use any more
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn has_input(&self) -> bool {
        self.link().is_some_and(|link| link.has_input())
    }

    /// Stops reading: the peer's bytes stay in the system's buffers until it feels that.
    ///
    /// While paused, the end of the connection is not noticed either.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, StringTransport};
    ///
    /// let protocol = AccumulatingProtocol::new();
    /// let wire = StringTransport::new();
    /// let _protocol = wire.connect(protocol.clone());
    /// wire.transport().pause_reading();
    /// wire.receive(b"hello")?;
    /// assert_eq!(protocol.data(), b"");
    /// wire.transport().resume_reading();
    /// assert_eq!(protocol.data(), b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "pauseProducing")]
    #[doc(alias = "stopReading")]
    pub fn pause_reading(&self) {
        if let Some(link) = self.link() {
            link.pause_reading();
        }
    }

    /// Reads again after [`pause_reading`](Self::pause_reading); pauses do not nest.
    #[doc(alias = "resumeProducing")]
    #[doc(alias = "startReading")]
    pub fn resume_reading(&self) {
        if let Some(link) = self.link() {
            link.resume_reading();
        }
    }

    /// Makes `producer` the one whose pace this connection sets.
    ///
    /// A push producer is paused when more than 64 KiB are queued and resumed when no more than
    /// 16 KiB are. A pull producer is asked for a piece now, and each time that the queue has
    /// become empty after something was written: if it writes nothing when asked, it is asked
    /// again only after the next write, by whomever. When the connection has ended, or cannot be
    /// written any more, `stop_producing` is called instead.
    ///
    /// ```
    /// use torsade_core::protocols::wire::Chargen;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// let reactor = Simulation::new().window(10_000).reactor();
    /// # let address = "127.0.0.1:19".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Chargen)?;
    /// # let seen = AccumulatingProtocol::new();
    /// # let client = TcpClient::new(&reactor, address).connect_protocol(seen.clone());
    /// # let client = reactor.run_until(client)?;
    /// client.transport().pause_reading();
    /// reactor.advance(std::time::Duration::from_secs(60))?;
    /// // The pull producer at the other end has no end, but is not asked any more.
    /// assert!(reactor.statistics().queued_bytes < 100_000);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`AlreadyRegistered`] when there is a producer; that one stays.
    #[doc(alias = "registerProducer")]
    pub fn register_producer(
        &self,
        producer: impl Producer,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        let producer: Box<dyn Producer> = Box::new(producer);
        match self.link() {
            Some(link) => link.register_producer(producer, kind),
            None => {
                self.stop_later(producer);
                Ok(())
            }
        }
    }

    /// Tells a producer that came too late, when the running function has returned.
    pub(crate) fn stop_later(&self, mut producer: Box<dyn Producer>) {
        let transport = self.clone();
        drop(Deferred::succeed(()).map(move |()| producer.stop_producing(&transport)));
    }

    /// The producer has written all: a closing connection may now close. Harmless without one.
    ///
    /// ```
    /// use torsade_core::protocols::FileSender;
    /// use torsade_core::testing::StringTransport;
    ///
    /// let wire = StringTransport::new();
    /// let _sent = FileSender::new(&b"hello"[..]).begin(wire.transport())?; // a pull producer
    /// wire.transport().lose_connection();
    /// assert!(!wire.finish()); // it may have more to write
    /// wire.transport().unregister_producer();
    /// assert!(wire.finish());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        if let Some(link) = self.link() {
            link.unregister_producer();
        }
    }

    /// The address of the other end; [`Address::Unnamed`] once the connection is forgotten.
    #[doc(alias = "getPeer")]
    pub fn peer(&self) -> Address {
        self.link().map_or(Address::Unnamed, |link| link.peer())
    }

    /// The address of our end; [`Address::Unnamed`] once the connection is forgotten.
    #[doc(alias = "getHost")]
    pub fn host(&self) -> Address {
        self.link().map_or(Address::Unnamed, |link| link.host())
    }

    /// Sends small segments at once instead of gathering them (TCP_NODELAY). On by default.
    ///
    /// # Errors
    /// As [`set_option`](Self::set_option).
    #[doc(alias = "setTcpNoDelay")]
    pub fn set_no_delay(&self, on: bool) -> Result<()> {
        self.set_option(SocketOption::NoDelay(on))
    }

    /// Probes a silent peer, or with `None` never (the default).
    ///
    /// # Errors
    /// As [`set_option`](Self::set_option).
    #[doc(alias = "setTcpKeepAlive")]
    pub fn set_keep_alive(&self, times: Option<KeepAlive>) -> Result<()> {
        self.set_option(SocketOption::KeepAlive(times))
    }

    /// Sets an option of the socket.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where there is no such option;
    /// [`ConnectionDone`](crate::ConnectionDone) when the connection has ended.
    #[doc(alias = "getHandle")]
    pub fn set_option(&self, option: SocketOption) -> Result<()> {
        self.link().ok_or(crate::ConnectionDone)?.set_option(option)
    }

    /// Sends a descriptor over a UNIX socket, with the next bytes that are written: the peer has it
    /// before it has those. Some must follow, or the connection ends with a
    /// [`DescriptorOverrun`](crate::DescriptorOverrun).
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::OwnedFd;
    /// use torsade_core::{Address, Deferred, Protocol, Reactor, Resolver, Result, Transport};
    ///
    /// /// Waits for a descriptor.
    /// struct Takes(Option<Resolver<OwnedFd>>);
    ///
    /// impl Protocol for Takes {
    ///     fn descriptor_received(&mut self, _: &Transport, descriptor: OwnedFd) {
    ///         self.0.take().unwrap().callback(descriptor);
    ///     }
    /// #   fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let [one, other] = reactor.pair()?; // two UNIX sockets
    /// let (resolver, taken) = Deferred::new();
    /// let mut takes = Some(Takes(Some(resolver)));
    /// let takes = one.open(move |_: &Address| takes.take().unwrap());
    /// let gives = other.open(|_: &Address| Takes(None));
    /// # let _takes = reactor.run_until(takes)?;
    /// let (reader, writer) = std::io::pipe()?;
    /// let gives = reactor.run_until(gives)?;
    /// gives.transport().send_descriptor(writer.into())?;
    /// gives.transport().write(b"that was a pipe");
    /// drop(reactor.run_until(taken)?); // closes the pipe
    /// assert_eq!((&reader).read(&mut [0])?, 0);
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` where it is no UNIX socket of the system;
    /// [`ConnectionDone`](crate::ConnectionDone) when nothing can be written any more.
    #[doc(alias = "sendFileDescriptor")]
    #[doc(alias = "IUNIXTransport")]
    pub fn send_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        let link = self.link().ok_or(crate::ConnectionDone)?;
        link.send_descriptor(descriptor)
    }

    /// Who is at the other end of a UNIX socket, as the system knows: it cannot be pretended.
    ///
    /// # Errors
    /// `Unsupported` where it is no UNIX socket of the system;
    /// [`ConnectionDone`](crate::ConnectionDone) when the connection has ended.
    #[doc(alias = "SO_PEERCRED")]
    pub fn peer_credentials(&self) -> Result<Credentials> {
        let link = self.link().ok_or(crate::ConnectionDone)?;
        link.peer_credentials()
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
