//! Responses that say that something is wrong.

use std::error::Error;
use std::fmt;

use http::StatusCode;
use torsade_core::Result;

use crate::response::Response;

/// A response whose status is not one that was asked for.
///
/// ```
/// use torsade_http::{AgentOptions, Client, HttpStatusError, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// # let client = Client::with_options(&reactor, AgentOptions::new());
/// let answer = client.get("http://127.0.0.1/none").send().add_callback(Response::error_for_status);
/// let failure = reactor.run_until(answer).unwrap_err();
/// match failure.check::<HttpStatusError>() {
///     Some(error) if error.status == 404 => assert_eq!(error.url, "http://127.0.0.1/none"),
///     _ => panic!("{failure}"),
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpStatusError {
    /// What was requested.
    pub url: String,
    /// The status.
    pub status: StatusCode,
}

impl fmt::Display for HttpStatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.url, self.status)
    }
}

impl Error for HttpStatusError {}

impl HttpStatusError {
    pub(super) fn of(response: &Response) -> Self {
        Self {
            url: response.url().to_string(),
            status: response.status(),
        }
    }
}

impl Response {
    /// Itself, unless its status is 400 or more.
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let answer = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(Response::error_for_status);
    /// let failure = reactor.run_until(answer).unwrap_err();
    /// assert_eq!(failure.to_string(), "http://127.0.0.1/ answered 503 Service Unavailable");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`HttpStatusError`].
    pub fn error_for_status(self) -> Result<Self> {
        if self.status().as_u16() < 400 {
            return Ok(self);
        }
        Err(HttpStatusError::of(&self).into())
    }
}
