//! Agent: makes requests, over connections that it keeps.

mod options;
mod pool;

use std::cell::OnceCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Instant;

use http::{Method, StatusCode, header};
use torsade_core::endpoints::{ClientEndpoint, HostnameClient};
use torsade_core::{Address, Deferred, Failure, Reactor};
use torsade_tls::{ClientTls, wrap_client_tls};

use crate::auth::{AuthError, Challenge, Sent};
use crate::connection::{Connection, Outgoing, Reply, Speaking};
use crate::error::{RequestError, Stage, WireError};
use crate::origin::Origin;
use crate::proxy::{ProxyError, ProxyLogins};
use crate::request::Request;
use crate::response::Response;

pub use options::AgentOptions;
pub use pool::PoolStatistics;
use pool::{Lease, Pool, Reuse};

/// Something that makes requests: the [`Agent`], or what is wrapped around one.
///
/// ```
/// use torsade_core::Deferred;
/// use torsade_http::{Agent, Method, Request, RequestAgent, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// Says what is asked for, and asks another agent.
/// struct Noisy(Agent);
///
/// impl RequestAgent for Noisy {
///     fn request(&self, request: Request) -> Deferred<Response> {
///         println!("{} {}", request.method(), request.url());
///         self.0.request(request)
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 204 No Content\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let agent = Noisy(Agent::new(&reactor));
/// let response = agent.request(Request::new(Method::DELETE, "http://127.0.0.1/notes/7")?);
/// assert_eq!(reactor.run_until(response)?.status(), 204);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IAgent")]
pub trait RequestAgent {
    /// Makes a request. The Deferred fires when the head of the response is there; cancelled, it
    /// gives up wherever it is.
    ///
    /// ```
    /// use torsade_core::{Deferred, Result};
    /// use torsade_http::{Agent, ContentDecoderAgent, RedirectAgent, RequestAgent};
    /// use torsade_http::{Method, Request, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// /// Whatever agent that is.
    /// fn text(agent: &dyn RequestAgent, url: &str) -> Result<Deferred<String>> {
    ///     Ok(agent.request(Request::new(Method::GET, url)?).add_callback(Response::text))
    /// }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let plain = Agent::new(&reactor);
    /// let more = RedirectAgent::new(ContentDecoderAgent::new(plain.clone()));
    /// for agent in [&plain as &dyn RequestAgent, &more] {
    ///     assert_eq!(reactor.run_until(text(agent, "http://127.0.0.1/")?)?, "hello");
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`], with the stage and the cause.
    fn request(&self, request: Request) -> Deferred<Response>;
}

/// Makes requests over http and https, and keeps connections for the next one.
///
/// A cheap handle: clones share their connections. It does what it is asked for and no more;
/// redirects, cookies and the like are for those around it.
///
/// # Defaults
/// Servers prove who they are to the platform's roots. Connecting may take 30 seconds, the head
/// of a response 60, a silence in a body 60, all of it an hour. At most 64 connections to a host
/// and 512 in all are open; requests beyond that wait in order. Connections are kept for a minute
/// of idleness. See [`AgentOptions`].
///
/// A request that fails on a connection which was kept is made once more on a new one, if the
/// method is idempotent, it has no body, and not a byte of a response had come (RFC 9110 section
/// 9.2.2): that is what a server's closing an idle connection looks like.
///
/// ```
/// use torsade_http::Agent;
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let agent = Agent::new(&reactor);
/// let text = agent.get("http://127.0.0.1/").add_callback(|response| {
///     assert_eq!(response.status(), 200);
///     response.text()
/// });
/// assert_eq!(reactor.run_until(text)?, "hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "HTTPConnectionPool")]
pub struct Agent {
    inner: Rc<Inner>,
}

struct Inner {
    reactor: Reactor,
    options: AgentOptions,
    /// Made when the first https request is: reading the platform's roots takes its time.
    tls: OnceCell<ClientTls>,
    pool: Rc<Pool>,
    logins: ProxyLogins,
}

impl Agent {
    /// An agent with the defaults.
    pub fn new(reactor: &Reactor) -> Self {
        Self::with_options(reactor, AgentOptions::new())
    }

