//! What a mail server says, and what can go wrong.

use std::fmt;

/// More lines than any reply has.
const MOST_LINES: usize = 200;

/// A reply: one code, and a text of one line or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) lines: Vec<String>,
}

/// Makes replies of lines.
#[derive(Default)]
pub(crate) struct Replies {
    begun: Option<Reply>,
}

/// Why mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SmtpError {
    /// The server has refused that.
    Refused { command: &'static str, reply: Reply },
    /// It has refused every recipient, with these words.
    NoRecipients(Vec<(String, Reply)>),
    /// It does not offer what is needed.
    NotOffered(&'static str),
    /// A password would have gone over the network for everybody to read.
    NotEncrypted,
    /// The message is longer than the server takes.
    TooLarge { length: usize, limit: usize },
    /// What was given is no address that can be sent.
    BadAddress(String),
    /// The name or the password has a byte that separates them.
    BadLogin,
    /// It does not speak SMTP.
    Malformed(String),
    /// It went on before it was asked: nobody can tell who has said that (CVE-2011-0411).
    Unasked,
    /// The connection has ended too early.
    Ended(String),
}

impl Replies {
    /// Takes a line. `None` when more of them belong to the reply.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, SmtpError> {
        let malformed = || SmtpError::Malformed(excerpt(line));
        let (code, rest) = line.split_at_checked(3).ok_or_else(malformed)?;
        let code = match *code {
            [a @ b'2'..=b'5', b, c] if b.is_ascii_digit() && c.is_ascii_digit() => [a, b, c]
                .iter()
                .fold(0, |sum, byte| sum * 10 + u16::from(byte - b'0')),
            _ => return Err(malformed()),
        };
        let is_last = match rest.first() {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(malformed()),
        };
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
        let reply = self.begun.get_or_insert(Reply {
            code,
            lines: Vec::new(),
        });
        if reply.code != code || reply.lines.len() == MOST_LINES {
            return Err(malformed());
        }
        reply.lines.push(text);
        Ok(if is_last { self.begun.take() } else { None })
    }
}

/// What it begins with, for the text of an error.
pub(crate) fn excerpt(line: &[u8]) -> String {
    line[..line.len().min(80)].escape_ascii().to_string()
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server may send anything to a terminal, if one lets it.
        write!(f, "{} {}", self.code, self.lines.join(" ").escape_debug())
    }
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { command, reply } => write!(f, "{command} was refused: {reply}"),
            Self::NoRecipients(refused) => {
                f.write_str("every recipient was refused:")?;
                let mut all = refused.iter();
                all.try_for_each(|(address, reply)| write!(f, " {address}: {reply};"))
            }
            Self::NotOffered(what) => write!(f, "the server does not offer {what}"),
            Self::NotEncrypted => f.write_str("a password is sent over TLS only"),
            Self::TooLarge { length, limit } => {
                write!(
                    f,
                    "the message has {length} bytes, and the server takes {limit}"
                )
            }
            Self::BadAddress(address) => write!(f, "{address:?} is no address"),
            Self::BadLogin => f.write_str("a name or password cannot have a NUL in it"),
            Self::Malformed(line) => write!(f, "this is not SMTP: {line}"),
            Self::Unasked => f.write_str("the server went on before it was asked"),
            Self::Ended(reason) => write!(f, "the connection has ended: {reason}"),
        }
    }
}

impl std::error::Error for SmtpError {}
