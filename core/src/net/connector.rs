//! Connection attempts, and what comes of them: streams that no protocol has yet.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Opener};
use super::filter_stack::FilterStack;
use crate::driver::{ConnectOptions, Readiness, Stream, Token};
use crate::reactor::Statistics;
use crate::reactor::sources::Source;
use crate::reactor::turn::Core;
use crate::{
    Address, ConnectError, ConnectStage, ConnectTimedOut, Deferred, Factory, Failure, Filter,
    Protocol, ProtocolRef, ReactorError, Resolver, Transport,
};

/// Tries to connect to one address. Cancelling the Deferred ends the attempt.
pub(super) fn attempt(
    core: &Rc<Core>,
    address: Address,
    options: &ConnectOptions,
) -> Deferred<Established> {
    let token = core.sources.borrow_mut().reserve();
    let stream = match core.driver.connect(&address, options, token) {
        Ok(stream) => stream,
        Err(error) => {
            drop(core.sources.borrow_mut().remove(token));
            return Deferred::fail(ConnectError {
                address,
                error: Arc::new(error),
            });
        }
    };
    let weak = Rc::downgrade(core);
    let (resolver, deferred) = Deferred::with_canceller(move || forget(&weak, token));
    let connector = Connector {
        core: Rc::downgrade(core),
        token,
        address,
        stream: RefCell::new(Some(stream)),
        resolver: Cell::new(Some(resolver)),
        readiness: Cell::default(),
    };
    core.sources.borrow_mut().fill(token, Rc::new(connector));
    deferred
}

/// Keeps a stream that is connected already, and ready for this.
pub(super) fn keep(
    core: &Rc<Core>,
    token: Token,
    stream: Box<dyn Stream>,
    address: Address,
    readiness: Readiness,
) -> Established {
    let connector = Rc::new(Connector {
        core: Rc::downgrade(core),
        token,
        address,
        stream: RefCell::new(Some(stream)),
        resolver: Cell::new(None),
        readiness: Cell::new(readiness),
    });
    core.sources
        .borrow_mut()
        .fill(token, Rc::<Connector>::clone(&connector));
    Established::new(connector)
}

/// Closes whatever has this token.
fn forget(core: &Weak<Core>, token: Token) {
    if let Some(core) = core.upgrade() {
        let source = core.sources.borrow_mut().remove(token);
        drop(source);
    }
}

/// A connection attempt until it is decided, then the keeper of the stream until that is opened.
struct Connector {
    core: Weak<Core>,
    token: Token,
    address: Address,
    stream: RefCell<Option<Box<dyn Stream>>>,
    /// `None` once the attempt is decided.
    resolver: Cell<Option<Resolver<Established>>>,
    /// What the driver told since then, for the connection to come.
    readiness: Cell<Readiness>,
}

impl Connector {
    fn is_decided(&self) -> bool {
        let resolver = self.resolver.take();
        let is_decided = resolver.is_none();
        self.resolver.set(resolver);
        is_decided
    }
}

impl Source for Connector {
    fn ready(self: Rc<Self>, core: &Rc<Core>, readiness: Readiness) {
        let seen = self.readiness.get();
        self.readiness.set(Readiness {
            readable: seen.readable || readiness.readable,
            writable: seen.writable || readiness.writable,
            read_closed: seen.read_closed || readiness.read_closed,
        });
        let Some(resolver) = self.resolver.take() else {
            return;
        };
        let connected = match &*self.stream.borrow() {
            Some(stream) => stream.connected(),
            None => return,
        };
        match connected {
            Ok(true) => resolver.callback(Established::new(self)),
            Ok(false) => self.resolver.set(Some(resolver)),
            Err(error) => {
                drop(core.sources.borrow_mut().remove(self.token));
                resolver.errback(ConnectError {
                    address: self.address.clone(),
                    error: Arc::new(error),
                });
            }
        }
    }

    fn attend(self: Rc<Self>, _: &Rc<Core>) {}

    fn shut_down(self: Rc<Self>, core: &Rc<Core>) {
        drop(core.sources.borrow_mut().remove(self.token));
        if let Some(resolver) = self.resolver.take() {
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "the reactor stopped");
            resolver.errback(ConnectError {
                address: self.address.clone(),
                error: Arc::new(error),
            });
        }
    }

    fn describe(&self) -> String {
        match self.stream.borrow().is_some() && self.is_decided() {
            true => format!("a stream to {} that no protocol has yet", self.address),
            false => format!("an attempt to connect to {}", self.address),
        }
    }

    fn count_in(&self, statistics: &mut Statistics) {
        statistics.attempts += 1;
    }
}

/// A connected stream that no protocol has been given yet; dropped, it is closed.
///
/// Endpoints make these. Filters are added to it, the lowest first, before it is
/// [opened](Self::open).
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:7".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let stream = reactor.run_until(TcpClient::new(&reactor, address).establish())?;
/// assert_eq!(stream.peer(), Address::Tcp(address));
/// reactor.run_until(stream.open(|_: &Address| Echo))?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct Established {
    connector: Rc<Connector>,
    filters: Vec<Box<dyn Filter>>,
    /// By when it must be open.
    limit: Option<Limit>,
}

/// The time that is allowed for all of connecting.
#[derive(Clone, Debug)]
struct Limit {
    total: Duration,
    deadline: Instant,
    peer: String,
}

impl Established {
    fn new(connector: Rc<Connector>) -> Self {
        Self {
            connector,
            filters: Vec::new(),
            limit: None,
        }
    }

