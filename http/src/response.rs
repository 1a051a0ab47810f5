//! A response: its head, and its body for whoever takes it.

mod collect;
mod progress;
mod pull;
mod save;
mod upgrade;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use torsade_core::{Address, Cancelled, Deferred, Failure, Resolver, Result, Transport};
use torsade_tls::TlsInfo;
use url::Url;

use crate::connection::{Reply, Upgraded};
use crate::decode::{Decoder, Decoding};
use crate::error::{BodyTooLong, PartialBody, RequestError, Stage, how_it_ended};
use crate::incoming::{BodyControl, BodyProtocol, Incoming};
use crate::origin::Origin;
use crate::wire::ResponseHead;
use progress::{Counting, OnProgress};

pub use progress::Progress;
pub use pull::{BodyChunks, BodyLineTooLong, BodyLines};

/// A response, as soon as its head is there.
///
/// Its body waits, and the server with it, until it is taken: by [`read_body`](Self::read_body),
/// [`text`](Self::text) or [`deliver_body`](Self::deliver_body). A response that is dropped without
/// that has the rest of its body read if it is short and comes soon, and its connection closed if
/// not.
///
/// ```
/// use torsade_http::Agent;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// assert_eq!((response.status().as_u16(), response.reason()), (200, &b"Fine"[..]));
/// assert_eq!(response.headers()["Content-Type"], "text/plain");
/// assert_eq!(response.body_length(), Some(5));
/// // The body waits until it is taken.
/// assert_eq!(reactor.run_until(response.text())?, "hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IResponse")]
pub struct Response {
    url: Url,
    head: ResponseHead,
    /// `None` once it is taken.
    body: Option<Rc<Incoming>>,
    /// How the body is to be decoded.
    decoder: Option<Decoder>,
    on_progress: Option<OnProgress>,
    peer: Address,
    tls: Option<Rc<TlsInfo>>,
    previous: Option<Box<Self>>,
    /// The connection, if it speaks another protocol now.
    upgraded: Option<Upgraded>,
}

/// The most that [`Response::read_body`] and [`Response::text`] collect: 64 MiB.
///
/// ```
/// use torsade_http::{Agent, BODY_LIMIT, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
/// // What is too long is known before it comes.
/// assert!(response.body_length().is_some_and(|length| length <= BODY_LIMIT as u64));
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The longest body that is read only so that its connection can be used again.
const DISCARDED: usize = 64 * 1024;

/// A length that a server declares is believed up to this when room is made for a body.
const BELIEVED: u64 = 1024 * 1024;

impl Response {
    pub(crate) fn new(url: Url, reply: Reply) -> Self {
        Self {
            url,
            head: reply.head,
            body: Some(reply.body),
            decoder: None,
            on_progress: None,
            peer: reply.transport.peer(),
            tls: negotiated(&reply.transport),
            previous: None,
            upgraded: reply.upgraded,
        }
    }

    /// Nobody will take the body.
    pub(crate) fn abandon_body(&mut self) {
        if let Some(body) = self.body.take() {
            body.abandon();
        }
    }

    /// Says that `redirect` led to this one, or to the first of those that led here.
    pub(crate) fn after(mut self, redirect: Self) -> Self {
        let mut first = &mut self.previous;
        while let Some(response) = first {
            first = &mut response.previous;
        }
        *first = Some(Box::new(redirect));
        self
    }

    /// The redirect that led here, without its body.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client};
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
    /// # server.listen(|_: &Address| Server(|request| match request.starts_with("GET /old ") {
    /// #     true => "HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n",
    /// #     false => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let response = reactor.run_until(client.get("http://127.0.0.1/old").send())?;
    /// let redirect = response.previous_response().expect("there was one");
    /// assert_eq!((redirect.status().as_u16(), redirect.url().path()), (301, "/old"));
    /// assert!(redirect.previous_response().is_none());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "previousResponse")]
    pub fn previous_response(&self) -> Option<&Self> {
        self.previous.as_deref()
    }

