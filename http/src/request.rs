//! A request: what is asked of a server.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use crate::auth::Credentials;
use crate::body::{BodyProducer, RequestBody};
use crate::connection::Timeouts;
use crate::error::InvalidRequest;

/// A request, made in steps.
///
/// ```
/// use torsade_http::{Method, Request};
///
/// let request = Request::new(Method::POST, "https://example.org/notes")?
///     .header("Content-Type", "text/plain")?
///     .body("remember the milk");
/// assert_eq!(request.url().path(), "/notes");
/// # Ok::<(), torsade_http::InvalidRequest>(())
/// ```
#[doc(alias = "IClientRequest")]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) close: bool,
    pub(crate) credentials: Option<Rc<Credentials>>,
    pub(crate) timeouts: OwnTimeouts,
}

/// The time limits that are the request's own, where it has any.
#[derive(Clone, Copy, Default)]
pub(crate) struct OwnTimeouts {
    head: Option<Option<Duration>>,
    silence: Option<Option<Duration>>,
    total: Option<Option<Duration>>,
}

impl OwnTimeouts {
    /// Those that hold, on an agent with these.
    pub(crate) fn over(self, agent: Timeouts) -> Timeouts {
        Timeouts {
            head: self.head.unwrap_or(agent.head),
            silence: self.silence.unwrap_or(agent.silence),
            total: self.total.unwrap_or(agent.total),
            idle: agent.idle,
        }
    }
}

