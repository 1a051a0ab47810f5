//! TCP endpoints by address.

use std::net::SocketAddr;

use super::ClientEndpoint;
use crate::net::{ConnectOptions, Established, ListenOptions, ListeningPort};
use crate::{Deferred, Factory, Filter, Reactor, Result};

/// Connects to one IP address and port.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:7".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let seen = AccumulatingProtocol::new();
/// let connected = TcpClient::new(&reactor, address).connect_protocol(seen.clone());
/// reactor.run_until(connected)?.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`ConnectError`](crate::ConnectError), [`ConnectTimedOut`](crate::ConnectTimedOut).
#[derive(Clone, Debug)]
#[doc(alias = "TCP4ClientEndpoint")]
#[doc(alias = "TCP6ClientEndpoint")]
#[doc(alias = "IReactorTCP")]
pub struct TcpClient {
    reactor: Reactor,
    address: SocketAddr,
    options: ConnectOptions,
}

impl TcpClient {
    /// An endpoint for `address`.
    pub fn new(reactor: &Reactor, address: SocketAddr) -> Self {
        Self {
            reactor: reactor.clone(),
            address,
            options: ConnectOptions::new(),
        }
    }

    /// Sets how the connection is made.
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }
}

impl ClientEndpoint for TcpClient {
    fn establish(&self) -> Deferred<Established> {
        self.reactor.establish_tcp(self.address, &self.options)
    }
}

/// Listens on one IP address and port.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Reactor, TcpServer};
///
/// let reactor = Reactor::new()?;
/// // Port 0: any that is free.
/// let server = TcpServer::new(&reactor, "127.0.0.1:0".parse()?);
/// let port = server.listen(|_: &Address| Echo)?;
/// assert_ne!(port.address().port(), Some(0));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "TCP4ServerEndpoint")]
#[doc(alias = "TCP6ServerEndpoint")]
#[doc(alias = "IStreamServerEndpoint")]
#[doc(alias = "IReactorTCP")]
pub struct TcpServer {
    reactor: Reactor,
    address: SocketAddr,
    options: ListenOptions,
}

impl TcpServer {
    /// An endpoint for `address`; port 0 lets the system choose one.
    pub fn new(reactor: &Reactor, address: SocketAddr) -> Self {
        Self {
            reactor: reactor.clone(),
            address,
            options: ListenOptions::new(),
        }
    }

    /// Sets how the port is listened on.
    pub fn options(mut self, options: ListenOptions) -> Self {
        self.options = options;
        self
    }

    /// Puts a filter below the protocol of each connection: see [`ListenOptions::filter`].
    pub fn filter<T: Filter>(mut self, make: impl Fn() -> Result<T> + 'static) -> Self {
        self.options = self.options.filter(make);
        self
    }

    /// Listens; each connection gets a protocol of `factory`.
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen).
    #[track_caller]
    pub fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort> {
        self.reactor
            .listen_tcp(self.address, factory, &self.options)
    }
}
