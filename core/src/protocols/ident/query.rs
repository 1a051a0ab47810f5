//! The client's side: one query.

use std::error::Error;
use std::fmt;

use super::{IdentRefusal, IdentUser, port, ports};
use crate::protocols::line::{LineControl, LineProtocol, LineReceiver};
use crate::{Address, ClientEndpoint, Deferred, Failure, Resolver, Result};

/// An answer that is none.
///
/// ```
/// use torsade_core::protocols::ident::{self, IdentError};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:113".parse()?;
/// # TcpServer::new(&reactor, address)
/// #     .listen(|_: &Address| Telling::new(|| b"220 mail.example.com ESMTP\r\n".to_vec()))?;
/// // Another service listens there.
/// let told = ident::query(&TcpClient::new(&reactor, address), 6193, 23);
/// let error = reactor.run_until(told).unwrap_err().trap::<IdentError>()?;
/// assert!(matches!(error, IdentError::Malformed(line) if line.starts_with("220 ")));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentError {
    /// The line is no answer, or one about another connection.
    Malformed(String),
    /// The line is too long.
    TooLong,
    /// The connection ended without an answer.
    Ended,
}

/// Asks whose connection it is: the one from `local`, a port of the host that is asked, to `remote`,
/// one of ours.
///
/// The endpoint leads to port 113 of the peer, and binds to the address that the peer knows us by.
/// Cancelling gives up. There is no limit of time but the endpoint's: see [`Deferred::add_timeout`].
///
/// # Errors
/// As the endpoint's `connect`; an [`IdentRefusal`] if the host does not tell, and an [`IdentError`]
/// if it gives no answer.
///
/// ```
/// use torsade_core::protocols::ident::{self, Ident, IdentQuery, IdentUser};
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Deferred, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:113".parse()?;
/// # let tell = |_: &IdentQuery| Deferred::succeed(IdentUser::unix("stjohns"));
/// # TcpServer::new(&reactor, address).listen(move |_: &Address| Ident::receiver(tell))?;
/// let endpoint = TcpClient::new(&reactor, address);
/// let told = ident::query(&endpoint, 6193, 23).map(|told| format!("it is {}'s", told.user));
/// assert_eq!(reactor.run_until(told)?, "it is stjohns's");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IdentClient")]
#[doc(alias = "IdentClient.lookup")]
pub fn query(endpoint: &impl ClientEndpoint, local: u16, remote: u16) -> Deferred<IdentUser> {
    let (resolver, answer) = Deferred::new();
    let mut asking = Some(Asking {
        ports: (local, remote),
        answer: Some(resolver),
    });
    // Two connections are never built for one `connect`.
    let factory = move |_: &Address| {
        let asking = asking.take().unwrap_or_else(|| Asking {
            ports: (local, remote),
            answer: None,
        });
        LineReceiver::new(asking).delimiter("\n").max_length(1000)
    };
    endpoint.connect(factory).add_callback(move |connection| {
        answer.add_both(move |result| {
            connection.transport().lose_connection();
            result
        })
    })
}

struct Asking {
    ports: (u16, u16),
    answer: Option<Resolver<IdentUser>>,
}

impl Asking {
    fn fire(&mut self, result: Result<IdentUser>) {
        if let Some(answer) = self.answer.take() {
            match result {
                Ok(user) => answer.callback(user),
                Err(failure) => answer.errback(failure),
            };
        }
    }

    /// What an answer tells; `None` if it is none to our question.
    fn parse(&self, line: &str) -> Option<Result<IdentUser, IdentRefusal>> {
        let mut fields = line.splitn(3, ':').map(str::trim);
        let (about, kind, told) = (fields.next()?, fields.next()?, fields.next()?);
        let (local, remote) = ports(about)?;
        if kind.eq_ignore_ascii_case("ERROR") {
            return Some(Err(IdentRefusal::from_word(told)));
        }
        if (port(local)?, port(remote)?) != self.ports {
            return None;
        }
        let (system, user) = told.split_once(':')?;
        let (system, user) = (system.trim().to_owned(), user.trim().to_owned());
        kind.eq_ignore_ascii_case("USERID")
            .then_some(Ok(IdentUser { system, user }))
    }
}

impl LineProtocol for Asking {
    fn connection_made(&mut self, lines: &LineControl) {
        let (local, remote) = self.ports;
        let query = format!("{local}, {remote}\r\n");
        lines.transport().write(query.as_bytes());
    }

    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line).trim_end().to_owned();
        let result = match self.parse(&line) {
            Some(told) => told.map_err(Failure::from),
            None => Err(IdentError::Malformed(line).into()),
        };
        self.fire(result);
        Ok(())
    }

    fn line_length_exceeded(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
        self.fire(Err(IdentError::TooLong.into()));
        lines.transport().lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.fire(Err(IdentError::Ended.into()));
    }
}

impl fmt::Display for IdentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(line) => write!(f, "this is no answer to an ident query: {line:?}"),
            Self::TooLong => f.write_str("the answer to an ident query is too long"),
            Self::Ended => f.write_str("the connection ended before an ident query was answered"),
        }
    }
}

impl Error for IdentError {}
