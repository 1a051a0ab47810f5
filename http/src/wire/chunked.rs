//! The chunked transfer coding (RFC 9112 section 7.1).
//!
//! ```text
//!             digits            CR            LF
//! Size ----------------> Size -----> SizeLf ------+----> Data --> DataCr --> DataLf --> Size
//!   |                     |            ^          |
//!   | BWS                 | ;          |          | size 0
//!   +---> Space --;--> Extension --CR--+          v
//!                                              Trailer --(CR LF)--> Done
//! ```
//!
//! CRLF is required: a peer that frames its body by other line ends is not one to guess about.
//!
//! ```
//! use torsade_http::wire::Limits;
//! use torsade_http::wire::chunked::{CHUNK_END, Chunk, ChunkHead, Decoder};
//!
//! let coded = [ChunkHead::new(5).as_bytes(), b"hello", CHUNK_END].concat();
//! let mut decoder = Decoder::new(Limits::default());
//! assert_eq!(decoder.decode(&coded)?.1, Some(Chunk::Data(b"hello")));
//! # Ok::<(), torsade_http::WireError>(())
//! ```

use std::fmt;

use http::HeaderMap;

use super::limits::Limits;
use super::trailers::Trailers;
use crate::error::{ChunkFault, WireError};

/// What the decoder found.
///
/// ```
/// use torsade_http::wire::Limits;
/// use torsade_http::wire::chunked::{Chunk, Decoder};
///
/// let mut decoder = Decoder::new(Limits::default());
/// assert_eq!(decoder.decode(b"5\r\nhel")?, (6, Some(Chunk::Data(b"hel"))));
/// assert_eq!(decoder.decode(b"lo")?, (2, Some(Chunk::Data(b"lo"))));
/// let (_, Some(Chunk::End(trailers))) = decoder.decode(b"\r\n0\r\nDigest: 7\r\n\r\n")? else {
///     panic!("there is more");
/// };
/// assert_eq!(trailers.expect("one")["digest"], "7");
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk<'a> {
    /// Bytes of the body, from the input; never empty.
    Data(&'a [u8]),
    /// The body is complete. Trailers that may not change the reply any more are left out.
    End(Option<HeaderMap>),
}

/// A decoder of one chunked body.
///
/// Stores nothing but unfinished trailers: data is handed out where it lies.
///
/// ```
/// use torsade_http::wire::Limits;
/// use torsade_http::wire::chunked::{Chunk, Decoder};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut rest = &b"5\r\nhello\r\n0\r\n\r\nmore"[..];
/// let mut body = Vec::new();
/// while let (used, Some(chunk)) = decoder.decode(rest)? {
///     rest = &rest[used..];
///     match chunk {
///         Chunk::Data(data) => body.extend_from_slice(data),
///         Chunk::End(trailers) => assert_eq!(trailers, None),
///     }
/// }
/// assert_eq!((&body[..], rest), (&b"hello"[..], &b"more"[..]));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[doc(alias = "ChunkedTransferDecoder")]
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    /// The size being read, then what is left of the chunk.
    size: u64,
    /// Bytes so far of the line with the size.
    line_bytes: usize,
    /// Bytes consumed.
    offset: u64,
    trailers: Trailers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Reading a size of which so many digits have come.
    Size(u8),
    /// White space behind the size, which only an extension or the end may follow.
    Space,
    /// Behind a `;`: an extension's name must come.
    ExtensionStart,
    Extension,
    Quoted,
    /// Behind a backslash in quotes.
    Escaped,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// Behind the last chunk's line.
    TrailerStart,
    /// CR right behind the last chunk: no trailers.
    TrailerLf,
    Trailer,
    Done,
}

