//! Which proxy is asked for which URL.

use std::env;
use std::net::IpAddr;
use std::rc::Rc;

use url::{Host, Url};

use super::{InvalidProxy, Proxy};

/// The proxies of an agent, and the hosts that are connected to without one.
///
/// ```
/// use torsade_http::{Agent, AgentOptions, Proxies, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let proxies = Proxies::all("http://proxy.internal:3128".parse()?).no_proxy("localhost,.internal");
/// let agent = Agent::with_options(&reactor, AgentOptions::new().proxies(proxies));
/// let text = agent.get("http://localhost/").add_callback(Response::text);
/// assert_eq!(reactor.run_until(text)?, "direct");
/// // There is no such proxy in this world.
/// assert!(reactor.run_until(agent.get("http://127.0.0.1/")).is_err());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Rc<Proxy>>,
    https: Option<Rc<Proxy>>,
    direct: Vec<Direct>,
}

/// Hosts that are connected to without a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Direct {
    All,
    /// This host, and those below it; perhaps on this port only.
    Domain(String, Option<u16>),
    /// The addresses with these leading bits.
    Network(IpAddr, u8),
}

impl Proxies {
    /// None: everything is connected to directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// One for everything.
    pub fn all(proxy: Proxy) -> Self {
        let proxy = Rc::new(proxy);
        Self {
            http: Some(Rc::clone(&proxy)),
            https: Some(proxy),
            direct: Vec::new(),
        }
    }

    /// Takes this one for http URLs.
    ///
    /// ```
    /// use torsade_http::{Agent, AgentOptions, Proxies, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe proxy";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let proxies = Proxies::none().http("http://localhost:80".parse()?);
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().proxies(proxies));
    /// let text = agent.get("http://example.org/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "the proxy");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn http(mut self, proxy: Proxy) -> Self {
        self.http = Some(Rc::new(proxy));
        self
    }

    /// Takes this one for https URLs.
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
    /// let proxies = Proxies::none().https("http://localhost:80".parse()?);
    /// let options = AgentOptions::new().proxies(proxies);
    /// # let tls = torsade_tls::ClientTls::builder().bundled_roots().build()?;
    /// # let options = options.tls(&tls);
    /// let agent = Agent::with_options(&reactor, options);
    /// let _answer = agent.get("https://example.org/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"CONNECT example.org:443 HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn https(mut self, proxy: Proxy) -> Self {
        self.https = Some(Rc::new(proxy));
        self
    }

    /// Connects to these hosts directly, and to no others that were named before: a list with commas or blanks between its entries, each of
    /// which is `*` for all, a domain with what is below it (with or without a leading dot, and
    /// perhaps a port), an IP address, or a network such as `10.0.0.0/8`.
    ///
    /// ```
    /// use torsade_http::{Agent, AgentOptions, Proxies, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let proxies = Proxies::all("http://proxy.internal".parse()?).no_proxy("127.0.0.0/8, example.org:8080");
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().proxies(proxies));
    /// let text = agent.get("http://127.0.0.1/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "direct");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn no_proxy(mut self, list: &str) -> Self {
        let entries = list
            .split([',', ' ', '\t'])
            .filter(|entry| !entry.is_empty());
        self.direct = entries.map(Direct::parse).collect();
        self
    }

    /// Those that the environment names: `http_proxy`, `https_proxy` (or their capitals),
    /// `ALL_PROXY` for what these say nothing about, and `NO_PROXY`.
    ///
    /// `HTTP_PROXY` is not looked at where `REQUEST_METHOD` is set: in a CGI program it comes from
    /// whoever sent a request with a field `Proxy`.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, AgentOptions, Proxies};
    ///
    /// let reactor = Simulation::new().reactor();
    /// match Proxies::from_env() {
    ///     Ok(proxies) => {
    ///         let agent = Agent::with_options(&reactor, AgentOptions::new().proxies(proxies));
    ///         assert_eq!(agent.pool_statistics().open, 0);
    ///     }
    ///     // It goes by way of none that is mistyped, and not past it either.
    ///     Err(error) => assert!(!error.why.is_empty()),
    /// }
    /// ```
    ///
    /// # Errors
    /// [`InvalidProxy`].
    pub fn from_env() -> Result<Self, InvalidProxy> {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// The same with variables from elsewhere.
    ///
    /// ```
    /// use torsade_http::Proxies;
    ///
    /// let variables = |name: &str| match name {
    ///     "https_proxy" => Some("http://proxy.internal:3128".to_owned()),
    ///     "no_proxy" => Some("localhost".to_owned()),
    ///     _ => None,
    /// };
    /// assert!(Proxies::from_variables(variables).is_ok());
    /// let mistyped = |name: &str| (name == "all_proxy").then(|| "gopher://proxy".to_owned());
    /// let error = Proxies::from_variables(mistyped).unwrap_err();
    /// assert_eq!(error.url, "gopher://proxy");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidProxy`].
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidProxy> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_ascii_uppercase()));
        let proxy = |value: Option<String>| value.map(|url| url.parse().map(Rc::new)).transpose();
        let is_cgi = get("REQUEST_METHOD").is_some();
        let http = match is_cgi {
            true => get("http_proxy"),
            false => either("http_proxy"),
        };
        let for_all = proxy(either("all_proxy"))?;
        let proxies = Self {
            http: proxy(http)?.or_else(|| for_all.clone()),
            https: proxy(either("https_proxy"))?.or(for_all),
            direct: Vec::new(),
        };
        Ok(match either("no_proxy") {
            Some(list) => proxies.no_proxy(&list),
            None => proxies,
        })
    }

    /// The one to be asked for `url`, if any is.
    pub(crate) fn for_url(&self, url: &Url) -> Option<&Rc<Proxy>> {
        let proxy = match url.scheme() {
            "https" => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| !self.direct.iter().any(|direct| direct.covers(url)))
    }
}

