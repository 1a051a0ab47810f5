//! A transport that keeps what is written.

mod link;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::{
    Address, ConnectionAborted, ConnectionDone, Failure, ProducerKind, Protocol, ProtocolRef,
    Reactor, Result, Transport,
};
use link::{Phase, StringLink};

/// A transport that keeps what is written, for the test of one protocol: without a reactor, a socket
/// or a peer. The test is the peer.
///
/// Nothing happens by itself. [`lose_connection`](Transport::lose_connection) only sets a flag, and
/// the test says when the connection is [over](Self::finish); a producer is asked when the test
/// [says so](Self::resume_producer). All else is as with a connection: the methods of the protocol
/// never nest with callbacks, what is received while the protocol has paused reading waits, and what
/// is written after `lose_connection` is dropped.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Protocol, Result, Transport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         transport.write(data);
///         if data == b"bye" {
///             transport.lose_connection();
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let wire = StringTransport::new();
/// let _echo = wire.connect(Echo);
/// wire.receive(b"hello")?;
/// assert_eq!(wire.value(), b"hello");
/// assert!(!wire.is_disconnecting());
/// wire.receive(b"bye")?;
/// assert!(wire.is_disconnecting());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "StringTransportWithDisconnection")]
#[doc(alias = "proto_helpers")]
pub struct StringTransport {
    link: Rc<StringLink>,
    transport: Transport,
}

impl StringTransport {
    /// Between two ends without names, of no reactor.
    pub fn new() -> Self {
        let link = StringLink::new();
        let transport = link.transport();
        Self { link, transport }
    }

