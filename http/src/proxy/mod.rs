//! Proxies: whom to ask for a connection, or for a response, instead of the server itself.

mod error;
mod login;
mod selection;
mod tunnel;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::str::FromStr;

use http::{HeaderValue, Method};
use torsade_core::Reactor;
use torsade_core::endpoints::{ClientEndpoint, ConnectOptions, HostnameClient};
use torsade_core::filter::{Socks5, Socks5Error};
use torsade_tls::{ClientTls, wrap_client_tls};
use url::Url;

pub use error::{InvalidProxy, ProxyError};
pub(crate) use login::ProxyLogins;
pub use selection::Proxies;
pub use tunnel::HttpTunnel;
use tunnel::authority;

use crate::auth::{Sent, basic};

/// A proxy.
///
/// Written as a URL: `http://proxy.test:3128`, `https://user:password@proxy.test` for one that is
/// reached by TLS, or `socks5://proxy.test:1080`, which looks names up itself. Without a scheme it
/// is one of http.
///
/// An http URL is requested from an http proxy, which reads along; for an https URL it is asked for
/// a tunnel (CONNECT), through which TLS goes to the server itself. A SOCKS5 proxy connects for both.
///
/// User name and password are sent to it by Basic (RFC 7617) unasked, and by Digest (RFC 7616) once it
/// asks for that.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_http::{Agent, AgentOptions, Proxies, Proxy};
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// let proxy: Proxy = "http://me:secret@localhost:80".parse()?;
/// let options = AgentOptions::new().proxies(Proxies::all(proxy).no_proxy("127.0.0.1, .internal"));
/// let _answer = Agent::with_options(&reactor, options).get("http://example.org/");
/// reactor.advance(Duration::from_secs(1))?;
/// let sent = String::from_utf8(seen.data())?;
/// assert!(sent.starts_with("GET http://example.org/ HTTP/1.1\r\n"), "{sent}");
/// assert!(sent.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{sent}");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ProxyAgent")]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    is_digest_only: bool,
    tls: Option<ClientTls>,
    always_tunnels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Http,
    Https,
    Socks5,
}

impl Proxy {
    /// How TLS is spoken with a proxy of https, instead of as with servers.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Proxies, Proxy, Response};
    /// use torsade_tls::ClientTls;
    /// # use torsade_tls::{ServerTls, generate::Authority, wrap_server_tls};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let authority = Authority::new("of our company");
    /// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
    /// # let server = wrap_server_tls(TcpServer::new(&reactor, "127.0.0.1:443".parse()?), &own);
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// // The proxy's certificate comes from an authority of our own.
    /// let tls = ClientTls::builder().trust(authority.trust()).build()?;
    /// let proxy = "https://localhost".parse::<Proxy>()?.tls(&tls);
    /// let options = AgentOptions::new().proxies(Proxies::all(proxy));
    /// let agent = Agent::with_options(&reactor, options);
    /// let text = agent.get("http://example.org/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "hi");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn tls(mut self, tls: &ClientTls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// Is known to the proxy by a user name and a password, rather than those in its URL.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Proxies, Proxy};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let proxy = "http://localhost:80".parse::<Proxy>()?.credentials("me", "secret");
    /// let options = AgentOptions::new().proxies(Proxies::all(proxy));
    /// let _answer = Agent::with_options(&reactor, options).get("http://example.org/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Asks for a tunnel (CONNECT) to servers of http as well: the proxy passes bytes on, and reads no
    /// request and changes none. Many proxies allow that for port 443 only.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Proxies, Proxy};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let proxy = "http://localhost:80".parse::<Proxy>()?.always_tunnel();
    /// let options = AgentOptions::new().proxies(Proxies::all(proxy));
    /// let _answer = Agent::with_options(&reactor, options).get("http://example.org/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"CONNECT example.org:80 HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "proxytunnel")]
    pub fn always_tunnel(mut self) -> Self {
        self.always_tunnels = true;
        self
    }

