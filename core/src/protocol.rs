//! Protocol: what users write; and the typed handle to one that is connected.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use crate::deferred::run_queue;
use crate::{Failure, Result, Transport};

/// One end of a conversation, told of what happens on its connection.
///
/// The order is always `connection_made`, then `data_received` as bytes come, then
/// `connection_lost`, exactly once. While one of these methods runs, torsade calls no other user
/// function.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Protocol, Result, Transport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"say something: ");
///     }
///
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         transport.write(data);
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let _echo = wire.connect(Echo);
/// wire.receive(b"hello")?;
/// assert_eq!(wire.value(), b"say something: hello");
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "IProtocol")]
#[doc(alias = "BaseProtocol")]
#[doc(alias = "IFileDescriptorReceiver")]
#[doc(alias = "IHalfCloseableProtocol")]
#[doc(alias = "IHandshakeListener")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no protocol",
    label = "this is no `Protocol`",
    note = "a `LineProtocol` becomes one by `LineReceiver::new(yours)`, a `FrameProtocol` by `FramedReceiver::new(framing, yours)`"
)]
pub trait Protocol: 'static {
    /// The connection is ready to use; with TLS, that is after the handshake.
    #[doc(alias = "connectionMade")]
    #[doc(alias = "handshakeCompleted")]
    #[doc(alias = "makeConnection")]
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes came, as many as they happened to be: at least one, at most 68 KiB.
    ///
    /// # Errors
    /// An error ends the connection at once, with itself as the reason: what is queued is dropped.
    #[doc(alias = "dataReceived")]
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()>;

    /// A descriptor came over a UNIX socket, before the bytes that it was sent with. Unless
    /// overridden, that closes it.
    ///
    /// See [`Transport::send_descriptor`] for both sides:
    ///
    ///
    /// ```
    /// use std::fs::File;
    /// use std::io::Read;
    /// use std::os::fd::OwnedFd;
    /// use torsade_core::{Protocol, Result, Transport};
    ///
    /// /// Sends the contents of each file that it is given.
    /// struct Cat;
    ///
    /// impl Protocol for Cat {
    ///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
    ///         Ok(()) // the byte that came with it means nothing
    ///     }
    ///
    ///     fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
    ///         let mut text = Vec::new();
    ///         match File::from(descriptor).read_to_end(&mut text) {
    ///             Ok(_) => transport.write_bytes(text),
    ///             Err(error) => transport.abort_with(error),
    ///         }
    ///     }
    /// }
    ///
    /// # let wire = torsade_core::testing::StringTransport::new();
    /// let (reader, mut writer) = std::io::pipe()?;
    /// # std::io::Write::write_all(&mut writer, b"hello")?;
    /// # drop(writer);
    /// Cat.descriptor_received(wire.transport(), reader.into()); // as the connection calls it
    /// assert_eq!(wire.value(), b"hello");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "fileDescriptorReceived")]
    #[doc(alias = "IFileDescriptorReceiver")]
    fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
        let _ = (transport, descriptor);
    }

    /// The peer will send no more. Unless overridden, that closes the connection.
    ///
    /// A protocol that overrides it may go on writing, until it calls
    /// [`lose_connection`](Transport::lose_connection).
    ///
    /// ```
    /// use torsade_core::testing::StringTransport;
    /// use torsade_core::{Protocol, Result, Transport};
    ///
    /// /// Sorts the lines that come, when all have.
    /// #[derive(Default)]
    /// struct Sort(Vec<u8>);
    ///
    /// impl Protocol for Sort {
    ///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
    ///         self.0.extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn read_closed(&mut self, transport: &Transport) {
    ///         let mut lines: Vec<_> = self.0.split_inclusive(|&byte| byte == b'\n').collect();
    ///         lines.sort();
    ///         transport.write_sequence(lines);
    ///         transport.lose_connection();
    ///     }
    /// }
    ///
    /// let wire = StringTransport::new();
    /// let _sort = wire.connect(Sort::default());
    /// wire.receive(b"b\nc\na\n")?;
    /// wire.end()?;
    /// assert_eq!(wire.value(), b"a\nb\nc\n");
    /// assert!(wire.is_disconnecting());
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "readConnectionLost")]
    #[doc(alias = "IHalfCloseableProtocol")]
    fn read_closed(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    /// Our direction has ended, as asked for by
    /// [`lose_write_connection`](Transport::lose_write_connection).
    #[doc(alias = "writeConnectionLost")]
    fn write_closed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection is over. Nothing more will be called.
    ///
    /// The reason is a [`ConnectionDone`](crate::ConnectionDone) when it ended in an orderly way,
    /// a [`ConnectionLost`](crate::ConnectionLost) with its cause when it broke, a
    /// [`ConnectionAborted`](crate::ConnectionAborted) when we aborted it, or the failure that
    /// ended it.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use torsade_core::testing::StringTransport;
    /// use torsade_core::{ConnectionDone, Failure, Protocol, Result, Transport};
    ///
    /// /// Gives what it has got to somebody, if that was all.
    /// struct Page(Vec<u8>, Rc<RefCell<Option<Vec<u8>>>>);
    ///
    /// impl Protocol for Page {
    ///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
    ///         self.0.extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn connection_lost(&mut self, reason: &Failure) {
    ///         if reason.check::<ConnectionDone>().is_some() {
    ///             self.1.replace(Some(std::mem::take(&mut self.0)));
    ///         }
    ///     }
    /// }
    ///
    /// let page = Rc::new(RefCell::new(None));
    /// let wire = StringTransport::new();
    /// let _page = wire.connect(Page(Vec::new(), page.clone()));
    /// wire.receive(b"hello")?;
    /// wire.lose(ConnectionDone);
    /// assert_eq!(page.take().unwrap(), b"hello");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "connectionLost")]
    #[doc(alias = "clientConnectionLost")]
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

/// The typed handle to a connected protocol: what `connect` delivers.
///
/// It keeps neither the protocol nor the connection alive.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Protocol, Result, Transport};
///
/// #[derive(Default)]
/// struct Counter {
///     bytes: usize,
/// }
///
/// impl Protocol for Counter {
///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
///         self.bytes += data.len();
///         Ok(())
///     }
/// }
///
/// let wire = StringTransport::new();
/// let counter = wire.connect(Counter::default());
/// wire.receive(b"hello")?;
/// assert_eq!(counter.with(|counter, _| counter.bytes)?, 5);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct ProtocolRef<P> {
    protocol: Weak<RefCell<P>>,
    transport: Transport,
}

