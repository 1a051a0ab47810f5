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
/// use torsade_core::Reactor;
/// use torsade_http::{Agent, AgentOptions};
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Reactor::new()?;
/// let options = AgentOptions::new()
///     .connect_timeout(Duration::from_secs(5))
///     .max_connections_per_host(4);
/// let agent = Agent::with_options(&reactor, options);
/// # drop(agent);
/// # Ok(())
/// # }
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
    /// use torsade_core::Reactor;
    /// use std::path::PathBuf;
    /// use torsade_core::endpoints::UnixClient;
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// let own = reactor.clone();
    /// let options = AgentOptions::new()
    ///     .endpoints(move |_, _| Ok(Box::new(UnixClient::new(&own, PathBuf::from("/run/docker.sock")))));
    /// let docker = Agent::with_options(&reactor, options);
    /// let version = docker.get("http://docker/version");
    /// # drop(version.add_errback(|failure| torsade_core::Deferred::fail(failure)));
    /// # Ok(())
    /// # }
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
    #[doc(alias = "connectTimeout")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect = self.connect.timeout(timeout);
        self
    }

    /// The local address to connect from.
    #[doc(alias = "bindAddress")]
    pub fn bind_address(mut self, address: SocketAddr) -> Self {
        self.connect = self.connect.bind_address(address);
        self
    }

    /// How long the head of a response may take after its request was sent, however it trickles
    /// in; `None` is for ever. When a large request's last byte leaves is seen to the precision of
    /// [`silence_timeout`](Self::silence_timeout).
    pub fn head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.head = timeout;
        self
    }

    /// How long no byte of a body may move while it is wanted; `None` is for ever.
    pub fn silence_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.silence = timeout;
        self
    }

    /// How long all of a request may take, to the last byte of the response's body: an hour, unless it
    /// is set; `None` is for ever. A body that never ends wants a limit
    /// [of its own](crate::Request::total_timeout).
    pub fn total_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.total = timeout;
        self
    }

    /// How long an idle connection is kept; `None` is until the server closes it.
    #[doc(alias = "cachedConnectionTimeout")]
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.idle = timeout;
        self
    }

    /// What a response may make us keep: see [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether connections are kept for the next request. If not, servers are told so.
    #[doc(alias = "persistent")]
    pub fn keep_alive(mut self, on: bool) -> Self {
        self.keep_alive = on;
        self
    }

    /// How many connections may be open in all, at least 1.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// How many connections may be open to one host, at least 1.
    pub fn max_connections_per_host(mut self, count: usize) -> Self {
        self.max_per_host = count.max(1);
        self
    }

    /// How many idle connections are kept for one host.
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
