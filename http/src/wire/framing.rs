//! Where the body of a reply ends, and whether its connection may be used again.
//!
//! The law is RFC 9112 section 6.3; its rules are quoted by number where they are applied.
//!
//! ```
//! use torsade_http::Method;
//! use torsade_http::wire::framing::{Framing, of_reply};
//! use torsade_http::wire::{Limits, head::HeadParser};
//!
//! let (_, head) = HeadParser::new(Limits::default()).parse(b"HTTP/1.1 200 OK\r\n\r\n")?;
//! let (framing, _) = of_reply(&Method::GET, &head.expect("it is complete"))?;
//! assert_eq!(framing, Framing::UntilClose); // it does not say
//! # Ok::<(), torsade_http::WireError>(())
//! ```

use std::fmt;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version};

use super::head::ResponseHead;
use super::lines::excerpt;
use crate::error::WireError;

/// How the end of a reply's body is found.
///
/// ```
/// use torsade_http::Method;
/// use torsade_http::wire::framing::{Framing, of_reply};
/// use torsade_http::wire::{Limits, head::HeadParser};
///
/// let (_, head) = HeadParser::new(Limits::default()).parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")?;
/// let head = head.expect("it is complete");
/// assert_eq!(of_reply(&Method::GET, &head)?.0, Framing::Length(5));
/// assert_eq!(of_reply(&Method::HEAD, &head)?.0, Framing::Empty);
/// assert_eq!(of_reply(&Method::CONNECT, &head)?.0, Framing::Tunnel);
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body: the reply ends with its head.
    Empty,
    /// The body has so many bytes.
    Length(u64),
    /// The body is in the chunked coding.
    Chunked,
    /// The body lasts until the connection closes. Nobody can tell whether it was cut off.
    UntilClose,
    /// The connection is a tunnel from here on: a 2xx reply to CONNECT.
    Tunnel,
}

/// Why a connection cannot be used for another request.
///
/// ```
/// use torsade_http::wire::{CloseReason, Exchange, Limits, RequestHead};
/// use torsade_http::{HeaderMap, Method};
///
/// # let headers = HeaderMap::new();
/// let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
/// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
/// assert_eq!(exchange.reuse(), Err(CloseReason::NotFinished));
/// let reply = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
/// let (used, _head) = exchange.receive(reply)?;
/// let (_, _end) = exchange.receive(&reply[used..])?;
/// let why = exchange.reuse().unwrap_err();
/// assert_eq!(why, CloseReason::ReplySaidClose);
/// assert_eq!(why.to_string(), "the reply said close");
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The request said `Connection: close`.
    RequestSaidClose,
    /// The reply said `Connection: close`.
    ReplySaidClose,
    /// An HTTP/1.0 reply without `Connection: keep-alive`.
    Http10,
    /// The body lasts until the connection closes.
    BodyUntilClose,
    /// The reply had both `Content-Length` and `Transfer-Encoding`: somebody between may see
    /// another end of it.
    LengthAndTransferEncoding,
    /// `Transfer-Encoding` in an HTTP/1.0 reply: its framing is faulty (RFC 9112 section 6.1).
    TransferEncodingInHttp10,
    /// `Transfer-Encoding: identity`, which RFC 7230 abolished.
    IdentityCoding,
    /// The reply came before the request's body was sent, and so the rest of it was not.
    ReplyBeforeRequestEnd,
    /// Bytes came behind the reply.
    SurplusBytes,
    /// The peer closed the connection.
    PeerClosed,
    /// The reply is not complete, or broken.
    NotFinished,
    /// The connection speaks another protocol now.
    Switched,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestSaidClose => "the request said close",
            Self::ReplySaidClose => "the reply said close",
            Self::Http10 => "the reply is HTTP/1.0 without keep-alive",
            Self::BodyUntilClose => "the body lasts until close",
            Self::LengthAndTransferEncoding => {
                "the reply had both Content-Length and Transfer-Encoding"
            }
            Self::TransferEncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 reply",
            Self::IdentityCoding => "Transfer-Encoding: identity",
            Self::ReplyBeforeRequestEnd => "the reply came before the request was sent whole",
            Self::SurplusBytes => "bytes came behind the reply",
            Self::PeerClosed => "the peer closed the connection",
            Self::NotFinished => "the reply is not complete",
            Self::Switched => "the connection speaks another protocol now",
        })
    }
}

