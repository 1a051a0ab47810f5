//! Origins: whom a connection leads to.

use std::fmt;
use std::rc::Rc;

use url::Url;

use crate::proxy::Proxy;

/// A scheme, a host and a port (RFC 9110 section 4.3.1), and the proxy on the way there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    is_https: bool,
    host: Rc<str>,
    port: u16,
    via: Option<Rc<Proxy>>,
}

impl Origin {
    /// The origin of a URL of http or https with a host.
    pub(crate) fn of(url: &Url) -> Self {
        let is_https = url.scheme() == "https";
        Self {
            is_https,
            host: url.host_str().unwrap_or_default().into(),
            port: url.port().unwrap_or(if is_https { 443 } else { 80 }),
            via: None,
        }
    }

    /// The same, by way of a proxy.
    pub(crate) fn via(mut self, proxy: Option<&Rc<Proxy>>) -> Self {
        self.via = proxy.cloned();
        self
    }

    pub(crate) fn proxy(&self) -> Option<&Rc<Proxy>> {
        self.via.as_ref()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host; an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)?;
        match &self.via {
            Some(proxy) => write!(f, " by way of {proxy}"),
            None => Ok(()),
        }
    }
}
