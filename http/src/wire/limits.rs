//! Bounds on what a peer may send.

/// Bounds on what a peer may send before it is cut off.
///
/// Each has its own error, which names the limit. All of them can be set:
///
/// ```
/// use torsade_http::wire::Limits;
///
/// let limits = Limits { head_bytes: 16 * 1024, ..Limits::default() };
/// assert_eq!(limits.header_count, 1_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a reply's head, the empty line at its end included. Default 256 KiB, about what
    /// browsers take.
    ///
    /// Passing it is [`HeadTooLong`](super::WireError::HeadTooLong).
    pub head_bytes: usize,
    /// Bytes of one line of a head or of trailers, its line end included. Default 128 KiB: fields
    /// of 64 KiB are seen in the wild.
    ///
    /// Passing it is [`LineTooLong`](super::WireError::LineTooLong).
    pub line_bytes: usize,
    /// Fields of a head, and fields of the trailers. Default 1,000.
    ///
    /// Passing it is [`TooManyHeaders`](super::WireError::TooManyHeaders). No more than 24,576
    /// distinct names can be had, as that is all that an [`http::HeaderMap`] takes.
    pub header_count: usize,
    /// Bytes of the line with a chunk's size and extensions, its line end included. Default
    /// 16 KiB. Nothing of it is stored, but whoever sends more means no good.
    ///
    /// Passing it is [`ChunkLineTooLong`](super::WireError::ChunkLineTooLong).
    pub chunk_line_bytes: usize,
    /// Bytes of the trailers behind a chunked body. Default 16 KiB.
    ///
    /// Passing it is [`TrailersTooLong`](super::WireError::TrailersTooLong).
    pub trailer_bytes: usize,
    /// Replies of status 1xx before the final one. Default 64.
    ///
    /// Passing it is [`TooManyInformational`](super::WireError::TooManyInformational).
    pub informational_count: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 256 * 1024,
            line_bytes: 128 * 1024,
            header_count: 1_000,
            chunk_line_bytes: 16 * 1024,
            trailer_bytes: 16 * 1024,
            informational_count: 64,
        }
    }
}