/// Finds the end of the body of a reply to `method`, and what its framing says about using the
/// connection again.
///
/// ```
/// use torsade_http::Method;
/// use torsade_http::wire::framing::{CloseReason, Framing, of_reply};
/// use torsade_http::wire::{Limits, head::HeadParser};
///
/// let smuggling = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
/// let (_, head) = HeadParser::new(Limits::default()).parse(smuggling)?;
/// let (framing, doubt) = of_reply(&Method::GET, &head.expect("it is complete"))?;
/// assert_eq!(framing, Framing::Chunked);
/// assert_eq!(doubt, Some(CloseReason::LengthAndTransferEncoding));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
///
/// # Errors
/// The length is malformed or contradicts itself, or the transfer coding is not `chunked`.
pub fn of_reply(
    method: &Method,
    head: &ResponseHead,
) -> Result<(Framing, Option<CloseReason>), WireError> {
    // 2. "Any 2xx (Successful) response to a CONNECT request implies that the connection will
    //    become a tunnel [...] A client MUST ignore any Content-Length or Transfer-Encoding".
    //    Before the first rule, as 204 is one of them (RFC 9110 section 9.3.6).
    if method == Method::CONNECT && head.status.is_success() {
        return Ok((Framing::Tunnel, None));
    }
    // 1. "Any response to a HEAD request and any response with a 1xx (Informational), 204 (No
    //    Content), or 304 (Not Modified) status code is always terminated by the first empty line
    //    after the header fields, regardless of the header fields present".
    let bodiless = head.status.is_informational()
        || matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    if method == Method::HEAD || bodiless {
        return Ok((Framing::Empty, None));
    }
    match transfer_coding(&head.headers)? {
        // 3. "If a message is received with both a Transfer-Encoding and a Content-Length header
        //    field, the Transfer-Encoding overrides the Content-Length."
        // 4. "If a Transfer-Encoding header field is present and the chunked transfer coding is
        //    the final encoding, the message body length is determined by reading and decoding".
        //    (A reply in which it is not final would last until close; as we cannot decode any
        //    other coding, `transfer_coding` refuses it.)
        Some(Coding::Chunked) => {
            let doubt = if head.version == Version::HTTP_10 {
                Some(CloseReason::TransferEncodingInHttp10)
            } else if head.headers.contains_key(CONTENT_LENGTH) {
                Some(CloseReason::LengthAndTransferEncoding)
            } else {
                None
            };
            Ok((Framing::Chunked, doubt))
        }
        Some(Coding::Identity) => {
            let framing = content_length(&head.headers)?;
            Ok((
                framing.map_or(Framing::UntilClose, Framing::Length),
                Some(CloseReason::IdentityCoding),
            ))
        }
        // 5. and 6., in `content_length`; 7. is about requests.
        // 8. "Otherwise, this is a response message without a declared message body length, so
        //    the message body length is determined by the number of octets received prior to the
        //    server closing the connection."
        None => match content_length(&head.headers)? {
            Some(length) => Ok((Framing::Length(length), None)),
            None => Ok((Framing::UntilClose, Some(CloseReason::BodyUntilClose))),
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Chunked,
    /// No coding at all, in the words of RFC 2616. Old servers still say so.
    Identity,
}

/// The transfer coding that the fields name.
///
/// Only `chunked`, once, is understood: we send no `TE`, so no other may come (RFC 9112 section
/// 7.4), and "a sender MUST NOT apply the chunked transfer coding more than once" (6.1).
pub(super) fn transfer_coding(headers: &HeaderMap) -> Result<Option<Coding>, WireError> {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(None);
    }
    let mut codings = tokens(headers, &TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Some(Coding::Chunked))
        }
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"identity") => {
            Ok(Some(Coding::Identity))
        }
        _ => Err(WireError::BadTransferEncoding {
            excerpt: joined(headers, &TRANSFER_ENCODING),
        }),
    }
}

/// The length that the fields declare.
///
/// 5. "If a message is received without Transfer-Encoding and with an invalid Content-Length
///    header field, then the message framing is invalid and the recipient MUST treat it as an
///    unrecoverable error, unless the field value can be successfully parsed as a comma-separated
///    list (Section 5.6.1 of [HTTP]), all values in the list are valid, and all values in the
///    list are the same (in which case, the message is processed with that single value used as
///    the Content-Length field value)."
/// 6. "If a valid Content-Length header field is present without Transfer-Encoding, its decimal
///    value defines the expected message body length in octets."
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, WireError> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for item in value.as_bytes().split(|&byte| byte == b',') {
            let number = decimal(item.trim_ascii()).ok_or_else(|| WireError::BadContentLength {
                excerpt: excerpt(value.as_bytes()),
            })?;
            match length {
                Some(first) if first != number => {
                    return Err(WireError::ConflictingContentLengths {
                        first,
                        second: number,
                    });
                }
                _ => length = Some(number),
            }
        }
    }
    Ok(length)
}

/// Digits only: `str::parse` would take `+5`.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Whether the fields of a reply of `version` let the connection persist (RFC 9112 section 9.3).
pub(super) fn persistence(version: Version, headers: &HeaderMap) -> Result<(), CloseReason> {
    if has_token(headers, &CONNECTION, "close") {
        Err(CloseReason::ReplySaidClose)
    } else if version == Version::HTTP_10 && !has_token(headers, &CONNECTION, "keep-alive") {
        Err(CloseReason::Http10)
    } else {
        Ok(())
    }
}

/// Whether a list-valued field has `token` in it, in whatever case, in any of its lines.
///
/// ```
/// use torsade_http::header::{CONNECTION, HeaderMap, HeaderValue};
/// use torsade_http::wire::framing::has_token;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
/// assert!(has_token(&headers, &CONNECTION, "upgrade"));
/// ```
pub fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}

/// The items of a list-valued field, empty ones left out (RFC 9110 section 5.6.1).
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

/// All values of a field for an error.
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<_> = headers
        .get_all(name)
        .into_iter()
        .map(|value| value.as_bytes())
        .collect();
    excerpt(&values.join(&b", "[..]))
}

#[cfg(test)]
mod tests;