impl Decoder {
    /// A decoder that keeps to `limits`.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, WireError, chunked::Decoder};
    ///
    /// let limits = Limits { chunk_line_bytes: 10, ..Limits::default() };
    /// let error = Decoder::new(limits).decode(b"5;extension=long\r\n").unwrap_err();
    /// assert!(matches!(error, WireError::ChunkLineTooLong { limit: 10, .. }));
    /// ```
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Size(0),
            size: 0,
            line_bytes: 0,
            offset: 0,
            trailers: Trailers::default(),
        }
    }

    /// Takes the next bytes; returns how many were used, and what was found in them. Without a
    /// find all of them were used, and more are needed.
    ///
    /// After the end nothing is consumed any more.
    ///
    /// ```
    /// use torsade_http::wire::{ChunkFault, Limits, WireError, chunked::Decoder};
    ///
    /// let mut decoder = Decoder::new(Limits::default());
    /// assert_eq!(decoder.decode(b"5\r")?, (2, None)); // more is needed
    /// decoder.decode(b"\nhello")?;
    /// let error = decoder.decode(b"6\r\n").unwrap_err();
    /// let fault = ChunkFault::DataTooLong(b'6');
    /// assert_eq!(error, WireError::BadChunk { fault, offset: 8 });
    /// # Ok::<(), WireError>(())
    /// ```
    ///
    /// # Errors
    /// The coding is broken or passes a limit. The decoder must not be used any more.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Chunk<'a>>), WireError> {
        let mut used = 0;
        while let Some(&byte) = input.get(used) {
            match self.state {
                State::Data => {
                    let rest = &input[used..];
                    let length =
                        usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                    self.size -= length as u64;
                    self.offset += length as u64;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok((used + length, Some(Chunk::Data(&rest[..length]))));
                }
                State::Trailer => {
                    let (taken, end) = self.trailers.take(&input[used..], &self.limits)?;
                    used += taken;
                    self.offset += taken as u64;
                    if end {
                        self.state = State::Done;
                        return Ok((used, Some(Chunk::End(self.trailers.finish()?))));
                    }
                }
                State::Done => break,
                _ => {
                    self.step(byte)?;
                    // A trailer's first byte is read again, as part of its line.
                    if self.state != State::Trailer {
                        used += 1;
                        self.offset += 1;
                    }
                    if self.state == State::Done {
                        return Ok((used, Some(Chunk::End(None))));
                    }
                }
            }
        }
        Ok((used, None))
    }

    /// Whether the body is complete.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, chunked::Decoder};
    ///
    /// let mut decoder = Decoder::new(Limits::default());
    /// decoder.decode(b"0\r\n")?;
    /// assert!(!decoder.is_done()); // there may be trailers
    /// decoder.decode(b"\r\n")?;
    /// assert!(decoder.is_done());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes one byte of the lines between the data.
    fn step(&mut self, byte: u8) -> Result<(), WireError> {
        if !matches!(
            self.state,
            State::DataCr | State::DataLf | State::TrailerStart | State::TrailerLf
        ) {
            self.line_bytes += 1;
            if self.line_bytes > self.limits.chunk_line_bytes {
                return Err(WireError::ChunkLineTooLong {
                    limit: self.limits.chunk_line_bytes,
                    offset: self.offset,
                });
            }
        }
        self.state = match (self.state, byte) {
            (State::Size(digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // 16 digits are all of a u64; more, even zeros, are a trick.
                if digits == 16 {
                    return self.fail(ChunkFault::SizeTooLong);
                }
                self.size = self.size << 4 | u64::from(hex_value(byte));
                State::Size(digits + 1)
            }
            // An empty line must not pass for size 0, which would end the body.
            (State::Size(0), b'\r' | b'\n' | b';' | b' ' | b'\t') => {
                return self.fail(ChunkFault::NoSize);
            }
            (State::Size(_) | State::Space, b';') => State::ExtensionStart,
            (State::Size(_) | State::Space, b' ' | b'\t') => State::Space,
            (State::Size(_) | State::Space, b'\n') => return self.fail(ChunkFault::NoCrLf(byte)),
            (State::Size(_) | State::Space | State::Extension, b'\r') => State::SizeLf,
            (State::Size(_) | State::Space, _) => return self.fail(ChunkFault::SizeByte(byte)),

            (State::ExtensionStart, b' ' | b'\t') => State::ExtensionStart,
            (State::ExtensionStart, b';' | b'=' | b'"') | (_, 0..=8 | 10..=31 | 127)
                if self.in_extension() =>
            {
                return self.fail(ChunkFault::Extension(byte));
            }
            (State::ExtensionStart, _) => State::Extension,
            (State::Extension, b';') => State::ExtensionStart,
            (State::Extension, b'"') | (State::Escaped, _) => State::Quoted,
            (State::Extension, _) => State::Extension,
            (State::Quoted, b'"') => State::Extension,
            (State::Quoted, b'\\') => State::Escaped,
            (State::Quoted, _) => State::Quoted,

            (State::SizeLf, b'\n') => {
                self.line_bytes = 0;
                if self.size == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            (State::DataCr | State::DataLf, _) => return self.fail(ChunkFault::DataTooLong(byte)),
            (State::TrailerStart, b'\r') => State::TrailerLf,
            (State::TrailerStart, b'\n') => return self.fail(ChunkFault::NoCrLf(byte)),
            (State::TrailerStart, _) => State::Trailer,
            (State::TrailerLf, b'\n') => State::Done,
            (State::SizeLf | State::TrailerLf, _) => return self.fail(ChunkFault::NoCrLf(byte)),
            // `decode` handles these.
            (state @ (State::Data | State::Trailer | State::Done), _) => state,
        };
        Ok(())
    }

    fn in_extension(&self) -> bool {
        matches!(
            self.state,
            State::ExtensionStart | State::Extension | State::Quoted | State::Escaped
        )
    }

    fn fail(&self, fault: ChunkFault) -> Result<(), WireError> {
        Err(WireError::BadChunk {
            fault,
            offset: self.offset,
        })
    }
}

/// The value of a hexadecimal digit.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// The last chunk, and no trailers: what ends a chunked body.
///
/// ```
/// use torsade_http::wire::{Limits, chunked::{Chunk, Decoder, LAST_CHUNK}};
///
/// let mut decoder = Decoder::new(Limits::default());
/// assert_eq!(decoder.decode(LAST_CHUNK)?, (LAST_CHUNK.len(), Some(Chunk::End(None))));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What follows a chunk's data.
///
/// ```
/// use torsade_http::wire::chunked::{CHUNK_END, ChunkHead};
///
/// let wire = [ChunkHead::new(2).as_bytes(), b"hi", CHUNK_END].concat();
/// assert_eq!(wire, b"2\r\nhi\r\n");
/// ```
pub const CHUNK_END: &[u8] = b"\r\n";

/// The line before a chunk's data, on the stack.
///
/// ```
/// use torsade_http::wire::chunked::ChunkHead;
///
/// assert_eq!(ChunkHead::new(255).as_bytes(), b"ff\r\n");
/// ```
#[derive(Clone, Copy)]
pub struct ChunkHead {
    line: [u8; 18],
    start: u8,
}

impl ChunkHead {
    /// No line.
    pub(super) const EMPTY: Self = Self {
        line: *b"                \r\n",
        start: 18,
    };

    /// The line before `length` bytes, or nothing if that is 0: a chunk of no bytes would end the
    /// body.
    ///
    /// ```
    /// use torsade_http::wire::chunked::{CHUNK_END, ChunkHead, LAST_CHUNK};
    ///
    /// let mut wire = Vec::new();
    /// for piece in [&b"hello"[..], b""] {
    ///     wire.extend_from_slice(ChunkHead::new(piece.len()).as_bytes());
    ///     wire.extend_from_slice(piece);
    ///     wire.extend_from_slice(if piece.is_empty() { LAST_CHUNK } else { CHUNK_END });
    /// }
    /// assert_eq!(wire, b"5\r\nhello\r\n0\r\n\r\n");
    /// ```
    pub fn new(length: usize) -> Self {
        if length == 0 {
            return Self::EMPTY;
        }
        let mut head = Self {
            start: 16,
            ..Self::EMPTY
        };
        let mut rest = length;
        while rest > 0 {
            head.start -= 1;
            head.line[usize::from(head.start)] = b"0123456789abcdef"[rest & 15];
            rest >>= 4;
        }
        head
    }

    /// The line's bytes.
    ///
    /// ```
    /// use torsade_http::wire::chunked::ChunkHead;
    ///
    /// assert_eq!(ChunkHead::new(10).as_bytes(), b"a\r\n");
    /// assert_eq!(ChunkHead::new(0).as_bytes(), b"");
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.line[usize::from(self.start)..]
    }
}

impl fmt::Debug for ChunkHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkHead(\"{}\")", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests;
