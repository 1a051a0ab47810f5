//! Endpoints by their description, as a configuration file or a command line gives them.

mod builtin;
mod description;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::{AdoptedServer, ClientEndpoint, StandardIo, TcpServer, UnixServer};
use crate::net::ListeningPort;
use crate::{Factory, Filter, Reactor, Result};

pub use description::{Description, DescriptionError};

/// Makes endpoints of their descriptions, in Twisted's grammar.
///
/// | client | |
/// |---|---|
/// | `tcp:HOST:PORT` | also `host=`, `port=`, `timeout=` (seconds), `bindAddress=` |
/// | `unix:PATH` | also `path=`, `timeout=` |
/// | `process:PROGRAM:ARGUMENT:...` | see [`ProcessClient`](super::ProcessClient) |
/// | `stdio:` | see [`StandardIo`] |
///
/// | server | |
/// |---|---|
/// | `tcp:PORT`, `tcp6:PORT` | also `port=`, `interface=`, `backlog=` |
/// | `unix:PATH` | also `address=`, `mode=` (octal), `backlog=` |
/// | `systemd:domain=INET:index=0` | or `INET6`, `UNIX`; or `name=`: see [`AdoptedServer`] |
/// | `fd:NUMBER` | see [`AdoptedServer::descriptor`] |
/// | `stdio:` | see [`StandardIo`] |
/// | `haproxy:tcp:PORT` | or any other of these; see [`ProxyHeader`](crate::filter::ProxyHeader) |
///
/// A colon, an equals sign or a backslash in a value has a backslash before it. Others are added
/// with [`add_client`](Self::add_client) and [`add_server`](Self::add_server).
///
/// ```
/// use torsade_core::endpoints::{ClientEndpoint, Endpoints};
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
/// let endpoints = Endpoints::new(&reactor);
/// endpoints.server("tcp:8007:interface=127.0.0.1")?.listen(|_: &Address| Quiet)?;
/// let client = endpoints.client("tcp:localhost:8007:timeout=15")?;
/// reactor.run_until(client.connect(|_: &Address| Quiet))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "clientFromString")]
#[doc(alias = "serverFromString")]
#[doc(alias = "IStreamClientEndpointStringParserWithReactor")]
#[doc(alias = "IStreamServerEndpointStringParser")]
pub struct Endpoints {
    reactor: Reactor,
    clients: BTreeMap<String, Rc<MakeClient>>,
    servers: BTreeMap<String, Rc<MakeServer>>,
}

type MakeClient = dyn Fn(&Endpoints, &mut Description) -> Result<Box<dyn ClientEndpoint>>;
type MakeServer = dyn Fn(&Endpoints, &mut Description) -> Result<ServerEndpoint>;

/// A way to listen, whose kind was not known beforehand.
///
/// ```
/// use torsade_core::endpoints::Endpoints;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::Address;
///
/// let reactor = Simulation::new().reactor();
/// let server = Endpoints::new(&reactor).server("tcp:8007:interface=127.0.0.1")?;
/// let port = server.listen(|_: &Address| Echo)?;
/// assert_eq!(port.address().to_string(), "127.0.0.1:8007");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[doc(alias = "IStreamServerEndpoint")]
pub enum ServerEndpoint {
    /// On a TCP port.
    Tcp(TcpServer),
    /// On a UNIX socket.
    Unix(UnixServer),
    /// On a socket that was handed over.
    Adopted(AdoptedServer),
    /// On standard input and output, once.
    StandardIo(StandardIo),
}