    /// The redirects that led here, the last one first.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client};
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
    /// # server.listen(|_: &Address| Server(|request| match request.split(' ').nth(1) {
    /// #     Some("/a") => "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    /// #     Some("/b") => "HTTP/1.1 302 Found\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n",
    /// #     _ => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let response = reactor.run_until(client.get("http://127.0.0.1/a").send())?;
    /// let paths: Vec<_> = response.history().map(|redirect| redirect.url().path()).collect();
    /// assert_eq!(paths, ["/b", "/a"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn history(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(self.previous_response(), |response| {
            response.previous_response()
        })
    }

    /// The status.
    #[doc(alias = "code")]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The phrase behind the status: for people, and often empty.
    #[doc(alias = "phrase")]
    pub fn reason(&self) -> &[u8] {
        &self.head.reason
    }

    /// The version that the server speaks.
    ///
    /// ```
    /// use torsade_http::{Agent, Version};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// assert_eq!(response.version(), Version::HTTP_10);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The fields of the head.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The URL that was requested.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address that the response came from.
    ///
    /// ```
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://localhost/"))?;
    /// assert_eq!(response.peer().to_string(), "127.0.0.1:80");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn peer(&self) -> &Address {
        &self.peer
    }

    /// What TLS agreed on with the server, for a response that came over https.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions};
    /// # use torsade_tls::{ClientTls, ServerTls, generate::Authority, wrap_server_tls};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let authority = Authority::new("for tests");
    /// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
    /// # let server = wrap_server_tls(TcpServer::new(&reactor, "127.0.0.1:443".parse()?), &own);
    /// # server.listen(|_: &Address| Telling::new(|| b"HTTP/1.1 204 No Content\r\n\r\n".into()))?;
    /// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
    /// # let agent = Agent::with_options(&reactor, AgentOptions::new().tls(&tls));
    /// let response = reactor.run_until(agent.get("https://localhost/"))?;
    /// let tls = response.tls().expect("it is https");
    /// assert_eq!(tls.peer_certificates[0].names(), ["localhost"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }

    /// How long the body is, if the head or the end of the body has told.
    #[doc(alias = "length")]
    ///
    /// `None` for a body that is decoded ([`ContentDecoderAgent`](crate::ContentDecoderAgent)).
    pub fn body_length(&self) -> Option<u64> {
        let body = self.body.as_ref().filter(|_| self.decoder.is_none());
        body.and_then(|body| body.length())
    }

    /// Has the body decoded; what was, is no part of the head any more.
    pub(crate) fn decoded(mut self, decoder: Decoder, left: Option<HeaderValue>) -> Self {
        self.decoder = Some(decoder);
        self.head.headers.remove(header::CONTENT_LENGTH);
        self.head.headers.remove(header::CONTENT_ENCODING);
        if let Some(codings) = left {
            self.head.headers.insert(header::CONTENT_ENCODING, codings);
        }
        self
    }

    /// Whether the body comes decoded.
    pub(crate) fn is_decoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// Has `body`, which was taken out, delivered to `receiver`.
    fn deliver(&mut self, body: &Rc<Incoming>, receiver: impl BodyProtocol) {
        match self.decoder.take() {
            Some(decoder) => self.deliver_raw(body, Decoding::new(decoder, receiver)),
            None => self.deliver_raw(body, receiver),
        }
    }

    fn deliver_raw(&mut self, body: &Rc<Incoming>, receiver: impl BodyProtocol) {
        let (received, total) = (0, body.length());
        body.deliver(match self.on_progress.take() {
            Some(tell) => Box::new(Counting {
                receiver,
                progress: Progress { received, total },
                tell,
            }),
            None => Box::new(receiver),
        });
    }

    /// Has the body delivered to `receiver` as it comes, as fast as that takes it.
    ///
    /// `receiver` is called when the running function of yours has returned: at once if there is none.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::{Failure, Result};
    /// use torsade_http::{Agent, BodyControl, BodyProtocol};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// struct Appends(Rc<RefCell<Vec<u8>>>);
    ///
    /// impl BodyProtocol for Appends {
    ///     fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
    ///         self.0.borrow_mut().extend_from_slice(data);
    ///         Ok(())
    ///     }
    ///
    ///     fn connection_lost(&mut self, reason: &Failure) {
    ///         self.0.borrow_mut().extend_from_slice(format!(" ({reason})").as_bytes());
    ///     }
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// let told = Rc::new(RefCell::new(Vec::new()));
    /// response.deliver_body(Appends(Rc::clone(&told)));
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(told.borrow().as_slice(), b"hello (the response is complete)");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "deliverBody")]
    pub fn deliver_body(mut self, receiver: impl BodyProtocol) {
        if let Some(body) = self.body.take() {
            self.deliver(&body, receiver);
        }
    }

    /// Collects the body, up to [`BODY_LIMIT`]. Cancelling closes the connection.
    ///
    /// ```
    /// use torsade_http::{Agent, PartialBody, RequestError, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let body = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(Response::read_body);
    /// let partial = reactor.run_until(body).unwrap_err().trap::<PartialBody>()?;
    /// assert_eq!(&partial.bytes[..], b"hel");
    /// assert!(partial.reason.find::<RequestError>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`PartialBody`], with what came until then; its source is a
    /// [`RequestError`](crate::RequestError) or a [`BodyTooLong`].
    #[doc(alias = "readBody")]
    #[doc(alias = "content")]
    pub fn read_body(self) -> Deferred<Bytes> {
        self.read_body_up_to(BODY_LIMIT)
    }

    /// As [`read_body`](Self::read_body), with a limit of one's own, in bytes.
    ///
    /// ```
    /// use torsade_http::{Agent, BodyTooLong};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let agent = Agent::new(&reactor);
    /// let body = agent.get("http://127.0.0.1/").add_callback(|response| response.read_body_up_to(4));
    /// let failure = reactor.run_until(body).unwrap_err();
    /// assert_eq!(failure.find(), Some(&BodyTooLong { limit: 4 }));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn read_body_up_to(mut self, limit: usize) -> Deferred<Bytes> {
        let Some(body) = self.body.take() else {
            return Deferred::succeed(Bytes::new());
        };
        if self.decoder.is_none()
            && self.on_progress.is_none()
            && let Some(bytes) = body.take_whole()
        {
            if bytes.len() > limit {
                let (bytes, reason) = (bytes.slice(..limit), BodyTooLong { limit }.into());
                return Deferred::fail(PartialBody { bytes, reason });
            }
            return Deferred::succeed(bytes);
        }
        let (weak, origin) = (Rc::downgrade(&body), Origin::of(&self.url));
        let collected: Rc<RefCell<Collected>> = Rc::default();
        let so_far = Rc::clone(&collected);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            let reason = RequestError::new(&origin, Stage::ReadingBody, Cancelled);
            so_far.borrow_mut().break_off(reason.into());
            if let Some(body) = weak.upgrade() {
                body.abort_with(Cancelled.into());
            }
        });
        let expected = body.length().unwrap_or(0).min(BELIEVED).min(limit as u64);
        let expected = usize::try_from(expected).unwrap_or(0);
        collected.borrow_mut().bytes.reserve(expected);
        collected.borrow_mut().resolver = Some(resolver);
        self.deliver(&body, Collector { collected, limit });
        deferred
    }

    /// Has a short body read, so that the connection can be used again. Fires when it can be, or is
    /// closed.
    ///
    /// # Errors
    /// [`RequestError`], if it was cancelled meanwhile.
    pub(crate) fn discard(self) -> Deferred<()> {
        if self
            .body_length()
            .is_some_and(|length| length > DISCARDED as u64)
        {
            return Deferred::succeed(());
        }
        if let Some(body) = &self.body {
            body.drain();
        }
        let read = self.read_body_up_to(DISCARDED).map(drop);
        read.add_errback(|failure| {
            if failure.find::<Cancelled>().is_none() {
                return Ok(());
            }
            // Whoever cancelled it wants nothing to follow either.
            let partial = failure.trap::<PartialBody>()?;
            Err(partial.reason)
        })
    }

    /// Collects the body as text, in the encoding that `Content-Type` or a byte order mark tells;
    /// UTF-8 otherwise. What cannot be decoded becomes U+FFFD.
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// let reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9";
    /// server.listen(|_: &Address| Telling::new(|| reply.to_vec()))?;
    /// let text = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "café");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body).
    #[doc(alias = "text_content")]
    pub fn text(self) -> Deferred<String> {
        let encoding = self
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| charset(value.as_bytes()))
            .unwrap_or(encoding_rs::UTF_8);
        self.read_body()
            .map(move |bytes| encoding.decode(&bytes).0.into_owned())
    }

    /// Collects the body as JSON.
    ///
    /// ```
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n[\"milk\",\"bread\"]";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let notes = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(|response| response.json());
    /// let notes: Vec<String> = reactor.run_until(notes)?;
    /// assert_eq!(notes, ["milk", "bread"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body), and what is wrong with the JSON.
    #[cfg(feature = "json")]
    #[doc(alias = "json_content")]
    pub fn json<T: serde::de::DeserializeOwned + 'static>(self) -> Deferred<T> {
        self.read_body()
            .add_callback(|bytes| Ok(serde_json::from_slice(&bytes)?))
    }
}

