//! The head of a request (RFC 9112 sections 3 and 6).
//!
//! Whatever could end a line early, and so smuggle a second field or request, is refused before a
//! byte is written, also where the types of `http` should not let it through.
//!
//! ```
//! use torsade_http::wire::{RequestHead, WireError, request::encode};
//! use torsade_http::{HeaderMap, HeaderValue, Method};
//!
//! let (mut headers, mut out) = (HeaderMap::new(), Vec::new());
//! headers.insert("content-length", HeaderValue::from_static("5"));
//! let head = RequestHead::new(&Method::GET, "/", "example.org", &headers); // which has no body
//! let error = encode(&head, &mut out).unwrap_err();
//! assert!(matches!(error, WireError::ConflictingRequestFraming { .. }));
//! assert!(out.is_empty());
//! ```

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method};

use super::framing::{Coding, content_length, has_token, joined, transfer_coding};
use super::lines::{excerpt, is_token};
use crate::error::WireError;

/// How long the body of a request is.
///
/// ```
/// use torsade_http::wire::{BodyLength, RequestHead, request::encode};
/// use torsade_http::{HeaderMap, Method};
///
/// let framed_by = |body| {
///     let (headers, mut out) = (HeaderMap::new(), Vec::new());
///     let head = RequestHead::new(&Method::POST, "/", "example.org", &headers).body(body);
///     encode(&head, &mut out).map(|_| String::from_utf8_lossy(&out).into_owned())
/// };
/// assert!(framed_by(BodyLength::None)?.contains("Content-Length: 0\r\n"));
/// assert!(framed_by(BodyLength::Known(5))?.contains("Content-Length: 5\r\n"));
/// assert!(framed_by(BodyLength::Unknown)?.contains("Transfer-Encoding: chunked\r\n"));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body. POST, PUT and PATCH say so by `Content-Length: 0` (RFC 9110 section
    /// 8.6), other methods by saying nothing.
    None,
    /// The body has so many bytes: sent with `Content-Length`.
    Known(u64),
    /// Nobody knows yet: sent in the chunked coding, unless the caller's fields have a
    /// `Content-Length`, which then must be true.
    Unknown,
}

/// The head of a request, borrowed from wherever its parts live.
///
/// ```
/// use torsade_http::wire::{RequestHead, request::encode};
/// use torsade_http::{HeaderMap, Method};
///
/// let (headers, mut out) = (HeaderMap::new(), Vec::new());
/// let head = RequestHead::new(&Method::DELETE, "/notes/7", "example.org", &headers).close();
/// encode(&head, &mut out)?;
/// assert_eq!(out, b"DELETE /notes/7 HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n");
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request target: path and query for an origin server, the whole URL for a proxy,
    /// `host:port` for CONNECT (RFC 9112 section 3.2).
    pub target: &'a str,
    /// What `Host` says if `headers` has none: host, in brackets if IPv6, and port if not the
    /// scheme's own.
    pub host: &'a str,
    /// The caller's fields.
    pub headers: &'a HeaderMap,
    /// The length of the body.
    pub body: BodyLength,
    /// Whether to say that the connection will not be used again, if `headers` does not say so.
    pub close: bool,
}

impl<'a> RequestHead<'a> {
    /// A head without body, on a connection to be kept.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// let headers = HeaderMap::new();
    /// let head = RequestHead::new(&Method::GET, "/notes?page=2", "example.org:8080", &headers);
    /// assert_eq!((head.body, head.close), (BodyLength::None, false));
    /// ```
    pub fn new(method: &'a Method, target: &'a str, host: &'a str, headers: &'a HeaderMap) -> Self {
        Self {
            method,
            target,
            host,
            headers,
            body: BodyLength::None,
            close: false,
        }
    }

    /// Says how long the body is.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, RequestHead, request::encode};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// let (headers, mut out) = (HeaderMap::new(), Vec::new());
    /// let head = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(3));
    /// assert_eq!(encode(&head, &mut out)?, BodyLength::Known(3));
    /// assert!(out.ends_with(b"Content-Length: 3\r\n\r\n"));
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    #[must_use]
    pub fn body(mut self, body: BodyLength) -> Self {
        self.body = body;
        self
    }