    /// An agent with options of one's own.
    ///
    /// ```
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, AgentOptions};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let agent = Agent::with_options(&reactor, AgentOptions::new().keep_alive(false));
    /// let clone = agent.clone(); // with the same connections
    /// assert_eq!(clone.pool_statistics(), agent.pool_statistics());
    /// ```
    pub fn with_options(reactor: &Reactor, options: AgentOptions) -> Self {
        let tls = OnceCell::new();
        if let Some(given) = options.tls.clone() {
            // It is empty, so this sets it.
            let _ = tls.set(given);
        }
        Self {
            inner: Rc::new(Inner {
                reactor: reactor.clone(),
                pool: Pool::new(&options),
                options,
                tls,
                logins: ProxyLogins::default(),
            }),
        }
    }

    /// Makes a GET request.
    ///
    /// ```
    /// use torsade_core::testing::{Simulation, failure_result_of};
    /// use torsade_http::{Agent, InvalidRequest};
    ///
    /// let agent = Agent::new(&Simulation::new().reactor());
    /// let failure = failure_result_of(agent.get("example.org"));
    /// assert!(matches!(failure.check(), Some(InvalidRequest::Url { .. })));
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::InvalidRequest), and those of [`RequestAgent::request`].
    pub fn get(&self, url: &str) -> Deferred<Response> {
        match Request::new(Method::GET, url) {
            Ok(request) => self.request(request),
            Err(error) => Deferred::fail(error),
        }
    }

    /// Makes a request: see [`RequestAgent::request`].
    ///
    /// ```
    /// use torsade_http::{Agent, Method, Request};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 201 Created\r\nLocation: /notes/7\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let request = Request::new(Method::POST, "http://127.0.0.1/notes")?.body("remember the milk");
    /// let response = reactor.run_until(Agent::new(&reactor).request(request))?;
    /// assert_eq!(response.headers()["Location"], "/notes/7");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn request(&self, request: Request) -> Deferred<Response> {
        Inner::request(&self.inner, request)
    }

    /// Closes the connections that are idle; those in use are left alone. The Deferred fires when
    /// they are closed, which is soon: a server that does not answer is waited for three seconds.
    ///
    /// Dropping the last handle of an agent closes them as well.
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
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
    /// for _ in 0..2 {
    ///     reactor.run_until(agent.get("http://127.0.0.1/").add_callback(Response::text))?;
    /// }
    /// let pool = agent.pool_statistics();
    /// assert_eq!((pool.idle, pool.made, pool.reused), (1, 1, 1));
    /// reactor.run_until(agent.close_cached_connections())?;
    /// assert_eq!(agent.pool_statistics().open, 0);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "closeCachedConnections")]
    pub fn close_cached_connections(&self) -> Deferred<()> {
        self.inner.pool.close_idle()
    }

    /// How many connections there are, and how many requests wait for one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::Agent;
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// let agent = Agent::new(&reactor);
    /// let _answer = agent.get("http://127.0.0.1/");
    /// reactor.advance(Duration::from_secs(1))?;
    /// let pool = agent.pool_statistics();
    /// assert_eq!((pool.open, pool.idle), (1, 0)); // it is in use
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn pool_statistics(&self) -> PoolStatistics {
        self.inner.pool.statistics()
    }
}

/// An agent whose type is not known is used, and wrapped, through this.
impl<A: RequestAgent + ?Sized> RequestAgent for Rc<A> {
    fn request(&self, request: Request) -> Deferred<Response> {
        (**self).request(request)
    }
}

impl RequestAgent for Agent {
    fn request(&self, request: Request) -> Deferred<Response> {
        Self::request(self, request)
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("options", &self.inner.options)
            .field("pool", &self.pool_statistics())
            .finish()
    }
}

/// Whether the connection is to blame, and not the request itself.
fn is_of_the_connection(error: &RequestError) -> bool {
    let wire = error.cause.find::<WireError>();
    wire.is_none_or(|error| matches!(error, WireError::ClosedBeforeResponse))
}

