//! Which connections there are, and how many there may be.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use slab::Slab;

use super::{Guard, Policy, Refusal};
use crate::deferred::Waiters;
use crate::{Address, Deferred, Transport};

/// The connections of a factory: a policy that refuses none and knows all. A cheap handle.
///
/// ```
/// # use std::time::Duration;
/// use torsade_core::policies::Connections;
/// # use torsade_core::protocols::wire::Discard;
/// # use torsade_core::testing::{AccumulatingProtocol, Ending, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:9".parse()?;
/// let connections = Connections::new();
/// let factory = (|_: &Address| Discard).policy(connections.clone());
/// TcpServer::new(&reactor, address).listen(factory)?;
/// let client = AccumulatingProtocol::new();
/// reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(client.clone()))?;
/// assert_eq!(connections.len(), 1);
/// // When the program ends:
/// for transport in connections.transports() {
///     transport.lose_connection();
/// }
/// reactor.advance(Duration::from_secs(1))?;
/// assert_eq!((connections.len(), client.ending()), (0, Some(Ending::Done)));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Default)]
pub struct Connections(Rc<Inner>);

#[derive(Default)]
struct Inner {
    open: RefCell<Slab<Option<Transport>>>,
    /// Those who wait until there is none.
    waiters: Waiters<()>,
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[doc(alias = "connectionCount")]
    pub fn len(&self) -> usize {
        self.0.open.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their transports.
    pub fn transports(&self) -> Vec<Transport> {
        let open = self.0.open.borrow();
        open.iter()
            .filter_map(|(_, transport)| transport.clone())
            .collect()
    }

    /// Fires when there is none: at once, or when the last one has ended. For a program that ends
    /// and lets its clients finish; [`add_timeout`](Deferred::add_timeout) says how long it waits
    /// for them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::policies::Connections;
    /// # use torsade_core::policies::Policy;
    /// use torsade_core::reactor::Phase;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let connections = Connections::new(); // the policy of a server's factory
    /// # let _guard = connections.clone().admit(&torsade_core::Address::Unnamed).unwrap();
    /// let (clients, clock) = (connections.clone(), reactor.clone());
    /// reactor.on_shutdown(Phase::Before, move || {
    ///     let done = clients.when_empty().add_timeout(&clock, Duration::from_secs(30));
    ///     done.add_errback(|_| Ok(())) // those that are left are closed
    /// });
    /// let (start, handle) = (reactor.now(), reactor.clone());
    /// reactor.call_soon(move || handle.stop().unwrap());
    /// reactor.run()?; // with a client that does not go
    /// assert_eq!(reactor.now() - start, Duration::from_secs(30));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[track_caller]
    pub fn when_empty(&self) -> Deferred<()> {
        match self.is_empty() {
            true => Deferred::succeed(()),
            false => self.0.waiters.wait(),
        }
    }
}

impl Policy for Connections {
    type Guard = ConnectionGuard;

    fn admit(&mut self, _: &Address) -> Result<ConnectionGuard, Refusal> {
        Ok(ConnectionGuard {
            connections: self.clone(),
            key: self.0.open.borrow_mut().insert(None),
        })
    }
}

/// A place among the [`Connections`]; given back when it is dropped.
///
/// ```
/// use torsade_core::Address;
/// use torsade_core::policies::{ConnectionGuard, Connections, Policy};
///
/// let mut connections = Connections::new();
/// let guard: ConnectionGuard = connections.admit(&Address::Unnamed).unwrap();
/// assert_eq!(connections.len(), 1);
/// let empty = connections.when_empty();
/// drop(guard); // as its protocol is, in the end
/// assert!(empty.is_fired());
/// ```
#[derive(Debug)]
pub struct ConnectionGuard {
    connections: Connections,
    key: usize,
}

impl Guard for ConnectionGuard {
    fn connection_made(&mut self, transport: &Transport) {
        self.connections.0.open.borrow_mut()[self.key] = Some(transport.clone());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let inner = &self.connections.0;
        let gone = inner.open.borrow_mut().try_remove(self.key);
        drop(gone);
        while self.connections.is_empty()
            && let Some(waiter) = inner.waiters.next()
        {
            waiter.callback(());
        }
    }
}

/// Closes connections at once that would be too many.
///
/// ```
/// use torsade_core::policies::ConnectionLimit;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Factory};
///
/// let limit = ConnectionLimit::new(1000).overflow(|transport| transport.write(b"come back later\r\n"));
/// let connections = limit.connections();
/// let factory = (|_: &Address| Echo).policy(limit);
/// assert!(connections.is_empty());
/// # drop(factory);
/// ```
#[derive(Clone)]
#[doc(alias = "LimitTotalConnectionsFactory")]
#[doc(alias = "maxConnectionCount")]
pub struct ConnectionLimit {
    connections: Connections,
    most: usize,
    overflow: Option<Rc<Farewell>>,
}

type Farewell = dyn Fn(&Transport);

impl ConnectionLimit {
    /// So many at most.
    #[doc(alias = "connectionLimit")]
    pub fn new(most: usize) -> Self {
        Self {
            connections: Connections::new(),
            most,
            overflow: None,
        }
    }

    /// Has `farewell` tell those that are too many, before they are closed.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use torsade_core::policies::ConnectionLimit;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, Factory, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// let limit = ConnectionLimit::new(1).overflow(|transport| transport.write(b"come back later\r\n"));
    /// TcpServer::new(&reactor, address).listen((|_: &Address| Discard).policy(limit))?;
    /// # let client = TcpClient::new(&reactor, address);
    /// let [first, second] = [(); 2].map(|()| AccumulatingProtocol::new());
    /// reactor.run_until(client.connect_protocol(first.clone()))?;
    /// reactor.run_until(client.connect_protocol(second.clone()))?;
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(first.ending().is_none());
    /// assert_eq!(second.data(), b"come back later\r\n");
    /// assert!(second.ending().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "overflowProtocol")]
    pub fn overflow(mut self, farewell: impl Fn(&Transport) + 'static) -> Self {
        self.overflow = Some(Rc::new(farewell));
        self
    }

    /// Those that there are.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl Policy for ConnectionLimit {
    type Guard = ConnectionGuard;

    fn admit(&mut self, peer: &Address) -> Result<ConnectionGuard, Refusal> {
        if self.connections.len() < self.most {
            return self.connections.admit(peer);
        }
        let refusal = Refusal::new("there are too many connections");
        Err(match self.overflow.clone() {
            Some(farewell) => refusal.with_farewell(move |transport| farewell(transport)),
            None => refusal,
        })
    }
}

impl fmt::Debug for ConnectionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionLimit")
            .field("connections", &self.connections)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("len", &self.len())
            .finish()
    }
}
