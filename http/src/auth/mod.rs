//! Authentication by challenge: a server asks who we are, and is told (RFC 9110 section 11).
//!
//! All but the agent is sans-io, and stands below requests.

mod agent;
mod challenge;
mod credentials;
mod digest;
mod error;
mod scanner;
mod space;

pub use self::agent::AuthAgent;
pub use self::challenge::Challenge;
pub use self::credentials::Credentials;
pub(crate) use self::credentials::basic;
pub(crate) use self::digest::{DigestChallenge, DigestSession, Sent};
pub use self::error::AuthError;
pub(crate) use self::space::renew;
