//! What an exchange tells of a reply.

use http::HeaderMap;

use super::framing::CloseReason;
use super::head::ResponseHead;

/// What an [`Exchange`](super::Exchange) found in the bytes.
///
/// ```
/// use torsade_http::wire::{Event, Exchange, Limits, RequestHead};
/// use torsade_http::{HeaderMap, Method};
///
/// # let headers = HeaderMap::new();
/// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
/// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
/// let mut rest = &b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"[..];
/// let mut told = Vec::new();
/// while let (used, Some(event)) = exchange.receive(rest)? {
///     rest = &rest[used..];
///     told.push(match event {
///         Event::Informational(head) => format!("{} comes first", head.status.as_u16()),
///         Event::Head(head) => format!("then {}", head.status.as_u16()),
///         Event::Body(bytes) => format!("{} bytes", bytes.len()),
///         Event::End(end) => format!("reusable: {}", end.reuse.is_ok()),
///         other => panic!("{other:?}"),
///     });
/// }
/// assert_eq!(told, ["103 comes first", "then 200", "2 bytes", "reusable: true"]);
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A 1xx reply other than 101: the final one follows. Its length fields mean nothing.
    Informational(ResponseHead),
    /// The head of the final reply.
    Head(ResponseHead),
    /// Bytes of the body, from the input; never empty.
    Body(&'a [u8]),
    /// The reply is complete.
    End(End),
    /// 101: the bytes behind this head belong to the protocol that the request asked for.
    Upgrade(ResponseHead),
    /// A 2xx reply to CONNECT: the bytes behind this head belong to the tunnel.
    Tunnel(ResponseHead),
    /// So many bytes came behind the reply. They are no reply to anything, and the connection
    /// must not be used again.
    Surplus(usize),
}

/// The end of a reply.
///
/// ```
/// use torsade_http::wire::{CloseReason, Event, Exchange, Limits, RequestHead};
/// use torsade_http::{HeaderMap, Method};
///
/// # let headers = HeaderMap::new();
/// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
/// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
/// let (_, head) = exchange.receive(b"HTTP/1.1 200 OK\r\n\r\n")?; // it says no length
/// assert!(matches!(head, Some(Event::Head(_))));
/// assert_eq!(exchange.receive(b"some")?, (4, Some(Event::Body(b"some"))));
/// let Some(Event::End(end)) = exchange.eof()? else { panic!("there is more") };
/// assert!(end.until_close); // all of it, or not
/// assert_eq!(end.reuse, Err(CloseReason::BodyUntilClose));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct End {
    /// The trailers of a chunked body, without those that may not stand there (RFC 9110 section
    /// 6.5.1); `None` if there are none.
    pub trailers: Option<HeaderMap>,
    /// Whether only the end of the connection ended the body: it may have been cut off, and
    /// nobody can tell (Twisted's PotentialDataLoss).
    #[doc(alias = "PotentialDataLoss")]
    pub until_close: bool,
    /// Whether the connection may be used again, as far as can be told now.
    pub reuse: Result<(), CloseReason>,
}
