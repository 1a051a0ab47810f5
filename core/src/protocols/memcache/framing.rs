//! Where the pieces of an answer end.

use bytes::{Buf, BytesMut};

use super::MAX_VALUE;
use super::error::ReplyError;
use super::reply::ValueLine;
use crate::Result;
use crate::protocols::{Decoder, Framing, StringTooLong};

/// A line of memcached is at most about 300 bytes long, but for statistics and words of regret.
const MAX_LINE: usize = 2048;

/// Cuts what a server sends into pieces that [`Reply::parse`](super::Reply::parse) understands: a
/// line, or a line, CR LF and the value that the line announces. What ends a piece is not part of
/// it.
///
/// Values are at most 1 MiB long unless told otherwise.
///
/// ```
/// use bytes::BytesMut;
/// use torsade_core::protocols::Decoder;
/// use torsade_core::protocols::memcache::{Reply, ReplyFraming};
///
/// let mut framing = ReplyFraming::new();
/// let mut input = BytesMut::from(&b"VALUE page 0 5\r\nhello\r\nEND\r\nSTO"[..]);
/// let piece = framing.decode(&mut input)?.unwrap();
/// assert!(matches!(Reply::parse(&piece)?, Reply::Value { data: b"hello", .. }));
/// let piece = framing.decode(&mut input)?.unwrap();
/// assert_eq!(Reply::parse(&piece)?, Reply::End);
/// assert!(framing.decode(&mut input)?.is_none()); // the rest of that line is still to come
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct ReplyFraming {
    max_value: usize,
    /// How long the piece is that has begun, if its line is complete: it is not read again with
    /// each part of a long value that comes.
    length: Option<usize>,
}

impl ReplyFraming {
    /// The framing, with the default limit.
    pub fn new() -> Self {
        Self {
            max_value: MAX_VALUE,
            length: None,
        }
    }

    /// The longest value that is let through, in bytes.
    pub fn max_value(mut self, bytes: usize) -> Self {
        // Nothing longer fits into memory, and sums with it do not overflow.
        self.max_value = bytes.min(usize::MAX / 2);
        self
    }

    /// How long the piece at the front is; `None` if its line is not complete.
    fn length(&self, input: &[u8]) -> Result<Option<usize>, ReplyError> {
        let window = &input[..input.len().min(MAX_LINE + 2)];
        let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
            let limit = MAX_LINE;
            return match window.len() {
                length if length < limit + 2 => Ok(None),
                _ => Err(ReplyError::LineTooLong { limit }),
            };
        };
        let Some(head) = ValueLine::parse(&input[..end])? else {
            return Ok(Some(end));
        };
        if head.length > self.max_value {
            return Err(ReplyError::ValueTooLong {
                length: head.length,
                limit: self.max_value,
            });
        }
        Ok(Some(end + 2 + head.length))
    }
}

impl Default for ReplyFraming {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for ReplyFraming {
    type Frame = BytesMut;
    type Error = ReplyError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<BytesMut>, ReplyError> {
        if self.length.is_none() {
            self.length = self.length(input)?;
        }
        let Some(length) = self.length else {
            return Ok(None);
        };
        let Some(delimiter) = input.get(length..length + 2) else {
            return Ok(None);
        };
        if delimiter != b"\r\n" {
            return Err(ReplyError::NoLineEnd);
        }
        self.length = None;
        let piece = input.split_to(length);
        input.advance(2);
        Ok(Some(piece))
    }
}

impl Framing for ReplyFraming {
    fn encode(&self, _: usize, _: &mut Vec<u8>) -> Result<&'static [u8], StringTooLong> {
        Ok(b"\r\n")
    }
}
