//! TCP, asked of the reactor directly. Endpoints, one floor up, are more convenient.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::connector::{self, Established};
use super::listener::{self, ListeningPort};
use crate::reactor::turn::Core;
use crate::{
    Address, ConnectStage, ConnectTimedOut, Deferred, Factory, Filter, ProtocolRef, Reactor,
    Result, driver,
};

/// How a TCP connection is made.
///
/// ```
/// use std::time::Duration;
/// # use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{ClientEndpoint, ConnectOptions, ConnectTimedOut, TcpClient};
///
/// let silent = [192, 0, 2, 1].into();
/// let reactor = Simulation::new().silent(silent).reactor();
/// let options = ConnectOptions::new().timeout(Duration::from_secs(5)).no_delay(false);
/// let endpoint = TcpClient::new(&reactor, (silent, 80).into()).options(options);
/// let failure = reactor.run_until(endpoint.connect_protocol(Discard)).unwrap_err();
/// assert_eq!(failure.trap::<ConnectTimedOut>()?.after, Duration::from_secs(5));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    timeout: Duration,
    for_driver: driver::ConnectOptions,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            for_driver: driver::ConnectOptions {
                bind_address: None,
                no_delay: true,
            },
        }
    }
}

impl ConnectOptions {
    /// Thirty seconds, any local address.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long all of it may take, look-up and handshakes included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The local address to connect from; port 0 lets the system choose one.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::{Discard, Echo};
    /// # use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, ClientEndpoint, ConnectOptions, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// let from = "127.0.0.2:4000".parse()?;
    /// let options = ConnectOptions::new().bind_address(from);
    /// let endpoint = TcpClient::new(&reactor, address).options(options);
    /// let client = reactor.run_until(endpoint.connect_protocol(Discard))?;
    /// assert_eq!(client.transport().host(), Address::Tcp(from));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "bindAddress")]
    pub fn bind_address(mut self, address: SocketAddr) -> Self {
        self.for_driver.bind_address = Some(address);
        self
    }

    /// Whether small segments are sent at once (TCP_NODELAY); they are unless set.
    ///
    /// What is written is gathered here until the turn of the reactor ends. If the system gathered
    /// as well (Nagle's algorithm), the last segment of a large write would wait for the peer to
    /// acknowledge the others, which takes some 40 ms where the peer has nothing to say.
    pub fn no_delay(mut self, on: bool) -> Self {
        self.for_driver.no_delay = on;
        self
    }

    pub(crate) fn total(&self) -> Duration {
        self.timeout
    }
}

/// Makes the filter of one accepted connection.
pub(super) type FilterMaker = Rc<dyn Fn() -> Result<Box<dyn Filter>>>;

/// How a port is listened on.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, ListenOptions, Reactor, TcpServer};
///
/// let reactor = Reactor::new()?;
/// let options = ListenOptions::new().backlog(1024).reuse_port(true);
/// let server = TcpServer::new(&reactor, "127.0.0.1:0".parse()?).options(options.clone());
/// let port = server.listen(|_: &Address| Echo)?;
/// // Another one on the same port, as for a process for each processor.
/// let address = port.address().socket_addr().unwrap();
/// let second = TcpServer::new(&reactor, address).options(options).listen(|_: &Address| Echo)?;
/// assert_eq!(second.address(), port.address());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct ListenOptions {
    backlog: i32,
    reuse_port: bool,
    only_v6: bool,
    mode: Option<u32>,
    no_delay: bool,
    pub(super) handshake_timeout: Duration,
    pub(super) handshake_limit: Option<usize>,
    /// Makers of the filters, the lowest first.
    pub(super) filters: Vec<FilterMaker>,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: 1024,
            reuse_port: false,
            only_v6: false,
            mode: None,
            no_delay: true,
            handshake_timeout: Duration::from_secs(30),
            handshake_limit: None,
            filters: Vec::new(),
        }
    }
}

impl ListenOptions {
    /// A backlog of 1024 connections, no filter.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections may wait to be accepted; the system may allow fewer.
    pub fn backlog(mut self, connections: i32) -> Self {
        self.backlog = connections;
        self
    }

