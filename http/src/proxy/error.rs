//! What can go wrong with a proxy.

use std::error::Error;
use std::fmt;

use http::StatusCode;

use crate::auth::Challenge;
use crate::wire::WireError;

/// What is no proxy.
///
/// ```
/// use torsade_http::Proxy;
///
/// let error = "ftp://proxy.test".parse::<Proxy>().unwrap_err();
/// assert_eq!(error.url, "ftp://proxy.test");
/// println!("{error}"); // with what is wrong with it
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProxy {
    /// What was given.
    pub url: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot be a proxy: {}", self.url, self.why)
    }
}

impl Error for InvalidProxy {}

/// A proxy did not open a tunnel.
///
/// ```
/// use torsade_core::Failure;
/// use torsade_http::{Agent, AgentOptions, Proxies, ProxyError};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// Whether a user should be asked for the proxy's password.
/// fn wants_password(failure: &Failure) -> bool {
///     matches!(failure.find(), Some(ProxyError::AuthenticationRequired { .. }))
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let options = AgentOptions::new().proxies(Proxies::all("http://127.0.0.1:80".parse()?));
/// # let tls = torsade_tls::ClientTls::builder().bundled_roots().build()?;
/// # let options = options.tls(&tls);
/// let answer = Agent::with_options(&reactor, options).get("https://example.org/");
/// assert!(wants_password(&reactor.run_until(answer).unwrap_err()));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// It wants to know who asks (407), or does not know the credentials that were given.
    AuthenticationRequired {
        /// Its URL.
        proxy: String,
        /// Where the tunnel was to lead to.
        target: String,
        /// The ways to prove it that it offers, such as `Basic realm="office"`.
        challenges: Vec<Challenge>,
        /// Whether there were credentials.
        had_credentials: bool,
    },
    /// It answered with another status than 2xx.
    Refused {
        /// Its URL.
        proxy: String,
        /// Where the tunnel was to lead to.
        target: String,
        /// The status.
        status: StatusCode,
        /// The phrase behind it.
        reason: String,
    },
    /// Its answer is no HTTP, or it closed the connection instead.
    Broken {
        /// Its URL.
        proxy: String,
        /// Where the tunnel was to lead to.
        target: String,
        /// What is wrong.
        source: WireError,
    },
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthenticationRequired {
                proxy,
                target,
                challenges,
                had_credentials,
            } => {
                write!(f, "the proxy {proxy} opens no tunnel to {target}: it ")?;
                f.write_str(match had_credentials {
                    true => "does not accept the user name and password given",
                    false => "wants a user name and a password (407)",
                })?;
                for (number, challenge) in challenges.iter().enumerate() {
                    let word = if number == 0 { ", by" } else { " or" };
                    write!(f, "{word} {challenge}")?;
                }
                Ok(())
            }
            Self::Refused {
                proxy,
                target,
                status,
                reason,
            } => {
                let reason = match reason.trim() {
                    "" => status.canonical_reason().unwrap_or("no reason given"),
                    reason => reason,
                };
                write!(
                    f,
                    "the proxy {proxy} opens no tunnel to {target}: {} {reason}",
                    status.as_u16()
                )
            }
            Self::Broken { proxy, target, .. } => {
                write!(
                    f,
                    "the proxy {proxy} broke off when asked for a tunnel to {target}"
                )
            }
        }
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken { source, .. } => Some(source),
            _ => None,
        }
    }
}
