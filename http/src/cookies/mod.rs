//! Cookies: kept in a jar, and sent where they belong (RFC 6265).

mod date;
mod jar;

use std::fmt;

use http::header::{COOKIE, SET_COOKIE};
use torsade_core::Deferred;

pub use self::jar::{CookieJar, CookieJarError};
use crate::agent::RequestAgent;
use crate::request::Request;
use crate::response::Response;

/// Sends the cookies of a jar with its requests, over another agent, and puts those of the responses
/// into it.
///
/// A request with a field `Cookie` of its own is sent as it is. To have the cookies of redirects as
/// well, put the [`RedirectAgent`](crate::RedirectAgent) around this one.
///
/// ```
/// use torsade_http::{Agent, CookieAgent, CookieJar, Method, Request, RequestAgent};
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
/// # server.listen(|_: &Address| Server(|request| match request.contains("Cookie: seen=yes\r\n") {
/// #     true => "HTTP/1.1 204 Welcome back\r\n\r\n",
/// #     false => "HTTP/1.1 200 Welcome\r\nSet-Cookie: seen=yes\r\nContent-Length: 0\r\n\r\n",
/// # }))?;
/// let agent = CookieAgent::new(Agent::new(&reactor), &CookieJar::new());
/// for status in [200, 204] {
///     let response = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?);
///     assert_eq!(reactor.run_until(response)?.status(), status);
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
pub struct CookieAgent<A> {
    agent: A,
    jar: CookieJar,
}

impl<A: RequestAgent> CookieAgent<A> {
    /// Uses this jar, which may serve other agents too.
    pub fn new(agent: A, jar: &CookieJar) -> Self {
        Self {
            agent,
            jar: jar.clone(),
        }
    }
}

impl<A: RequestAgent> RequestAgent for CookieAgent<A> {
    fn request(&self, mut request: Request) -> Deferred<Response> {
        if !request.headers.contains_key(COOKIE)
            && let Some(cookies) = self.jar.header_for(&request.url)
        {
            request.headers.insert(COOKIE, cookies);
        }
        let jar = self.jar.clone();
        self.agent.request(request).map(move |response| {
            for line in response.headers().get_all(SET_COOKIE) {
                jar.store(line.as_bytes(), response.url());
            }
            response
        })
    }
}

impl<A: fmt::Debug> fmt::Debug for CookieAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieAgent")
            .field("agent", &self.agent)
            .field("jar", &self.jar)
            .finish()
    }
}
