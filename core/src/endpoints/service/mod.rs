//! ClientService: keeps a connection, and makes it again when it is lost.
//!
//! ```text
//!            start                    connected
//! Stopped ----------> Connecting ------------------> Connected
//!    ^                 ^      | failed                   | lost
//!    |                 |      v                          v
//!    |   retry's time  '--- Waiting <-------------------'
//!    '---- stop, from anywhere, when nothing is left
//! ```

mod policy;
mod served;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::ClientEndpoint;
use crate::failure::SharedFailure;
use crate::{
    Cancelled, Canceller, Deferred, DelayedCall, Factory, Failure, Outcome, Protocol, ProtocolRef,
    Reactor, Resolver, Transport,
};

pub use policy::Backoff;
pub use served::Served;
use served::{Serving, SharedFactory};

/// Keeps a connection to an endpoint: when it is lost, or cannot be made, it is tried again, after
/// a time that grows with each failure.
///
/// A cheap handle, whose type names the protocol but not the factory. What comes back from
/// [`when_connected`](Self::when_connected) is a handle to a [`Served`] protocol, which dereferences
/// to the one that the factory built.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::endpoints::{ClientService, TcpClient};
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Protocol, Result, Transport};
///
/// struct Quiet;
/// impl Protocol for Quiet {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let endpoint = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
/// let service = ClientService::new(&reactor, endpoint, |_: &Address| Quiet)
///     .retry_policy(|_| Duration::from_secs(5));
/// service.start();
/// // Nobody listens in this world: five attempts fail, at 0, 5, 10, 15 and 20 seconds.
/// let connected = service.when_connected_within(5);
/// assert!(reactor.run_until(connected).is_err());
/// reactor.run_until(service.stop())?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ReconnectingClientFactory")]
pub struct ClientService<P: Protocol> {
    inner: Rc<Inner<P>>,
}

/// The handle to the protocol of a service's connection.
///
/// It outlives no connection: who keeps one asks for the next when it is gone.
///
///
/// ```
/// # use std::time::Duration;
/// use torsade_core::AccessError;
/// use torsade_core::endpoints::{ClientService, ServedRef};
/// # use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpClient, TcpServer};
///
/// let (reactor, network) = Simulation::new().start();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Discard)?;
/// # let endpoint = TcpClient::new(&reactor, address);
/// let service = ClientService::new(&reactor, endpoint, |_: &Address| AccumulatingProtocol::new());
/// service.start();
/// let first: ServedRef<AccumulatingProtocol> = reactor.run_until(service.when_connected())?;
/// network.reset(address);
/// reactor.advance(Duration::from_millis(10))?;
/// assert_eq!(first.with(|_, _| ()), Err(AccessError::Gone));
/// let second = reactor.run_until(service.when_connected())?;
/// assert!(second.transport().is_open());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub type ServedRef<P> = ProtocolRef<Served<P>>;

type Prepare<P> = Box<dyn Fn(&ServedRef<P>) -> Deferred<()>>;

struct Inner<P: Protocol> {
    this: Weak<Self>,
    reactor: Reactor,
    endpoint: Box<dyn ClientEndpoint>,
    factory: SharedFactory<P>,
    policy: RefCell<Box<dyn FnMut(u32) -> Duration>>,
    prepare: RefCell<Option<Prepare<P>>>,
    state: RefCell<State<P>>,
}

struct State<P: Protocol> {
    phase: Phase<P>,
    /// Numbers the connections, so that the loss of an old one is not taken for that of a new one.
    round: u64,
    /// Failures since the last connection.
    failures: u32,
    /// Those who wait for a connection, and how many failures they put up with.
    waiting: Vec<(Resolver<ServedRef<P>>, Option<u32>)>,
    /// Those who wait for the end.
    stopping: Vec<Resolver<()>>,
    /// It is to be started again when it has stopped.
    starts_again: bool,
}

enum Phase<P: Protocol> {
    Stopped,
    Connecting(Canceller),
    Waiting(DelayedCall),
    Connected(ServedRef<P>),
    /// Stopped, but the connection is not lost yet.
    Disconnecting(Transport),
}

