//! The sending side of an exchange: the request's body.

use super::chunked::{CHUNK_END, ChunkHead, LAST_CHUNK};
use super::request::BodyLength;
use crate::error::WireError;

/// What goes on the wire around a piece of a request's body.
///
/// Lets the caller write large pieces without copying them: first [`before`](Self::before), then
/// the piece, then [`after`](Self::after). Both are empty unless the body is chunked.
///
/// ```
/// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
/// use torsade_http::{HeaderMap, Method};
///
/// # let headers = HeaderMap::new();
/// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Unknown);
/// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
/// let large = [b'x'; 40_000];
/// let frame = exchange.body_frame(large.len())?.expect("the server still listens");
/// let pieces = [frame.before(), &large, frame.after()]; // for a vectored write
/// assert_eq!((pieces[0], pieces[2]), (&b"9c40\r\n"[..], &b"\r\n"[..]));
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BodyFrame {
    head: ChunkHead,
    end: &'static [u8],
}

impl BodyFrame {
    const BARE: Self = Self {
        head: ChunkHead::EMPTY,
        end: b"",
    };

    /// The bytes before the piece.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let frame = exchange.body_frame(5)?.expect("the server still listens");
    /// assert!(frame.before().is_empty() && frame.after().is_empty()); // it is in no chunks
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn before(&self) -> &[u8] {
        self.head.as_bytes()
    }

    /// The bytes after the piece.
    pub fn after(&self) -> &'static [u8] {
        self.end
    }
}

/// How far the request's body is sent.
#[derive(Debug)]
pub(super) struct Upload {
    length: BodyLength,
    sent: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `Expect: 100-continue` was sent; the peer may still refuse.
    AwaitContinue,
    Sending,
    Finished,
    /// The final reply came first.
    Stopped,
}

impl Upload {
    pub(super) fn new(length: BodyLength, expect_continue: bool) -> Self {
        let state = match length {
            // "A client MUST NOT generate a 100-continue expectation in a request that does not
            // include content" (RFC 9110 section 10.1.1): there is nothing to hold back.
            BodyLength::None | BodyLength::Known(0) => State::Finished,
            _ if expect_continue => State::AwaitContinue,
            _ => State::Sending,
        };
        Self {
            length,
            sent: 0,
            state,
        }
    }

    /// Whether all of the request is on the wire.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Finished || BodyLength::Known(self.sent) == self.length
    }

    pub(super) fn awaits_continue(&self) -> bool {
        self.state == State::AwaitContinue
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// No more waiting for 100.
    pub(super) fn proceed(&mut self) {
        if self.state == State::AwaitContinue {
            self.state = State::Sending;
        }
    }

    /// The final reply is there: what is not sent will not be.
    pub(super) fn stop(&mut self) {
        if !self.is_complete() {
            self.state = State::Stopped;
        }
    }

    /// Counts `length` more bytes, and says what goes around them; `None` if they are not to be
    /// written at all.
    pub(super) fn frame(&mut self, length: usize) -> Result<Option<BodyFrame>, WireError> {
        self.proceed();
        match self.state {
            State::Stopped => return Ok(None),
            _ if length == 0 => return Ok(None),
            State::Finished => return Err(self.after_end(length)),
            State::Sending | State::AwaitContinue => {}
        }
        let sent = self.sent.saturating_add(length as u64);
        let frame = match self.length {
            BodyLength::Unknown => BodyFrame {
                head: ChunkHead::new(length),
                end: CHUNK_END,
            },
            BodyLength::Known(declared) if sent > declared => {
                return Err(WireError::UploadTooLong {
                    declared,
                    produced: sent,
                });
            }
            BodyLength::Known(_) | BodyLength::None => BodyFrame::BARE,
        };
        self.sent = sent;
        Ok(Some(frame))
    }

    /// The body is complete; returns the bytes that say so.
    pub(super) fn finish(&mut self) -> Result<&'static [u8], WireError> {
        self.proceed();
        if matches!(self.state, State::Stopped | State::Finished) {
            return Ok(b"");
        }
        match self.length {
            BodyLength::Known(declared) if self.sent < declared => {
                return Err(WireError::UploadTooShort {
                    declared,
                    produced: self.sent,
                });
            }
            BodyLength::Known(_) | BodyLength::None => self.state = State::Finished,
            BodyLength::Unknown => {
                self.state = State::Finished;
                return Ok(LAST_CHUNK);
            }
        }
        Ok(b"")
    }

    fn after_end(&self, length: usize) -> WireError {
        match self.length {
            BodyLength::Known(declared) => WireError::UploadTooLong {
                declared,
                produced: self.sent.saturating_add(length as u64),
            },
            BodyLength::None => WireError::UploadTooLong {
                declared: 0,
                produced: length as u64,
            },
            BodyLength::Unknown => WireError::UploadAfterEnd,
        }
    }
}
