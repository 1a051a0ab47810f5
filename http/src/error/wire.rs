//! What can go wrong between the bytes of a connection and the events of an exchange.

use std::error::Error;
use std::fmt;

use http::Method;

use super::fault::{ChunkFault, FieldFault, Foreign};

/// A reply that cannot be understood, or a request that must not be sent.
///
/// Every variant says what was found and where. Excerpts are the offending bytes, at most 40 of
/// them, escaped as in Rust's byte strings, so that they are safe to print; they come from the
/// peer, and may hold what a user would not want in a log.
///
/// After a fault of the peer the connection is of no further use: nobody knows where the next
/// message starts.
///
/// ```
/// use torsade_http::WireError;
/// use torsade_http::wire::{Limits, head::HeadParser};
///
/// /// What a person should look at.
/// fn hint(error: &WireError) -> &'static str {
///     match error {
///         error if error.is_limit() => "it sends more than we take",
///         error if error.is_closed() => "see the log of the server",
///         WireError::NotHttp { .. } => "is it the right port?",
///         _ => "the server has a fault",
///     }
/// }
///
/// let limits = Limits { head_bytes: 20, ..Limits::default() };
/// let error = HeadParser::new(limits).parse(b"HTTP/1.1 200 OK\r\nX: a\r\n\r\n").unwrap_err();
/// assert_eq!(hint(&error), "it sends more than we take");
/// let error = HeadParser::new(limits).parse(b"220 mail.example.com\r\n").unwrap_err();
/// assert_eq!(hint(&error), "is it the right port?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    // The head of the reply: the peer's fault, unless a limit was set too low.
    /// The peer does not speak HTTP/1. Look at the port and the scheme: `looks_like` says what it
    /// may be.
    NotHttp {
        /// What the bytes look like.
        looks_like: Foreign,
        /// The first bytes.
        excerpt: String,
    },
    /// An HTTP version other than 1.0 and 1.1 in the status line. The peer's fault: it must
    /// answer a 1.1 request with a version of the same major number (RFC 9110 section 6.2).
    UnsupportedVersion {
        /// The status line.
        excerpt: String,
    },
    /// A status line without a three-digit status from 100 up, or with control characters
    /// (RFC 9112 section 4). The peer's fault.
    BadStatusLine {
        /// The status line.
        excerpt: String,
    },
    /// A field line that breaks RFC 9112 section 5, in the head or in the trailers. The peer's
    /// fault; nothing of the head is handed on.
    BadField {
        /// What is wrong with it.
        fault: FieldFault,
        /// The line, counted from 1; in a head the status line is line 1.
        line: usize,
        /// The first wrong byte, counted from the start of the head, or of the trailers.
        offset: usize,
        /// The start of the line, field name included.
        excerpt: String,
    },
    /// The head is longer than [`Limits::head_bytes`](crate::wire::Limits::head_bytes).
    HeadTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A line of the head, or of the trailers, is longer than
    /// [`Limits::line_bytes`](crate::wire::Limits::line_bytes).
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
        /// The line, counted from 1.
        line: usize,
        /// The start of the line: it names the field.
        excerpt: String,
    },
    /// There are more fields than
    /// [`Limits::header_count`](crate::wire::Limits::header_count).
    TooManyHeaders {
        /// The limit, in fields.
        limit: usize,
    },
    /// There are more 1xx replies than
    /// [`Limits::informational_count`](crate::wire::Limits::informational_count).
    TooManyInformational {
        /// The limit, in replies.
        limit: usize,
    },
    /// A 101 that nobody asked for (no `Upgrade` was sent), or before the request was complete
    /// (RFC 9110 section 7.8). The peer's fault.
    UnexpectedUpgrade,
    /// The connection ended before a single byte of the reply. An idle connection may do that at
    /// any time: on a reused one, a request without side effects can be sent again (RFC 9112
    /// section 9.3.1).
    ClosedBeforeResponse,
    /// The connection ended after 1xx replies, before the reply itself.
    ClosedAfterInformational {
        /// How many 1xx replies came.
        count: usize,
    },
    /// The connection ended inside the head (RFC 9112 section 8).
    ClosedInHead {
        /// Bytes of the head that came.
        received: usize,
    },

    // The body of the reply.
    /// `Content-Length` is not a number of decimal digits below 2^64, or not a list of equal ones
    /// (RFC 9112 section 6.3, rule 5). The peer's fault.
    BadContentLength {
        /// The field's value.
        excerpt: String,
    },
    /// Two lengths that differ (RFC 9112 section 6.3, rule 5). The peer's fault, or somebody
    /// between tries to smuggle a reply.
    ConflictingContentLengths {
        /// The first length.
        first: u64,
        /// The one that differs.
        second: u64,
    },
    /// A `Transfer-Encoding` other than a single `chunked` (RFC 9112 section 6.1): we asked for
    /// no other coding, so the peer must not use one.
    BadTransferEncoding {
        /// The field's values, joined by commas.
        excerpt: String,
    },
    /// The chunked coding is broken (RFC 9112 section 7.1). The peer's fault.
    BadChunk {
        /// What is wrong with it.
        fault: ChunkFault,
        /// The wrong byte, counted from the start of the coded body.
        offset: u64,
    },
    /// A line with a chunk's size is longer than
    /// [`Limits::chunk_line_bytes`](crate::wire::Limits::chunk_line_bytes).
    ChunkLineTooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Where the line passed it, counted from the start of the coded body.
        offset: u64,
    },
    /// The trailers are longer than
    /// [`Limits::trailer_bytes`](crate::wire::Limits::trailer_bytes).
    TrailersTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection ended before the body was complete (RFC 9112 section 8). What came has been
    /// handed out.
    ClosedInBody {
        /// The length declared, or `None` if the body is chunked.
        declared: Option<u64>,
        /// Bytes of the body that came.
        received: u64,
    },

    // The request: the caller's fault. Nothing was written.
    /// The method is not a token (RFC 9110 section 9.1).
    BadMethod {
        /// The method.
        excerpt: String,
    },
    /// The request target is empty, or holds a byte that may not be there: white space, control
    /// characters, `#` and all above ASCII (RFC 9112 section 3.2).
    BadTarget {
        /// The target.
        excerpt: String,
    },
    /// `Host` holds a byte that cannot be part of a host and port (RFC 9110 section 7.2), or was
    /// given more than once.
    BadHost {
        /// The value, or the values joined by commas.
        excerpt: String,
    },
    /// A field's value holds CR, LF or NUL (RFC 9110 section 5.5).
    BadRequestField {
        /// The field's name.
        name: String,
    },
    /// The caller's `Content-Length` or `Transfer-Encoding` contradict each other, or the body.
    ConflictingRequestFraming {
        /// The field that cannot be sent.
        field: &'static str,
        /// Its value.
        excerpt: String,
    },
    /// CONNECT and TRACE carry no body (RFC 9110 sections 9.3.6 and 9.3.8).
    BodyNotAllowed {
        /// The method.
        method: Method,
    },
    /// The body has more bytes than were declared. The surplus was not written; the request
    /// cannot be completed, and its connection must be closed.
    UploadTooLong {
        /// The length declared.
        declared: u64,
        /// Bytes produced, the surplus included.
        produced: u64,
    },
    /// The body ended before the length declared. The peer waits for the rest: the connection
    /// must be closed.
    UploadTooShort {
        /// The length declared.
        declared: u64,
        /// Bytes produced.
        produced: u64,
    },
    /// Body bytes after the body's end.
    UploadAfterEnd,
}

