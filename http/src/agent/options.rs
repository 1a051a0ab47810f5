//! What an agent is made with.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::Result;
use torsade_core::endpoints::{ClientEndpoint, ConnectOptions};
use torsade_tls::ClientTls;

use crate::connection::Timeouts;
use crate::proxy::Proxies;
use crate::wire::Limits;

/// What leads to a host and a port.
pub(super) type MakeEndpoint = dyn Fn(&str, u16) -> Result<Box<dyn ClientEndpoint>>;

/// The options of an [`Agent`](super::Agent), with its defaults.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::testing::Simulation;
/// use torsade_http::{Agent, AgentOptions};
///
/// let reactor = Simulation::new().reactor();
/// let options = AgentOptions::new()
///     .connect_timeout(Duration::from_secs(5))
///     .max_connections_per_host(4);
/// let agent = Agent::with_options(&reactor, options);
/// assert_eq!(agent.pool_statistics().open, 0);
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPConnectionPool")]
pub struct AgentOptions {
    pub(super) tls: Option<ClientTls>,
    pub(super) proxies: Proxies,
    pub(super) endpoints: Option<Rc<MakeEndpoint>>,
    pub(super) connect: ConnectOptions,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
    pub(super) keep_alive: bool,
    pub(super) max_connections: usize,
    pub(super) max_per_host: usize,
    pub(super) max_idle_per_host: usize,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            tls: None,
            proxies: Proxies::none(),
            endpoints: None,
            connect: ConnectOptions::new(),
            timeouts: Timeouts {
                head: Some(Duration::from_secs(60)),
                silence: Some(Duration::from_secs(60)),
                idle: Some(Duration::from_secs(60)),
                total: Some(Duration::from_secs(60 * 60)),
            },
            limits: Limits::default(),
            keep_alive: true,
            max_connections: 512,
            max_per_host: 64,
            max_idle_per_host: 64,
        }
    }
}

