//! What exactly was wrong with a peer's bytes.

use std::fmt;

/// What a reply that is not HTTP/1 looks like.
///
/// ```
/// use torsade_http::error::Foreign;
/// use torsade_http::wire::{Limits, WireError, head::HeadParser};
///
/// let mut parser = HeadParser::new(Limits::default());
/// let error = parser.parse(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap_err();
/// let WireError::NotHttp { looks_like, .. } = error else { panic!("{error}") };
/// assert_eq!(looks_like, Foreign::Ssh);
/// assert_eq!(looks_like.to_string(), "this port speaks SSH");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A TLS record: the port wants `https`.
    Tls,
    /// HTTP/2 frames: the peer does not do HTTP/1.1 here.
    Http2,
    /// An SSH server.
    Ssh,
    /// A mail or file server: it greets with a three-digit code.
    Greeting,
    /// An Icecast or Shoutcast server: `ICY 200 OK`.
    Icy,
    /// A document without a head, as in HTTP/0.9.
    Http09,
    /// None of these.
    Unknown,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "this port speaks TLS",
            Self::Http2 => "this port speaks HTTP/2",
            Self::Ssh => "this port speaks SSH",
            Self::Greeting => "a mail or file server's greeting",
            Self::Icy => "an Icecast server",
            Self::Http09 => "a document without a head, as in HTTP/0.9",
            Self::Unknown => "no status line",
        })
    }
}

/// What is wrong with a field line.
///
/// ```
/// use torsade_http::error::FieldFault;
/// use torsade_http::wire::{Limits, WireError, head::HeadParser};
///
/// let mut parser = HeadParser::new(Limits::default());
/// let error = parser.parse(b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n").unwrap_err();
/// let WireError::BadField { fault, line, .. } = error else { panic!("{error}") };
/// assert_eq!((fault, line), (FieldFault::SpaceBeforeColon, 2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldFault {
    /// No colon.
    NoColon,
    /// Nothing before the colon.
    EmptyName,
    /// White space between name and colon, with which replies are smuggled (RFC 9112 5.1).
    SpaceBeforeColon,
    /// A byte that is not part of a token in the name.
    NameByte(u8),
    /// A name of 64 KiB or more.
    NameTooLong,
    /// White space before the first field (RFC 9112 section 2.2).
    LeadingSpace,
    /// A NUL.
    Nul,
    /// A CR without LF.
    LoneCr,
    /// An LF without CR, where CRLF is required: in the trailers of a chunked body.
    LoneLf,
    /// A value continued on the next line, in trailers.
    Folded,
    /// Another control character.
    Control(u8),
    /// Something else that our parser does not take.
    Other,
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColon => f.write_str("no colon"),
            Self::EmptyName => f.write_str("empty name"),
            Self::SpaceBeforeColon => f.write_str("space before the colon"),
            Self::NameByte(byte) => write!(f, "byte 0x{byte:02x} in the name"),
            Self::NameTooLong => f.write_str("name too long"),
            Self::LeadingSpace => f.write_str("space before the first field"),
            Self::Nul => f.write_str("NUL"),
            Self::LoneCr => f.write_str("CR without LF"),
            Self::LoneLf => f.write_str("LF without CR"),
            Self::Folded => f.write_str("folded line"),
            Self::Control(byte) => write!(f, "control byte 0x{byte:02x}"),
            Self::Other => f.write_str("syntax error"),
        }
    }
}

/// What is wrong with a chunk.
///
/// ```
/// use torsade_http::error::ChunkFault;
/// use torsade_http::wire::{Limits, WireError, chunked::Decoder};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let error = decoder.decode(b"0x5\r\nhello\r\n").unwrap_err();
/// let WireError::BadChunk { fault, offset } = error else { panic!("{error}") };
/// assert_eq!((fault, offset), (ChunkFault::SizeByte(b'x'), 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkFault {
    /// A line where the size should be, without one.
    NoSize,
    /// A size with another byte than a hexadecimal digit in it or behind it.
    SizeByte(u8),
    /// A size of more than 16 digits.
    SizeTooLong,
    /// An extension without a name, or with a control character or an open quote.
    Extension(u8),
    /// Another byte than CR LF where a line must end.
    NoCrLf(u8),
    /// Another byte than CR LF behind a chunk's data: the size was wrong.
    DataTooLong(u8),
}

impl fmt::Display for ChunkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSize => f.write_str("no chunk size"),
            Self::SizeByte(byte) => write!(f, "byte 0x{byte:02x} in a chunk size"),
            Self::SizeTooLong => f.write_str("chunk size of more than 16 digits"),
            Self::Extension(byte) => write!(f, "byte 0x{byte:02x} in a chunk extension"),
            Self::NoCrLf(byte) => write!(f, "byte 0x{byte:02x} instead of CR LF"),
            Self::DataTooLong(byte) => {
                write!(f, "byte 0x{byte:02x} instead of CR LF after a chunk's data")
            }
        }
    }
}
