//! A factory around another, which knows its connections and limits how many there are.

use std::cell::RefCell;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use slab::Slab;

use crate::{Address, Factory, Failure, Protocol, Result, Transport};

/// Wraps a factory: its [`Connections`] are known, and there may be a limit to them.
///
/// ```
/// use torsade_core::protocols::WrappingFactory;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Protocol, Result, TcpServer, Transport};
///
/// struct Quiet;
///
/// impl Protocol for Quiet {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let factory = WrappingFactory::new(|_: &Address| Quiet).limit(100);
/// let connections = factory.connections();
/// TcpServer::new(&reactor, "127.0.0.1:8007".parse()?).listen(factory)?;
/// assert_eq!(connections.len(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "LimitTotalConnectionsFactory")]
pub struct WrappingFactory<F> {
    factory: F,
    connections: Connections,
    limit: Option<usize>,
}

/// The connections of a [`WrappingFactory`]. A cheap handle.
#[derive(Clone, Default)]
pub struct Connections {
    open: Rc<RefCell<Slab<Option<Transport>>>>,
}

/// The protocol of a [`WrappingFactory`]'s connection: it passes everything on.
#[derive(Debug)]
pub struct ProtocolWrapper<P> {
    protocol: P,
    place: Place,
}

/// A place among the connections; given back when it is dropped.
#[derive(Debug)]
struct Place {
    connections: Connections,
    key: usize,
}

impl<F: Factory> WrappingFactory<F> {
    /// Wraps `factory`, without a limit.
    pub fn new(factory: F) -> Self {
        Self {
            factory,
            connections: Connections::default(),
            limit: None,
        }
    }

    /// Closes connections at once that would be more than `count`.
    #[doc(alias = "connectionLimit")]
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = Some(count);
        self
    }

    /// The connections that are open, now and later.
    #[doc(alias = "connectionCount")]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl Connections {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their transports.
    pub fn transports(&self) -> Vec<Transport> {
        let open = self.open.borrow();
        open.iter()
            .filter_map(|(_, transport)| transport.clone())
            .collect()
    }

    fn enter(&self) -> Place {
        Place {
            connections: self.clone(),
            key: self.open.borrow_mut().insert(None),
        }
    }
}

impl Place {
    fn is_for(&self, transport: &Transport) {
        self.connections.open.borrow_mut()[self.key] = Some(transport.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().try_remove(self.key);
    }
}

impl<P> ProtocolWrapper<P> {
    /// The wrapped protocol.
    #[doc(alias = "wrappedProtocol")]
    pub fn get_mut(&mut self) -> &mut P {
        &mut self.protocol
    }
}

impl<F: Factory> Factory for WrappingFactory<F> {
    type Protocol = ProtocolWrapper<F::Protocol>;

    fn build_protocol(&mut self, peer: &Address) -> Option<Self::Protocol> {
        if self
            .limit
            .is_some_and(|limit| self.connections.len() >= limit)
        {
            log::debug!(target: "torsade", "closing {peer}: there are too many connections");
            return None;
        }
        let place = self.connections.enter();
        let protocol = self.factory.build_protocol(peer)?;
        Some(ProtocolWrapper { protocol, place })
    }

    fn start_factory(&mut self) {
        self.factory.start_factory();
    }

    fn stop_factory(&mut self) {
        self.factory.stop_factory();
    }

    fn handshake_failed(&mut self, peer: &Address, reason: &Failure) {
        self.factory.handshake_failed(peer, reason);
    }
}

impl<P: Protocol> Protocol for ProtocolWrapper<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.place.is_for(transport);
        self.protocol.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.protocol.data_received(transport, data)
    }

    fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
        self.protocol.descriptor_received(transport, descriptor);
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.protocol.read_closed(transport);
    }

    fn write_closed(&mut self, transport: &Transport) {
        self.protocol.write_closed(transport);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.protocol.connection_lost(reason);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("len", &self.len())
            .finish()
    }
}
