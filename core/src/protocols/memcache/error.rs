//! What can go wrong with a request, and with what a server answers.

use std::error::Error;
use std::fmt;

use crate::error::{ConnectionLost, TimedOut};

/// Why a request to a memcached has failed.
///
/// ```
/// use torsade_core::protocols::memcache::{MemcacheError, MemcacheProtocol};
/// use torsade_core::testing::{StringTransport, failure_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let too_soon = failure_result_of(memcache.get("page"));
/// assert!(matches!(too_soon.check(), Some(MemcacheError::NotConnected)));
/// let _memcached = wire.connect(protocol);
/// let refused = memcache.increment("page", 1);
/// wire.receive(b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n")?;
/// let failure = failure_result_of(refused);
/// assert!(matches!(failure.check(), Some(MemcacheError::Refused { .. })));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MemcacheError {
    /// The key cannot be one; nothing was sent.
    Key(KeyFault),
    /// The value is too long; nothing was sent.
    ValueTooLong {
        /// How long it is, in bytes.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The server has refused the request; the connection goes on.
    Refused {
        /// The command that it refused.
        command: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// The connection has ended, or had when the request was made; whether the server has done it
    /// cannot be known.
    Ended {
        /// The command that waited for its answer.
        command: &'static str,
        /// Why it has ended.
        reason: Ended,
    },
    /// There is no connection yet; nothing was sent.
    NotConnected,
}

/// What is wrong with a key, or with an argument of `stats`.
///
/// ```
/// use torsade_core::protocols::memcache::{KeyFault, MemcacheError, MemcacheProtocol};
/// use torsade_core::testing::{StringTransport, failure_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// // A key that a user has chosen could else be a command.
/// let failure = failure_result_of(memcache.get("page\r\nflush_all"));
/// let error = failure.trap::<MemcacheError>()?;
/// assert!(matches!(error, MemcacheError::Key(KeyFault::Forbidden { .. })));
/// assert!(wire.value().is_empty());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFault {
    /// It is empty.
    Empty,
    /// It is longer than 250 bytes.
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// It has a space or a control character, which would end it, or the command.
    Forbidden {
        /// The byte.
        byte: u8,
        /// Where it is.
        at: usize,
    },
}

/// What a server said instead of an answer.
///
/// ```
/// use torsade_core::protocols::memcache::{MemcacheError, MemcacheProtocol, RefusalKind};
/// use torsade_core::testing::{StringTransport, failure_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let stored = memcache.set("page", "text");
/// wire.receive(b"SERVER_ERROR out of memory storing object\r\n")?;
/// match failure_result_of(stored).trap::<MemcacheError>()? {
///     MemcacheError::Refused { refusal, .. } => {
///         assert_eq!(refusal.kind, RefusalKind::Server);
///         assert_eq!(refusal.text, "out of memory storing object");
///     }
///     other => panic!("{other}"),
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is.
    pub kind: RefusalKind,
    /// The text behind that; it may be empty.
    pub text: String,
}

/// Whose fault it is, in the server's words.
///
/// ```
/// use torsade_core::protocols::memcache::{RefusalKind, Reply};
///
/// /// Whether the same may work later.
/// fn is_worth_a_retry(reply: &Reply<'_>) -> bool {
///     matches!(reply, Reply::Refused(refusal) if refusal.kind == RefusalKind::Server)
/// }
///
/// assert!(is_worth_a_retry(&Reply::parse(b"SERVER_ERROR busy")?));
/// assert!(!is_worth_a_retry(&Reply::parse(b"ERROR")?)); // it knows no such command
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// `ERROR`: it does not know the command.
    NoSuchCommand,
    /// `CLIENT_ERROR`: the request is wrong.
    #[doc(alias = "ClientError")]
    Client,
    /// `SERVER_ERROR`: it cannot, at the moment.
    #[doc(alias = "ServerError")]
    Server,
}

