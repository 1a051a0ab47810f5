//! Requests in one line.

use torsade_core::{Deferred, Reactor};

use super::Client;
use crate::response::Response;

/// Makes a GET request with a new [`Client`].
///
/// ```
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
/// # let is_proxy = |name: String| ["HTTP_PROXY", "ALL_PROXY"].contains(&&*name.to_uppercase());
/// # if std::env::vars().any(|(name, _)| is_proxy(name)) { return Ok(()) } // there is none in this world
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let response = reactor.run_until(torsade_http::get(&reactor, "http://127.0.0.1/"))?;
/// assert_eq!(response.status(), 200);
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// As [`ClientRequest::send`](super::ClientRequest::send).
#[doc(alias = "treq.get")]
pub fn get(reactor: &Reactor, url: &str) -> Deferred<Response> {
    Client::new(reactor).get(url).send()
}

/// The text at `url`.
///
/// ```
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
/// # let is_proxy = |name: String| ["HTTP_PROXY", "ALL_PROXY"].contains(&&*name.to_uppercase());
/// # if std::env::vars().any(|(name, _)| is_proxy(name)) { return Ok(()) } // there is none in this world
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let text = torsade_http::get_text(&reactor, "http://127.0.0.1/");
/// assert_eq!(reactor.run_until(text)?, "hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// As [`get`]; [`HttpStatusError`](super::HttpStatusError) for a status of 400 and up; and those of
/// [`Response::text`].
#[doc(alias = "getPage")]
pub fn get_text(reactor: &Reactor, url: &str) -> Deferred<String> {
    get(reactor, url)
        .add_callback(Response::error_for_status)
        .add_callback(Response::text)
}