impl AgentOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How https is spoken. Its ALPN protocols should be `http/1.1`, or none.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Response};
    /// use torsade_tls::ClientTls;
    /// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let authority = Authority::new("our own");
    /// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
    /// # let server = wrap_server_tls(TcpServer::new(&reactor, "127.0.0.1:443".parse()?), &own);
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let tls = ClientTls::builder().trust(authority.trust()).alpn(["http/1.1"]).build()?;
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().tls(&tls));
    /// let text = agent.get("https://localhost/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "hi");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "contextFactory")]
    #[doc(alias = "BrowserLikePolicyForHTTPS")]
    #[doc(alias = "HostnameCachingHTTPSPolicy")]
    #[doc(alias = "IPolicyForHTTPS")]
    #[doc(alias = "creatorForNetloc")]
    pub fn tls(mut self, tls: &ClientTls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// By way of which proxies servers are reached: none unless set. The environment is not asked;
    /// that is [`Proxies::from_env`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Proxies};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let options = AgentOptions::new().proxies(Proxies::all("http://localhost:80".parse()?));
    /// let _answer = Agent::with_options(&reactor, options).get("http://example.test/notes");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"GET http://example.test/notes HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "ProxyAgent")]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Connects by endpoints of one's own, made for a host and a port: a UNIX socket, or whatever
    /// leads there. TLS is put on top for https, and the names are those of the URL. Where a proxy is
    /// to be asked, it is connected to as ever.
    ///
    /// ```
    /// use std::path::PathBuf;
    /// use torsade_core::endpoints::{UnixClient, UnixServer};
    /// use torsade_http::{Agent, AgentOptions, Response};
    /// # use torsade_core::Address;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = UnixServer::new(&reactor, PathBuf::from("/run/docker.sock"));
    /// # server.listen(|_: &Address| Telling::new(|| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".into()))?;
    /// let own = reactor.clone();
    /// let options = AgentOptions::new()
    ///     .endpoints(move |_, _| Ok(Box::new(UnixClient::new(&own, PathBuf::from("/run/docker.sock")))));
    /// let docker = Agent::with_options(&reactor, options);
    /// let version = docker.get("http://docker/version").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(version)?, "hi");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "usingEndpointFactory")]
    #[doc(alias = "IAgentEndpointFactory")]
    #[doc(alias = "endpointForURI")]
    pub fn endpoints(
        mut self,
        make: impl Fn(&str, u16) -> Result<Box<dyn ClientEndpoint>> + 'static,
    ) -> Self {
        self.endpoints = Some(Rc::new(make));
        self
    }

    /// How long connecting may take: look-up, TCP, proxy and TLS together.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// let reactor = Simulation::new().silent("192.0.2.1".parse()?).reactor();
    /// let start = reactor.now();
    /// let options = AgentOptions::new().connect_timeout(Duration::from_secs(5));
    /// let answer = Agent::with_options(&reactor, options).get("http://192.0.2.1/");
    /// assert!(reactor.run_until(answer).is_err());
    /// assert_eq!(reactor.now() - start, Duration::from_secs(5));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "connectTimeout")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect = self.connect.timeout(timeout);
        self
    }

    /// The local address to connect from.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_core::protocols::wire::Telling;
    /// use torsade_http::{Agent, AgentOptions, Response};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// server.listen(|peer: &Address| {
    ///     let body = peer.to_string();
    ///     let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    ///     Telling::new(move || reply.clone().into_bytes())
    /// })?;
    /// let options = AgentOptions::new().bind_address("127.0.0.7:7777".parse()?);
    /// let agent = Agent::with_options(&reactor, options);
    /// let seen = agent.get("http://127.0.0.1/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(seen)?, "127.0.0.7:7777");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "bindAddress")]
    pub fn bind_address(mut self, address: SocketAddr) -> Self {
        self.connect = self.connect.bind_address(address);
        self
    }

    /// How long the head of a response may take after its request was sent, however it trickles
    /// in; `None` is for ever. When a large request's last byte leaves is seen to the precision of
    /// [`silence_timeout`](Self::silence_timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, RequestError};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
    /// let options = AgentOptions::new().head_timeout(Some(Duration::from_secs(5)));
    /// let answer = Agent::with_options(&reactor, options).get("http://127.0.0.1/");
    /// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
    /// assert!(error.is_timeout());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.head = timeout;
        self
    }

    /// How long no byte of a body may move while it is wanted; `None` is for ever.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{Agent, AgentOptions, RequestError, Response, Stage};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Server(fn(&str) -> &'static str);
    /// # impl Protocol for Server {
    /// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
    /// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"))?;
    /// let options = AgentOptions::new().silence_timeout(Some(Duration::from_secs(5)));
    /// let agent = Agent::with_options(&reactor, options);
    /// let text = agent.get("http://127.0.0.1/").add_callback(Response::text);
    /// let failure = reactor.run_until(text).unwrap_err();
    /// let error: &RequestError = failure.find().expect("that is what they are");
    /// assert_eq!((error.stage, error.is_timeout()), (Stage::ReadingBody, true));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn silence_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.silence = timeout;
        self
    }

    /// How long all of a request may take, to the last byte of the response's body: an hour, unless it
    /// is set; `None` is for ever. A body that never ends wants a limit
    /// [of its own](crate::Request::total_timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
    /// let start = reactor.now();
    /// let options = AgentOptions::new().head_timeout(None).total_timeout(Some(Duration::from_secs(90)));
    /// let answer = Agent::with_options(&reactor, options).get("http://127.0.0.1/");
    /// assert!(reactor.run_until(answer).is_err());
    /// assert_eq!(reactor.now() - start, Duration::from_secs(90));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn total_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.total = timeout;
        self
    }

    /// How long an idle connection is kept; `None` is until the server closes it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{Agent, AgentOptions, Response};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Server(fn(&str) -> &'static str);
    /// # impl Protocol for Server {
    /// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
    /// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))?;
    /// let options = AgentOptions::new().idle_timeout(Some(Duration::from_secs(5)));
    /// let agent = Agent::with_options(&reactor, options);
    /// reactor.run_until(agent.get("http://127.0.0.1/").add_callback(Response::text))?;
    /// assert_eq!(agent.pool_statistics().idle, 1);
    /// reactor.advance(Duration::from_secs(6))?;
    /// assert_eq!(agent.pool_statistics().idle, 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "cachedConnectionTimeout")]
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.idle = timeout;
        self
    }

    /// What a response may make us keep: see [`Limits`].
    ///
    /// ```
    /// use torsade_http::wire::Limits;
    /// use torsade_http::{Agent, AgentOptions, WireError};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nX-Much: 0123456789012345678901234567890123456789\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let limits = Limits { head_bytes: 50, ..Limits::default() };
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().limits(limits));
    /// let answer = agent.get("http://127.0.0.1/");
    /// let failure = reactor.run_until(answer).unwrap_err();
    /// assert!(failure.find::<WireError>().is_some_and(WireError::is_limit));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether connections are kept for the next request. If not, servers are told so.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().keep_alive(false));
    /// let _answer = agent.get("http://127.0.0.1/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Connection: close\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "persistent")]
    pub fn keep_alive(mut self, on: bool) -> Self {
        self.keep_alive = on;
        self
    }

    /// How many connections may be open in all, at least 1.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().max_connections(1));
    /// let _first = agent.get("http://127.0.0.1/");
    /// let _second = agent.get("http://127.0.0.2/"); // another host, but one is all
    /// reactor.advance(Duration::from_secs(1))?;
    /// let pool = agent.pool_statistics();
    /// assert_eq!((pool.open, pool.waiting), (1, 1));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn max_connections(mut self, count: usize) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// How many connections may be open to one host, at least 1.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().max_connections_per_host(2));
    /// let _answers: Vec<_> = (0..5).map(|_| agent.get("http://127.0.0.1/")).collect();
    /// reactor.advance(Duration::from_secs(1))?;
    /// let pool = agent.pool_statistics();
    /// assert_eq!((pool.open, pool.waiting), (2, 3));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn max_connections_per_host(mut self, count: usize) -> Self {
        self.max_per_host = count.max(1);
        self
    }

    /// How many idle connections are kept for one host.
    ///
    /// ```
    /// use torsade_core::gather;
    /// use torsade_http::{Agent, AgentOptions, Response};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Server(fn(&str) -> &'static str);
    /// # impl Protocol for Server {
    /// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
    /// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))?;
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().max_idle_per_host(1));
    /// let texts = (0..3).map(|_| agent.get("http://127.0.0.1/").add_callback(Response::text));
    /// reactor.run_until(gather(texts.collect::<Vec<_>>()))?;
    /// let pool = agent.pool_statistics();
    /// assert_eq!((pool.made, pool.idle), (3, 1));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "maxPersistentPerHost")]
    pub fn max_idle_per_host(mut self, count: usize) -> Self {
        self.max_idle_per_host = count;
        self
    }
}

impl fmt::Debug for AgentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentOptions")
            .field("connect", &self.connect)
            .field("timeouts", &self.timeouts)
            .field("limits", &self.limits)
            .field("keep_alive", &self.keep_alive)
            .field("max_connections", &self.max_connections)
            .field("max_per_host", &self.max_per_host)
            .field("max_idle_per_host", &self.max_idle_per_host)
            .finish_non_exhaustive()
    }
}
