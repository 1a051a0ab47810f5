//! The client with everything on: what most programs want.

mod bodies;
mod builder;
mod download;
mod one_liners;
mod status;

use std::fmt;
use std::rc::Rc;

use http::Method;
use torsade_core::Reactor;

pub use self::builder::ClientRequest;
pub use self::one_liners::{get, get_text};
pub use self::status::HttpStatusError;
use crate::agent::{Agent, AgentOptions, RequestAgent};
use crate::auth::AuthAgent;
use crate::decode::ContentDecoderAgent;
use crate::proxy::{InvalidProxy, Proxies};
use crate::redirect::RedirectAgent;
#[cfg(feature = "cookies")]
use crate::{CookieAgent, CookieJar};

/// A client with the manners that people expect: it follows redirects as browsers do, decodes what
/// was compressed, keeps cookies while it lives, says who it is, and goes by way of the proxies that
/// the environment names. A cheap handle: clones share connections and cookies.
///
/// ```
/// use torsade_http::Client;
/// # use torsade_http::AgentOptions;
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
/// # server.listen(|_: &Address| Server(|request| match request.starts_with("GET /search?q=twisted+cord ") {
/// #     true => "HTTP/1.1 302 Found\r\nLocation: /found\r\nContent-Length: 0\r\n\r\n",
/// #     false => "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ntorsade",
/// # }))?;
/// let client = Client::new(&reactor);
/// # let client = Client::with_options(&reactor, AgentOptions::new()); // whatever the environment says
/// let answer = client
///     .get("http://127.0.0.1/search")
///     .query(&[("q", "twisted cord")])
///     .send()
///     .add_callback(|response| response.error_for_status())
///     .add_callback(|response| response.text());
/// assert_eq!(reactor.run_until(answer)?, "torsade");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "treq")]
#[doc(alias = "HTTPClient")]
pub struct Client {
    reactor: Reactor,
    /// What is wrong with the environment fails each request: without the proxy it names, they would
    /// go where they should not.
    agent: Result<Rc<dyn RequestAgent>, InvalidProxy>,
}

impl Client {
    /// With the defaults.
    pub fn new(reactor: &Reactor) -> Self {
        match Proxies::from_env() {
            Ok(proxies) => Self::with_options(reactor, AgentOptions::new().proxies(proxies)),
            Err(error) => Self {
                reactor: reactor.clone(),
                agent: Err(error),
            },
        }
    }

    /// On an [`Agent`] with these options, which know of proxies or not.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_http::{AgentOptions, Client, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// // The proxies that the environment names are not asked.
    /// let options = AgentOptions::new().connect_timeout(Duration::from_secs(5));
    /// let text = Client::with_options(&reactor, options).get("http://127.0.0.1/").send();
    /// assert_eq!(reactor.run_until(text.add_callback(Response::text))?, "hello");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn with_options(reactor: &Reactor, options: AgentOptions) -> Self {
        let agent: Rc<dyn RequestAgent> = Rc::new(Agent::with_options(reactor, options));
        #[cfg(feature = "cookies")]
        let agent: Rc<dyn RequestAgent> = Rc::new(CookieAgent::new(agent, &CookieJar::new()));
        let agent = ContentDecoderAgent::new(AuthAgent::new(agent));
        Self::over(reactor, Rc::new(RedirectAgent::new(agent).browser_like()))
    }

    /// Over an agent of one's own, which does all that is to be done.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use torsade_http::{Agent, Client};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// // The bare agent: it follows nothing.
    /// let client = Client::over(&reactor, Rc::new(Agent::new(&reactor)));
    /// assert_eq!(reactor.run_until(client.get("http://127.0.0.1/").send())?.status(), 302);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn over(reactor: &Reactor, agent: Rc<dyn RequestAgent>) -> Self {
        Self {
            reactor: reactor.clone(),
            agent: Ok(agent),
        }
    }

    /// The reactor that it is of.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// Begins a request.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
    /// # use torsade_core::{Address, TcpServer};
    /// use torsade_http::{AgentOptions, Client, Method};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let seen = AccumulatingProtocol::new();
    /// # let server = seen.clone();
    /// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(move |_: &Address| server.clone())?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let _answer = client.request(Method::OPTIONS, "http://127.0.0.1/notes").send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"OPTIONS /notes HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn request(&self, method: Method, url: &str) -> ClientRequest {
        ClientRequest::new(self.clone(), method, url)
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> ClientRequest {
        self.request(Method::GET, url)
    }

    /// Begins a HEAD.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client, header};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let response = reactor.run_until(client.head("http://127.0.0.1/large").send())?;
    /// assert_eq!(response.headers()[header::CONTENT_LENGTH], "1000000"); // it does not come
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn head(&self, url: &str) -> ClientRequest {
        self.request(Method::HEAD, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> ClientRequest {
        self.request(Method::POST, url)
    }

    /// Begins a PUT.
    pub fn put(&self, url: &str) -> ClientRequest {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH.
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
    /// let _answer = client.patch("http://127.0.0.1/notes/7").body("done").send();
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert!(seen.data().starts_with(b"PATCH /notes/7 HTTP/1.1\r\n"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn patch(&self, url: &str) -> ClientRequest {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 204 No Content\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let deleted = client.delete("http://127.0.0.1/notes/7").send();
    /// assert!(reactor.run_until(deleted.add_callback(Response::error_for_status)).is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn delete(&self, url: &str) -> ClientRequest {
        self.request(Method::DELETE, url)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