impl WireError {
    /// Whether one of the [`Limits`](crate::wire::Limits) was passed. Raising it may help.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, head::HeadParser};
    ///
    /// let limits = Limits { line_bytes: 16, ..Limits::default() };
    /// let error = HeadParser::new(limits).parse(b"HTTP/1.1 200 It is all fine\r\n").unwrap_err();
    /// assert!(error.is_limit());
    /// ```
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::HeadTooLong { .. }
                | Self::LineTooLong { .. }
                | Self::TooManyHeaders { .. }
                | Self::TooManyInformational { .. }
                | Self::ChunkLineTooLong { .. }
                | Self::TrailersTooLong { .. }
        )
    }

    /// Whether the connection ended too early, before or within the reply.
    ///
    /// ```
    /// use torsade_http::wire::{Limits, head::HeadParser};
    ///
    /// assert!(HeadParser::new(Limits::default()).closed().is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(
            self,
            Self::ClosedBeforeResponse
                | Self::ClosedAfterInformational { .. }
                | Self::ClosedInHead { .. }
                | Self::ClosedInBody { .. }
        )
    }

    /// Whether the request was at fault: the method, the target, a field, the body's length.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/a", "example.org", &headers).body(BodyLength::Known(2));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let error = exchange.body_chunk(b"three", &mut Vec::new()).unwrap_err();
    /// assert!(error.is_request());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::BadMethod { .. }
                | Self::BadTarget { .. }
                | Self::BadHost { .. }
                | Self::BadRequestField { .. }
                | Self::ConflictingRequestFraming { .. }
                | Self::BodyNotAllowed { .. }
                | Self::UploadTooLong { .. }
                | Self::UploadTooShort { .. }
                | Self::UploadAfterEnd
        )
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp {
                looks_like,
                excerpt,
            } => {
                write!(
                    f,
                    "the peer does not speak HTTP/1: {looks_like}: \"{excerpt}\""
                )
            }
            Self::UnsupportedVersion { excerpt } => {
                write!(f, "unsupported HTTP version in status line \"{excerpt}\"")
            }
            Self::BadStatusLine { excerpt } => write!(f, "malformed status line \"{excerpt}\""),
            Self::BadField {
                fault,
                line,
                offset,
                excerpt,
            } => {
                write!(
                    f,
                    "malformed field: {fault} in line {line}, byte {offset}: \"{excerpt}\""
                )
            }
            Self::HeadTooLong { limit } => {
                write!(f, "the head of the reply is longer than {limit} bytes")
            }
            Self::LineTooLong {
                limit,
                line,
                excerpt,
            } => {
                write!(f, "line {line} is longer than {limit} bytes: \"{excerpt}\"")
            }
            Self::TooManyHeaders { limit } => write!(f, "the reply has over {limit} fields"),
            Self::TooManyInformational { limit } => {
                write!(
                    f,
                    "over {limit} informational replies before the reply itself"
                )
            }
            Self::UnexpectedUpgrade => f.write_str("the peer switches protocols unasked"),
            Self::ClosedBeforeResponse => f.write_str("connection closed before the reply"),
            Self::ClosedAfterInformational { count } => {
                write!(f, "connection closed after {count} informational replies")
            }
            Self::ClosedInHead { received } => {
                write!(
                    f,
                    "connection closed inside the head, after {received} bytes of it"
                )
            }
            Self::BadContentLength { excerpt } => {
                write!(f, "malformed Content-Length \"{excerpt}\"")
            }
            Self::ConflictingContentLengths { first, second } => {
                write!(f, "two Content-Lengths: {first} and {second}")
            }
            Self::BadTransferEncoding { excerpt } => {
                write!(f, "unknown Transfer-Encoding \"{excerpt}\"")
            }
            Self::BadChunk { fault, offset } => {
                write!(f, "broken chunked body: {fault} at byte {offset}")
            }
            Self::ChunkLineTooLong { limit, offset } => {
                write!(
                    f,
                    "chunk line longer than {limit} bytes at byte {offset} of the body"
                )
            }
            Self::TrailersTooLong { limit } => {
                write!(f, "the trailers are longer than {limit} bytes")
            }
            Self::ClosedInBody {
                declared: Some(declared),
                received,
            } => {
                write!(
                    f,
                    "connection closed after {received} of {declared} bytes of the body"
                )
            }
            Self::ClosedInBody {
                declared: None,
                received,
            } => write!(
                f,
                "connection closed inside the chunked body, after {received} bytes of it"
            ),
            Self::BadMethod { excerpt } => write!(f, "method \"{excerpt}\" is not a token"),
            Self::BadTarget { excerpt } => {
                write!(
                    f,
                    "request target \"{excerpt}\" is empty or has a byte to be escaped"
                )
            }
            Self::BadHost { excerpt } => write!(f, "bad Host \"{excerpt}\""),
            Self::BadRequestField { name } => {
                write!(f, "the value of field {name} has CR, LF or NUL in it")
            }
            Self::ConflictingRequestFraming { field, excerpt } => {
                write!(f, "{field} \"{excerpt}\" contradicts the request's body")
            }
            Self::BodyNotAllowed { method } => write!(f, "a {method} request has no body"),
            Self::UploadTooLong { declared, produced } => {
                write!(
                    f,
                    "the request body has {produced} bytes, {declared} were declared"
                )
            }
            Self::UploadTooShort { declared, produced } => {
                write!(
                    f,
                    "the request body ended after {produced} of {declared} bytes"
                )
            }
            Self::UploadAfterEnd => f.write_str("request body bytes after the body's end"),
        }
    }
}

impl Error for WireError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_cross_threads_and_stay_small() {
        fn assert_error<T: Error + Send + Sync + 'static>() {}
        assert_error::<WireError>();
        assert!(size_of::<WireError>() <= 64, "{}", size_of::<WireError>());
    }

    // R6: nothing in the text may pass for a status of the server.
    #[test]
    fn a_bad_field_names_line_byte_and_field() {
        let error = WireError::BadField {
            fault: FieldFault::Control(1),
            line: 2,
            offset: 30,
            excerpt: "Set-Cookie: a\\x01b".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "malformed field: control byte 0x01 in line 2, byte 30: \"Set-Cookie: a\\x01b\""
        );
    }
}
