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
/// use torsade_http::{AgentOptions, Client, Credentials};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// # let client = Client::with_options(&reactor, AgentOptions::new());
/// let ada = Credentials::new("ada", "secret").digest_only();
/// let response = reactor.run_until(client.get("http://127.0.0.1/").credentials(ada).send())?;
/// // The server wanted the password itself, and did not get it.
/// assert_eq!(response.status(), 401);
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
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client, Credentials};
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
    /// # server.listen(|_: &Address| Server(|request| match request.contains("Authorization: Basic YWRhOnNlY3JldA==") {
    /// #     true => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    /// #     false => "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
    /// # }))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let ada = Credentials::new("ada", "secret").basic_in_clear();
    /// let response = reactor.run_until(client.get("http://127.0.0.1/").credentials(ada).send())?;
    /// assert_eq!(response.status(), 200);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