    /// Lets several processes, or several reactors, listen on one port.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// On an IPv6 address: refuses IPv4 peers.
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = on;
        self
    }

    /// The permissions of a UNIX socket's file, such as `0o660`; by default, what the process's
    /// umask leaves.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Whether the connections send small segments at once: see [`ConnectOptions::no_delay`].
    pub fn no_delay(mut self, on: bool) -> Self {
        self.no_delay = on;
        self
    }

    /// Puts a filter (TLS, mostly) below the protocol of each connection, above the filters that
    /// were put there before.
    pub fn filter<T: Filter>(mut self, make: impl Fn() -> Result<T> + 'static) -> Self {
        self.filters.push(Rc::new(move || Ok(Box::new(make()?))));
        self
    }

    /// How long the filter may take to become ready: 30 seconds unless set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::ListenOptions;
    /// use torsade_core::filter::ProxyHeader;
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// let options = ListenOptions::new()
    ///     .filter(|| Ok(ProxyHeader::new()))
    ///     .handshake_timeout(Duration::from_secs(5));
    /// TcpServer::new(&reactor, address).options(options).listen(|_: &Address| Echo)?;
    /// let silent = AccumulatingProtocol::new();
    /// reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(silent.clone()))?;
    /// reactor.advance(Duration::from_secs(4))?;
    /// assert!(silent.ending().is_none());
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(silent.ending().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// The most connections whose filter is not ready yet; any number unless set.
    ///
    /// Handshakes take time to compute. While so many are under way, nothing more is accepted:
    /// who comes waits in the [`backlog`](Self::backlog), and those that began are done sooner.
    /// Of one that says nothing the place is free again after the
    /// [`handshake_timeout`](Self::handshake_timeout).
    ///
    /// ```
    /// use torsade_core::ListenOptions;
    /// use torsade_core::filter::ProxyHeader;
    /// # use std::time::Duration;
    /// # use torsade_core::protocols::wire::Discard;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:7".parse()?;
    /// # let client = TcpClient::new(&reactor, address);
    /// let options = ListenOptions::new().filter(|| Ok(ProxyHeader::new())).handshake_limit(1);
    /// let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// TcpServer::new(&reactor, address).options(options).listen(move |_: &Address| server.clone())?;
    /// let [slow, quick] = [client.connect_protocol(Discard), client.connect_protocol(Discard)];
    /// let (slow, quick) = (reactor.run_until(slow)?, reactor.run_until(quick)?);
    /// quick.transport().write(b"PROXY UNKNOWN\r\nhello");
    /// reactor.advance(Duration::from_secs(10))?;
    /// assert_eq!(seen.data(), b""); // it waits for the one before it
    /// slow.transport().abort_connection();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.data(), b"hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn handshake_limit(mut self, connections: usize) -> Self {
        self.handshake_limit = Some(connections.max(1));
        self
    }

    pub(crate) fn make_filters(&self) -> Result<Vec<Box<dyn Filter>>> {
        self.filters.iter().map(|make| make()).collect()
    }

    pub(super) fn for_driver(&self) -> driver::ListenOptions {
        driver::ListenOptions {
            backlog: self.backlog,
            reuse_port: self.reuse_port,
            only_v6: self.only_v6,
            mode: self.mode,
            no_delay: self.no_delay,
        }
    }
}

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenOptions")
            .field("backlog", &self.backlog)
            .field("reuse_port", &self.reuse_port)
            .field("only_v6", &self.only_v6)
            .field("mode", &self.mode)
            .field("no_delay", &self.no_delay)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("handshake_limit", &self.handshake_limit)
            .field("filters", &self.filters.len())
            .finish()
    }
}

impl Reactor {
    /// Connects to `address` and gives the connection a protocol of `factory`.
    ///
    /// The Deferred fires when `connection_made` has returned, never before this has. Cancelling
    /// it ends the attempt.
    ///
    /// ```
    /// use torsade_core::protocols::wire::{Discard, Echo};
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, ConnectOptions, ListenOptions};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let address = "127.0.0.1:7".parse()?;
    /// reactor.listen_tcp(address, |_: &Address| Echo, &ListenOptions::new())?;
    /// let connected = reactor.connect_tcp(address, |_: &Address| Discard, &ConnectOptions::new());
    /// assert!(!connected.is_fired()); // never before this has returned
    /// let client = reactor.run_until(connected)?;
    /// assert_eq!(client.transport().peer(), Address::Tcp(address));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConnectError`](crate::ConnectError) with what the system said; [`ConnectTimedOut`];
    /// [`NoProtocol`](crate::NoProtocol).
    #[doc(alias = "connectTCP")]
    pub fn connect_tcp<F: Factory>(
        &self,
        address: SocketAddr,
        factory: F,
        options: &ConnectOptions,
    ) -> Deferred<ProtocolRef<F::Protocol>> {
        self.establish_tcp(address, options)
            .add_callback(|stream| stream.open(factory))
    }

    /// Listens on `address`; each connection gets a protocol of `factory`.
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen) with the address and what the system said.
    #[doc(alias = "listenTCP")]
    #[track_caller]
    pub fn listen_tcp<F: Factory>(
        &self,
        address: SocketAddr,
        factory: F,
        options: &ListenOptions,
    ) -> Result<ListeningPort> {
        listener::listen(&self.try_core()?, &address.into(), factory, options)
    }

    /// Connects, without a protocol yet.
    pub fn establish_tcp(
        &self,
        address: SocketAddr,
        options: &ConnectOptions,
    ) -> Deferred<Established> {
        match self.try_core() {
            Ok(core) => establish(&core, address.into(), options),
            Err(error) => Deferred::fail(error),
        }
    }
}

pub(super) fn establish(
    core: &Rc<Core>,
    address: Address,
    options: &ConnectOptions,
) -> Deferred<Established> {
    let (total, peer) = (options.timeout, address.to_string());
    let deadline = core.moment_after(total);
    let too_late = {
        let peer = peer.clone();
        move |_| {
            ConnectTimedOut {
                peer,
                after: total,
                stage: ConnectStage::Tcp,
            }
            .into()
        }
    };
    connector::attempt(core, address, &options.for_driver)
        .fail_after(&core.handle(), total, too_late)
        .map(move |stream| stream.open_by(deadline, total, peer))
}

/// One attempt of several, without a time limit of its own.
pub(crate) fn attempt(
    core: &Rc<Core>,
    address: SocketAddr,
    options: &ConnectOptions,
) -> Deferred<Established> {
    connector::attempt(core, address.into(), &options.for_driver)
}
