//! Who is who on a host (RFC 1288): a server, and a query.

mod query;

use std::fmt;

use super::line::{LineControl, LineProtocol, LineReceiver};
use crate::{Canceller, Failure, Outcome, Result, maybe_deferred};

pub use query::{FingerError, query};

/// What a client asks for.
///
/// ```
/// use torsade_core::protocols::finger::FingerQuery;
///
/// let query = FingerQuery::parse(b"/W moshez").unwrap();
/// assert_eq!(query.user.as_deref(), Some("moshez"));
/// assert!(query.is_verbose);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FingerQuery {
    /// The user; `None` asks for all of them.
    pub user: Option<String>,
    /// More than usual shall be told: `/W`.
    pub is_verbose: bool,
}

/// Answers one query with what a function gives, and closes the connection.
///
/// The function gives a text, at once or later; its lines may end in any way. If it fails, that is
/// logged, and the client told that there is no answer. Who asks about another host is refused: it
/// would be asked in our name.
///
/// ```
/// use torsade_core::protocols::finger::{Finger, FingerQuery};
/// use torsade_core::testing::StringTransport;
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Result, TcpServer};
///
/// fn look_up(query: &FingerQuery) -> Result<String> {
///     Ok(match query.user.as_deref() {
///         None => "moshez".to_owned(),
///         Some("moshez") => "Happy and well".to_owned(),
///         Some(_) => "No such user".to_owned(),
///     })
/// }
///
/// # let reactor = Simulation::new().reactor();
/// let server = TcpServer::new(&reactor, "127.0.0.1:79".parse()?);
/// server.listen(|_: &Address| Finger::receiver(look_up))?;
/// // What each of its clients gets:
/// let wire = StringTransport::new();
/// let _finger = wire.connect(Finger::receiver(look_up));
/// wire.receive(b"moshez\r\n")?;
/// assert_eq!(wire.value(), b"Happy and well\r\n");
/// assert!(wire.is_disconnecting());
/// # Result::<()>::Ok(())
/// ```
#[doc(alias = "twisted.protocols.finger.Finger")]
pub struct Finger<F> {
    look_up: F,
    state: State,
}

enum State {
    Waiting,
    LookingUp(Canceller),
    /// One question is all that there may be.
    Answered,
}

/// The longest query, in bytes.
const LONGEST_QUERY: usize = 1024;

impl<F, O> Finger<F>
where
    F: FnMut(&FingerQuery) -> O + 'static,
    O: Outcome<Output = String>,
{
    /// The protocol for one connection, with the function that answers.
    #[doc(alias = "getUser")]
    #[doc(alias = "forwardQuery")]
    #[doc(alias = "getDomain")]
    pub fn receiver(look_up: F) -> LineReceiver<Self> {
        let state = State::Waiting;
        // Who ends lines with LF alone is understood as well.
        LineReceiver::new(Self { look_up, state })
            .delimiter("\n")
            .max_length(LONGEST_QUERY)
    }
}

impl FingerQuery {
    /// The query in a line; `None` if it is about another host.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_ascii_whitespace().peekable();
        let is_verbose = words
            .next_if(|word| word.eq_ignore_ascii_case("/W"))
            .is_some();
        let user = words.collect::<Vec<_>>().join(" ");
        if user.contains('@') {
            return None;
        }
        let user = Some(user).filter(|user| !user.is_empty());
        Some(Self { user, is_verbose })
    }
}

fn tell(lines: &LineControl, answer: &str) {
    for line in answer.lines() {
        lines.transport().write_sequence([line, "\r\n"]);
    }
    lines.transport().lose_connection();
}

impl<F, O> LineProtocol for Finger<F>
where
    F: FnMut(&FingerQuery) -> O + 'static,
    O: Outcome<Output = String>,
{
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        if !matches!(self.state, State::Waiting) {
            return Ok(());
        }
        let Some(query) = FingerQuery::parse(line) else {
            self.state = State::Answered;
            tell(lines, "Finger forwarding service denied");
            return Ok(());
        };
        let answer = maybe_deferred(|| (self.look_up)(&query));
        self.state = State::LookingUp(answer.canceller());
        let lines = lines.clone();
        answer.add_both(move |result| match result {
            _ if !lines.transport().is_connected() => {}
            Ok(text) => tell(&lines, &text),
            Err(failure) => {
                log::warn!(target: "torsade", "no answer to {query:?}: {failure:#}");
                tell(&lines, "There is no answer");
            }
        });
        Ok(())
    }

    fn read_closed(&mut self, lines: &LineControl) {
        // Who has asked may end there, and still be told.
        if !matches!(self.state, State::LookingUp(_)) {
            lines.transport().lose_connection();
        }
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let State::LookingUp(canceller) = std::mem::replace(&mut self.state, State::Answered) {
            canceller.cancel();
        }
    }
}

