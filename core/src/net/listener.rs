//! Listening ports: they accept connections and give each a protocol.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use super::connection::{Connection, Opener};
use super::filter_stack::FilterStack;
use super::handshakes::{Accepts, Handshakes, UnderWay};
use super::tcp::{FilterMaker, ListenOptions};
use crate::deferred::run_queue;
use crate::driver::{Listener, Readiness, Token};
use crate::logged::log_error;
use crate::reactor::Statistics;
use crate::reactor::sources::Source;
use crate::reactor::turn::{Core, run_call};
use crate::{
    Address, CannotListen, ConnectStage, ConnectTimedOut, Deferred, DelayedCall, Factory, Failure,
    NoProtocol, NoSocketAddr, Panicked, Protocol, Result, Transport,
};

/// A handle to a port that is listened on. Dropping it changes nothing.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let server = TcpServer::new(&reactor, "127.0.0.1:0".parse()?);
/// let port = server.listen(|_: &Address| Echo)?;
/// assert_ne!(port.socket_addr()?.port(), 0);
/// // Its connections live on.
/// reactor.run_until(port.stop_listening())?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "IListeningPort")]
pub struct ListeningPort {
    port: Weak<dyn Stop>,
    address: Address,
}

impl ListeningPort {
    /// A handle to no port.
    pub(crate) fn closed(address: Address) -> Self {
        let port = Weak::<Nowhere>::new();
        Self { port, address }
    }

    /// The address that is listened on; with the port that the system chose, if 0 was asked for.
    #[doc(alias = "getHost")]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The same as IP address and port, for whoever is to connect to it.
    ///
    /// # Errors
    /// [`NoSocketAddr`] for a UNIX socket.
    #[doc(alias = "getHost")]
    pub fn socket_addr(&self) -> Result<SocketAddr, NoSocketAddr> {
        self.address.require_socket_addr()
    }

    /// Stops accepting. Connections that were accepted live on.
    ///
    /// The Deferred fires when the factory's `stop_factory` has returned.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # let endpoint = TcpClient::new(&reactor, address);
    /// let port = TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// let client = reactor.run_until(endpoint.connect_protocol(Echo))?;
    /// reactor.run_until(port.stop_listening())?;
    /// assert!(client.transport().is_open());
    /// assert!(reactor.run_until(endpoint.connect_protocol(Echo)).is_err());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Panicked`](crate::Panicked) when `stop_factory` panicked.
    #[doc(alias = "stopListening")]
    pub fn stop_listening(&self) -> Deferred<()> {
        self.port
            .upgrade()
            .map_or_else(|| Deferred::succeed(()), |port| port.stop())
    }
}

impl fmt::Debug for ListeningPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListeningPort")
            .field("address", &self.address)
            .finish()
    }
}

/// Opens a port.
#[track_caller]
pub(super) fn listen<F: Factory>(
    core: &Rc<Core>,
    address: &Address,
    factory: F,
    options: &ListenOptions,
) -> Result<ListeningPort> {
    let driver_options = options.for_driver();
    serve(core, address, factory, options, |token| {
        core.driver.listen(address, &driver_options, token)
    })
}

/// Makes a port of what `open` opens at `address`.
#[track_caller]
pub(super) fn serve<F: Factory>(
    core: &Rc<Core>,
    address: &Address,
    factory: F,
    options: &ListenOptions,
    open: impl FnOnce(Token) -> io::Result<Box<dyn Listener>>,
) -> Result<ListeningPort> {
    let made_at = Location::caller();
    let token = core.sources.borrow_mut().reserve();
    let cannot = |error: io::Error| {
        drop(core.sources.borrow_mut().remove(token));
        CannotListen {
            address: address.clone(),
            error: Arc::new(error),
        }
    };
    let listener = open(token).map_err(cannot)?;
    let bound = listener.local_address().map_err(cannot)?;
    let port = Rc::new_cyclic(|this| Port {
        core: Rc::downgrade(core),
        made_at,
        this: Weak::clone(this),
        token,
        address: bound.clone(),
        listener: RefCell::new(Some(listener)),
        factory: Rc::new(RefCell::new(factory)),
        make_filters: options.filters.clone(),
        handshake_timeout: options.handshake_timeout,
        handshakes: Handshakes::new(options.handshake_limit),
        retry: RefCell::new(None),
        is_short: Cell::new(false),
        on_agenda: Cell::new(false),
        gives_way: Cell::new(false),
    });
    core.sources
        .borrow_mut()
        .fill(token, Rc::<Port<F>>::clone(&port));
    // A user function, so it waits if one is running.
    let started = Rc::clone(&port.factory);
    drop(Deferred::succeed(()).map(move |()| started.borrow_mut().start_factory()));
    let port: Rc<dyn Stop> = port;
    Ok(ListeningPort {
        port: Rc::downgrade(&port),
        address: bound,
    })
}