impl Direct {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, bits.parse().ok()),
            None => (entry, None),
        };
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            return Self::Network(address, bits.unwrap_or(all).min(all));
        }
        let (domain, port) = match entry.rsplit_once(':') {
            Some((domain, port)) => (domain, port.parse().ok()),
            None => (entry, None),
        };
        let domain = domain.trim_start_matches("*.").trim_matches('.');
        Self::Domain(domain.to_ascii_lowercase(), port)
    }

    fn covers(&self, url: &Url) -> bool {
        match (self, url.host()) {
            (Self::All, _) => true,
            (Self::Domain(domain, port), Some(Host::Domain(host))) => {
                let host = host.trim_end_matches('.');
                let is_within = host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                is_within && port.is_none_or(|port| url.port_or_known_default() == Some(port))
            }
            (Self::Network(network, bits), Some(Host::Ipv4(host))) => {
                has_prefix(IpAddr::V4(host), *network, *bits)
            }
            (Self::Network(network, bits), Some(Host::Ipv6(host))) => {
                has_prefix(IpAddr::V6(host), *network, *bits)
            }
            _ => false,
        }
    }
}

fn has_prefix(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let differing = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros()
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (address.to_bits() ^ network.to_bits()).leading_zeros()
        }
        _ => return false,
    };
    differing >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_for(proxies: &Proxies, url: &str) -> Option<String> {
        let url = Url::parse(url).unwrap();
        proxies.for_url(&url).map(ToString::to_string)
    }

    fn variables(pairs: &'static [(&'static str, &'static str)]) -> Result<Proxies, InvalidProxy> {
        Proxies::from_variables(move |name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_names_proxies_by_scheme() {
        let proxies = variables(&[
            ("http_proxy", "one.test:3128"),
            ("HTTPS_PROXY", "https://two.test"),
            ("NO_PROXY", "localhost,.internal"),
        ])
        .unwrap();
        let http = proxy_for(&proxies, "http://example.org/");
        assert_eq!(http.as_deref(), Some("http://one.test:3128"));
        let https = proxy_for(&proxies, "https://example.org/");
        assert_eq!(https.as_deref(), Some("https://two.test:443"));
        assert_eq!(proxy_for(&proxies, "http://localhost:8080/"), None);
        assert_eq!(proxy_for(&proxies, "https://a.internal/"), None);

        let for_all = variables(&[("ALL_PROXY", "socks5h://s.test"), ("http_proxy", "")]).unwrap();
        for url in ["http://a.test/", "https://a.test/"] {
            assert_eq!(
                proxy_for(&for_all, url).as_deref(),
                Some("socks5://s.test:1080")
            );
        }
        assert!(proxy_for(&variables(&[]).unwrap(), "http://a.test/").is_none());
        let error = variables(&[("http_proxy", "ftp://x")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("ftp://x"), "{error}");
    }

    // CVE-2016-5385 and its kin.
    #[test]
    fn a_field_of_a_request_is_no_proxy() {
        let proxies = variables(&[("HTTP_PROXY", "evil.test"), ("REQUEST_METHOD", "GET")]).unwrap();
        assert_eq!(proxy_for(&proxies, "http://a.test/"), None);
    }

    #[test]
    fn hosts_are_reached_directly_by_domain_address_and_network() {
        for (list, url, is_direct) in [
            ("*", "http://a.test/", true),
            ("a.test", "http://a.test/", true),
            ("a.test", "http://A.test./", true),
            ("a.test", "http://b.a.test/", true),
            ("a.test", "http://ba.test/", false),
            (".a.test", "http://a.test/", true),
            ("*.a.test", "http://b.a.test/", true),
            ("a.test:8080", "http://a.test:8080/", true),
            ("a.test:8080", "http://a.test/", false),
            ("a.test:443", "https://a.test/", true),
            ("b.test a.test", "http://a.test/", true),
            ("127.0.0.1", "http://127.0.0.1/", true),
            ("127.0.0.1", "http://127.0.0.2/", false),
            ("10.0.0.0/8", "http://10.200.3.4/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("0.0.0.0/0", "http://11.0.0.1/", true),
            ("[::1]", "http://[::1]/", true),
            ("fe80::/10", "http://[fe80::1]/", true),
            ("fe80::/10", "http://[fec0::1]/", false),
            ("10.0.0.0/8", "http://[::1]/", false),
            ("0.0.1", "http://10.0.0.1/", false),
            ("", "http://a.test/", false),
        ] {
            let proxies = Proxies::all("proxy.test".parse().unwrap()).no_proxy(list);
            assert_eq!(
                proxy_for(&proxies, url).is_none(),
                is_direct,
                "{list} {url}"
            );
        }
    }

    #[test]
    fn a_list_of_ones_own_stands_for_that_of_the_environment() {
        let proxies = variables(&[("http_proxy", "proxy.test"), ("NO_PROXY", "a.test")]);
        let proxies = proxies.unwrap().no_proxy("b.test");
        assert!(proxy_for(&proxies, "http://a.test/").is_some());
        assert!(proxy_for(&proxies, "http://b.test/").is_none());
    }
}