impl<F> fmt::Debug for Finger<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finger").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::protocols::tests::World;
    use crate::testing::Simulation;
    use crate::{
        Address, Cancelled, Deferred, Factory, Protocol, Resolver, TcpClient, TcpServer, Transport,
    };

    fn say_query(query: &FingerQuery) -> Result<String> {
        match query.user.as_deref() {
            Some("nobody") => Err(std::io::Error::other("the database is gone").into()),
            user => Ok(format!("{user:?}\nverbose: {}", query.is_verbose)),
        }
    }

    #[test]
    fn a_query_is_answered_in_lines_and_the_connection_closed() {
        let cases = [
            ("\r\n", "None\r\nverbose: false\r\n"),
            ("/W\r\n", "None\r\nverbose: true\r\n"),
            ("moshez\n", "Some(\"moshez\")\r\nverbose: false\r\n"),
            (
                "/w two words \r\nmore\r\n",
                "Some(\"two words\")\r\nverbose: true\r\n",
            ),
            (
                "moshez@example.com\r\n",
                "Finger forwarding service denied\r\n",
            ),
            ("nobody\r\n", "There is no answer\r\n"),
        ];
        for (query, expected) in cases {
            let world = World::new(|_: &Address| Finger::receiver(say_query));
            world.send(query);
            assert_eq!(world.received(), expected);
            assert!(world.is_over.get());
        }
    }

    #[test]
    fn a_query_that_does_not_end_is_given_up() {
        let world = World::new(|_: &Address| Finger::receiver(say_query));
        world.send("x".repeat(LONGEST_QUERY + 1));
        assert!(world.received().is_empty() && world.is_over.get());
    }

    type Pending = Rc<RefCell<Option<Resolver<String>>>>;

    fn answering_later() -> (World, Pending) {
        let pending = Pending::default();
        let kept = Rc::clone(&pending);
        let world = World::new(move |_: &Address| {
            let kept = Rc::clone(&kept);
            Finger::receiver(move |_: &FingerQuery| {
                let (resolver, deferred) = Deferred::new();
                *kept.borrow_mut() = Some(resolver);
                deferred
            })
        });
        (world, pending)
    }

    #[test]
    fn an_answer_may_come_later_also_to_one_who_has_said_all() {
        let (world, pending) = answering_later();
        world.peer.transport().write(b"moshez\r\nanother\r\n");
        world.peer.transport().lose_write_connection();
        world.pass(Duration::from_secs(10));
        assert!(!world.is_over.get());
        pending.take().unwrap().callback("at last".to_owned());
        world.pass(Duration::from_secs(1));
        assert_eq!(world.received(), "at last\r\n");
        assert!(world.is_over.get());
    }

    #[test]
    fn nothing_is_looked_up_for_one_who_has_gone() {
        let (world, pending) = answering_later();
        world.send("moshez\r\n");
        world.peer.transport().abort_connection();
        world.pass(Duration::from_secs(1));
        assert!(pending.take().unwrap().is_cancelled());
    }

    /// Says so many bytes to whoever asks, and closes or aborts.
    struct Saying {
        bytes: usize,
        aborts: bool,
    }

    impl Protocol for Saying {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
            transport.write(&vec![b'x'; self.bytes]);
            if self.aborts {
                transport.abort_connection();
            } else {
                transport.lose_connection();
            }
            Ok(())
        }
    }

    fn ask(server: impl Factory, user: &str) -> Result<String> {
        let reactor = Simulation::new().reactor();
        let address = "127.0.0.1:79".parse().unwrap();
        TcpServer::new(&reactor, address).listen(server).unwrap();
        reactor.run_until(query(&TcpClient::new(&reactor, address), user))
    }

    #[test]
    fn our_own_server_is_understood() {
        let tell = |query: &FingerQuery| Ok(format!("{}\x1b[1m\tthere", query.user.is_some()));
        let told = ask(move |_: &Address| Finger::receiver(tell), "/W moshez");
        assert_eq!(told.unwrap(), "true[1m\tthere\r\n");
    }

    #[test]
    fn an_answer_that_is_not_whole_or_too_long_is_an_error() {
        let (bytes, aborts) = (LONGEST_QUERY, true);
        let told = ask(move |_: &Address| Saying { bytes, aborts }, "");
        let failure = told.unwrap_err();
        assert!(
            matches!(failure.check(), Some(FingerError::Lost(_))),
            "{failure}"
        );

        let (bytes, aborts) = (1024 * 1024, false);
        let told = ask(move |_: &Address| Saying { bytes, aborts }, "");
        assert_eq!(told.unwrap().len(), bytes);
        let told = ask(
            move |_: &Address| Saying {
                bytes: bytes + 1,
                aborts,
            },
            "",
        );
        assert_eq!(told.unwrap_err().check(), Some(&FingerError::TooLong));
    }

    #[test]
    fn a_query_that_is_cancelled_closes_its_connection() {
        let (world, pending) = answering_later();
        let address = "127.0.0.1:8007".parse().unwrap();
        let told = query(&TcpClient::new(&world.reactor, address), "moshez");
        world.pass(Duration::from_secs(1));
        told.cancel();
        world.pass(Duration::from_secs(1));
        assert!(pending.take().unwrap().is_cancelled());
        let failure = told.try_take().unwrap().unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());
    }
}
