//! The head of a reply: status line and fields (RFC 9112 sections 4 and 5).
//!
//! A head that lies whole in one piece of input, as nearly all do, is parsed where it lies.
//! Otherwise its lines are collected and checked one by one as they are completed, and parsed
//! once, at the empty line: the work is linear in the bytes, however small the pieces.
//!
//! ```
//! use torsade_http::wire::{Limits, head::HeadParser};
//!
//! let mut parser = HeadParser::new(Limits::default());
//! let (mut taken, mut parsed) = (0, None);
//! for byte in *b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" {
//!     let (used, head) = parser.parse(&[byte])?;
//!     (taken, parsed) = (taken + used, head);
//! }
//! assert_eq!(taken, 25);
//! assert_eq!(parsed.expect("it is complete").headers["a"], "b");
//! # Ok::<(), torsade_http::WireError>(())
//! ```

use std::mem::{self, MaybeUninit};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::limits::Limits;
use super::lines::{
    check_field, check_start, check_status_line, check_value, excerpt, strip_line_end,
};
use super::parse::{Parsed, parse_head};
use crate::error::{FieldFault, Foreign, WireError};

/// The head of a reply.
///
/// ```
/// use torsade_http::wire::{Limits, head::HeadParser};
///
/// let reply = b"HTTP/1.0 404 Gone fishing\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n";
/// let (_, head) = HeadParser::new(Limits::default()).parse(reply)?;
/// let head = head.expect("it is complete");
/// assert_eq!((head.status.as_u16(), &head.reason[..]), (404, &b"Gone fishing"[..]));
/// let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
/// assert_eq!(cookies, ["a=1", "b=2"]);
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// From 100 to 999.
    pub status: StatusCode,
    /// The phrase behind the status, which may be empty and in any charset. It means nothing
    /// (RFC 9112 section 4).
    pub reason: Bytes,
    /// The fields. Values of one name are in the order in which they came. A value that was
    /// folded over several lines has a space for each fold.
    pub headers: HeaderMap,
}

/// An incremental parser of reply heads.
///
/// Accepts what RFC 9112 lets a recipient accept: LF alone as line end, a missing phrase, folded
/// values, some empty lines in front. Refuses the rest.
///
/// ```
/// use torsade_http::wire::{Limits, head::HeadParser};
///
/// let mut parser = HeadParser::new(Limits::default());
/// assert_eq!(parser.parse(b"HTTP/1.1 404 Not Fo")?, (19, None));
/// let (used, head) = parser.parse(b"und\r\nX-A: one\r\n two\r\n\r\nbody")?;
/// let head = head.expect("complete");
/// assert_eq!((used, head.status.as_u16()), (23, 404));
/// assert_eq!(head.headers["x-a"], "one two");
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug)]
pub struct HeadParser {
    limits: Limits,
    /// The lines so far of a head that comes in pieces.
    buffer: Vec<u8>,
    /// Where in `buffer` the unfinished line starts.
    line_start: usize,
    /// Finished lines in `buffer`; 0 while the status line is awaited.
    lines: usize,
    /// Finished field lines, without continuations.
    fields: usize,
    /// Empty lines before the head.
    blank_lines: usize,
    /// Whether a byte has come.
    started: bool,
}

/// Empty lines skipped before a head. RFC 9112 section 2.2 asks it of servers; some servers send
/// CRLF behind a body.
const BLANK_LINES: usize = 8;

/// Bytes after which there is no more doubt whether a reply is HTTP; an excerpt has room for them.
const START: usize = 40;

/// Fields that a head parsed in place may have. The lines of a larger one are counted first, as
/// httparse wants to know.
const SLOTS: usize = 64;