/// Why a connection to a memcached has ended.
///
/// ```
/// use torsade_core::protocols::memcache::{Ended, MemcacheError, MemcacheProtocol};
/// use torsade_core::testing::{StringTransport, failure_result_of};
/// use torsade_core::ConnectionDone;
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let deleted = memcache.delete("page");
/// wire.lose(ConnectionDone); // before an answer
/// match failure_result_of(deleted).trap::<MemcacheError>()? {
///     MemcacheError::Ended { reason, .. } => assert!(matches!(reason, Ended::Closed)),
///     other => panic!("{other}"),
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ended {
    /// It was closed in an orderly way, by either side.
    Closed,
    /// It broke.
    Lost(ConnectionLost),
    /// The server was silent for too long while a request waited.
    TimedOut(TimedOut),
    /// The server has answered what no memcached does.
    Reply(ReplyError),
    /// Another reason, in its own words.
    Other(String),
}

/// What came is no answer of a memcached, or not one to what was asked. The connection is aborted
/// with it: nothing behind it can be trusted.
///
/// ```
/// use torsade_core::protocols::memcache::{MemcacheProtocol, ReplyError};
/// use torsade_core::testing::{StringTransport, failure_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let found = memcache.get("page");
/// // What is no memcached, or answers something else.
/// let failure = wire.receive(b"STORED\r\n").unwrap_err();
/// assert!(matches!(failure.check(), Some(ReplyError::Unexpected { command: Some("get"), .. })));
/// # wire.finish();
/// # failure_result_of(found);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line is longer than any of them is.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A value is longer than is let through.
    ValueTooLong {
        /// How long it is said to be, in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A value does not end where its length says.
    NoLineEnd,
    /// The line means nothing.
    Malformed {
        /// What it begins with.
        line: String,
    },
    /// It means something, but not to the request that waits for an answer.
    Unexpected {
        /// The command that was to be answered; `None` if none was.
        command: Option<&'static str>,
        /// What the answer begins with.
        line: String,
    },
    /// There are more statistics than are kept.
    TooManyStatistics {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl fmt::Display for MemcacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => f.write_str("memcached has no such keys"),
            Self::ValueTooLong { length, limit } => write!(
                f,
                "a value of {length} bytes is not sent to memcached: {limit} are the most"
            ),
            Self::Refused { command, .. } => write!(f, "memcached has refused `{command}`"),
            Self::Ended { command, .. } => write!(
                f,
                "the connection to memcached has ended, without an answer to `{command}`"
            ),
            Self::NotConnected => f.write_str("there is no connection to memcached yet"),
        }
    }
}

impl Error for MemcacheError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Key(fault) => Some(fault),
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Ended { reason, .. } => Some(match reason {
                Ended::Lost(lost) => lost,
                Ended::TimedOut(late) => late,
                Ended::Reply(error) => error,
                Ended::Closed | Ended::Other(_) => reason,
            }),
            Self::ValueTooLong { .. } | Self::NotConnected => None,
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong { length } => write!(f, "it has {length} bytes, and 250 are the most"),
            Self::Forbidden { byte, at } => write!(f, "its byte {at} is 0x{byte:02x}"),
        }
    }
}

impl Error for KeyFault {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RefusalKind::NoSuchCommand => "ERROR",
            RefusalKind::Client => "CLIENT_ERROR",
            RefusalKind::Server => "SERVER_ERROR",
        };
        write!(f, "{kind} {}", self.text.escape_debug())
    }
}

impl Error for Refusal {}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("it was closed"),
            Self::Lost(lost) => lost.fmt(f),
            Self::TimedOut(late) => late.fmt(f),
            Self::Reply(error) => error.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Error for Ended {}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer of memcached: ")?;
        match self {
            Self::LineTooLong { limit } => write!(f, "a line of more than {limit} bytes"),
            Self::ValueTooLong { length, limit } => {
                write!(f, "a value of {length} bytes, where {limit} are the most")
            }
            Self::NoLineEnd => f.write_str("a value that does not end where its length says"),
            Self::Malformed { line } => write!(f, "\"{line}\""),
            Self::Unexpected {
                command: Some(command),
                line,
            } => write!(f, "\"{line}\" to `{command}`"),
            Self::Unexpected { line, .. } => write!(f, "\"{line}\", and nothing was asked"),
            Self::TooManyStatistics { limit } => {
                write!(f, "statistics of more than {limit} bytes")
            }
        }
    }
}

impl Error for ReplyError {}