impl Request {
    /// A request without fields of its own and without a body.
    ///
    /// ```
    /// use torsade_http::{InvalidRequest, Method, Request};
    ///
    /// let refused = |url| Request::new(Method::GET, url).unwrap_err();
    /// assert!(matches!(refused("/notes"), InvalidRequest::Url { .. }));
    /// assert!(matches!(refused("ftp://example.org/"), InvalidRequest::Scheme(_)));
    /// // A name in a URL is most often a trick.
    /// assert_eq!(refused("https://bank.example@evil.example/"), InvalidRequest::Credentials);
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`]: what is no URL of http or https with a host.
    pub fn new(method: Method, url: &str) -> Result<Self, InvalidRequest> {
        let parsed = Url::parse(url).map_err(|error| InvalidRequest::Url {
            url: url.to_owned(),
            error,
        })?;
        Self::to(method, parsed)
    }

    /// As [`new`](Self::new), for a URL that is parsed already.
    ///
    /// ```
    /// use torsade_http::{Method, Request, Url};
    ///
    /// let base = Url::parse("https://example.org/notes/")?;
    /// let request = Request::to(Method::GET, base.join("7")?)?;
    /// assert_eq!(request.url().as_str(), "https://example.org/notes/7");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn to(method: Method, url: Url) -> Result<Self, InvalidRequest> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidRequest::Scheme(url.scheme().to_owned()));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidRequest::NoHost(url.to_string()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRequest::Credentials);
        }
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: RequestBody::Empty,
            close: false,
            credentials: None,
            timeouts: OwnTimeouts::default(),
        })
    }

    /// Adds a field; one of the same name stays. `Host` and the fields that frame the body are
    /// made by themselves.
    ///
    /// ```
    /// use torsade_http::{InvalidRequest, Method, Request};
    ///
    /// let request = Request::new(Method::GET, "https://example.org/")?.header("X-Tag", "a")?;
    /// let smuggled = request.header("X-Tag", "b\r\nX-Admin: yes");
    /// assert!(matches!(smuggled, Err(InvalidRequest::FieldValue(name)) if name == "x-tag"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`]: the name or the value is not one. Nothing can be smuggled in.
    #[doc(alias = "addRawHeader")]
    pub fn header(
        mut self,
        name: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidRequest> {
        let (name, value) = (name.as_ref(), value.as_ref());
        let name =
            HeaderName::from_bytes(name).map_err(|error| InvalidRequest::name(name, &error))?;
        let value =
            HeaderValue::from_bytes(value).map_err(|error| InvalidRequest::value(&name, &error))?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Replaces all fields.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, HeaderMap, HeaderValue, Method, Request, header};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert(header::ACCEPT, HeaderValue::from_static("text/plain"));
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?.headers(headers);
    /// let _answer = Agent::new(&reactor).request(request);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(seen.data(), b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/plain\r\n\r\n");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the body, from bytes or text.
    ///
    /// ```
    /// use torsade_http::{Method, Request};
    ///
    /// let text = Request::new(Method::PUT, "https://example.org/a")?.body("some text");
    /// let bytes = Request::new(Method::PUT, "https://example.org/b")?.body(vec![0, 1, 2]);
    /// assert!(format!("{text:?} {bytes:?}").contains("Bytes(9)"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn body(mut self, body: impl Into<RequestBody>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body that is produced while it is sent.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use std::io::Cursor;
    /// use torsade_http::{Agent, FileBodyProducer, Method, Request};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let body = FileBodyProducer::from_reader(&reactor, Cursor::new("five!"), Some(5));
    /// let request = Request::new(Method::PUT, "http://127.0.0.1/")?.body_producer(body);
    /// let _answer = Agent::new(&reactor).request(request);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().ends_with(b"Content-Length: 5\r\n\r\nfive!"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "bodyProducer")]
    pub fn body_producer(mut self, producer: impl BodyProducer) -> Self {
        self.body = RequestBody::Producer(Box::new(producer));
        self
    }

    /// Sets a body that is produced while it is sent, by a new producer each time that it has to be
    /// sent: a redirect can ask for it again.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use torsade_http::{Agent, FileBodyProducer, Method, RedirectAgent, Request, RequestAgent};
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
    /// # server.listen(|_: &Address| Server(|request| match (request.starts_with("PUT /old "), request.contains("7\r\na\u{20}stream\r\n")) {
    /// #     (true, _) => "HTTP/1.1 307 There\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n",
    /// #     _ => "HTTP/1.1 204 Taken\r\n\r\n",
    /// # }))?;
    /// let own = reactor.clone();
    /// let request = Request::new(Method::PUT, "http://127.0.0.1/old")?
    ///     .body_producers(move || FileBodyProducer::from_reader(&own, Cursor::new("a stream"), None));
    /// let agent = RedirectAgent::new(Agent::new(&reactor)).browser_like();
    /// let response = reactor.run_until(agent.request(request))?; // which has it sent twice
    /// assert_eq!((response.status().as_u16(), response.url().path()), (204, "/new"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn body_producers<P: BodyProducer>(mut self, make: impl Fn() -> P + 'static) -> Self {
        self.body = RequestBody::Producers(Rc::new(move || Box::new(make())));
        self
    }

    /// Asks the server to speak another protocol from here on, `websocket` for example: if it does, it
    /// answers with the status 101, and [`Response::upgrade`](crate::Response::upgrade) hands the
    /// connection over.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, Method, Request};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let request = Request::new(Method::GET, "http://127.0.0.1/chat")?.upgrade("websocket")?;
    /// let _answer = Agent::new(&reactor).request(request);
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Upgrade: websocket\r\nConnection: upgrade\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`]: that is no name of a protocol.
    pub fn upgrade(self, protocol: &str) -> Result<Self, InvalidRequest> {
        self.header(header::UPGRADE, protocol)?
            .header(header::CONNECTION, "upgrade")
    }

    /// Asks the server to close the connection afterwards, and does not keep it.
    ///
    /// ```
    /// use torsade_http::{Agent, Method, Request, Response};
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
    /// let agent = Agent::new(&reactor);
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?.close();
    /// reactor.run_until(agent.request(request).add_callback(Response::text))?;
    /// assert_eq!(agent.pool_statistics().idle, 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Answers a challenge of the server with these, if an [`AuthAgent`](crate::AuthAgent) makes the
    /// request. Redirects take them to no other origin.
    ///
    /// ```
    /// use torsade_http::{Agent, AuthAgent, Credentials, Method, Request, RequestAgent};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// // Who asks for nothing is told nothing.
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let agent = AuthAgent::new(Agent::new(&reactor));
    /// let me = Credentials::new("me", "secret");
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?.credentials(me);
    /// assert!(!format!("{request:?}").contains("secret"));
    /// assert_eq!(reactor.run_until(agent.request(request))?.status(), 200);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(Rc::new(credentials));
        self
    }

    /// How long the head of the response may take, instead of what the agent
    /// [allows](crate::AgentOptions::head_timeout): for an answer that is held back until there is
    /// something to say.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, Method, Request};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
    /// let start = reactor.now();
    /// let request = Request::new(Method::GET, "http://127.0.0.1/next-message")?
    ///     .head_timeout(Some(Duration::from_secs(600)));
    /// assert!(reactor.run_until(Agent::new(&reactor).request(request)).is_err());
    /// assert_eq!((reactor.now() - start).as_secs(), 600); // ten times the agent's
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn head_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.head = Some(timeout);
        self
    }

    /// How long no byte of a body may move, instead of what the agent
    /// [allows](crate::AgentOptions::silence_timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{Agent, Method, Request, Response};
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
    /// let start = reactor.now();
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?
    ///     .silence_timeout(Some(Duration::from_secs(2)));
    /// let text = Agent::new(&reactor).request(request).add_callback(Response::text);
    /// assert!(reactor.run_until(text).is_err());
    /// assert_eq!((reactor.now() - start).as_secs(), 2);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn silence_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.silence = Some(timeout);
        self
    }

    /// How long all of it may take, instead of what the agent
    /// [allows](crate::AgentOptions::total_timeout); `None` is for a body that never ends.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{Agent, Method, Request};
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
    /// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nevent\n\r\n"))?;
    /// // The server sends something each half minute, at least.
    /// let events = Request::new(Method::GET, "http://127.0.0.1/events")?
    ///     .total_timeout(None)
    ///     .silence_timeout(Some(Duration::from_secs(60)));
    /// let response = reactor.run_until(Agent::new(&reactor).request(events))?;
    /// let mut lines = response.lines();
    /// assert_eq!(reactor.run_until(lines.next())?.as_deref(), Some(&b"event"[..]));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn total_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeouts.total = Some(timeout);
        self
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same once more, if its body can be sent again.
    pub(crate) fn again(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.again()?,
            close: self.close,
            credentials: self.credentials.clone(),
            timeouts: self.timeouts,
        })
    }

    /// The target in the request line: path and query (RFC 9112 section 3.2.1).
    pub(crate) fn target(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// What goes into `Host`: the host, and the port if it is not the scheme's.
    pub(crate) fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish()
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Bytes(bytes)
        }
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for RequestBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for RequestBody {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}