impl<P: Protocol> ClientService<P> {
    /// A service that is not started yet, with a [`Backoff`] between its attempts.
    pub fn new(
        reactor: &Reactor,
        endpoint: impl ClientEndpoint,
        factory: impl Factory<Protocol = P>,
    ) -> Self {
        let mut backoff = Backoff::default();
        Self {
            inner: Rc::new_cyclic(|this| Inner {
                this: Weak::clone(this),
                reactor: reactor.clone(),
                endpoint: Box::new(endpoint),
                factory: Rc::new(RefCell::new(factory)),
                policy: RefCell::new(Box::new(move |failures| backoff.delay(failures))),
                prepare: RefCell::new(None),
                state: RefCell::new(State {
                    phase: Phase::Stopped,
                    round: 0,
                    failures: 0,
                    waiting: Vec::new(),
                    stopping: Vec::new(),
                    starts_again: false,
                }),
            }),
        }
    }

    /// How long it waits after so many failures in a row: 1 after the first, and after a loss.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::endpoints::ClientService;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpClient};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
    /// let asked = Rc::new(RefCell::new(Vec::new()));
    /// let notes = asked.clone();
    /// let service = ClientService::new(&reactor, nobody, |_: &Address| Discard)
    ///     .retry_policy(move |failures| {
    ///         notes.borrow_mut().push(failures);
    ///         Duration::from_secs(10) * failures
    ///     });
    /// service.start();
    /// reactor.advance(Duration::from_secs(35))?; // attempts at 0, 10 and 30 seconds
    /// assert_eq!(*asked.borrow(), [1, 2, 3]);
    /// reactor.run_until(service.stop())?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "retryPolicy")]
    pub fn retry_policy(self, policy: impl FnMut(u32) -> Duration + 'static) -> Self {
        *self.inner.policy.borrow_mut() = Box::new(policy);
        self
    }

    /// Has `prepare` called with each new connection, before anybody is given it. If what it gives
    /// fails, the connection is closed and counts as a failed attempt.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Discard;
    /// use torsade_core::endpoints::ClientService;
    /// use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// use torsade_core::{Address, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// let seen = AccumulatingProtocol::new();
    /// let server = seen.clone();
    /// TcpServer::new(&reactor, address).listen(move |_: &Address| server.clone())?;
    /// # let endpoint = TcpClient::new(&reactor, address);
    /// let service = ClientService::new(&reactor, endpoint, |_: &Address| Discard)
    ///     .prepare_connection(|connection| connection.transport().write(b"LOGIN me\r\n"));
    /// service.start();
    /// let connection = reactor.run_until(service.when_connected())?;
    /// connection.transport().write(b"HELP\r\n");
    /// reactor.advance(std::time::Duration::from_secs(1))?;
    /// assert_eq!(seen.data(), b"LOGIN me\r\nHELP\r\n");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "prepareConnection")]
    pub fn prepare_connection<O: Outcome<Output = ()>>(
        self,
        prepare: impl Fn(&ServedRef<P>) -> O + 'static,
    ) -> Self {
        let prepare = move |connection: &ServedRef<P>| prepare(connection).into_deferred();
        *self.inner.prepare.borrow_mut() = Some(Box::new(prepare));
        self
    }

    /// Starts to connect. Started already, it goes on; stopping, it starts anew when it has stopped.
    #[doc(alias = "startService")]
    #[doc(alias = "ReconnectingClientFactory.retry")]
    #[doc(alias = "clientConnectionFailed")]
    #[doc(alias = "clientConnectionLost")]
    pub fn start(&self) {
        let mut state = self.inner.state.borrow_mut();
        match state.phase {
            Phase::Stopped => {
                drop(state);
                self.inner.connect();
            }
            Phase::Disconnecting(_) => state.starts_again = true,
            _ => log::warn!(target: "torsade", "a ClientService was started twice"),
        }
    }

