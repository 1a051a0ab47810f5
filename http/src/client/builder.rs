//! A request in the making.

use std::fmt;
use std::ops::RangeBounds;
use std::rc::Rc;
use std::time::Duration;

use http::header::{AUTHORIZATION, RANGE, USER_AGENT};
use http::{HeaderValue, Method};
use torsade_core::{Deferred, Result};
use url::Url;

use super::Client;
use crate::agent::RequestAgent;
use crate::auth::{Credentials, basic};
use crate::error::{InvalidRequest, RequestError};
use crate::origin::Origin;
use crate::request::Request;
use crate::response::{Progress, Response};

/// A request in the making; from [`Client::request`] and the like.
///
/// What is wrong with any part of it is told when it is sent.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, TcpServer};
/// use torsade_http::{AgentOptions, Client, RequestError};
///
/// # let reactor = Simulation::new().reactor();
/// # let seen = AccumulatingProtocol::new();
/// # let server = seen.clone();
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
/// # let client = Client::with_options(&reactor, AgentOptions::new());
/// let answer = client
///     .post("http://127.0.0.1/notes")
///     .form(&[("text", "remember the milk")])
///     .timeout(Duration::from_secs(10))
///     .send();
/// // The server takes it, and says nothing.
/// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
/// assert!(error.is_timeout());
/// assert!(seen.data().ends_with(b"\r\n\r\ntext=remember+the+milk"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[must_use]
pub struct ClientRequest {
    pub(super) client: Client,
    request: Result<Request>,
    timeout: Option<Duration>,
    on_progress: Option<Rc<dyn Fn(Progress)>>,
}

impl ClientRequest {
    pub(super) fn new(client: Client, method: Method, url: &str) -> Self {
        Self {
            client,
            request: begin(method, url),
            timeout: None,
            on_progress: None,
        }
    }

    /// The same once more, if its body can be sent again.
    pub(super) fn again(&self) -> Option<Self> {
        Some(Self {
            client: self.client.clone(),
            request: Ok(self.request.as_ref().ok()?.again()?),
            timeout: self.timeout,
            on_progress: self.on_progress.clone(),
        })
    }

    /// Where to, if that is a URL.
    pub(super) fn url(&self) -> Option<Url> {
        Some(self.request.as_ref().ok()?.url.clone())
    }

    pub(super) fn with(mut self, change: impl FnOnce(Request) -> Result<Request>) -> Self {
        self.request = self.request.and_then(change);
        self
    }

