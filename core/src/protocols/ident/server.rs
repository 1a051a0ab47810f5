//! The server's side.

use std::fmt;

use super::{IdentQuery, IdentRefusal, IdentUser, port, ports};
use crate::protocols::answers::Answers;
use crate::protocols::line::{LineControl, LineProtocol, LineReceiver};
use crate::{Failure, Outcome, Result, maybe_deferred};

/// Tells whose connections are, by a function that looks it up.
///
/// The function gives an [`IdentUser`], at once or later; an [`IdentRefusal`] as an error is told, and
/// any other is logged, and told as an unknown one. Queries are answered one after the other.
///
/// ```
/// use torsade_core::protocols::ident::{Ident, IdentQuery, IdentRefusal, IdentUser};
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, Result, TcpServer};
///
/// fn look_up(query: &IdentQuery) -> Result<IdentUser> {
///     match query.local.1 {
///         6193 => Ok(IdentUser::unix("stjohns")),
///         _ => Err(IdentRefusal::NoUser.into()),
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:113".parse()?;
/// TcpServer::new(&reactor, address).listen(|_: &Address| Ident::receiver(look_up))?;
/// # let seen = AccumulatingProtocol::new();
/// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// client.transport().write(b"6193, 23\r\n6194, 23\r\n");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// let answers = seen.data();
/// assert!(answers.starts_with(b"6193, 23 : USERID : UNIX : stjohns\r\n"));
/// assert!(answers.ends_with(b"6194, 23 : ERROR : NO-USER\r\n"));
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "IdentServer")]
pub struct Ident<F> {
    look_up: F,
    answers: Answers,
}

/// The longest query, in bytes.
const LONGEST_QUERY: usize = 1000;

impl<F, O> Ident<F>
where
    F: FnMut(&IdentQuery) -> O + 'static,
    O: Outcome<Output = IdentUser>,
{
    /// The protocol for one connection, with the function that looks users up.
    #[doc(alias = "lookup")]
    pub fn receiver(look_up: F) -> LineReceiver<Self> {
        let ident = Self {
            look_up,
            answers: Answers::default(),
        };
        // Who ends lines with LF alone is understood as well.
        LineReceiver::new(ident)
            .delimiter("\n")
            .max_length(LONGEST_QUERY)
    }
}

/// What a query asks about. `None` if its ports are none, or the connection is not one of the Internet.
fn parse(lines: &LineControl, line: &str) -> Option<IdentQuery> {
    let (local, remote) = ports(line)?;
    let transport = lines.transport();
    Some(IdentQuery {
        local: (transport.host().socket_addr()?.ip(), port(local)?),
        remote: (transport.peer().socket_addr()?.ip(), port(remote)?),
    })
}

/// The line that tells `result`, about the ports as they were asked for.
fn reply(line: &str, result: Result<IdentUser>) -> String {
    let (local, remote) = ports(line).unwrap_or(("0", "0"));
    let told = match result {
        Ok(IdentUser { system, user }) => format!("USERID : {system} : {user}"),
        Err(failure) => {
            let refusal = failure.check::<IdentRefusal>().cloned();
            let refusal = refusal.unwrap_or_else(|| {
                log::warn!(target: "torsade", "no answer to the ident query {line:?}: {failure:#}");
                IdentRefusal::UnknownError
            });
            format!("ERROR : {}", refusal.word())
        }
    };
    // What a function gives must not end the line.
    let told = told.replace(['\r', '\n', '\0'], " ");
    format!("{local}, {remote} : {told}\r\n")
}

impl<F, O> LineProtocol for Ident<F>
where
    F: FnMut(&IdentQuery) -> O + 'static,
    O: Outcome<Output = IdentUser>,
{
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line).trim().to_owned();
        let Some(query) = parse(lines, &line) else {
            let refused = reply(&line, Err(IdentRefusal::InvalidPort.into()));
            lines.transport().write(refused.as_bytes());
            return Ok(());
        };
        let user = maybe_deferred(|| (self.look_up)(&query));
        let tell = move |user| reply(&line, user).into_bytes();
        self.answers.send(lines, user, tell);
        Ok(())
    }

    fn read_closed(&mut self, lines: &LineControl) {
        self.answers.read_closed(lines);
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.answers.connection_lost();
    }
}

impl<F> fmt::Debug for Ident<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ident").finish_non_exhaustive()
    }
}