    /// Ends the attempt or the wait, or closes the connection. The Deferred fires when nothing is
    /// left. Those who wait for a connection are told [`Cancelled`].
    ///
    /// ```
    /// use torsade_core::endpoints::ClientService;
    /// # use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::{Simulation, failure_result_of};
    /// use torsade_core::{Address, Cancelled, TcpClient};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
    /// let service = ClientService::new(&reactor, nobody, |_: &Address| Discard);
    /// service.start();
    /// let waits = service.when_connected();
    /// reactor.run_until(service.stop())?;
    /// assert!(failure_result_of(waits).check::<Cancelled>().is_some());
    /// assert_eq!(reactor.delayed_calls(), 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "stopService")]
    #[doc(alias = "continueTrying")]
    #[doc(alias = "stopTrying")]
    pub fn stop(&self) -> Deferred<()> {
        self.inner.stop()
    }

    /// The connection, now if there is one, or the next.
    ///
    /// # Errors
    /// [`Cancelled`] when the service is stopped before.
    #[doc(alias = "whenConnected")]
    pub fn when_connected(&self) -> Deferred<ServedRef<P>> {
        self.inner.when_connected(None)
    }

    /// The same, but fails after so many failures in a row, with the last of them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::ConnectError;
    /// use torsade_core::endpoints::ClientService;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpClient};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let nobody = TcpClient::new(&reactor, "127.0.0.1:7".parse()?);
    /// let service = ClientService::new(&reactor, nobody, |_: &Address| Discard)
    ///     .retry_policy(|_| Duration::from_secs(5));
    /// service.start();
    /// let start = reactor.now();
    /// let failure = reactor.run_until(service.when_connected_within(3)).unwrap_err();
    /// assert!(failure.check::<ConnectError>().is_some()); // that of the third
    /// assert_eq!((reactor.now() - start).as_secs(), 10);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "failAfterFailures")]
    #[doc(alias = "maxRetries")]
    pub fn when_connected_within(&self, failures: u32) -> Deferred<ServedRef<P>> {
        self.inner.when_connected(Some(failures))
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self.inner.state.borrow().phase, Phase::Connected(_))
    }
}

impl<P: Protocol> Inner<P> {
    fn when_connected(&self, limit: Option<u32>) -> Deferred<ServedRef<P>> {
        let mut state = self.state.borrow_mut();
        match &state.phase {
            Phase::Connected(connection) => Deferred::succeed(connection.clone()),
            // Before the first start one may wait, but not after a stop.
            Phase::Stopped if state.round > 0 => Deferred::fail(Cancelled),
            _ => {
                let (resolver, connected) = Deferred::new();
                state.waiting.push((resolver, limit));
                connected
            }
        }
    }

    fn connect(&self) {
        let round = {
            let mut state = self.state.borrow_mut();
            state.round += 1;
            state.round
        };
        let lost = self.this.clone();
        let serving = Serving::new(&self.factory, move || {
            if let Some(this) = lost.upgrade() {
                this.lost(round);
            }
        });
        let (weak, preparing) = (self.this.clone(), self.this.clone());
        let connecting = self
            .endpoint
            .connect(serving)
            .add_callback(move |connection| prepared(&preparing, connection));
        let canceller = connecting.canceller();
        self.state.borrow_mut().phase = Phase::Connecting(canceller);
        drop(connecting.add_both(move |result| {
            if let Some(this) = weak.upgrade() {
                this.decided(round, result);
            }
        }));
    }

    /// An attempt has come to something.
    fn decided(&self, round: u64, result: crate::Result<ServedRef<P>>) {
        let is_current = {
            let state = self.state.borrow();
            state.round == round && matches!(state.phase, Phase::Connecting(_))
        };
        match result {
            Ok(connection) if is_current && connection.transport().is_connected() => {
                let waiting = {
                    let mut state = self.state.borrow_mut();
                    state.failures = 0;
                    state.phase = Phase::Connected(connection.clone());
                    std::mem::take(&mut state.waiting)
                };
                for (resolver, _) in waiting {
                    resolver.callback(connection.clone());
                }
            }
            Ok(connection) => {
                connection.transport().lose_connection();
                if is_current {
                    // Lost while it was prepared.
                    self.failed(crate::ConnectionDone.into());
                }
            }
            Err(failure) if is_current => self.failed(failure),
            Err(_) => {}
        }
    }

    fn failed(&self, failure: Failure) {
        log::debug!(target: "torsade", "{:?}: {failure:#}", self.endpoint);
        let failures = {
            let mut state = self.state.borrow_mut();
            state.failures += 1;
            state.failures
        };
        let given_up = self.take_waiting(|limit| limit.is_some_and(|limit| failures >= limit));
        self.wait(failures);
        let failure = SharedFailure::from(failure);
        for resolver in given_up {
            resolver.errback(failure.failure());
        }
    }