    /// Never sends the password itself, but answers by Digest when it is asked. (SOCKS5 knows only the
    /// password itself.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Proxies, Proxy};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let proxy = "http://localhost:80".parse::<Proxy>()?.credentials("me", "secret").digest_only();
    /// let options = AgentOptions::new().proxies(Proxies::all(proxy));
    /// let _answer = Agent::with_options(&reactor, options).get("http://example.org/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(!String::from_utf8(seen.data())?.contains("Proxy-Authorization")); // unasked
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn digest_only(mut self) -> Self {
        self.is_digest_only = true;
        self
    }

    /// Whether a request for `url` is made to the proxy itself, rather than through it.
    pub(crate) fn takes_requests_for(&self, is_https: bool) -> bool {
        !is_https && self.kind != Kind::Socks5 && !self.always_tunnels
    }

    /// What goes into `Proxy-Authorization` unasked.
    fn authorization(&self) -> Option<HeaderValue> {
        let credentials = self.credentials.as_ref().filter(|_| !self.is_digest_only);
        credentials.map(|(user, password)| basic(user, password))
    }

    /// The proxy itself.
    ///
    /// `tls` is how TLS is spoken if the proxy has no way of its own.
    pub(crate) fn endpoint(
        &self,
        reactor: &Reactor,
        options: ConnectOptions,
        tls: impl FnOnce() -> torsade_core::Result<ClientTls>,
    ) -> torsade_core::Result<Box<dyn ClientEndpoint>> {
        let tcp = HostnameClient::new(reactor, &self.host, self.port).options(options);
        if self.kind != Kind::Https {
            return Ok(Box::new(tcp));
        }
        let tls = match &self.tls {
            Some(own) => own.clone(),
            None => tls()?,
        };
        Ok(Box::new(wrap_client_tls(tcp, &tls, &self.host)))
    }

    /// What leads through the proxy at `endpoint` to a host.
    pub(crate) fn through(
        self: &Rc<Self>,
        endpoint: Box<dyn ClientEndpoint>,
        host: &str,
        port: u16,
        logins: &ProxyLogins,
    ) -> Box<dyn ClientEndpoint> {
        let (this, host) = (Rc::clone(self), host.to_owned());
        if self.kind == Kind::Socks5 {
            return Box::new(endpoint.filter(move || Ok(this.socks5(&host, port)?)));
        }
        let authorization = logins.authorization(
            self,
            Sent {
                method: &Method::CONNECT,
                target: &authority(&host, port),
                body: Some(b""),
            },
        );
        Box::new(endpoint.filter(move || {
            let tunnel = HttpTunnel::to(&host, port).by(&this.to_string());
            Ok(match &authorization {
                Some(value) => tunnel.authorization(value.clone()),
                None => tunnel,
            })
        }))
    }

    fn socks5(&self, host: &str, port: u16) -> Result<Socks5, Socks5Error> {
        let filter = Socks5::connect(host, port)?;
        match &self.credentials {
            Some((user, password)) => filter.credentials(user, password),
            None => Ok(filter),
        }
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let invalid = |why| InvalidProxy {
            url: text.to_owned(),
            why,
        };
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let url = Url::parse(&whole).map_err(|_| invalid("it is no URL"))?;
        let (kind, port) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "https" => (Kind::Https, 443),
            "socks5" | "socks5h" | "socks" => (Kind::Socks5, 1080),
            _ => return Err(invalid("a proxy is of http, https or socks5")),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("it has no host"))?;
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user), decoded(password.unwrap_or_default()))),
        };
        Ok(Self {
            kind,
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            credentials,
            is_digest_only: false,
            tls: None,
            always_tunnels: false,
        })
    }
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

// What TLS is spoken with it is the same for all connections of an agent.
impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.host == other.host
            && self.port == other.port
            && self.credentials == other.credentials
            && self.always_tunnels == other.always_tunnels
            && self.is_digest_only == other.is_digest_only
    }
}

impl Eq for Proxy {}

impl Hash for Proxy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind, &self.host, self.port, &self.credentials).hash(state);
    }
}

/// Its URL, without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests;