/// What a [`ListeningPort`] can ask for, whatever the factory's type.
trait Stop {
    fn stop(&self) -> Deferred<()>;
}

/// A port that there never was.
struct Nowhere;

impl Stop for Nowhere {
    fn stop(&self) -> Deferred<()> {
        Deferred::succeed(())
    }
}

struct Port<F: Factory> {
    core: Weak<Core>,
    /// Where it was asked for.
    made_at: &'static Location<'static>,
    this: Weak<Self>,
    token: Token,
    address: Address,
    /// `None` once stopped.
    listener: RefCell<Option<Box<dyn Listener>>>,
    factory: Rc<RefCell<F>>,
    make_filters: Vec<FilterMaker>,
    handshake_timeout: Duration,
    handshakes: Handshakes,
    /// Accepts again, when the system is short of something.
    retry: RefCell<Option<DelayedCall>>,
    /// Whether that was logged.
    is_short: Cell<bool>,
    on_agenda: Cell<bool>,
    /// It has accepted its share in this turn, so the agenda leaves the rest to the next.
    gives_way: Cell<bool>,
}

/// The most connections that one turn accepts on one port.
const ACCEPTS_A_TURN: usize = 64;

/// How long accepting rests when the system is short of descriptors or memory. The listener stays
/// ready all the while, but as an edge that does not come again.
const REST: Duration = Duration::from_millis(100);

impl<F: Factory> Port<F> {
    fn accept(self: &Rc<Self>, core: &Rc<Core>) {
        if self.rests() {
            // One more that came does not make it less short.
            return;
        }
        for _ in 0..ACCEPTS_A_TURN {
            if self.handshakes.must_wait() {
                return;
            }
            let token = core.sources.borrow_mut().reserve();
            let accepted = match &*self.listener.borrow() {
                Some(listener) => listener.accept(token),
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.open(core, token, stream, peer);
                }
                Err(error) => {
                    drop(core.sources.borrow_mut().remove(token));
                    match error.kind() {
                        io::ErrorKind::WouldBlock => {
                            // Only now is the shortage over: nobody waits any more.
                            self.is_short.set(false);
                            return;
                        }
                        // That one connection is gone already; the queue may hold more.
                        io::ErrorKind::Interrupted
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset => {}
                        _ => return self.rest(core, &error),
                    }
                }
            }
        }
        // The rest of the queue comes in the next turn.
        self.schedule(core);
    }

    fn schedule(self: &Rc<Self>, core: &Core) {
        if !self.on_agenda.replace(true) {
            core.put_on_agenda(Rc::<Self>::clone(self));
        }
    }

    fn rests(&self) -> bool {
        self.retry
            .borrow()
            .as_ref()
            .is_some_and(DelayedCall::is_active)
    }

    fn open(
        self: &Rc<Self>,
        core: &Rc<Core>,
        token: Token,
        stream: Box<dyn crate::driver::Stream>,
        peer: Address,
    ) {
        let mut filters = FilterStack::default();
        for make_filter in &self.make_filters {
            match run_queue::call_user(|| make_filter()).and_then(|made| made) {
                Ok(filter) => filters.push(filter),
                Err(failure) => {
                    log_error!("no filter for {peer}: {failure:?}");
                    drop(core.sources.borrow_mut().remove(token));
                    return;
                }
            }
        }
        let total = self.handshake_timeout;
        let name = peer.to_string();
        let is_filtered = !filters.is_empty();
        let opener: Rc<dyn Opener> = if is_filtered && self.handshakes.are_limited() {
            self.handshakes.begin();
            Rc::new(UnderWay::new(Rc::<Self>::clone(self)))
        } else {
            Rc::<Self>::clone(self)
        };
        let connection = Connection::open(
            core,
            token,
            stream,
            peer,
            Readiness::default(),
            filters,
            opener,
        );
        if is_filtered {
            connection.open_within(core, total, move || {
                let stage = ConnectStage::Handshake;
                ConnectTimedOut {
                    peer: name,
                    after: total,
                    stage,
                }
                .into()
            });
        }
    }

    /// Out of descriptors or memory: who waits in the queue stays there until there are some.
    fn rest(self: &Rc<Self>, core: &Rc<Core>, error: &io::Error) {
        if !self.is_short.replace(true) {
            log_error!(
                "cannot accept on {}: {error}; trying again every {REST:?}",
                self.address
            );
        } else {
            log::debug!(target: "torsade", "still cannot accept on {}: {error}", self.address);
        }
        let this = Weak::clone(&self.this);
        let retry = core.handle().call_later(REST, move || {
            if let Some(this) = this.upgrade()
                && let Some(core) = this.core.upgrade()
            {
                // Not from here: accepting calls user functions, and this is one.
                this.schedule(&core);
            }
        });
        *self.retry.borrow_mut() = Some(retry);
    }

    fn close(&self) {
        let listener = self.listener.take();
        drop(listener);
        if let Some(retry) = self.retry.take() {
            retry.cancel();
        }
    }
}