impl Inner {
    fn request(this: &Rc<Self>, request: Request) -> Deferred<Response> {
        let key = Origin::of(&request.url).via(this.options.proxies.for_url(&request.url));
        let total = request.timeouts.over(this.options.timeouts).total;
        let deadline = total.map(|total| this.reactor.now() + total);
        let attempt = Self::login(this, key.clone(), request, deadline, 0);
        match total {
            Some(total) => attempt.fail_after(&this.reactor, total, move |failure| {
                RequestError::timed_out(&key, &failure, total).into()
            }),
            None => attempt,
        }
    }

    /// Makes the request, and makes it again with an answer if the proxy that takes it wants to know
    /// who asks.
    fn login(
        this: &Rc<Self>,
        key: Origin,
        request: Request,
        deadline: Option<Instant>,
        answers: u8,
    ) -> Deferred<Response> {
        let url = request.url.clone();
        let taker = key
            .proxy()
            .filter(|proxy| proxy.takes_requests_for(key.is_https()));
        let Some(proxy) = taker.cloned() else {
            let reply = Self::attempt(this, key, request, deadline);
            return reply.map(move |reply| Response::new(url, reply));
        };
        let (this, again) = (Rc::clone(this), request.again());
        let known_body = request.body.bytes().is_some();
        let reply = Self::attempt(&this, key.clone(), request, deadline);
        reply.add_callback(move |reply| {
            let response = Response::new(url, reply);
            let headers = response.headers();
            if response.status() != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                this.logins.renew(&proxy, headers);
                return Deferred::succeed(response);
            }
            let challenges = Challenge::parse_all(headers, &header::PROXY_AUTHENTICATE);
            if !this.logins.answer(&proxy, &challenges, known_body, answers) {
                return Deferred::succeed(response);
            }
            let Some(again) = again else {
                let url = response.url().to_string();
                let gone = AuthError::BodyIsGone { url };
                return Deferred::fail(RequestError::new(&key, Stage::ReadingHead, gone));
            };
            response
                .discard()
                .add_callback(move |()| Self::login(&this, key, again, deadline, answers + 1))
        })
    }

    /// Gets a connection and sends the request on it; if that connection turns out to have been
    /// closed while it was kept, once more on a new one.
    fn attempt(
        this: &Rc<Self>,
        key: Origin,
        request: Request,
        deadline: Option<Instant>,
    ) -> Deferred<Reply> {
        let again = Rc::clone(this);
        let may_retry = request.method.is_idempotent()
            && matches!(request.body, crate::body::RequestBody::Empty);
        let reuse = match may_retry {
            true => Reuse::Freely,
            false => Reuse::IfSound,
        };
        Self::lease(this, key.clone(), reuse).add_callback(move |lease| {
            let may_retry = may_retry && lease.was_kept;
            let retry = request.again().filter(|_| may_retry);
            let sent = Self::send(&again, &key, lease, request, deadline);
            let Some(retry) = retry else { return sent };
            sent.add_errback(move |failure| {
                let is_stale = failure.check::<RequestError>().is_some_and(|error| {
                    error.stage <= Stage::WaitingForResponse
                        && !error.is_cancelled()
                        && !error.is_timeout()
                        && is_of_the_connection(error)
                });
                if !is_stale {
                    return Deferred::fail(failure);
                }
                log::debug!(target: "torsade::http", "{key}: a kept connection was closed; again");
                let again_too = Rc::clone(&again);
                Self::lease(&again, key.clone(), Reuse::Never)
                    .add_callback(move |lease| Self::send(&again_too, &key, lease, retry, deadline))
            })
        })
    }

    fn send(
        this: &Rc<Self>,
        key: &Origin,
        lease: Lease,
        mut request: Request,
        deadline: Option<Instant>,
    ) -> Deferred<Reply> {
        let host = request.authority().to_owned();
        let target = Self::address_to(this, key, &mut request);
        let Some(connection) = lease.redeem() else {
            return Deferred::fail(torsade_core::ConnectionDone);
        };
        connection.send(Outgoing {
            method: &request.method,
            target: &target,
            host: &host,
            headers: &request.headers,
            body: request.body.begin(),
            close: request.close || !this.options.keep_alive,
            limits: this.options.limits,
            timeouts: request.timeouts.over(this.options.timeouts),
            deadline,
        })
    }

    /// The target of the request, as whoever takes it reads it (RFC 9112 section 3.2). What is for
    /// the proxy alone goes to it alone.
    fn address_to(&self, key: &Origin, request: &mut Request) -> String {
        match key.proxy() {
            None => request.target().to_owned(),
            Some(proxy) if proxy.takes_requests_for(key.is_https()) => {
                let target = request.url[..url::Position::AfterQuery].to_owned();
                let sent = Sent {
                    method: &request.method,
                    target: &target,
                    body: request.body.bytes(),
                };
                if let Some(value) = self.logins.authorization(proxy, sent) {
                    request.headers.insert(header::PROXY_AUTHORIZATION, value);
                }
                target
            }
            Some(_) => {
                request.headers.remove(header::PROXY_AUTHORIZATION);
                request.target().to_owned()
            }
        }
    }

    /// A connection: a kept one, or a new one.
    fn lease(this: &Rc<Self>, key: Origin, reuse: Reuse) -> Deferred<Lease> {
        let inner = Rc::clone(this);
        let connect = move |key: &Origin| Self::connect(&inner, key.clone(), 0);
        Pool::lease(&this.pool, key, reuse, Rc::new(connect))
    }

    /// Connects, and does so again with an answer if the proxy on the way wants to know who asks.
    fn connect(this: &Rc<Self>, key: Origin, answers: u8) -> Deferred<Rc<dyn Connection>> {
        let connected = Self::connect_once(this, &key);
        let Some(proxy) = key.proxy().cloned() else {
            return connected;
        };
        let this = Rc::clone(this);
        connected.add_errback(move |failure| {
            let is_answered = match failure.find::<ProxyError>() {
                Some(ProxyError::AuthenticationRequired { challenges, .. }) => {
                    this.logins.answer(&proxy, challenges, true, answers)
                }
                _ => false,
            };
            match is_answered {
                true => Self::connect(&this, key, answers + 1),
                false => Deferred::fail(failure),
            }
        })
    }

    fn connect_once(this: &Rc<Self>, key: &Origin) -> Deferred<Rc<dyn Connection>> {
        let (origin, reactor) = (key.clone(), this.reactor.clone());
        let owner = Pool::as_owner(&this.pool);
        let factory = move |_: &Address| Speaking::Undecided {
            origin: origin.clone(),
            reactor: reactor.clone(),
            owner: Weak::clone(&owner),
        };
        let connected = match this.endpoint(key) {
            Ok(endpoint) => endpoint.connect(factory),
            Err(failure) => Deferred::fail(failure),
        };
        connected.add_callback(|protocol| protocol.with(|speaking, _| speaking.connection())?)
    }

    /// What leads to the server, or to the proxy that takes requests for it.
    fn endpoint(&self, key: &Origin) -> Result<Box<dyn ClientEndpoint>, Failure> {
        let options = self.options.connect.clone();
        let below: Box<dyn ClientEndpoint> = match (key.proxy(), &self.options.endpoints) {
            (None, Some(make)) => make(key.host(), key.port())?,
            (None, None) => {
                let tcp = HostnameClient::new(&self.reactor, key.host(), key.port());
                Box::new(tcp.options(options))
            }
            (Some(proxy), _) => {
                let tls = || self.tls().cloned();
                let endpoint = proxy.endpoint(&self.reactor, options, tls)?;
                if proxy.takes_requests_for(key.is_https()) {
                    return Ok(endpoint);
                }
                proxy.through(endpoint, key.host(), key.port(), &self.logins)
            }
        };
        if key.is_https() {
            return Ok(Box::new(wrap_client_tls(below, self.tls()?, key.host())));
        }
        Ok(below)
    }

    fn tls(&self) -> Result<&ClientTls, Failure> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let tls = ClientTls::builder().alpn(["http/1.1"]).build()?;
        Ok(self.tls.get_or_init(|| tls))
    }
}