/// Why a [`ProtocolRef`] gave no access.
///
/// ```
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::StringTransport;
/// use torsade_core::AccessError;
///
/// let wire = StringTransport::new();
/// let protocol = wire.connect(Discard);
/// drop(wire);
/// assert!(matches!(protocol.with(|_, _| ()), Err(AccessError::Gone)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The connection has ended, and its protocol with it.
    Gone,
    /// The protocol is running right now: one of its own methods is further up the stack.
    Running,
}

impl<P: Protocol> ProtocolRef<P> {
    pub(crate) fn new(protocol: &Rc<RefCell<P>>, transport: Transport) -> Self {
        Self {
            protocol: Rc::downgrade(protocol),
            transport,
        }
    }

    /// Calls `f`, now, with the protocol and its transport.
    ///
    /// # Errors
    /// [`AccessError`]: the protocol is gone, or it is the one that is running.
    pub fn with<R>(&self, f: impl FnOnce(&mut P, &Transport) -> R) -> Result<R, AccessError> {
        let protocol = self.protocol.upgrade().ok_or(AccessError::Gone)?;
        // Leaving the scope runs what `f` fired, so the borrow must have ended before.
        let _scope = run_queue::UserScope::enter();
        let mut protocol = protocol
            .try_borrow_mut()
            .map_err(|_| AccessError::Running)?;
        Ok(f(&mut protocol, &self.transport))
    }

    /// The transport of the connection.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }
}

impl<P> Clone for ProtocolRef<P> {
    fn clone(&self) -> Self {
        Self {
            protocol: self.protocol.clone(),
            transport: self.transport.clone(),
        }
    }
}

impl<P> fmt::Debug for ProtocolRef<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolRef")
            .field("transport", &self.transport)
            .finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the connection has ended, and its protocol with it",
            Self::Running => "the protocol is running right now, further up the stack",
        })
    }
}

impl Error for AccessError {}
