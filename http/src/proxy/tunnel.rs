//! A tunnel through an http proxy: CONNECT (RFC 9110 section 9.3.6).

use std::fmt;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use torsade_core::{Filter, Result};

use super::ProxyError;
use crate::auth::Challenge;
use crate::wire::{Event, Exchange, Limits, RequestHead, ResponseHead, WireError};

/// A filter that has an http proxy open a tunnel, and then is that tunnel.
///
/// Anything can be spoken through it, TLS most of all:
///
/// ```
/// use std::time::Duration;
/// use torsade_core::testing::AccumulatingProtocol;
/// use torsade_core::{ClientEndpoint, HostnameClient};
/// use torsade_http::HttpTunnel;
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
/// # server.listen(|_: &Address| Server(|sent| match sent.starts_with("CONNECT example.org:6697 HTTP/1.1\r\n") {
/// #     true => "HTTP/1.1 200 OK\r\n\r\n",
/// #     false => ":irc.example.org 001 me :welcome\r\n",
/// # }))?;
/// let proxy = HostnameClient::new(&reactor, "localhost", 80);
/// let tunnel = proxy.filter(|| Ok(HttpTunnel::to("example.org", 6697)));
/// let received = AccumulatingProtocol::new();
/// let connected = reactor.run_until(tunnel.connect_protocol(received.clone()))?;
/// connected.transport().write(b"NICK me\r\n");
/// reactor.advance(Duration::from_secs(1))?;
/// assert_eq!(received.data(), b":irc.example.org 001 me :welcome\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// What comes with the proxy's answer belongs to the tunnel already; its length fields mean nothing.
/// An answer other than 2xx ends the connection with a [`ProxyError`].
pub struct HttpTunnel {
    proxy: String,
    target: String,
    headers: HeaderMap,
    state: State,
}

enum State {
    New,
    Asking(Box<Exchange>),
    Open,
}

/// Where a tunnel leads to, as its proxy is told.
pub(super) fn authority(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl HttpTunnel {
    /// A tunnel to a host (an IPv6 address in brackets or not) and port.
    pub fn to(host: &str, port: u16) -> Self {
        Self {
            proxy: "(unnamed)".to_owned(),
            target: authority(host, port),
            headers: HeaderMap::new(),
            state: State::New,
        }
    }

    /// Names the proxy, for errors.
    ///
    /// ```
    /// use torsade_core::testing::AccumulatingProtocol;
    /// use torsade_core::{ClientEndpoint, HostnameClient};
    /// use torsade_http::{HttpTunnel, ProxyError};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 403 Forbidden\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let proxy = HostnameClient::new(&reactor, "localhost", 80);
    /// let tunnel = proxy.filter(|| Ok(HttpTunnel::to("example.org", 25).by("the office's proxy")));
    /// let failure = reactor.run_until(tunnel.connect_protocol(AccumulatingProtocol::new())).unwrap_err();
    /// let Some(ProxyError::Refused { proxy, status, .. }) = failure.find() else { panic!("{failure}") };
    /// assert_eq!((&**proxy, status.as_u16()), ("the office's proxy", 403));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn by(mut self, proxy: &str) -> Self {
        proxy.clone_into(&mut self.proxy);
        self
    }

    /// Sends this as `Proxy-Authorization`.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_http::{HeaderValue, HttpTunnel};
    ///
    /// let secret = HeaderValue::from_static("Basic bWU6c2VjcmV0");
    /// let mut tunnel = HttpTunnel::to("example.org", 443).authorization(secret);
    /// let mut wire = Vec::new();
    /// tunnel.start(&mut wire)?;
    /// assert!(String::from_utf8(wire)?.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn authorization(mut self, value: HeaderValue) -> Self {
        self.headers.insert(header::PROXY_AUTHORIZATION, value);
        self
    }

    fn broken(&self, source: WireError) -> ProxyError {
        ProxyError::Broken {
            proxy: self.proxy.clone(),
            target: self.target.clone(),
            source,
        }
    }

    fn refused(&self, head: &ResponseHead) -> ProxyError {
        let (proxy, target) = (self.proxy.clone(), self.target.clone());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return ProxyError::AuthenticationRequired {
                proxy,
                target,
                challenges: Challenge::parse_all(&head.headers, &header::PROXY_AUTHENTICATE),
                had_credentials: self.headers.contains_key(header::PROXY_AUTHORIZATION),
            };
        }
        ProxyError::Refused {
            proxy,
            target,
            status: head.status,
            reason: text(&head.reason),
        }
    }

    /// Reads the answer as far as it is there; what is behind it is given back.
    fn ask<'i>(
        &self,
        exchange: &mut Exchange,
        mut input: &'i [u8],
    ) -> Result<Option<&'i [u8]>, ProxyError> {
        loop {
            let (used, event) = exchange
                .receive(input)
                .map_err(|error| self.broken(error))?;
            input = &input[used..];
            match event {
                None => return Ok(None),
                Some(Event::Tunnel(_)) => return Ok(Some(input)),
                Some(Event::Head(head) | Event::Upgrade(head)) => return Err(self.refused(&head)),
                // 1xx.
                Some(_) => {}
            }
        }
    }
}

impl Filter for HttpTunnel {
    fn start(&mut self, wire: &mut Vec<u8>) -> Result<()> {
        let head = RequestHead::new(&Method::CONNECT, &self.target, &self.target, &self.headers);
        let exchange =
            Exchange::start(&head, Limits::default(), wire).map_err(|error| self.broken(error))?;
        self.state = State::Asking(Box::new(exchange));
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        match std::mem::replace(&mut self.state, State::New) {
            State::Asking(mut exchange) => match self.ask(&mut exchange, input)? {
                None => self.state = State::Asking(exchange),
                Some(rest) => {
                    plain.extend_from_slice(rest);
                    self.state = State::Open;
                }
            },
            state => {
                plain.extend_from_slice(input);
                self.state = state;
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn wire_closed(&mut self) -> Result<()> {
        let State::Asking(exchange) = &mut self.state else {
            return Ok(());
        };
        match exchange.eof() {
            Err(error) => Err(self.broken(error).into()),
            Ok(_) => Err(self.broken(WireError::ClosedBeforeResponse).into()),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.state, State::Open)
    }

    fn has_farewell(&self) -> bool {
        false
    }
}

// Credentials are not shown.
impl fmt::Debug for HttpTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTunnel")
            .field("proxy", &self.proxy)
            .field("target", &self.target)
            .field("is_ready", &self.is_ready())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