impl<F: Factory> Accepts for Port<F> {
    fn handshake_ended(&self) {
        if self.handshakes.end()
            && let Some(this) = self.this.upgrade()
            && let Some(core) = self.core.upgrade()
        {
            this.schedule(&core);
        }
    }
}

impl<F: Factory> Source for Port<F> {
    fn ready(self: Rc<Self>, core: &Rc<Core>, _: Readiness) {
        self.accept(core);
        self.gives_way.set(self.on_agenda.get());
    }

    fn attend(self: Rc<Self>, core: &Rc<Core>) {
        self.on_agenda.set(false);
        if self.gives_way.take() {
            self.schedule(core);
        } else {
            self.accept(core);
        }
    }

    fn shut_down(self: Rc<Self>, _: &Rc<Core>) {
        drop(self.stop());
    }

    fn describe(&self) -> String {
        let (file, line) = (self.made_at.file(), self.made_at.line());
        format!(
            "a listening port on {}, made at {file}:{line}",
            self.address
        )
    }

    fn count_in(&self, statistics: &mut Statistics) {
        statistics.listening_ports += 1;
    }
}

impl<F: Factory> Stop for Port<F> {
    fn stop(&self) -> Deferred<()> {
        if self.listener.borrow().is_none() {
            return Deferred::succeed(());
        }
        self.close();
        if let Some(core) = self.core.upgrade() {
            let source = core.sources.borrow_mut().remove(self.token);
            drop(source);
        }
        let factory = Rc::clone(&self.factory);
        Deferred::succeed(()).map(move |()| factory.borrow_mut().stop_factory())
    }
}

impl<F: Factory> Opener for Port<F> {
    fn protocol_name(&self) -> fn() -> &'static str {
        std::any::type_name::<F::Protocol>
    }

    fn build(&self, peer: &Address, _: &Transport) -> Option<Rc<RefCell<dyn Protocol>>> {
        let protocol = self.factory.borrow_mut().build_protocol(peer)?;
        Some(Rc::new(RefCell::new(protocol)))
    }

    fn opened(&self) {}

    fn failed(&self, peer: &Address, failure: Failure) {
        if failure.check::<NoProtocol>().is_some() || failure.check::<Panicked>().is_some() {
            // That was this side's doing, not a handshake. A panic was logged where it happened.
            log::debug!(target: "torsade", "{failure}");
            return;
        }
        log::info!(target: "torsade", "{peer} did not become a connection: {failure:#}");
        run_call("handshake_failed", || {
            self.factory.borrow_mut().handshake_failed(peer, &failure);
        });
    }
}