    fn take_waiting(&self, is_over: impl Fn(Option<u32>) -> bool) -> Vec<Resolver<ServedRef<P>>> {
        let mut state = self.state.borrow_mut();
        let (over, waiting) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|(_, limit)| is_over(*limit));
        state.waiting = waiting;
        let over: Vec<(Resolver<_>, Option<u32>)> = over;
        over.into_iter().map(|(resolver, _)| resolver).collect()
    }

    /// Tries again, after the policy's time.
    fn wait(&self, failures: u32) {
        let delay = self.policy.borrow_mut()(failures);
        let this = self.this.clone();
        let timer = self.reactor.call_later(delay, move || {
            if let Some(this) = this.upgrade() {
                this.connect();
            }
        });
        self.state.borrow_mut().phase = Phase::Waiting(timer);
    }

    /// A connection is lost.
    fn lost(&self, round: u64) {
        let mut state = self.state.borrow_mut();
        if state.round != round {
            return;
        }
        match &state.phase {
            Phase::Connected(_) => {
                state.failures = 1;
                drop(state);
                self.wait(1);
            }
            Phase::Disconnecting(_) => {
                state.phase = Phase::Stopped;
                drop(state);
                self.stopped();
            }
            // While it is prepared: the attempt tells.
            _ => {}
        }
    }

    fn stop(&self) -> Deferred<()> {
        let phase = std::mem::replace(&mut self.state.borrow_mut().phase, Phase::Stopped);
        match phase {
            Phase::Stopped => return Deferred::succeed(()),
            Phase::Connecting(canceller) => canceller.cancel(),
            Phase::Waiting(timer) => {
                timer.cancel();
            }
            Phase::Connected(connection) => {
                let transport = connection.transport().clone();
                transport.lose_connection();
                self.state.borrow_mut().phase = Phase::Disconnecting(transport);
            }
            Phase::Disconnecting(transport) => {
                let mut state = self.state.borrow_mut();
                state.phase = Phase::Disconnecting(transport);
                state.starts_again = false;
            }
        }
        for resolver in self.take_waiting(|_| true) {
            resolver.errback(Cancelled);
        }
        let mut state = self.state.borrow_mut();
        if matches!(state.phase, Phase::Stopped) {
            return Deferred::succeed(());
        }
        let (resolver, stopped) = Deferred::new();
        state.stopping.push(resolver);
        stopped
    }

    /// Nothing is left.
    fn stopped(&self) {
        let (stopping, starts_again) = {
            let mut state = self.state.borrow_mut();
            let starts_again = std::mem::take(&mut state.starts_again);
            (std::mem::take(&mut state.stopping), starts_again)
        };
        for resolver in stopping {
            resolver.callback(());
        }
        if starts_again {
            self.connect();
        }
    }
}

/// The connection, when it is prepared; closed, if that fails.
fn prepared<P: Protocol>(
    inner: &Weak<Inner<P>>,
    connection: ServedRef<P>,
) -> Deferred<ServedRef<P>> {
    let preparing = inner.upgrade().and_then(|inner| {
        let prepare = inner.prepare.borrow();
        prepare.as_ref().map(|prepare| prepare(&connection))
    });
    let Some(preparing) = preparing else {
        return Deferred::succeed(connection);
    };
    let transport = connection.transport().clone();
    preparing
        .add_errback(move |failure| {
            transport.abort_connection();
            Err(failure)
        })
        .map(move |()| connection)
}

impl<P: Protocol> Drop for Inner<P> {
    fn drop(&mut self) {
        // Nobody can stop it any more.
        let _ = self.stop();
    }
}

impl<P: Protocol> Clone for ClientService<P> {
    fn clone(&self) -> Self {
        Self {
            inner: Rc::clone(&self.inner),
        }
    }
}

impl<P: Protocol> fmt::Debug for ClientService<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService")
            .field("endpoint", &self.inner.endpoint)
            .field("is_connected", &self.is_connected())
            .finish()
    }
}
