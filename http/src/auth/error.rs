//! Why a challenge was not answered.

use std::error::Error;
use std::fmt;

/// A server or a proxy asked who we are, and could not be told.
///
/// ```
/// use torsade_http::{Agent, AuthAgent, AuthError, Credentials, Method, Request, RequestAgent};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// // A server that takes nothing but the password itself.
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let agent = AuthAgent::new(Agent::new(&reactor));
/// let me = Credentials::new("me", "secret");
/// let request = Request::new(Method::GET, "http://127.0.0.1/")?.credentials(me);
/// let failure = reactor.run_until(agent.request(request)).unwrap_err();
/// assert!(matches!(failure.check(), Some(AuthError::BasicInClear { .. })));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The body has to be sent again with the answer, and was produced as it was sent
    /// ([`Request::body_producers`](crate::Request::body_producers) can do it again).
    BodyIsGone {
        /// What was requested.
        url: String,
    },
    /// The server takes the password itself only, and everybody on the way could read it;
    /// [`Credentials::basic_in_clear`](super::Credentials::basic_in_clear) allows that.
    BasicInClear {
        /// What was requested.
        url: String,
    },
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyIsGone { url } => write!(
                f,
                "{url} wants to know who asks: the body has to be sent again, and cannot be \
                 produced twice"
            ),
            Self::BasicInClear { url } => write!(
                f,
                "{url} wants the password itself, which everybody on the way can read"
            ),
        }
    }
}

impl Error for AuthError {}
