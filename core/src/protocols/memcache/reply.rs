//! What a server says, piece by piece.

use super::error::{Refusal, RefusalKind, ReplyError};

/// A piece of an answer: a line, or a value with the line before it.
///
/// ```
/// use torsade_core::protocols::memcache::{Reply, ReplyError};
///
/// assert_eq!(Reply::parse(b"17")?, Reply::Number(17));
/// assert_eq!(Reply::parse(b"STAT pid 4711")?, Reply::Stat(b"pid", b"4711"));
/// assert!(matches!(Reply::parse(b"220 ESMTP"), Err(ReplyError::Malformed { .. })));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply<'a> {
    /// `VALUE`: an item that was asked for.
    Value {
        /// Its key.
        key: &'a [u8],
        /// Its flags.
        flags: u32,
        /// Which version of it this is, if that was asked for.
        cas: Option<u64>,
        /// Its value.
        data: &'a [u8],
    },
    /// `END`: of items, or of statistics.
    End,
    /// `STORED`
    Stored,
    /// `NOT_STORED`: the condition for storing was not met.
    NotStored,
    /// `EXISTS`: somebody has changed the item.
    Exists,
    /// `NOT_FOUND`
    NotFound,
    /// `DELETED`
    Deleted,
    /// `TOUCHED`
    Touched,
    /// `OK`
    Ok,
    /// `RESET`: the statistics begin anew.
    Reset,
    /// What a counter is now.
    Number(u64),
    /// `STAT`: a name and its value.
    Stat(&'a [u8], &'a [u8]),
    /// `VERSION`
    Version(&'a [u8]),
    /// `ERROR`, `CLIENT_ERROR` or `SERVER_ERROR`.
    Refused(Refusal),
}

/// The line before a value.
pub(super) struct ValueLine<'a> {
    key: &'a [u8],
    flags: u32,
    pub(super) length: usize,
    cas: Option<u64>,
}

impl<'a> ValueLine<'a> {
    /// `None`: the line stands before no value. An error: it should.
    pub(super) fn parse(line: &'a [u8]) -> Result<Option<Self>, ReplyError> {
        let Some(rest) = line.strip_prefix(b"VALUE ") else {
            return Ok(None);
        };
        let mut words = rest.split(|byte| *byte == b' ');
        let parsed = (|| {
            let key = words.next().filter(|key| !key.is_empty())?;
            let flags = number(words.next()?)?.try_into().ok()?;
            let length = number(words.next()?)?.try_into().ok()?;
            let cas = match words.next() {
                Some(word) => Some(number(word)?),
                None => None,
            };
            words.next().is_none().then_some(Self {
                key,
                flags,
                length,
                cas,
            })
        })();
        parsed.map(Some).ok_or_else(|| malformed(line))
    }
}

impl<'a> Reply<'a> {
    /// What a piece means that [`ReplyFraming`](super::ReplyFraming) has cut.
    ///
    /// # Errors
    /// [`ReplyError::Malformed`]: no memcached says this.
    pub fn parse(piece: &'a [u8]) -> Result<Self, ReplyError> {
        // A value may hold anything, so only the end of its line is looked for.
        let end = piece.windows(2).position(|pair| pair == b"\r\n");
        let (line, data) = match end {
            Some(at) => (&piece[..at], Some(&piece[at + 2..])),
            None => (piece, None),
        };
        match (ValueLine::parse(line)?, data) {
            (Some(head), Some(data)) if data.len() == head.length => Ok(Self::Value {
                key: head.key,
                flags: head.flags,
                cas: head.cas,
                data,
            }),
            (None, None) => Self::line(line),
            _ => Err(malformed(line)),
        }
    }

    fn line(line: &'a [u8]) -> Result<Self, ReplyError> {
        let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &line[line.len()..]),
        };
        let refused = |kind| {
            let text = String::from_utf8_lossy(rest).into_owned();
            Ok(Self::Refused(Refusal { kind, text }))
        };
        match word {
            b"STAT" => match rest.iter().position(|byte| *byte == b' ') {
                Some(at) => Ok(Self::Stat(&rest[..at], &rest[at + 1..])),
                None => Ok(Self::Stat(rest, b"")),
            },
            b"VERSION" => Ok(Self::Version(rest)),
            b"ERROR" => refused(RefusalKind::NoSuchCommand),
            b"CLIENT_ERROR" => refused(RefusalKind::Client),
            b"SERVER_ERROR" => refused(RefusalKind::Server),
            _ if word.len() < line.len() => Err(malformed(line)),
            b"END" => Ok(Self::End),
            b"STORED" => Ok(Self::Stored),
            b"NOT_STORED" => Ok(Self::NotStored),
            b"EXISTS" => Ok(Self::Exists),
            b"NOT_FOUND" => Ok(Self::NotFound),
            b"DELETED" => Ok(Self::Deleted),
            b"TOUCHED" => Ok(Self::Touched),
            b"OK" => Ok(Self::Ok),
            b"RESET" => Ok(Self::Reset),
            _ => number(line)
                .map(Self::Number)
                .ok_or_else(|| malformed(line)),
        }
    }

    /// What it begins with, for the text of an error.
    pub(super) fn excerpt(piece: &[u8]) -> String {
        let line = piece.split(|byte| *byte == b'\r').next().unwrap_or(piece);
        line[..line.len().min(80)].escape_ascii().to_string()
    }
}

fn malformed(line: &[u8]) -> ReplyError {
    ReplyError::Malformed {
        line: Reply::excerpt(line),
    }
}

/// Digits only: Rust's own parser takes a sign too.
fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
