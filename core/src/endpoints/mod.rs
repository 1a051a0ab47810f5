//! Endpoints: ways to connect and to listen, as values.
//!
//! An endpoint says where and how; what is spoken there is a [`Factory`]'s business. Connecting
//! gives a Deferred that fires with the connected protocol; it is cancelled to give up.
//!
//! ```
//! use std::net::IpAddr;
//! use torsade_core::endpoints::{ClientEndpoint, HostnameClient, TcpServer};
//! use torsade_core::testing::Simulation;
//! use torsade_core::{Address, Protocol, Result, Transport};
//!
//! struct Greeter;
//! impl Protocol for Greeter {
//!     fn connection_made(&mut self, transport: &Transport) {
//!         transport.write(b"hello");
//!         transport.lose_connection();
//!     }
//!     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let localhost = IpAddr::from([127, 0, 0, 1]);
//! let reactor = Simulation::new().host("greeter.test", [localhost]).reactor();
//! TcpServer::new(&reactor, (localhost, 7).into()).listen(|_: &Address| Greeter)?;
//! let client = HostnameClient::new(&reactor, "greeter.test", 7);
//! let connected = reactor.run_until(client.connect(|_: &Address| Greeter))?;
//! assert_eq!(connected.transport().peer().port(), Some(7));
//! # Ok(())
//! # }
//! ```

mod adopted;
mod filtered;
mod happy_eyeballs;
mod hostname;
mod process;
mod service;
mod standard_io;
mod strings;
mod tcp;
mod unix;

use std::fmt;

pub use adopted::AdoptedServer;
pub use filtered::FilteredClient;
pub use hostname::HostnameClient;
pub use process::ProcessClient;
pub use service::{Backoff, ClientService, Served, ServedRef};
pub use standard_io::StandardIo;
pub use strings::{Description, DescriptionError, Endpoints, ServerEndpoint};
pub use tcp::{TcpClient, TcpServer};
pub use unix::{UnixClient, UnixServer};

use crate::factory::Once;
pub use crate::net::{ConnectOptions, Established, ListenOptions, ListeningPort};
use crate::{Deferred, Factory, Filter, Protocol, ProtocolRef, Result};

/// A way to listen.
///
/// ```
/// use torsade_core::endpoints::StreamServer;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ListeningPort, Result, TcpServer};
///
/// /// Wherever that is.
/// fn serve(server: &impl StreamServer) -> Result<ListeningPort> {
///     server.listen(|_: &Address| Echo)
/// }
///
/// let reactor = Simulation::new().reactor();
/// serve(&TcpServer::new(&reactor, "127.0.0.1:7".parse()?))?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IStreamServerEndpoint")]
pub trait StreamServer: Sized {
    /// Puts a filter below the protocol of each connection: see [`ListenOptions::filter`].
    #[must_use]
    fn filter<T: Filter>(self, make: impl Fn() -> Result<T> + 'static) -> Self;

    /// Listens; each connection gets a protocol of `factory`.
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen), and those of each kind.
    #[track_caller]
    fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort>;
}

macro_rules! stream_servers {
    ($($server:ty),*) => {$(
        impl StreamServer for $server {
            fn filter<T: Filter>(self, make: impl Fn() -> Result<T> + 'static) -> Self {
                self.filter(make)
            }

            #[track_caller]
            fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort> {
                self.listen(factory)
            }
        }
    )*};
}
stream_servers!(
    TcpServer,
    UnixServer,
    AdoptedServer,
    StandardIo,
    ServerEndpoint
);

