//! Following redirects.

mod error;
mod location;

use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use torsade_core::Deferred;
use url::Url;

pub use error::RedirectError;

use crate::agent::RequestAgent;
use crate::auth::Credentials;
use crate::body::RequestBody;
use crate::origin::Origin;
use crate::request::{OwnTimeouts, Request};
use crate::response::Response;

/// Follows redirects, over another agent.
///
/// | status | GET, HEAD | other methods |
/// |---|---|---|
/// | 301, 302 | followed | an error; browser-like: POST becomes GET, others stay |
/// | 303 | followed | becomes GET |
/// | 307, 308 | followed | an error; browser-like: sent again with the body |
///
/// A redirect to another origin (scheme, host, port) takes along no `Authorization`, `Cookie` and
/// the like, and a later one back does not restore them; from https to http it is an error. The
/// body of a redirect is not waited for.
///
/// ```
/// use torsade_http::{Agent, Method, RedirectAgent, Request, RequestAgent};
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
/// let agent = RedirectAgent::new(Agent::new(&reactor));
/// let request = Request::new(Method::GET, "http://127.0.0.1/old")?;
/// let response = reactor.run_until(agent.request(request))?;
/// assert_eq!((response.status().as_u16(), response.url().path()), (200, "/new"));
/// assert_eq!(response.history().count(), 1);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "BrowserLikeRedirectAgent")]
pub struct RedirectAgent<A> {
    agent: A,
    rules: Rc<Rules>,
}

#[derive(Clone, Debug)]
struct Rules {
    limit: usize,
    browser_like: bool,
    may_downgrade: bool,
    sensitive: Vec<HeaderName>,
}

impl<A: RequestAgent + Clone + 'static> RedirectAgent<A> {
    /// Follows up to 20 redirects, of GET and HEAD only.
    pub fn new(agent: A) -> Self {
        let rules = Rules {
            limit: 20,
            browser_like: false,
            may_downgrade: false,
            sensitive: vec![
                header::AUTHORIZATION,
                header::COOKIE,
                HeaderName::from_static("cookie2"),
                header::PROXY_AUTHORIZATION,
                header::WWW_AUTHENTICATE,
            ],
        };
        Self {
            agent,
            rules: Rc::new(rules),
        }
    }

    /// Follows other methods as well, by the rules of browsers (RFC 9110 section 15.4).
    ///
    /// ```
    /// use torsade_http::{Agent, Method, RedirectAgent, Request, RequestAgent};
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
    /// # server.listen(|_: &Address| Server(|request| match request.starts_with("POST ") {
    /// #     true => "HTTP/1.1 302 Found\r\nLocation: /done\r\nContent-Length: 0\r\n\r\n",
    /// #     false => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// # }))?;
    /// let post = || Request::new(Method::POST, "http://127.0.0.1/order").map(|request| request.body("tea"));
    /// let agent = RedirectAgent::new(Agent::new(&reactor));
    /// assert!(reactor.run_until(agent.request(post()?)).is_err());
    /// // As browsers do it, it becomes a GET.
    /// let response = reactor.run_until(agent.browser_like().request(post()?))?;
    /// assert_eq!((response.status().as_u16(), response.url().path()), (200, "/done"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "BrowserLikeRedirectAgent")]
    pub fn browser_like(mut self) -> Self {
        Rc::make_mut(&mut self.rules).browser_like = true;
        self
    }

    /// Follows up to so many redirects.
    ///
    /// ```
    /// use torsade_http::{Agent, Method, RedirectAgent, RedirectError, Request, RequestAgent};
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
    /// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"))?;
    /// let agent = RedirectAgent::new(Agent::new(&reactor)).limit(3);
    /// let response = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?);
    /// let failure = reactor.run_until(response).unwrap_err();
    /// assert!(matches!(failure.find(), Some(RedirectError::TooMany { limit: 3, .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "redirectLimit")]
    pub fn limit(mut self, redirects: usize) -> Self {
        Rc::make_mut(&mut self.rules).limit = redirects;
        self
    }

    /// Follows redirects from https to http, where everybody on the way can read along.
    ///
    /// ```
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{Agent, AgentOptions, Method, RedirectAgent, RedirectError, Request, RequestAgent};
    /// # use torsade_tls::{ClientTls, ServerTls, generate::Authority, wrap_server_tls};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let authority = Authority::new("for tests");
    /// # let own = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
    /// # let server = wrap_server_tls(TcpServer::new(&reactor, "127.0.0.1:443".parse()?), &own);
    /// # let redirect = "HTTP/1.1 301 Moved\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n";
    /// # server.listen(|_: &Address| Telling::new(|| redirect.into()))?;
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| b"HTTP/1.1 204 No Content\r\n\r\n".into()))?;
    /// # let tls = ClientTls::builder().trust(authority.trust()).build()?;
    /// # let agent = Agent::with_options(&reactor, AgentOptions::new().tls(&tls));
    /// let agent = RedirectAgent::new(agent);
    /// let get = || Request::new(Method::GET, "https://localhost/");
    /// let failure = reactor.run_until(agent.request(get()?)).unwrap_err();
    /// assert!(matches!(failure.find(), Some(RedirectError::Downgrade { .. })));
    /// let response = reactor.run_until(agent.allow_downgrade().request(get()?))?;
    /// assert_eq!(response.url().scheme(), "http");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn allow_downgrade(mut self) -> Self {
        Rc::make_mut(&mut self.rules).may_downgrade = true;
        self
    }

    /// Takes this field along to no other origin either.
    ///
    /// ```
    /// use torsade_http::{Agent, HeaderName, Method, RedirectAgent, Request, RequestAgent};
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
    /// # server.listen(|_: &Address| Server(|request| match (request.contains("Host: localhost"), request.contains("X-Api-Key: secret")) {
    /// #     (true, true) => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    /// #     (false, false) => "HTTP/1.1 204 It does not know\r\n\r\n",
    /// #     _ => "HTTP/1.1 500 It was told\r\nContent-Length: 0\r\n\r\n",
    /// # }))?;
    /// let key = HeaderName::from_static("x-api-key");
    /// let agent = RedirectAgent::new(Agent::new(&reactor)).sensitive_header(key);
    /// let request = Request::new(Method::GET, "http://localhost/")?.header("X-Api-Key", "secret")?;
    /// // It was redirected to another host.
    /// assert_eq!(reactor.run_until(agent.request(request))?.status(), 204);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    #[doc(alias = "sensitiveHeaderNames")]
    pub fn sensitive_header(mut self, name: HeaderName) -> Self {
        Rc::make_mut(&mut self.rules).sensitive.push(name);
        self
    }

    fn attempt(self, request: Request, followed: usize) -> Deferred<Response> {
        let sent = Sent {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.again(),
            close: request.close,
            credentials: request.credentials.clone(),
            timeouts: request.timeouts,
        };
        self.agent
            .request(request)
            .add_callback(move |mut response| {
                if !is_redirect(response.status()) {
                    return Deferred::succeed(response);
                }
                let next = self.rules.next(sent, &response, followed);
                match next {
                    Err(error) => Deferred::fail(error),
                    Ok(next) => {
                        // Now: the next request may need the connection, or its place.
                        response.abandon_body();
                        self.attempt(next, followed + 1)
                            .map(move |last: Response| last.after(response))
                    }
                }
            })
    }
}

