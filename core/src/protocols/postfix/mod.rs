//! A table for Postfix, looked up over TCP: `tcp:HOST:PORT` in its configuration, tcp_table(5) in its
//! manual.
//!
//! Postfix asks for a key (an address, a domain, a name), and is told a value, that there is none, or that
//! it should ask again later.

mod encoding;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::answers::Answers;
use super::{IdleTimeout, LineControl, LineProtocol, LineReceiver};
use crate::{Address, Factory, Failure, Outcome, Result, maybe_deferred};

/// Answers the look-ups of Postfix by a function.
///
/// The function is given a key, and gives the value, or `None` where there is none, at once or later. An
/// error of it is logged, and told; Postfix then asks again later. A connection on which nothing is asked
/// for ten minutes is closed.
///
/// ```
/// use torsade_core::protocols::postfix::PostfixTcpMapServer;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, Result, TcpServer};
///
/// fn look_up(key: &[u8]) -> Result<Option<String>> {
///     Ok(key.ends_with(b"@example.com").then(|| "alice@example.net".to_owned()))
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:4242".parse()?;
/// let server = TcpServer::new(&reactor, address);
/// server.listen(|_: &Address| PostfixTcpMapServer::receiver(look_up))?;
/// # let seen = AccumulatingProtocol::new();
/// # let postfix = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// postfix.transport().write(b"get bob@example.com\n");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"200 alice@example.net\n");
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "PostfixTCPMapServer")]
pub struct PostfixTcpMapServer<F> {
    look_up: F,
    answers: Answers,
    idle: Option<IdleTimeout>,
}

/// The longest request and reply, in bytes, with its newline.
const LONGEST: usize = 4096;

/// How long nothing may be asked.
const IDLE: Duration = Duration::from_secs(600);

impl<F, O, V> PostfixTcpMapServer<F>
where
    F: FnMut(&[u8]) -> O + 'static,
    O: Outcome<Output = Option<V>>,
    V: AsRef<[u8]> + 'static,
{
    /// The protocol for one connection, with the function that looks keys up.
    pub fn receiver(look_up: F) -> LineReceiver<Self> {
        let server = Self {
            look_up,
            answers: Answers::default(),
            idle: None,
        };
        LineReceiver::new(server)
            .delimiter("\n")
            .max_length(LONGEST - 1)
    }
}

impl<F, O, V> LineProtocol for PostfixTcpMapServer<F>
where
    F: FnMut(&[u8]) -> O + 'static,
    O: Outcome<Output = Option<V>>,
    V: AsRef<[u8]> + 'static,
{
    fn connection_made(&mut self, lines: &LineControl) {
        let mut idle = IdleTimeout::new(lines.transport());
        idle.set(Some(IDLE));
        self.idle = Some(idle);
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        if let Some(idle) = &mut self.idle {
            idle.reset();
        }
        match key_of(line) {
            Ok(key) => {
                let value = maybe_deferred(|| (self.look_up)(&key));
                self.answers
                    .send(lines, value, move |value| answer(&key, value));
            }
            Err((status, why)) => lines.transport().write(&reply(status, why.as_bytes())),
        }
        Ok(())
    }

    fn read_closed(&mut self, lines: &LineControl) {
        self.answers.read_closed(lines);
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.answers.connection_lost();
    }
}

/// What is to be looked up, or what to reply instead: a status and its text.
fn key_of(line: &[u8]) -> Result<Vec<u8>, (u16, &'static str)> {
    let line = line.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (command, rest) = line.split_at(end.unwrap_or(line.len()));
    match (command, rest.trim_ascii_start()) {
        (b"get", b"") => Err((400, "get is followed by a key")),
        (b"get", key) => encoding::decode(key).ok_or((400, "a % is followed by two digits")),
        (b"put", _) => Err((500, "nothing can be put here")),
        _ => Err((400, "unknown command")),
    }
}

fn answer<V: AsRef<[u8]>>(key: &[u8], value: Result<Option<V>>) -> Vec<u8> {
    let key = || key.escape_ascii();
    match value {
        Ok(None) => reply(500, b"not found"),
        Ok(Some(value)) => {
            let found = reply(200, value.as_ref());
            if found.len() <= LONGEST {
                return found;
            }
            log::warn!(target: "torsade", "the value of {} is too long for Postfix", key());
            reply(400, b"the value is too long")
        }
        Err(failure) => {
            log::warn!(target: "torsade", "the look-up of {} failed: {failure:#}", key());
            let mut why = failure.to_string().into_bytes();
            // It may grow threefold.
            why.truncate(LONGEST / 4);
            reply(400, &why)
        }
    }
}

fn reply(status: u16, text: &[u8]) -> Vec<u8> {
    let mut reply = format!("{status} ").into_bytes();
    encoding::encode(text, &mut reply);
    reply.push(b'\n');
    reply
}

/// A table that is known beforehand: the factory of a server of it.
///
/// ```
/// use torsade_core::TcpServer;
/// use torsade_core::protocols::postfix::PostfixDictionary;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:4242".parse()?;
/// let aliases = PostfixDictionary::from_iter([("root", "alice"), ("postmaster", "alice")]);
/// TcpServer::new(&reactor, address).listen(aliases)?;
/// # let seen = AccumulatingProtocol::new();
/// # let postfix = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// postfix.transport().write(b"get root\n");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"200 alice\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "PostfixTCPMapDictServerFactory")]
#[doc(alias = "PostfixTCPMapDeferringDictServerFactory")]
pub struct PostfixDictionary {
    values: Rc<HashMap<Vec<u8>, Vec<u8>>>,
}

/// Looks keys up in a [`PostfixDictionary`].
///
/// ```
/// use torsade_core::protocols::LineReceiver;
/// use torsade_core::protocols::postfix::{DictionaryLookUp, PostfixDictionary, PostfixTcpMapServer};
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Address, Factory};
///
/// let mut aliases = PostfixDictionary::from_iter([("root", "alice")]);
/// let server: LineReceiver<PostfixTcpMapServer<DictionaryLookUp>> =
///     aliases.build_protocol(&Address::Unnamed).unwrap();
/// let wire = StringTransport::new();
/// let _server = wire.connect(server);
/// wire.receive(b"get root\nget bob\n")?;
/// assert!(wire.value().starts_with(b"200 alice\n500 "));
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub type DictionaryLookUp = Box<dyn FnMut(&[u8]) -> Result<Option<Vec<u8>>>>;

impl Factory for PostfixDictionary {
    type Protocol = LineReceiver<PostfixTcpMapServer<DictionaryLookUp>>;

    fn build_protocol(&mut self, _: &Address) -> Option<Self::Protocol> {
        let values = Rc::clone(&self.values);
        let look_up = move |key: &[u8]| Ok(values.get(key).cloned());
        Some(PostfixTcpMapServer::receiver(Box::new(look_up)))
    }
}

impl<K: Into<Vec<u8>>, V: Into<Vec<u8>>> FromIterator<(K, V)> for PostfixDictionary {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let values = entries.map(|(key, value)| (key.into(), value.into()));
        Self {
            values: Rc::new(values.collect()),
        }
    }
}

impl<F> fmt::Debug for PostfixTcpMapServer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostfixTcpMapServer")
            .finish_non_exhaustive()
    }
}
