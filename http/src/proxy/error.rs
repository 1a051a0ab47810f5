//! What can go wrong with a proxy.

use std::error::Error;
use std::fmt;

use http::StatusCode;

use crate::auth::Challenge;
use crate::wire::WireError;

/// What is no proxy.
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
/// use torsade_http::ProxyError;
///
/// /// Whether a user should be asked for the proxy's password.
/// fn wants_password(failure: &Failure) -> bool {
///     matches!(failure.find(), Some(ProxyError::AuthenticationRequired { .. }))
/// }
/// # let _ = wants_password;
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