/// A way to connect.
///
/// What is to be written for a new kind of endpoint is [`establish`](Self::establish); one that
/// wraps another adds its filter to what that establishes.
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::protocols::wire::Telling;
/// use torsade_core::{Address, ClientEndpoint, Deferred, Result, TcpClient, TcpServer};
///
/// /// Whatever it is that leads to the server.
/// fn connect(endpoint: &impl ClientEndpoint) -> Deferred<AccumulatingProtocol> {
///     let protocol = AccumulatingProtocol::new();
///     let told = protocol.clone();
///     endpoint.connect_protocol(protocol).map(move |_| told)
/// }
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:17".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Telling::new(|| b"hello".to_vec()))?;
/// let told = reactor.run_until(connect(&TcpClient::new(&reactor, address)))?;
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(told.data(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IStreamClientEndpoint")]
#[doc(alias = "ClientFactory")]
pub trait ClientEndpoint: fmt::Debug + 'static {
    /// Makes a connected stream that no protocol has yet. Cancelling gives up.
    ///
    /// ```
    /// use torsade_core::endpoints::{ClientEndpoint, Established};
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_core::{Deferred, TcpClient};
    ///
    /// /// One endpoint, and another if that fails.
    /// #[derive(Debug)]
    /// struct Either(TcpClient, TcpClient);
    ///
    /// impl ClientEndpoint for Either {
    ///     fn establish(&self) -> Deferred<Established> {
    ///         let second = self.1.clone();
    ///         self.0.establish().add_errback(move |_| second.establish())
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let (dead, alive) = ("127.0.0.1:8".parse()?, "127.0.0.1:7".parse()?);
    /// # TcpServer::new(&reactor, alive).listen(|_: &Address| Echo)?;
    /// let either = Either(TcpClient::new(&reactor, dead), TcpClient::new(&reactor, alive));
    /// let client = reactor.run_until(either.connect_protocol(Echo))?;
    /// assert_eq!(client.transport().peer(), Address::Tcp(alive));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// Each endpoint documents its own.
    fn establish(&self) -> Deferred<Established>;

    /// Connects, and gives the connection a protocol of `factory`.
    ///
    /// The Deferred fires when the protocol's `connection_made` has returned: with TLS, that is
    /// after the handshake. Cancelling it gives up.
    ///
    /// ```
    /// use torsade_core::protocols::wire::{Discard, Echo};
    /// use torsade_core::testing::{Simulation, failure_result_of};
    /// use torsade_core::{Address, Cancelled, ClientEndpoint, TcpClient, TcpServer};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let address = "127.0.0.1:7".parse()?;
    /// TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// let endpoint = TcpClient::new(&reactor, address);
    /// let client = reactor.run_until(endpoint.connect(|_: &Address| Discard))?;
    /// assert!(client.transport().is_open());
    ///
    /// let given_up = endpoint.connect(|_: &Address| Discard);
    /// given_up.cancel();
    /// assert!(failure_result_of(given_up).check::<Cancelled>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`establish`](Self::establish), and as [`Established::open`].
    #[doc(alias = "IConnector")]
    #[doc(alias = "clientConnectionFailed")]
    #[doc(alias = "startedConnecting")]
    #[doc(alias = "stopConnecting")]
    fn connect<F: Factory>(&self, factory: F) -> Deferred<ProtocolRef<F::Protocol>>
    where
        Self: Sized,
    {
        self.establish().add_callback(|stream| stream.open(factory))
    }

    /// An endpoint that puts a filter on each stream of this one, which it connects with when the
    /// filter is ready: to a proxy, and through it to where the filter leads.
    fn filter<T: Filter>(self, make: impl Fn() -> Result<T> + 'static) -> FilteredClient<Self>
    where
        Self: Sized,
    {
        FilteredClient::new(self, make)
    }

    /// Connects, and gives the connection this protocol.
    ///
    /// ```
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, Protocol, Result, TcpClient, TcpServer, Transport};
    /// # struct Quiet;
    /// # impl Protocol for Quiet {
    /// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
    /// # }
    /// # fn main() -> Result<()> {
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:8007".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Quiet)?;
    /// let client = TcpClient::new(&reactor, address);
    /// let connected = reactor.run_until(client.connect_protocol(Quiet))?;
    /// assert!(connected.transport().is_open());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    #[doc(alias = "connectProtocol")]
    #[doc(alias = "ClientCreator")]
    #[doc(alias = "connectTCP")]
    #[doc(alias = "connectUNIX")]
    fn connect_protocol<P: Protocol>(&self, protocol: P) -> Deferred<ProtocolRef<P>>
    where
        Self: Sized,
    {
        self.connect(Once::new(protocol))
    }

    /// Connects, gives the connection this protocol, and fires when the connection is over: all that
    /// there is to most client programs. Cancelling ends the connection, at once.
    ///
    /// ```
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, ClientEndpoint, Protocol, Result, TcpClient, TcpServer, Transport};
    /// # use torsade_core::protocols::wire::Echo;
    /// /// Asks one thing, prints what comes, and closes.
    /// struct Asks;
    ///
    /// impl Protocol for Asks {
    ///     fn connection_made(&mut self, transport: &Transport) {
    ///         transport.write(b"Who is there?");
    ///     }
    ///
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
    ///         println!("{}", data.escape_ascii());
    ///         transport.lose_connection();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// # let reactor = Simulation::new().reactor();
    /// # let address = "127.0.0.1:8007".parse()?;
    /// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
    /// reactor.run_until(TcpClient::new(&reactor, address).converse(Asks))
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect); the reason that [`connection_lost`](Protocol::connection_lost)
    /// was told, if that is not [`ConnectionDone`](crate::ConnectionDone).
    #[doc(alias = "clientConnectionLost")]
    #[doc(alias = "clientConnectionFailed")]
    fn converse(&self, protocol: impl Protocol) -> Deferred<()>
    where
        Self: Sized,
    {
        self.connect_protocol(protocol)
            .add_callback(|connected| connected.transport().when_lost())
    }
}

/// An endpoint whose type is not known is used through its box.
impl<E: ClientEndpoint + ?Sized> ClientEndpoint for Box<E> {
    fn establish(&self) -> Deferred<Established> {
        (**self).establish()
    }
}

#[cfg(test)]
mod tests;
