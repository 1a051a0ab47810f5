//! What an exchange tells of a reply.

use http::HeaderMap;

use super::framing::CloseReason;
use super::head::ResponseHead;

/// What an [`Exchange`](super::Exchange) found in the bytes.
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