    /// Adds a filter, above those that were added before.
    ///
    /// ```
    /// use torsade_core::filter::SendProxyHeader;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, address).listen(move |_: &Address| server.clone())?;
    /// let peer = Address::Tcp("192.0.2.1:4000".parse()?);
    /// let stream = reactor.run_until(TcpClient::new(&reactor, address).establish())?;
    /// let stream = stream.with_filter(SendProxyHeader::version_1(&peer, &Address::Tcp(address)));
    /// reactor.run_until(stream.open(|_: &Address| Discard))?;
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"PROXY TCP4 192.0.2.1 "));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn with_filter(self, filter: impl Filter) -> Self {
        self.with_filters([Box::new(filter) as Box<dyn Filter>])
    }

    pub(crate) fn with_filters(
        mut self,
        filters: impl IntoIterator<Item = Box<dyn Filter>>,
    ) -> Self {
        self.filters.extend(filters);
        self
    }

    /// Lets filters take until `deadline`, in the reactor's time, to become ready; `total` and
    /// `peer` are for the [`ConnectTimedOut`] that it fails with otherwise.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::filter::ProxyHeader;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_core::{ClientEndpoint, ConnectTimedOut, TcpClient};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:9".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
    /// let stream = reactor.run_until(TcpClient::new(&reactor, address).establish())?;
    /// let time = Duration::from_secs(5);
    /// let opened = stream
    ///     .with_filter(ProxyHeader::new()) // which waits for a word of the server's
    ///     .open_by(reactor.now() + time, time, "the discard server")
    ///     .open(|_: &Address| Discard);
    /// let failure = reactor.run_until(opened).unwrap_err();
    /// assert_eq!(failure.trap::<ConnectTimedOut>()?.peer, "the discard server");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn open_by(mut self, deadline: Instant, total: Duration, peer: impl Into<String>) -> Self {
        self.limit = Some(Limit {
            total,
            deadline,
            peer: peer.into(),
        });
        self
    }

    /// The address of the other end.
    pub fn peer(&self) -> Address {
        self.connector.address.clone()
    }

    /// Gives the stream to a protocol: that is built, and its `connection_made` called, once all
    /// filters are ready. Then the Deferred fires.
    ///
    /// Cancelling the Deferred closes the connection, if it is not ready yet.
    ///
    /// # Errors
    /// What made a filter fail; [`ConnectTimedOut`]; [`NoProtocol`](crate::NoProtocol).
    pub fn open<F: Factory>(mut self, factory: F) -> Deferred<ProtocolRef<F::Protocol>> {
        let Some(core) = self.connector.core.upgrade() else {
            return Deferred::fail(ReactorError::Gone);
        };
        let Some(stream) = self.connector.stream.take() else {
            return Deferred::fail(ReactorError::Gone);
        };
        let mut filters = FilterStack::default();
        for filter in std::mem::take(&mut self.filters) {
            filters.push(filter);
        }
        let connection = Rc::new(RefCell::new(Weak::<Connection>::new()));
        let to_cancel = Rc::clone(&connection);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(connection) = to_cancel.borrow().upgrade() {
                connection.give_up_opening();
            }
        });
        let opener = Rc::new(ClientOpener {
            factory: RefCell::new(factory),
            built: Cell::new(None),
            resolver: Cell::new(Some(resolver)),
        });
        let readiness = self.connector.readiness.get();
        let (token, peer) = (self.connector.token, self.peer());
        let opened = Connection::open(&core, token, stream, peer, readiness, filters, opener);
        *connection.borrow_mut() = Rc::downgrade(&opened);
        if let Some(Limit {
            total,
            deadline,
            peer,
        }) = self.limit.take()
        {
            let left = deadline.saturating_duration_since(core.now());
            opened.open_within(&core, left, move || {
                let stage = ConnectStage::Handshake;
                ConnectTimedOut {
                    peer,
                    after: total,
                    stage,
                }
                .into()
            });
        }
        deferred
    }
}

impl Drop for Established {
    fn drop(&mut self) {
        if self.connector.stream.borrow().is_some() {
            forget(&self.connector.core, self.connector.token);
        }
    }
}

impl fmt::Debug for Established {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Established")
            .field("peer", &self.connector.address)
            .field("filters", &self.filters)
            .finish()
    }
}

/// Builds the one protocol of a client, and tells whoever waits for it.
struct ClientOpener<F: Factory> {
    factory: RefCell<F>,
    built: Cell<Option<ProtocolRef<F::Protocol>>>,
    resolver: Cell<Option<Resolver<ProtocolRef<F::Protocol>>>>,
}

impl<F: Factory> Opener for ClientOpener<F> {
    fn protocol_name(&self) -> fn() -> &'static str {
        std::any::type_name::<F::Protocol>
    }

    fn build(&self, peer: &Address, transport: &Transport) -> Option<Rc<RefCell<dyn Protocol>>> {
        let protocol = self.factory.borrow_mut().build_protocol(peer)?;
        let protocol = Rc::new(RefCell::new(protocol));
        self.built
            .set(Some(ProtocolRef::new(&protocol, transport.clone())));
        Some(protocol)
    }

    fn opened(&self) {
        if let (Some(resolver), Some(built)) = (self.resolver.take(), self.built.take()) {
            resolver.callback(built);
        }
    }

    fn failed(&self, _peer: &Address, failure: Failure) {
        if let Some(resolver) = self.resolver.take() {
            resolver.errback(failure);
        }
    }
}
