//! What can go wrong with a request, and with what a server answers.

use std::error::Error;
use std::fmt;

use crate::error::{ConnectionLost, TimedOut};

/// Why a request to a memcached has failed.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is.
    pub kind: RefusalKind,
    /// The text behind that; it may be empty.
    pub text: String,
}

/// Whose fault it is, in the server's words.
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
