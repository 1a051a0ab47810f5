//! A response: its head, and its body for whoever takes it.

mod collect;
mod progress;
mod pull;
mod read;
mod save;
mod upgrade;

use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use torsade_core::{Address, Transport};
use torsade_tls::TlsInfo;
use url::Url;

use crate::connection::{Reply, Upgraded};
use crate::decode::{Decoder, Decoding};
use crate::incoming::{BodyProtocol, Incoming};
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
}

fn negotiated(transport: &Transport) -> Option<Rc<TlsInfo>> {
    transport.negotiated::<TlsInfo>()
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
