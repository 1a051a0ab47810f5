//! The client's side: one query.

use std::error::Error;
use std::fmt;

use crate::{Address, ClientEndpoint, Deferred, Failure, Protocol, Resolver, Result, Transport};

/// So many bytes an answer may have.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Why there is no answer.
///
/// ```
/// use torsade_core::protocols::finger::{self, FingerError};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Protocol, Result, TcpClient, TcpServer, Transport};
/// # struct Shy;
/// # impl Protocol for Shy {
/// #     fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
/// #         transport.write(b"Login: ");
/// #         transport.abort_connection();
/// #         Ok(())
/// #     }
/// # }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:79".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Shy)?;
/// // A server that breaks off in the middle of its answer.
/// let told = finger::query(&TcpClient::new(&reactor, address), "moshez");
/// let failure = reactor.run_until(told).unwrap_err();
/// assert!(matches!(failure.check(), Some(FingerError::Lost(_))));
/// # Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerError {
    /// It does not end within a mebibyte.
    TooLong,
    /// The connection was lost before its end, for this reason.
    Lost(String),
}

/// Asks for a user, and gives the answer as it came, but for bytes that cannot be printed, which are
/// left out. An empty name asks for all users, and one behind `/W ` for more about it.
///
/// Cancelling gives up. There is no limit of time but the endpoint's: see [`Deferred::add_timeout`].
///
/// ```
/// use torsade_core::protocols::finger::{self, Finger, FingerQuery};
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Deferred, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// let address = "127.0.0.1:79".parse()?;
/// let look_up = |_: &FingerQuery| Deferred::succeed("is well".to_owned());
/// TcpServer::new(&reactor, address).listen(move |_: &Address| Finger::receiver(look_up))?;
/// let told = finger::query(&TcpClient::new(&reactor, address), "moshez");
/// assert_eq!(reactor.run_until(told)?, "is well\r\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// As the endpoint's `connect`, and [`FingerError`].
pub fn query(endpoint: &impl ClientEndpoint, user: &str) -> Deferred<String> {
    let (resolver, answer) = Deferred::new();
    let mut answer_to = Some(resolver);
    let query = format!("{}\r\n", user.replace(['\r', '\n'], " "));
    let factory = move |_: &Address| Asking {
        query: query.clone(),
        received: Vec::new(),
        answer: answer_to.take(),
    };
    endpoint.connect(factory).add_callback(move |connection| {
        answer.add_errback(move |failure| {
            // Also when it was cancelled.
            connection.transport().abort_connection();
            Err(failure)
        })
    })
}

struct Asking {
    query: String,
    received: Vec<u8>,
    answer: Option<Resolver<String>>,
}

impl Protocol for Asking {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.query.as_bytes());
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.received.extend_from_slice(data);
        if self.received.len() > LONGEST_ANSWER {
            transport.abort_connection();
            if let Some(answer) = self.answer.take() {
                answer.errback(FingerError::TooLong);
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let Some(answer) = self.answer.take() else {
            return;
        };
        if reason.check::<crate::ConnectionDone>().is_none() {
            answer.errback(FingerError::Lost(reason.to_string()));
            return;
        }
        let text = String::from_utf8_lossy(&self.received);
        let is_printed = |each: &char| !each.is_control() || matches!(each, '\n' | '\r' | '\t');
        answer.callback(text.chars().filter(is_printed).collect());
    }
}

impl fmt::Display for FingerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "an answer of more than {LONGEST_ANSWER} bytes"),
            Self::Lost(reason) => write!(f, "no whole answer came: {reason}"),
        }
    }
}

impl Error for FingerError {}