    /// Says that the connection will not be used again.
    ///
    /// ```
    /// use torsade_http::wire::{RequestHead, request::encode};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// let (headers, mut out) = (HeaderMap::new(), Vec::new());
    /// encode(&RequestHead::new(&Method::GET, "/", "example.org", &headers).close(), &mut out)?;
    /// assert!(out.ends_with(b"Connection: close\r\n\r\n"));
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    #[must_use]
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }
}

/// Appends the head to `out`, empty line included, and returns how its body must be sent: the
/// same as [`RequestHead::body`], unless the caller's fields know a length.
///
/// `Host` comes first, then the caller's fields in their order, with the customary capitals; last
/// what is missing of `Content-Length`, `Transfer-Encoding` and `Connection: close`.
///
/// # Errors
/// [`BadMethod`](WireError::BadMethod), [`BadTarget`](WireError::BadTarget),
/// [`BadHost`](WireError::BadHost), [`BadRequestField`](WireError::BadRequestField),
/// [`BodyNotAllowed`](WireError::BodyNotAllowed), and
/// [`ConflictingRequestFraming`](WireError::ConflictingRequestFraming) if the caller's
/// `Content-Length` or `Transfer-Encoding` contradicts the body. `out` is then as it was.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Method};
/// use torsade_http::wire::{BodyLength, RequestHead, request::encode};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("content-type", HeaderValue::from_static("text/plain"));
/// let head = RequestHead::new(&Method::PUT, "/a", "[::1]:8080", &headers)
///     .body(BodyLength::Known(5));
/// let mut out = Vec::new();
/// encode(&head, &mut out)?;
/// assert_eq!(
///     out,
///     b"PUT /a HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Type: text/plain\r\n\
///       Content-Length: 5\r\n\r\n"
/// );
/// # Ok::<(), torsade_http::WireError>(())
/// ```
pub fn encode(request: &RequestHead<'_>, out: &mut Vec<u8>) -> Result<BodyLength, WireError> {
    let host = check(request)?;
    let body = body_length(request)?;

    let RequestHead {
        method,
        target,
        headers,
        ..
    } = *request;
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    push_line(out, b"Host", host);
    let mut framed = false;
    for (name, value) in headers {
        if name == HOST {
            continue;
        }
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            // Equal copies of a length are sent once.
            if !framed {
                push_framing(out, method, body);
            }
            framed = true;
            continue;
        }
        push_name(out, name);
        push_value(out, value.as_bytes());
    }
    if !framed {
        push_framing(out, method, body);
    }
    if request.close && !has_token(headers, &CONNECTION, "close") {
        push_line(out, b"Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
    Ok(body)
}

/// Checks all parts; returns the value of `Host`.
fn check<'a>(request: &RequestHead<'a>) -> Result<&'a [u8], WireError> {
    let method = request.method.as_str().as_bytes();
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(WireError::BadMethod {
            excerpt: excerpt(method),
        });
    }
    let target = request.target.as_bytes();
    if target.is_empty()
        || !target
            .iter()
            .all(|&byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Err(WireError::BadTarget {
            excerpt: excerpt(target),
        });
    }
    for (name, value) in request.headers {
        if value
            .as_bytes()
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
        {
            return Err(WireError::BadRequestField {
                name: name.to_string(),
            });
        }
    }
    let mut hosts = request.headers.get_all(HOST).into_iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => request.host.as_bytes(),
        (Some(host), None) => HeaderValue::as_bytes(host),
        // "A server MUST respond with a 400 (Bad Request) status code to any request message that
        // [...] contains more than one Host header field line" (RFC 9112 section 3.2).
        (Some(_), Some(_)) => {
            return Err(WireError::BadHost {
                excerpt: joined(request.headers, &HOST),
            });
        }
    };
    if host
        .iter()
        .all(|&byte| byte.is_ascii_graphic() && !b"/\\@?#,".contains(&byte))
    {
        Ok(host)
    } else {
        Err(WireError::BadHost {
            excerpt: excerpt(host),
        })
    }
}