/// What was sent, as far as it can be sent again.
struct Sent {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// `None` for a body that was produced, and is gone.
    body: Option<RequestBody>,
    close: bool,
    credentials: Option<Rc<Credentials>>,
    timeouts: OwnTimeouts,
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Rules {
    /// The request that a redirect leads to.
    fn next(
        &self,
        sent: Sent,
        response: &Response,
        followed: usize,
    ) -> Result<Request, RedirectError> {
        let status = response.status();
        let Some(location) = response.headers().get(header::LOCATION) else {
            return Err(RedirectError::NoLocation {
                url: sent.url.into(),
                status,
            });
        };
        if followed == self.limit {
            return Err(RedirectError::TooMany {
                limit: self.limit,
                url: sent.url.into(),
            });
        }
        let bad_location = |why, value: &HeaderValue| RedirectError::BadLocation {
            url: sent.url.clone().into(),
            location: value.as_bytes().escape_ascii().to_string(),
            why,
        };
        // Whoever got a second field in would otherwise choose, or not, depending on the reader.
        let locations = response.headers().get_all(header::LOCATION);
        if let Some(other) = locations.iter().find(|other| *other != location) {
            return Err(bad_location("it was said to be elsewhere before", other));
        }
        let url = location::resolve(&sent.url, location.as_bytes())
            .map_err(|why| bad_location(why, location))?;
        if sent.url.scheme() == "https" && url.scheme() == "http" && !self.may_downgrade {
            return Err(RedirectError::Downgrade {
                from: sent.url.into(),
                to: url.into(),
            });
        }
        let method = self.method(&sent, status, &url)?;
        let mut headers = sent.headers;
        let mut credentials = sent.credentials;
        if Origin::of(&url) != Origin::of(&sent.url) {
            for name in &self.sensitive {
                headers.remove(name);
            }
            // These were for the other one.
            headers.remove(header::HOST);
            credentials = None;
        }
        let keeps_body = method == sent.method;
        let body = match sent.body {
            _ if !keeps_body => {
                for name in ABOUT_BODY {
                    headers.remove(name);
                }
                RequestBody::Empty
            }
            Some(body) => body,
            None => return Err(RedirectError::BodyIsGone { to: url.into() }),
        };
        Ok(Request {
            method,
            url,
            headers,
            body,
            close: sent.close,
            credentials,
            timeouts: sent.timeouts,
        })
    }

    fn method(&self, sent: &Sent, status: StatusCode, url: &Url) -> Result<Method, RedirectError> {
        let is_safe = matches!(sent.method, Method::GET | Method::HEAD);
        match status.as_u16() {
            _ if is_safe => Ok(sent.method.clone()),
            303 => Ok(Method::GET),
            _ if !self.browser_like => Err(RedirectError::NotFollowed {
                method: sent.method.clone(),
                status,
                location: url.to_string(),
            }),
            301 | 302 if sent.method == Method::POST => Ok(Method::GET),
            _ => Ok(sent.method.clone()),
        }
    }
}

/// Fields that are about a body, and go with it.
const ABOUT_BODY: [HeaderName; 8] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

impl<A: RequestAgent + Clone + 'static> RequestAgent for RedirectAgent<A> {
    /// # Errors
    /// [`RedirectError`], and those of the agent below.
    fn request(&self, request: Request) -> Deferred<Response> {
        self.clone().attempt(request, 0)
    }
}

impl<A: fmt::Debug> fmt::Debug for RedirectAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectAgent")
            .field("agent", &self.agent)
            .field("rules", &self.rules)
            .finish()
    }
}
