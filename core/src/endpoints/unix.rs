//! UNIX socket endpoints.

use super::ClientEndpoint;
use crate::net::{ConnectOptions, Established, ListenOptions, ListeningPort};
use crate::{Deferred, Factory, Filter, Reactor, Result, UnixName};

/// Connects to a UNIX socket.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, UnixClient, UnixServer};
///
/// let reactor = Simulation::new().reactor();
/// UnixServer::new(&reactor, "/run/echo").listen(|_: &Address| Echo)?;
/// let seen = AccumulatingProtocol::new();
/// let connected = UnixClient::new(&reactor, "/run/echo").connect_protocol(seen.clone());
/// reactor.run_until(connected)?.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`ConnectError`](crate::ConnectError), [`ConnectTimedOut`](crate::ConnectTimedOut).
#[derive(Clone, Debug)]
#[doc(alias = "UNIXClientEndpoint")]
#[doc(alias = "IReactorUNIX")]
pub struct UnixClient {
    reactor: Reactor,
    name: UnixName,
    options: ConnectOptions,
}

impl UnixClient {
    /// An endpoint for a path, or for another name.
    pub fn new(reactor: &Reactor, name: impl Into<UnixName>) -> Self {
        Self {
            reactor: reactor.clone(),
            name: name.into(),
            options: ConnectOptions::new(),
        }
    }

    /// Sets how the connection is made. What is about TCP is not looked at.
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }
}

impl ClientEndpoint for UnixClient {
    fn establish(&self) -> Deferred<Established> {
        self.reactor
            .establish_unix(self.name.clone(), &self.options)
    }
}

/// Listens on a UNIX socket.
///
/// A file that was left behind by somebody who does not listen any more is replaced; the file is
/// removed when the port stops.
///
/// ```
/// use torsade_core::endpoints::{ClientEndpoint, UnixClient, UnixServer};
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Protocol, Result, Transport};
///
/// struct Echo;
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
///         transport.write(data);
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let reactor = Simulation::new().reactor();
/// let server = UnixServer::new(&reactor, "/run/echo.sock").mode(0o660);
/// let listening = server.listen(|_: &Address| Echo)?;
/// assert_eq!(listening.address().to_string(), "/run/echo.sock");
/// let client = UnixClient::new(&reactor, "/run/echo.sock");
/// reactor.run_until(client.connect(|_: &Address| Echo))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "UNIXServerEndpoint")]
#[doc(alias = "IReactorUNIX")]
pub struct UnixServer {
    reactor: Reactor,
    name: UnixName,
    options: ListenOptions,
}

impl UnixServer {
    /// An endpoint for a path, or for another name.
    pub fn new(reactor: &Reactor, name: impl Into<UnixName>) -> Self {
        Self {
            reactor: reactor.clone(),
            name: name.into(),
            options: ListenOptions::new(),
        }
    }

    /// Sets how the socket is listened on. What is about TCP is not looked at.
    pub fn options(mut self, options: ListenOptions) -> Self {
        self.options = options;
        self
    }

    /// The permissions of the file: see [`ListenOptions::mode`].
    pub fn mode(mut self, mode: u32) -> Self {
        self.options = self.options.mode(mode);
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
            .listen_unix(self.name.clone(), factory, &self.options)
    }
}