/// How the body is framed, once the caller's fields have had their say.
fn body_length(request: &RequestHead<'_>) -> Result<BodyLength, WireError> {
    let RequestHead {
        method,
        headers,
        body,
        ..
    } = *request;
    if body != BodyLength::None && (method == Method::CONNECT || method == Method::TRACE) {
        return Err(WireError::BodyNotAllowed {
            method: method.clone(),
        });
    }
    let conflict = |name: &HeaderName, field| WireError::ConflictingRequestFraming {
        field,
        excerpt: joined(headers, name),
    };
    let bad_length = || conflict(&CONTENT_LENGTH, "Content-Length");
    let bad_coding = || conflict(&TRANSFER_ENCODING, "Transfer-Encoding");

    let coding = transfer_coding(headers).map_err(|_| bad_coding())?;
    let length = content_length(headers).map_err(|_| bad_length())?;
    match (body, length, coding) {
        (_, None, None) => Ok(body),
        (BodyLength::None, Some(0), None) => Ok(BodyLength::Known(0)),
        (BodyLength::Known(known), Some(length), None) if known == length => Ok(body),
        (BodyLength::Unknown, Some(length), None) => Ok(BodyLength::Known(length)),
        (BodyLength::Unknown, None, Some(Coding::Chunked)) => Ok(body),
        (_, Some(_), None) => Err(bad_length()),
        (_, _, Some(_)) => Err(bad_coding()),
    }
}

fn push_framing(out: &mut Vec<u8>, method: &Method, body: BodyLength) {
    match body {
        BodyLength::Unknown => push_line(out, b"Transfer-Encoding", b"chunked"),
        BodyLength::Known(length) => {
            push_line(out, b"Content-Length", length.to_string().as_bytes());
        }
        // "A user agent SHOULD send Content-Length in a request when the method defines a meaning
        // for enclosed content and it is not sending Transfer-Encoding" (RFC 9110 section 8.6).
        BodyLength::None if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {
            push_line(out, b"Content-Length", b"0");
        }
        BodyLength::None => {}
    }
}

fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    push_value(out, value);
}

fn push_value(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A field's name with the capitals that people know: `Content-Type`, `ETag`.
///
/// ```
/// use http::header::{CONTENT_TYPE, ETAG};
/// use torsade_http::wire::request::customary_name;
///
/// assert_eq!(customary_name(&CONTENT_TYPE), "Content-Type");
/// assert_eq!(customary_name(&ETAG), "ETag");
/// ```
pub fn customary_name(name: &HeaderName) -> String {
    let mut out = Vec::with_capacity(name.as_str().len());
    push_name(&mut out, name);
    // A name is ASCII.
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes a name with the capitals that servers have seen for thirty years: names are
/// case-insensitive, but not every server knows.
fn push_name(out: &mut Vec<u8>, name: &HeaderName) {
    let name = name.as_str();
    if let Some(unusual) = unusual_capitals(name) {
        out.extend_from_slice(unusual.as_bytes());
        return;
    }
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    let mut word_starts = true;
    for byte in &mut out[start..] {
        if word_starts {
            byte.make_ascii_uppercase();
        }
        word_starts = *byte == b'-';
    }
}

/// Names whose words do not just start with a capital.
fn unusual_capitals(name: &str) -> Option<&'static str> {
    Some(match name {
        "a-im" => "A-IM",
        "content-md5" => "Content-MD5",
        "dnt" => "DNT",
        "etag" => "ETag",
        "expect-ct" => "Expect-CT",
        "http2-settings" => "HTTP2-Settings",
        "mime-version" => "MIME-Version",
        "p3p" => "P3P",
        "sec-ch-ua" => "Sec-CH-UA",
        "sec-gpc" => "Sec-GPC",
        "sec-websocket-accept" => "Sec-WebSocket-Accept",
        "sec-websocket-extensions" => "Sec-WebSocket-Extensions",
        "sec-websocket-key" => "Sec-WebSocket-Key",
        "sec-websocket-protocol" => "Sec-WebSocket-Protocol",
        "sec-websocket-version" => "Sec-WebSocket-Version",
        "soapaction" => "SOAPAction",
        "te" => "TE",
        "www-authenticate" => "WWW-Authenticate",
        "x-ua-compatible" => "X-UA-Compatible",
        "x-xss-protection" => "X-XSS-Protection",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
