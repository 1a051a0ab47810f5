//! User names and passwords.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;

/// A user name and a password, for a server that asks for them; see [`AuthAgent`](super::AuthAgent).
///
/// Unless said otherwise, they are sent by Digest, which never sends the password itself, and by
/// Basic over https only.
///
/// ```
/// use torsade_core::Reactor;
/// use torsade_http::{Client, Credentials};
///
/// let reactor = Reactor::new()?;
/// // By Digest only: the password itself is never sent.
/// let ada = Credentials::new("ada", "secret").digest_only();
/// let request = Client::new(&reactor).get("https://example.com/").credentials(ada);
/// # drop(request);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) basic: BasicRule,
}

/// When the password itself may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BasicRule {
    Never,
    OverHttps,
    Always,
}

impl Credentials {
    /// These.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            basic: BasicRule::OverHttps,
        }
    }

    /// Never sends the password itself, over https neither.
    #[must_use]
    pub fn digest_only(mut self) -> Self {
        self.basic = BasicRule::Never;
        self
    }

    /// Sends the password by Basic over http as well, where everybody on the way can read along.
    #[must_use]
    pub fn basic_in_clear(mut self) -> Self {
        self.basic = BasicRule::Always;
        self
    }

    pub(super) fn basic(&self) -> HeaderValue {
        basic(&self.user, &self.password)
    }
}

/// The value of `Authorization` for Basic (RFC 7617).
pub(crate) fn basic(user: &str, password: &str) -> HeaderValue {
    let text = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::try_from(text).expect("base64 is in every field");
    value.set_sensitive(true);
    value
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("basic", &self.basic)
            .finish_non_exhaustive()
    }
}
