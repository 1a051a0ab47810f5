//! Why a redirect was not followed.

use std::error::Error;
use std::fmt;

use http::{Method, StatusCode};

/// A redirect that was not followed.
///
/// ```
/// use torsade_core::Failure;
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
/// fn went_in_circles(failure: &Failure) -> bool {
///     matches!(failure.find(), Some(RedirectError::TooMany { .. }))
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"))?;
/// let agent = RedirectAgent::new(Agent::new(&reactor));
/// let response = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?);
/// assert!(went_in_circles(&reactor.run_until(response).unwrap_err()));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectError {
    /// There were more than are followed.
    #[doc(alias = "InfiniteRedirection")]
    TooMany {
        /// How many are.
        limit: usize,
        /// The last URL that was requested.
        url: String,
    },
    /// It does not say where to.
    #[doc(alias = "RedirectWithNoLocation")]
    NoLocation {
        /// Who does not.
        url: String,
        /// Its status.
        status: StatusCode,
    },
    /// Where it leads to makes no sense.
    BadLocation {
        /// Who says so.
        url: String,
        /// What it says, made printable.
        location: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A request of this method is not repeated without asking; a browser-like agent would.
    #[doc(alias = "PageRedirect")]
    NotFollowed {
        /// The method.
        method: Method,
        /// The status.
        status: StatusCode,
        /// Where it leads to.
        location: String,
    },
    /// It leads from https to http.
    Downgrade {
        /// From where.
        from: String,
        /// Where to.
        to: String,
    },
    /// The body has to be sent again, and was produced as it was sent
    /// ([`Request::body_producers`](crate::Request::body_producers) can do it again).
    BodyIsGone {
        /// Where to.
        to: String,
    },
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { limit, url } => {
                write!(f, "{url} leads on, after {limit} redirects already")
            }
            Self::NoLocation { url, status } => {
                write!(
                    f,
                    "{url} redirects ({}) and does not say where to",
                    status.as_u16()
                )
            }
            Self::BadLocation { url, location, why } => {
                write!(f, "{url} redirects to \"{location}\": {why}")
            }
            Self::NotFollowed {
                method,
                status,
                location,
            } => write!(
                f,
                "a {method} is not repeated without asking ({} to {location})",
                status.as_u16()
            ),
            Self::Downgrade { from, to } => {
                write!(
                    f,
                    "{from} redirects to {to}, where everybody on the way can read along"
                )
            }
            Self::BodyIsGone { to } => {
                write!(
                    f,
                    "the body has to be sent again to {to}, and cannot be produced twice"
                )
            }
        }
    }
}

impl Error for RedirectError {}