    /// The reactor that the protocol finds at its transport: for timers, in a
    /// [`Simulation`](super::Simulation).
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::IdleTimeout;
    /// use torsade_core::testing::{Simulation, StringTransport};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let mut idle = IdleTimeout::new(wire.transport());
    /// idle.set(Some(Duration::from_secs(60)));
    /// reactor.advance(Duration::from_secs(60))?;
    /// assert!(wire.is_disconnecting());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn on(self, reactor: &Reactor) -> Self {
        *self.link.reactor.borrow_mut() = reactor.clone();
        self
    }

    /// The address of the other end.
    #[doc(alias = "peerAddress")]
    #[doc(alias = "peerAddr")]
    pub fn peer(self, address: impl Into<Address>) -> Self {
        *self.link.peer.borrow_mut() = address.into();
        self
    }

    /// The address of our end.
    #[doc(alias = "hostAddress")]
    #[doc(alias = "hostAddr")]
    pub fn host(self, address: impl Into<Address>) -> Self {
        *self.link.host.borrow_mut() = address.into();
        self
    }

    /// The transport as the protocol sees it.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Gives the transport to a protocol: its `connection_made` is called. The protocol lives as long
    /// as this.
    #[doc(alias = "makeConnection")]
    pub fn connect<P: Protocol>(&self, protocol: P) -> ProtocolRef<P> {
        let protocol = Rc::new(RefCell::new(protocol));
        let handle = ProtocolRef::new(&protocol, self.transport.clone());
        *self.link.protocol.borrow_mut() = Some(protocol);
        self.link
            .call(|protocol, transport| protocol.connection_made(transport));
        handle
    }

    /// The peer sends these bytes: `data_received` is called, with 68 KiB at most each time. While the
    /// protocol has paused reading, they wait; once the connection is closing, they are dropped.
    ///
    /// ```
    /// use torsade_core::testing::StringTransport;
    /// use torsade_core::{Protocol, Result, Transport};
    ///
    /// /// Only takes text.
    /// struct Text;
    ///
    /// impl Protocol for Text {
    ///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
    ///         std::str::from_utf8(data)?;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _text = wire.connect(Text);
    /// wire.receive(b"hello")?;
    /// let failure = wire.receive(b"\xff").unwrap_err();
    /// assert!(failure.check::<std::str::Utf8Error>().is_some());
    /// assert!(wire.is_aborted());
    /// # Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What `data_received` gave. The transport counts as aborted then.
    ///
    /// # Panics
    /// When there is no protocol yet, or when it is called by the protocol.
    #[doc(alias = "dataReceived")]
    #[track_caller]
    pub fn receive(&self, data: &[u8]) -> Result<()> {
        self.link.assert_callable();
        self.link.arrive(data);
        self.link.deliver()
    }

    /// The peer ends its direction: `read_closed` is called, after what was received before.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[doc(alias = "readConnectionLost")]
    #[track_caller]
    pub fn end(&self) -> Result<()> {
        self.link.assert_callable();
        self.link.has_end.set(true);
        self.link.deliver()
    }

    /// The connection is lost, for this reason: the producer is stopped, and `connection_lost` is
    /// called, once.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, Ending, StringTransport};
    ///
    /// let seen = AccumulatingProtocol::new();
    /// let wire = StringTransport::new();
    /// let _seen = wire.connect(seen.clone());
    /// wire.lose(std::io::Error::other("the cable was cut"));
    /// assert_eq!(seen.ending(), Some(Ending::Error("the cable was cut".to_owned())));
    /// assert!(!wire.transport().is_connected());
    /// ```
    #[doc(alias = "reportDisconnect")]
    #[doc(alias = "connectionLost")]
    pub fn lose(&self, reason: impl Into<Failure>) {
        self.link.lose(&reason.into());
    }

    /// Does what the protocol has asked for with `lose_connection`, `abort_connection` or
    /// `lose_write_connection`, as the reactor would: it is told `connection_lost`, or `write_closed`.
    /// A producer that is [waited for](crate::Producer::is_waited_for) must have been unregistered
    /// first, or aborted; another one is stopped.
    ///
    /// Gives back whether there was anything to do.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, Ending, StringTransport};
    ///
    /// let seen = AccumulatingProtocol::new();
    /// let wire = StringTransport::new();
    /// let _seen = wire.connect(seen.clone());
    /// assert!(!wire.finish()); // nobody has asked for an end
    /// wire.transport().lose_connection();
    /// assert!(seen.ending().is_none());
    /// assert!(wire.finish());
    /// assert_eq!(seen.ending(), Some(Ending::Done));
    /// ```
    #[doc(alias = "StringTransportWithDisconnection")]
    pub fn finish(&self) -> bool {
        let link = &self.link;
        if link.phase.get() == Phase::Disconnecting {
            link.stop_endless_producer();
        }
        match link.phase.get() {
            Phase::Aborted => {
                let reason = link.reason.take();
                link.lose(&reason.unwrap_or_else(|| ConnectionAborted.into()));
                true
            }
            _ if link.producer.borrow().is_some() => false,
            Phase::Disconnecting => {
                link.lose(&ConnectionDone.into());
                true
            }
            Phase::Open => link.finish_writing(),
            Phase::Lost => false,
        }
    }

    /// All that was written, or all since [`clear`](Self::clear).
    pub fn value(&self) -> Vec<u8> {
        self.link.written.borrow().clone()
    }

    /// Forgets what was written: the peer has it.
    pub fn clear(&self) {
        self.link.written.borrow_mut().clear();
    }

    /// Whether the protocol has called `lose_connection`, and not aborted.
    #[doc(alias = "disconnecting")]
    pub fn is_disconnecting(&self) -> bool {
        self.link.phase.get() == Phase::Disconnecting
    }

    /// Whether the protocol has aborted the connection, by a method of its transport or by an error.
    #[doc(alias = "abortConnectionCalled")]
    #[doc(alias = "disconnected")]
    pub fn is_aborted(&self) -> bool {
        self.link.phase.get() == Phase::Aborted
    }

    /// Whether the protocol has called `lose_write_connection`.
    pub fn is_write_ended(&self) -> bool {
        self.link.write_ended.get()
    }

    /// Whether the protocol has paused reading.
    #[doc(alias = "producerState")]
    pub fn is_paused(&self) -> bool {
        self.link.paused.get()
    }

    /// The kind of the producer that is registered, if one is.
    #[doc(alias = "streaming")]
    pub fn producer(&self) -> Option<ProducerKind> {
        self.link.producer.borrow().as_ref().map(|(_, kind)| *kind)
    }

    /// Calls `resume_producing` of the producer: for a pull producer, that asks for the next piece.
    pub fn resume_producer(&self) {
        self.link
            .call_producer(|producer, transport| producer.resume_producing(transport));
    }

    /// Calls `pause_producing` of the producer: the peer reads too slowly.
    ///
    /// ```
    /// use torsade_core::ProducerKind;
    /// use torsade_core::testing::StringTransport;
    ///
    /// // What comes over one connection goes over another.
    /// let (from, to) = (StringTransport::new(), StringTransport::new());
    /// to.transport().register_producer(from.transport().clone(), ProducerKind::Push)?;
    /// to.pause_producer();
    /// assert!(from.is_paused());
    /// to.resume_producer();
    /// assert!(!from.is_paused());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn pause_producer(&self) {
        self.link
            .call_producer(|producer, transport| producer.pause_producing(transport));
    }
}

impl Default for StringTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StringTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringTransport")
            .field("value", &self.value().escape_ascii().to_string())
            .field("phase", &self.link.phase.get())
            .finish_non_exhaustive()
    }
}