fn negotiated(transport: &Transport) -> Option<Rc<TlsInfo>> {
    transport.negotiated::<TlsInfo>()
}

/// The encoding named by the parameter `charset` of a media type (RFC 9110 section 8.3.2).
fn charset(media_type: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    media_type
        .split(|&byte| byte == b';')
        .skip(1)
        .find_map(|parameter| {
            let mut parts = parameter.splitn(2, |&byte| byte == b'=');
            let (name, value) = (parts.next()?.trim_ascii(), parts.next()?.trim_ascii());
            let is_charset = name.eq_ignore_ascii_case(b"charset");
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            is_charset
                .then(|| encoding_rs::Encoding::for_label(value))
                .flatten()
        })
}

impl Drop for Response {
    fn drop(&mut self) {
        self.abandon_body();
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("url", &self.url.as_str())
            .field("status", &self.head.status)
            .field("headers", &self.head.headers)
            .field("body", &self.body)
            .finish()
    }
}

/// A body as far as it has come, and who waits for it.
#[derive(Default)]
struct Collected {
    bytes: BytesMut,
    resolver: Option<Resolver<Bytes>>,
}

impl Collected {
    fn finish(&mut self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.callback(self.bytes.split().freeze());
        }
    }

    fn break_off(&mut self, reason: Failure) {
        if let Some(resolver) = self.resolver.take() {
            let bytes = self.bytes.split().freeze();
            resolver.errback(PartialBody { bytes, reason });
        }
    }
}

/// Collects a body.
struct Collector {
    collected: Rc<RefCell<Collected>>,
    limit: usize,
}

impl BodyProtocol for Collector {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        let mut collected = self.collected.borrow_mut();
        let room = self.limit - collected.bytes.len();
        if data.len() <= room {
            collected.bytes.extend_from_slice(data);
            return Ok(());
        }
        collected.bytes.extend_from_slice(&data[..room]);
        let too_long = BodyTooLong { limit: self.limit };
        collected.break_off(too_long.into());
        Err(too_long.into())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let mut collected = self.collected.borrow_mut();
        match how_it_ended(reason) {
            Ok(()) => collected.finish(),
            Err(failure) => collected.break_off(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_among_the_parameters() {
        for (media_type, name) in [
            ("text/html; charset=utf-8", Some("UTF-8")),
            ("text/html;charset=\"ISO-8859-1\"", Some("windows-1252")),
            ("text/html; x=y; Charset=shift_jis", Some("Shift_JIS")),
            ("text/html", None),
            ("text/html; charset=unheard-of", None),
        ] {
            assert_eq!(
                charset(media_type.as_bytes()).map(|found| found.name()),
                name
            );
        }
    }
}
