//! Behaviours to add to the connections of any factory: limits, time-outs, bandwidth.
//!
//! A [`Policy`] decides which connections there are, and gives each a [`Guard`] that hears of what
//! happens to it before its protocol does. [`Factory::policy`](crate::Factory::policy) puts one on; several compose, the last
//! one outermost:
//!
//! ```
//! use std::time::Duration;
//! use torsade_core::policies::{ConnectionLimit, PeerLimit, Timeouts};
//! use torsade_core::testing::Simulation;
//! use torsade_core::{Address, Factory, Protocol, Result, TcpServer, Transport};
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
//!         transport.write(data);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let reactor = Simulation::new().reactor();
//! let echo = |_: &Address| Echo;
//! let factory = echo
//!     .policy(Timeouts::new().idle(Duration::from_secs(60)))
//!     // Those that one address has too many of do not count for all.
//!     .policy(ConnectionLimit::new(1000))
//!     .policy(PeerLimit::new(10));
//! TcpServer::new(&reactor, "127.0.0.1:8007".parse()?).listen(factory)?;
//! # Ok(())
//! # }
//! ```

mod accept_rate;
mod connections;
mod peer_bandwidth;
mod peer_limit;
#[cfg(test)]
mod tests;
mod throttling;
mod timeouts;
mod wrapping;

use std::fmt;

use crate::{Address, Failure, Transport};

pub use accept_rate::AcceptRate;
pub use connections::{ConnectionGuard, ConnectionLimit, Connections};
pub use peer_limit::{PeerGuard, PeerLimit};
pub use throttling::{Throttling, ThrottlingGuard};
pub use timeouts::{TimeoutGuard, Timeouts};
pub use wrapping::{ProtocolWrapper, WrappingFactory};

/// Something that all connections of a factory have in common.
///
/// ```
/// use torsade_core::policies::{Policy, Refusal};
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Factory};
///
/// /// Only from this machine.
/// struct Local;
///
/// impl Policy for Local {
///     type Guard = ();
///
///     fn admit(&mut self, peer: &Address) -> Result<(), Refusal> {
///         let is_local = peer.socket_addr().is_some_and(|address| address.ip().is_loopback());
///         is_local.then_some(()).ok_or(Refusal::new("it comes from elsewhere"))
///     }
/// }
///
/// let mut factory = (|_: &Address| Echo).policy(Local);
/// assert!(factory.build_protocol(&Address::Tcp("127.0.0.1:4000".parse()?)).is_some());
/// assert!(factory.build_protocol(&Address::Tcp("192.0.2.1:4000".parse()?)).is_none());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait Policy: 'static {
    /// What looks after one connection.
    type Guard: Guard;

    /// Whether there may be a connection with `peer`.
    ///
    /// # Errors
    /// [`Refusal`]: there may not, and it is closed.
    fn admit(&mut self, peer: &Address) -> Result<Self::Guard, Refusal>;
}

/// What looks after one connection: it hears of everything before the protocol. It is dropped with the
/// protocol.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::policies::{Guard, Policy, Refusal};
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Address, Factory, Transport};
///
/// /// Counts what comes over all connections.
/// struct Counting(Rc<Cell<usize>>);
///
/// struct Count(Rc<Cell<usize>>);
///
/// impl Policy for Counting {
///     type Guard = Count;
///
///     fn admit(&mut self, _: &Address) -> Result<Count, Refusal> {
///         Ok(Count(self.0.clone()))
///     }
/// }
///
/// impl Guard for Count {
///     fn data_received(&mut self, _: &Transport, data: &[u8]) {
///         self.0.set(self.0.get() + data.len());
///     }
/// }
///
/// let bytes = Rc::new(Cell::new(0));
/// let mut factory = (|_: &Address| Discard).policy(Counting(bytes.clone()));
/// let wire = StringTransport::new();
/// let _discard = wire.connect(factory.build_protocol(&Address::Unnamed).unwrap());
/// wire.receive(b"hello")?;
/// assert_eq!(bytes.get(), 5);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub trait Guard: 'static {
    /// The connection is ready to use.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes came.
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let _ = (transport, data);
    }

    /// The connection is over.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_core::policies::{Guard, Policy, Refusal};
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::StringTransport;
    /// use torsade_core::{Address, ConnectionAborted, ConnectionDone, Factory, Failure};
    ///
    /// /// Counts the connections that did not end well.
    /// struct Broken(Rc<Cell<u32>>);
    ///
    /// struct Watches(Rc<Cell<u32>>);
    ///
    /// impl Policy for Broken {
    ///     type Guard = Watches;
    ///
    ///     fn admit(&mut self, _: &Address) -> Result<Watches, Refusal> {
    ///         Ok(Watches(self.0.clone()))
    ///     }
    /// }
    ///
    /// impl Guard for Watches {
    ///     fn connection_lost(&mut self, reason: &Failure) {
    ///         let is_broken = reason.check::<ConnectionDone>().is_none();
    ///         self.0.set(self.0.get() + u32::from(is_broken));
    ///     }
    /// }
    ///
    /// let broken = Rc::new(Cell::new(0));
    /// let mut factory = (|_: &Address| Discard).policy(Broken(broken.clone()));
    /// for reason in [Failure::from(ConnectionDone), Failure::from(ConnectionAborted)] {
    ///     let wire = StringTransport::new();
    ///     let _discard = wire.connect(factory.build_protocol(&Address::Unnamed).unwrap());
    ///     wire.lose(reason);
    /// }
    /// assert_eq!(broken.get(), 1);
    /// ```
    fn connection_lost(&mut self, reason: &Failure) {
        let _ = reason;
    }
}

/// A guard that does nothing.
impl Guard for () {}

/// A connection may not be: it is closed, perhaps with a word.
///
/// ```
/// use torsade_core::policies::{Policy, Refusal};
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Address, Factory};
///
/// struct Closed;
///
/// impl Policy for Closed {
///     type Guard = ();
///
///     fn admit(&mut self, _: &Address) -> Result<(), Refusal> {
///         let refusal = Refusal::new("it is Sunday");
///         Err(refusal.with_farewell(|transport| transport.write(b"come back tomorrow\r\n")))
///     }
/// }
///
/// let mut factory = (|_: &Address| Echo).policy(Closed);
/// let wire = StringTransport::new();
/// let _refused = wire.connect(factory.build_protocol(&Address::Unnamed).unwrap());
/// assert_eq!(wire.value(), b"come back tomorrow\r\n");
/// assert!(wire.is_disconnecting());
/// ```
pub struct Refusal {
    why: &'static str,
    farewell: Option<Box<Farewell>>,
}

type Farewell = dyn FnOnce(&Transport);

impl Refusal {
    /// Closes it at once; `why` is for the log.
    pub fn new(why: &'static str) -> Self {
        Self {
            why,
            farewell: None,
        }
    }

    /// Has `farewell` write something before it is closed.
    #[must_use]
    pub fn with_farewell(mut self, farewell: impl FnOnce(&Transport) + 'static) -> Self {
        self.farewell = Some(Box::new(farewell));
        self
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("why", &self.why)
            .field("has_farewell", &self.farewell.is_some())
            .finish()
    }
}