impl HeadParser {
    /// A parser that keeps to `limits`.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, WireError, head::HeadParser};
    ///
    /// let limits = Limits { head_bytes: 20, ..Limits::default() };
    /// let error = HeadParser::new(limits).parse(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n").unwrap_err();
    /// assert!(matches!(error, WireError::HeadTooLong { .. }));
    /// ```
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: Vec::new(),
            line_start: 0,
            lines: 0,
            fields: 0,
            blank_lines: 0,
            started: false,
        }
    }

    /// Takes the next bytes; returns how many of them belong to the head, and the head if it is
    /// complete. The parser is then ready for the next head.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, WireError, head::HeadParser};
    ///
    /// let limits = Limits { header_count: 1, ..Limits::default() };
    /// let error = HeadParser::new(limits).parse(b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n").unwrap_err();
    /// assert!(matches!(error, WireError::TooManyHeaders { .. }));
    /// ```
    ///
    /// # Errors
    /// The bytes are no head, or pass a limit. The parser must not be used any more.
    pub fn parse(&mut self, input: &[u8]) -> Result<(usize, Option<ResponseHead>), WireError> {
        if input.is_empty() {
            return Ok((0, None));
        }
        if !self.started {
            self.started = true;
            if let Some((used, head)) = self.parse_in_place(input) {
                self.started = false;
                return Ok((used, Some(head)));
            }
        }
        self.parse_lines(input)
    }

    /// Whether a byte of the head has come, even if only of an empty line before it.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, head::HeadParser};
    ///
    /// let mut parser = HeadParser::new(Limits::default());
    /// assert!(!parser.is_started());
    /// parser.parse(b"HT")?;
    /// assert!(parser.is_started());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// What it means that the input ends here.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, WireError, head::HeadParser};
    ///
    /// let mut parser = HeadParser::new(Limits::default());
    /// assert_eq!(parser.closed(), WireError::ClosedBeforeResponse);
    /// parser.parse(b"HTTP/1.1 200 OK\r\n")?;
    /// assert!(parser.is_started());
    /// assert_eq!(parser.closed(), WireError::ClosedInHead { received: 17 });
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn closed(&self) -> WireError {
        if !self.started {
            return WireError::ClosedBeforeResponse;
        }
        let start = strip_line_end(&self.buffer);
        // The beginning of a status line is cut short; anything else was never going to be one.
        if self.lines == 0
            && !b"HTTP/".starts_with(start)
            && let Err(error) = check_start(start, true)
        {
            return error;
        }
        WireError::ClosedInHead {
            received: self.buffer.len(),
        }
    }

    /// The head, if it lies whole at the start of `input`, is right, and keeps to the limits. In
    /// all other cases `parse_lines` has the say.
    fn parse_in_place(&self, input: &[u8]) -> Option<(usize, ResponseHead)> {
        if input[0] != b'H' {
            return None;
        }
        let window = &input[..input.len().min(self.limits.head_bytes)];
        let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
        let Parsed::Head { used, fields, head } = parse_head(window, None, &mut slots) else {
            return None;
        };
        // A head no longer than a line may be has no line that is too long.
        let fits = fields <= self.limits.header_count && used <= self.limits.line_bytes;
        fits.then_some((used, head))
    }

    fn parse_lines(&mut self, input: &[u8]) -> Result<(usize, Option<ResponseHead>), WireError> {
        let mut used = 0;
        while used < input.len() {
            let rest = &input[used..];
            let line_end = rest.iter().position(|&byte| byte == b'\n');
            let piece = &rest[..line_end.map_or(rest.len(), |at| at + 1)];
            if self.lines == 0 && self.buffer.len() < START {
                // Before any limit: who does not speak HTTP has no head that could be too long.
                let start = [&self.buffer, &piece[..piece.len().min(START)]].concat();
                match strip_line_end(&start) {
                    [] => {}
                    start => check_start(start, line_end.is_some())?,
                }
            }
            self.check_room(piece)?;
            self.buffer.extend_from_slice(piece);
            used += piece.len();
            if line_end.is_some() && self.finish_line()? {
                return Ok((used, Some(self.finish_head()?)));
            }
        }
        Ok((used, None))
    }

    /// Before `piece` is stored: an endless head costs no more memory than the limit.
    fn check_room(&self, piece: &[u8]) -> Result<(), WireError> {
        let Limits {
            head_bytes,
            line_bytes,
            ..
        } = self.limits;
        let total = self.buffer.len() + piece.len();
        if total <= head_bytes && total - self.line_start <= line_bytes {
            return Ok(());
        }
        // Which of the two was passed first does not depend on how the input was cut.
        if head_bytes - self.line_start.min(head_bytes) <= line_bytes {
            return Err(WireError::HeadTooLong { limit: head_bytes });
        }
        Err(WireError::LineTooLong {
            limit: line_bytes,
            line: self.lines + 1,
            excerpt: excerpt(&[&self.buffer[self.line_start..], piece].concat()),
        })
    }

    /// Checks the line that was completed; says whether it ends the head.
    fn finish_line(&mut self) -> Result<bool, WireError> {
        let line = strip_line_end(&self.buffer[self.line_start..]);
        if self.lines == 0 {
            if line.is_empty() {
                self.blank_lines += 1;
                if self.blank_lines > BLANK_LINES {
                    return Err(WireError::NotHttp {
                        looks_like: Foreign::Unknown,
                        excerpt: excerpt(&b"\r\n".repeat(self.blank_lines)),
                    });
                }
                self.buffer.clear();
                return Ok(false);
            }
            check_status_line(line)?;
        } else if line.is_empty() {
            return Ok(true);
        } else {
            let checked = if matches!(line[0], b' ' | b'\t') {
                match self.fields {
                    0 => Err((FieldFault::LeadingSpace, 0)),
                    _ => check_value(line),
                }
            } else {
                self.fields += 1;
                if self.fields > self.limits.header_count {
                    return Err(WireError::TooManyHeaders {
                        limit: self.limits.header_count,
                    });
                }
                check_field(line)
            };
            checked.map_err(|(fault, at)| self.bad_field(fault, at))?;
        }
        self.lines += 1;
        self.line_start = self.buffer.len();
        Ok(false)
    }

    fn bad_field(&self, fault: FieldFault, at: usize) -> WireError {
        WireError::BadField {
            fault,
            line: self.lines + 1,
            offset: self.line_start + at,
            excerpt: excerpt(strip_line_end(&self.buffer[self.line_start..])),
        }
    }

    /// Parses the collected lines, all of which have been checked.
    fn finish_head(&mut self) -> Result<ResponseHead, WireError> {
        let fields = self.fields;
        let finished = mem::replace(self, Self::new(self.limits));
        let head = Bytes::from(finished.buffer);
        let mut slots = vec![MaybeUninit::uninit(); fields];
        match parse_head(&head, Some(&head), &mut slots) {
            Parsed::Head { head, .. } => Ok(head),
            Parsed::Not(refused) => Err(refused.error(&head, fields)),
        }
    }
}

#[cfg(test)]
mod tests;
