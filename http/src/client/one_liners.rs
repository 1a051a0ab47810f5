//! Requests in one line.

use torsade_core::{Deferred, Reactor};

use super::Client;
use crate::response::Response;

/// Makes a GET request with a new [`Client`].
///
/// ```no_run
/// use torsade_core::Reactor;
///
/// let reactor = Reactor::new()?;
/// let response = reactor.run_until(torsade_http::get(&reactor, "https://example.com/"))?;
/// println!("{}", response.status());
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
/// ```no_run
/// use torsade_core::Reactor;
///
/// let reactor = Reactor::new()?;
/// println!("{}", reactor.run_until(torsade_http::get_text(&reactor, "https://example.com/"))?);
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