impl Endpoints {
    /// The kinds that are always there.
    pub fn new(reactor: &Reactor) -> Self {
        let mut endpoints = Self {
            reactor: reactor.clone(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
        };
        builtin::add_to(&mut endpoints);
        endpoints
    }

    /// Adds a kind of client, or replaces it. `make` takes its arguments out of the description;
    /// what is left there is an error.
    ///
    /// ```
    /// use torsade_core::TcpClient;
    /// use torsade_core::endpoints::{ClientEndpoint, Endpoints};
    /// # use torsade_core::protocols::wire::{Discard, Echo};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # TcpServer::new(&reactor, "127.0.0.1:8007".parse()?).listen(|_: &Address| Echo)?;
    /// let mut endpoints = Endpoints::new(&reactor);
    /// endpoints.add_client("local", |endpoints, description| {
    ///     let port = description.require("port")?.parse()?;
    ///     let address = ([127, 0, 0, 1], port).into();
    ///     Ok(Box::new(TcpClient::new(endpoints.reactor(), address)))
    /// });
    /// let client = endpoints.client("local:8007")?;
    /// reactor.run_until(client.connect_protocol(Discard))?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "IStreamClientEndpointStringParserWithReactor")]
    #[doc(alias = "parseStreamClient")]
    pub fn add_client(
        &mut self,
        kind: &str,
        make: impl Fn(&Self, &mut Description) -> Result<Box<dyn ClientEndpoint>> + 'static,
    ) {
        self.clients.insert(kind.to_owned(), Rc::new(make));
    }

    /// Adds a kind of server, or replaces it.
    ///
    /// ```
    /// use torsade_core::endpoints::{Endpoints, ServerEndpoint};
    /// # use torsade_core::protocols::wire::Echo;
    /// # use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// let mut endpoints = Endpoints::new(&reactor);
    /// endpoints.add_server("local", |endpoints, description| {
    ///     let port = description.require("port")?.parse()?;
    ///     let address = ([127, 0, 0, 1], port).into();
    ///     Ok(ServerEndpoint::Tcp(TcpServer::new(endpoints.reactor(), address)))
    /// });
    /// let port = endpoints.server("local:8007")?.listen(|_: &Address| Echo)?;
    /// assert_eq!(port.address().to_string(), "127.0.0.1:8007");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "IStreamServerEndpointStringParser")]
    #[doc(alias = "parseStreamServer")]
    pub fn add_server(
        &mut self,
        kind: &str,
        make: impl Fn(&Self, &mut Description) -> Result<ServerEndpoint> + 'static,
    ) {
        self.servers.insert(kind.to_owned(), Rc::new(make));
    }

    /// The client endpoint of a description.
    ///
    /// ```
    /// use torsade_core::endpoints::{DescriptionError, Endpoints};
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let endpoints = Endpoints::new(&reactor);
    /// assert!(endpoints.client("tcp:example.com:80:timeout=15").is_ok());
    /// let failure = endpoints.client("tpc:example.com:80").unwrap_err();
    /// assert!(matches!(failure.check(), Some(DescriptionError::UnknownKind { .. })));
    /// let failure = endpoints.client("tcp:example.com").unwrap_err();
    /// assert!(matches!(failure.check(), Some(DescriptionError::Missing { argument: "port" })));
    /// ```
    ///
    /// # Errors
    /// [`DescriptionError`], and what the kind itself objects to.
    #[doc(alias = "clientFromString")]
    pub fn client(&self, description: &str) -> Result<Box<dyn ClientEndpoint>> {
        make(self, &self.clients, Description::parse(description)?)
    }

    /// The server endpoint of a description.
    ///
    /// # Errors
    /// [`DescriptionError`], and what the kind itself objects to.
    #[doc(alias = "serverFromString")]
    pub fn server(&self, description: &str) -> Result<ServerEndpoint> {
        self.server_of(Description::parse(description)?)
    }

    /// The same for one that is taken apart already.
    ///
    /// # Errors
    /// As [`server`](Self::server).
    pub fn server_of(&self, description: Description) -> Result<ServerEndpoint> {
        make(self, &self.servers, description)
    }

    /// The reactor that the endpoints are for.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }
}

fn make<E, M>(
    endpoints: &Endpoints,
    kinds: &BTreeMap<String, Rc<M>>,
    mut description: Description,
) -> Result<E>
where
    M: Fn(&Endpoints, &mut Description) -> Result<E> + ?Sized,
{
    let Some(make) = kinds.get(&description.kind) else {
        return Err(DescriptionError::UnknownKind {
            kind: description.kind,
            known: kinds.keys().cloned().collect(),
        }
        .into());
    };
    let endpoint = make(endpoints, &mut description)?;
    description.finish()?;
    Ok(endpoint)
}

impl ServerEndpoint {
    /// Listens; each connection gets a protocol of `factory`.
    ///
    /// # Errors
    /// [`CannotListen`](crate::CannotListen).
    #[track_caller]
    pub fn listen<F: Factory>(&self, factory: F) -> Result<ListeningPort> {
        match self {
            Self::Tcp(server) => server.listen(factory),
            Self::Unix(server) => server.listen(factory),
            Self::Adopted(server) => server.listen(factory),
            Self::StandardIo(server) => server.listen(factory),
        }
    }

    /// Puts a filter below the protocol of each connection.
    pub fn filter<T: Filter>(self, make: impl Fn() -> Result<T> + 'static) -> Self {
        match self {
            Self::Tcp(server) => Self::Tcp(server.filter(make)),
            Self::Unix(server) => Self::Unix(server.filter(make)),
            Self::Adopted(server) => Self::Adopted(server.filter(make)),
            Self::StandardIo(server) => Self::StandardIo(server.filter(make)),
        }
    }
}

impl From<TcpServer> for ServerEndpoint {
    fn from(server: TcpServer) -> Self {
        Self::Tcp(server)
    }
}

impl From<UnixServer> for ServerEndpoint {
    fn from(server: UnixServer) -> Self {
        Self::Unix(server)
    }
}

impl From<AdoptedServer> for ServerEndpoint {
    fn from(server: AdoptedServer) -> Self {
        Self::Adopted(server)
    }
}

impl From<StandardIo> for ServerEndpoint {
    fn from(server: StandardIo) -> Self {
        Self::StandardIo(server)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("clients", &self.clients.keys())
            .field("servers", &self.servers.keys())
            .finish()
    }
}