    /// Adds a field; one of the same name stays.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.get("http://127.0.0.1/").header("X-Tag", "a").header("X-Tag", "b").send();
    /// // What would be two fields is none.
    /// let refused = client.get("http://127.0.0.1/").header("X-Tag", "a\r\nX-Admin: yes").send();
    /// assert!(reactor.run_until(refused).is_err());
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("X-Tag: a\r\nX-Tag: b\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "headers")]
    pub fn header(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.with(|request| Ok(request.header(name, value)?))
    }

    /// Adds parameters to the URL.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.get("http://127.0.0.1/?page=2").query(&[("q", "a & b")]).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"GET /?page=2&q=a+%26+b HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "params")]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        self.with(|mut request| {
            request.url.query_pairs_mut().extend_pairs(pairs);
            Ok(request)
        })
    }

    /// Asks for these bytes only (RFC 9110 section 14.2). The server may send all the same:
    /// [`Response::content_range`] tells which came. What is no range, or all, asks for all.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _first_kilobyte = client.get("http://127.0.0.1/large").range(..1024).send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Range: bytes=0-1023\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn range(self, bytes: impl RangeBounds<u64>) -> Self {
        let value = crate::range::field(bytes);
        self.with(|mut request| {
            request.headers.remove(RANGE);
            request.headers.extend(value.map(|value| (RANGE, value)));
            Ok(request)
        })
    }

    /// Is known to the server by a user name and a password (RFC 7617).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.get("http://127.0.0.1/").basic_auth("ada", "secret").send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// let sent = String::from_utf8(seen.data())?;
    /// assert!(sent.contains("Authorization: Basic YWRhOnNlY3JldA==\r\n"), "{sent}");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "auth")]
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let value = basic(user, password);
        self.with(|request| Ok(authorized(request, value)))
    }

    /// Is known to the server by a user name and a password, by Digest alone (RFC 7616): once the
    /// server asks, it is shown that we know the password.
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
    /// # server.listen(|_: &Address| Server(|request| match request.contains("Authorization: Digest username=\"ada\"") {
    /// #     true => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// #     false => "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\n\
    /// #               Content-Length: 0\r\n\r\n",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let answer = client.get("http://127.0.0.1/").digest_auth("ada", "secret").send();
    /// assert_eq!(reactor.run_until(answer)?.status(), 200);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "HTTPDigestAuth")]
    pub fn digest_auth(self, user: &str, password: &str) -> Self {
        self.credentials(Credentials::new(user, password).digest_only())
    }

    /// Answers what the server asks with these: see [`AuthAgent`](crate::AuthAgent), which a client
    /// [over another agent](Client::over) has to have within.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client, Credentials};
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
    /// # server.listen(|_: &Address| Server(|request| match request.contains("Authorization: Digest username=\"ada\"") {
    /// #     true => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// #     false => "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\n\
    /// #               Content-Length: 0\r\n\r\n",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let ada = Credentials::new("ada", "secret");
    /// let answer = client.get("http://127.0.0.1/").credentials(ada).send();
    /// assert_eq!(reactor.run_until(answer)?.status(), 200);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.with(|mut request| {
            request.headers.remove(AUTHORIZATION);
            Ok(request.credentials(credentials))
        })
    }

    /// Is known to the server by a token (RFC 6750).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.get("http://127.0.0.1/").bearer_auth("abc.def").send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(String::from_utf8(seen.data())?.contains("Authorization: Bearer abc.def\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn bearer_auth(self, token: &str) -> Self {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        self.with(|request| {
            let value = value.map_err(|error| InvalidRequest::value(AUTHORIZATION, &error))?;
            Ok(authorized(request, value))
        })
    }

    /// How long it may take until the response's head is there, redirects included. Each of them has
    /// its [own limit](Self::head_timeout) besides.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client, RequestError};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let answer = client.get("http://127.0.0.1/").timeout(Duration::from_secs(3)).send();
    /// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
    /// assert!(error.is_timeout());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// See [`Request::head_timeout`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::wire::Discard;
    /// use torsade_core::testing::Simulation;
    /// use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client, RequestError};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let start = reactor.now();
    /// let answer = client.get("http://127.0.0.1/").head_timeout(Some(Duration::from_secs(2))).send();
    /// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
    /// assert!(error.is_timeout());
    /// assert_eq!((reactor.now() - start).as_secs(), 2);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn head_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.head_timeout(timeout)))
    }

    /// See [`Request::silence_timeout`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{AgentOptions, Client, Response};
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
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let start = reactor.now();
    /// let answer = client.get("http://127.0.0.1/").silence_timeout(Some(Duration::from_secs(2))).send();
    /// assert!(reactor.run_until(answer.add_callback(Response::text)).is_err());
    /// assert_eq!((reactor.now() - start).as_secs(), 2);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn silence_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.silence_timeout(timeout)))
    }

    /// See [`Request::total_timeout`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{AgentOptions, Client, Response};
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
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let start = reactor.now();
    /// let answer = client.get("http://127.0.0.1/").total_timeout(Some(Duration::from_secs(5))).send();
    /// assert!(reactor.run_until(answer.add_callback(Response::text)).is_err());
    /// assert_eq!((reactor.now() - start).as_secs(), 5);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn total_timeout(self, timeout: Option<Duration>) -> Self {
        self.with(|request| Ok(request.total_timeout(timeout)))
    }

    /// Has `tell` called as the body of the response comes: see [`Response::on_progress`].
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_http::{AgentOptions, Client, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let percent = Rc::new(Cell::new(0));
    /// let shown = Rc::clone(&percent);
    /// let answer = client
    ///     .get("http://127.0.0.1/")
    ///     .on_progress(move |progress| {
    ///         shown.set(100 * progress.received / progress.total.unwrap_or(u64::MAX));
    ///     })
    ///     .send();
    /// reactor.run_until(answer.add_callback(Response::text))?;
    /// assert_eq!(percent.get(), 100);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "progress")]
    pub fn on_progress(mut self, tell: impl Fn(Progress) + 'static) -> Self {
        self.on_progress = Some(Rc::new(tell));
        self
    }

    /// Sends it. The Deferred fires when the head of the response is there, whatever its status.
    ///
    /// ```
    /// use torsade_core::testing::{Simulation, failure_result_of};
    /// use torsade_http::{AgentOptions, Client, InvalidRequest};
    ///
    /// # let client = Client::with_options(&Simulation::new().reactor(), AgentOptions::new());
    /// // Whatever was wrong with its parts is told here.
    /// let failure = failure_result_of(client.get("mailto:me@example.org").query(&[("a", "b")]).send());
    /// assert_eq!(failure.check(), Some(&InvalidRequest::Scheme("mailto".to_owned())));
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`], [`InvalidProxy`](crate::InvalidProxy),
    /// [`RedirectError`](crate::RedirectError), [`AuthError`](crate::AuthError), and
    /// [`RequestError`](crate::RequestError).
    pub fn send(self) -> Deferred<Response> {
        let mut request = match self.request {
            Ok(request) => request,
            Err(failure) => return Deferred::fail(failure),
        };
        let own = HeaderValue::from_static(concat!("torsade/", env!("CARGO_PKG_VERSION")));
        request.headers.entry(USER_AGENT).or_insert(own);
        // Only for who has a limit: it is a copy of the name.
        let limit = self.timeout.map(|limit| (limit, Origin::of(&request.url)));
        let sent = match &self.client.agent {
            Ok(agent) => agent.request(request),
            Err(error) => Deferred::fail(error.clone()),
        };
        let sent = match limit {
            Some((timeout, origin)) => {
                sent.fail_after(&self.client.reactor, timeout, move |failure| {
                    RequestError::timed_out(origin, &failure, timeout).into()
                })
            }
            None => sent,
        };
        match self.on_progress {
            Some(tell) => {
                sent.map(move |response| response.on_progress(move |progress| tell(progress)))
            }
            None => sent,
        }
    }
}

/// A request; user name and password in its URL go into a field.
fn begin(method: Method, url: &str) -> Result<Request> {
    let mut parsed = Url::parse(url).map_err(|error| InvalidRequest::Url {
        url: url.to_owned(),
        error,
    })?;
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text);
        text.decode_utf8_lossy().into_owned()
    };
    let user = decoded(parsed.username());
    let password = decoded(parsed.password().unwrap_or_default());
    // They fail only where there can be none.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    let request = Request::to(method, parsed)?;
    match (user.as_str(), password.as_str()) {
        ("", "") => Ok(request),
        (user, password) => Ok(authorized(request, basic(user, password))),
    }
}

fn authorized(mut request: Request, mut value: HeaderValue) -> Request {
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    request
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
