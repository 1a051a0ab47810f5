//! One request and its reply on one connection.

use http::header::{CONNECTION, EXPECT, UPGRADE};
use http::{HeaderMap, Method, StatusCode};

use super::chunked::{Chunk, Decoder};
use super::event::{End, Event};
use super::framing::{self, CloseReason, Framing, has_token, persistence};
use super::head::{HeadParser, ResponseHead};
use super::limits::Limits;
use super::request::{RequestHead, encode};
use super::upload::{BodyFrame, Upload};
use crate::error::WireError;

/// One request and its reply on one connection: the client's side of HTTP/1.1.
///
/// ```text
///  request   start --> [await 100] --> body ... --> finished
///                            |           |
///                            | final head came first
///                            v           v
///                             stopped: the rest is not sent
///
///  reply     head -----------------> body ---------> end --> done
///            |  ^  | 101, or 2xx      Length          ^       |
///        1xx |  |  | to CONNECT       Chunked         |       | more bytes
///            +--+  v                  UntilClose --eof+       v
///              switched: the bytes are not ours      (Empty)  surplus
///
///            any state -- broken, or eof too early --> failed
/// ```
///
/// Both sides go on at once: keep reading while the body is being written, and look at
/// [`upload_must_stop`](Self::upload_must_stop) after each [`Event::Head`].
///
/// An idle connection has no exchange. Whatever comes on it, bytes or an end, belongs to no
/// request, and the connection must be dropped.
///
/// ```
/// use http::{HeaderMap, Method};
/// use torsade_http::wire::{BodyLength, Event, Exchange, Limits, RequestHead};
///
/// let mut wire = Vec::new();
/// let headers = HeaderMap::new();
/// let request = RequestHead::new(&Method::POST, "/notes", "example.org", &headers)
///     .body(BodyLength::Unknown);
/// let mut exchange = Exchange::start(&request, Limits::default(), &mut wire)?;
/// exchange.body_chunk(b"hello", &mut wire)?;
/// exchange.finish_body(&mut wire)?;
/// assert_eq!(
///     wire,
///     b"POST /notes HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n\
///       5\r\nhello\r\n0\r\n\r\n"
/// );
///
/// // As read from a socket, in whatever pieces.
/// let mut body = Vec::new();
/// for piece in [&b"HTTP/1.1 201 Created\r\nContent-Le"[..], b"ngth: 4\r\n\r\ndo", b"ne"] {
///     let mut rest = piece;
///     loop {
///         let (used, event) = exchange.receive(rest)?;
///         rest = &rest[used..];
///         match event {
///             None => break,
///             Some(Event::Head(head)) => assert_eq!(head.status, 201),
///             Some(Event::Body(bytes)) => body.extend_from_slice(bytes),
///             Some(Event::End(end)) => assert_eq!(end.reuse, Ok(())),
///             Some(other) => panic!("{other:?}"),
///         }
///     }
/// }
/// assert_eq!(body, b"done");
/// # Ok::<(), torsade_http::WireError>(())
/// ```
#[doc(alias = "HTTPClientParser")]
#[derive(Debug)]
pub struct Exchange {
    limits: Limits,
    method: Method,
    /// Whether the request asked to switch protocols.
    asked_upgrade: bool,
    upload: Upload,
    head: HeadParser,
    receiving: Receiving,
    /// Whether a byte has come.
    started: bool,
    /// 1xx replies so far.
    informational: usize,
    /// Bytes of the body handed out.
    received: u64,
    /// The first reason found not to use the connection again.
    close: Option<CloseReason>,
}

#[derive(Debug)]
enum Receiving {
    Head,
    /// So many bytes are declared, and so many of them are to come.
    Length {
        declared: u64,
        left: u64,
    },
    Chunked(Decoder),
    UntilClose,
    Done,
    Switched,
    Failed(WireError),
}

impl Exchange {
    /// Appends the request's head to `out`, and awaits its reply.
    ///
    /// ```
    /// use torsade_http::wire::{Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// let (headers, mut out) = (HeaderMap::new(), Vec::new());
    /// let smuggling = RequestHead::new(&Method::GET, "/ HTTP/1.1\r\nX: ", "example.org", &headers);
    /// let error = Exchange::start(&smuggling, Limits::default(), &mut out).unwrap_err();
    /// assert!(matches!(error, WireError::BadTarget { .. }));
    /// assert!(out.is_empty());
    /// ```
    ///
    /// # Errors
    /// Those of [`encode`](super::request::encode): the request must not be sent. Nothing was
    /// written.
    pub fn start(
        request: &RequestHead<'_>,
        limits: Limits,
        out: &mut Vec<u8>,
    ) -> Result<Self, WireError> {
        let length = encode(request, out)?;
        let headers = request.headers;
        let close = request.close || has_token(headers, &CONNECTION, "close");
        Ok(Self {
            limits,
            method: request.method.clone(),
            asked_upgrade: headers.contains_key(UPGRADE),
            upload: Upload::new(length, has_token(headers, &EXPECT, "100-continue")),
            head: HeadParser::new(limits),
            receiving: Receiving::Head,
            started: false,
            informational: 0,
            received: 0,
            close: close.then_some(CloseReason::RequestSaidClose),
        })
    }

    // The request's body.

    /// Whether to hold the body back: `Expect: 100-continue` was sent, and neither 100 nor a
    /// final reply has come.
    ///
    /// Wait for a bounded time only (RFC 9110 section 10.1.1), and no longer bounded once
    /// [`response_started`](Self::response_started); then send the body.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, HeaderValue, Method};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("expect", HeaderValue::from_static("100-continue"));
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// assert!(exchange.awaits_continue());
    /// exchange.receive(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    /// assert!(!exchange.awaits_continue());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn awaits_continue(&self) -> bool {
        self.upload.awaits_continue()
    }

    /// Whether the final reply came before the request's body was complete: stop producing it.
    /// The connection will not be reusable.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// exchange.body_chunk(b"he", &mut Vec::new())?;
    /// exchange.receive(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")?;
    /// assert!(exchange.upload_must_stop() && !exchange.upload_is_complete());
    /// // Who has not noticed yet does no harm.
    /// let mut wire = Vec::new();
    /// exchange.body_chunk(b"llo", &mut wire)?;
    /// assert!(wire.is_empty());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn upload_must_stop(&self) -> bool {
        self.upload.is_stopped()
    }

    /// Whether all of the request is on the wire.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// assert!(!exchange.upload_is_complete());
    /// exchange.body_chunk(b"hello", &mut Vec::new())?;
    /// assert!(exchange.upload_is_complete()); // by its length
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn upload_is_complete(&self) -> bool {
        self.upload.is_complete()
    }

    /// Appends the next bytes of the body to `out`, framed as the head has promised.
    ///
    /// No bytes are no chunk. Once [`upload_must_stop`](Self::upload_must_stop), bytes are
    /// silently dropped: a producer may be a step behind.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let mut wire = Vec::new();
    /// exchange.body_chunk(b"hello", &mut wire)?;
    /// let error = exchange.body_chunk(b"!", &mut wire).unwrap_err();
    /// assert_eq!(error, WireError::UploadTooLong { declared: 5, produced: 6 });
    /// assert_eq!(wire, b"hello");
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    ///
    /// # Errors
    /// [`UploadTooLong`](WireError::UploadTooLong) and
    /// [`UploadAfterEnd`](WireError::UploadAfterEnd): nothing was written, and the connection must
    /// be closed.
    pub fn body_chunk(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
        if let Some(frame) = self.body_frame(data.len())? {
            out.reserve(frame.before().len() + data.len() + frame.after().len());
            out.extend_from_slice(frame.before());
            out.extend_from_slice(data);
            out.extend_from_slice(frame.after());
        }
        Ok(())
    }

    /// As [`body_chunk`](Self::body_chunk), for a caller who writes the bytes itself, without a
    /// copy: says what goes around `length` bytes, or `None` if they are not to be written.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Unknown);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let frame = exchange.body_frame(5)?.expect("the server still listens");
    /// assert_eq!(frame.before(), b"5\r\n");
    /// assert!(exchange.body_frame(0)?.is_none()); // that would be the end
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`body_chunk`](Self::body_chunk).
    pub fn body_frame(&mut self, length: usize) -> Result<Option<BodyFrame>, WireError> {
        self.upload.frame(length)
    }

    /// Ends the body; appends the last chunk to `out` if it is chunked.
    ///
    /// ```
    /// use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// let request = RequestHead::new(&Method::PUT, "/", "example.org", &headers).body(BodyLength::Known(5));
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let mut wire = Vec::new();
    /// exchange.body_chunk(b"hell", &mut wire)?;
    /// let error = exchange.finish_body(&mut wire).unwrap_err();
    /// assert_eq!(error, WireError::UploadTooShort { declared: 5, produced: 4 });
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    ///
    /// # Errors
    /// [`UploadTooShort`](WireError::UploadTooShort): nothing was written, and the connection must
    /// be closed, as the peer waits for the rest.
    pub fn finish_body(&mut self, out: &mut Vec<u8>) -> Result<(), WireError> {
        out.extend_from_slice(self.upload.finish()?);
        Ok(())
    }

    // The reply.

    /// Takes bytes of the reply; returns how many were used, and what was found in them.
    ///
    /// Call it with the unused rest, even if that is empty, until it finds nothing. All bytes are
    /// then used, save those behind an [`Event::Upgrade`] or [`Event::Tunnel`].
    ///
    /// ```
    /// use torsade_http::wire::{Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let error = exchange.receive(b"HTTP/2.0 200 OK\r\n\r\n").unwrap_err();
    /// assert!(matches!(error, WireError::UnsupportedVersion { .. }));
    /// assert_eq!(exchange.receive(b"more"), Err(error));
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    ///
    /// # Errors
    /// The reply is broken or passes a limit. The connection must be closed; the same error comes
    /// again if the exchange is used again.
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
    ) -> Result<(usize, Option<Event<'a>>), WireError> {
        self.started |= !input.is_empty();
        let received = self.advance(input);
        if let Err(error) = &received {
            self.receiving = Receiving::Failed(error.clone());
        }
        received
    }

    /// Takes the end of the connection; returns the end of the reply, if this is how its body
    /// ends.
    ///
    /// ```
    /// use torsade_http::wire::{Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    /// let (used, _head) = exchange.receive(reply)?;
    /// assert_eq!(exchange.body_length(), Some(5));
    /// exchange.receive(&reply[used..])?;
    /// let error = exchange.eof().unwrap_err();
    /// assert_eq!(error, WireError::ClosedInBody { declared: Some(5), received: 4 });
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    ///
    /// # Errors
    /// The reply is not complete: [`ClosedBeforeResponse`](WireError::ClosedBeforeResponse),
    /// [`ClosedAfterInformational`](WireError::ClosedAfterInformational),
    /// [`ClosedInHead`](WireError::ClosedInHead) or
    /// [`ClosedInBody`](WireError::ClosedInBody); or what came was no HTTP.
    pub fn eof(&mut self) -> Result<Option<Event<'static>>, WireError> {
        let error = match &self.receiving {
            Receiving::Head if !self.head.is_started() && self.informational > 0 => {
                WireError::ClosedAfterInformational {
                    count: self.informational,
                }
            }
            Receiving::Head => self.head.closed(),
            Receiving::Length { left: 0, .. } => {
                self.doubt(CloseReason::PeerClosed);
                return Ok(Some(self.end(None)));
            }
            &Receiving::Length { declared, .. } => WireError::ClosedInBody {
                declared: Some(declared),
                received: self.received,
            },
            Receiving::Chunked(_) => WireError::ClosedInBody {
                declared: None,
                received: self.received,
            },
            Receiving::UntilClose => return Ok(Some(self.end(None))),
            Receiving::Done => {
                self.doubt(CloseReason::PeerClosed);
                return Ok(None);
            }
            Receiving::Switched => return Ok(None),
            Receiving::Failed(error) => return Err(error.clone()),
        };
        self.receiving = Receiving::Failed(error.clone());
        Err(error)
    }

    /// Whether a byte of any reply, 1xx included, has come. From then on the request has had an
    /// effect, and must not be sent again unasked.
    ///
    /// ```
    /// use torsade_http::wire::{Exchange, Limits, RequestHead, WireError};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// // The server has closed a connection that was idle: nothing has happened.
    /// assert_eq!(exchange.eof(), Err(WireError::ClosedBeforeResponse));
    /// assert!(!exchange.response_started());
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn response_started(&self) -> bool {
        self.started
    }

    /// How many bytes of the reply's body are to come, if the head has told.
    ///
    /// ```
    /// use torsade_http::wire::{Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// assert_eq!(exchange.body_length(), None);
    /// exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")?;
    /// assert_eq!(exchange.body_length(), Some(5));
    /// exchange.receive(b"he")?;
    /// assert_eq!(exchange.body_length(), Some(3));
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn body_length(&self) -> Option<u64> {
        match self.receiving {
            Receiving::Length { left, .. } => Some(left),
            Receiving::Done => Some(0),
            _ => None,
        }
    }

    /// Whether the connection may be used again, as far as can be told now: the reply is
    /// complete, nothing came behind it, and no side wants to close.
    ///
    /// ```
    /// use torsade_http::wire::{CloseReason, Exchange, Limits, RequestHead};
    /// use torsade_http::{HeaderMap, Method};
    ///
    /// # let headers = HeaderMap::new();
    /// # let request = RequestHead::new(&Method::GET, "/", "example.org", &headers);
    /// let mut exchange = Exchange::start(&request, Limits::default(), &mut Vec::new())?;
    /// let mut rest = &b"HTTP/1.1 204 No Content\r\n\r\nwhat is this?"[..];
    /// while let (used, Some(_)) = exchange.receive(rest)? {
    ///     rest = &rest[used..];
    /// }
    /// assert_eq!(exchange.reuse(), Err(CloseReason::SurplusBytes));
    /// # Ok::<(), torsade_http::WireError>(())
    /// ```
    pub fn reuse(&self) -> Result<(), CloseReason> {
        match (&self.receiving, self.close) {
            (Receiving::Switched, _) => Err(CloseReason::Switched),
            (Receiving::Done, None) => Ok(()),
            (Receiving::Done, Some(reason)) => Err(reason),
            _ => Err(CloseReason::NotFinished),
        }
    }

    fn advance<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), WireError> {
        match &mut self.receiving {
            Receiving::Head => {
                let (used, head) = self.head.parse(input)?;
                let event = head.map(|head| self.head_event(head)).transpose()?;
                Ok((used, event))
            }
            Receiving::Length { left: 0, .. } => Ok((0, Some(self.end_before(input, None)))),
            Receiving::Chunked(decoder) => match decoder.decode(input)? {
                (used, None) => Ok((used, None)),
                (used, Some(Chunk::Data(data))) => {
                    self.received += data.len() as u64;
                    Ok((used, Some(Event::Body(data))))
                }
                (used, Some(Chunk::End(trailers))) => {
                    Ok((used, Some(self.end_before(&input[used..], trailers))))
                }
            },
            _ if input.is_empty() => match &self.receiving {
                Receiving::Failed(error) => Err(error.clone()),
                _ => Ok((0, None)),
            },
            Receiving::Length { left, .. } => {
                let length =
                    usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= length as u64;
                self.received += length as u64;
                Ok((length, Some(Event::Body(&input[..length]))))
            }
            Receiving::UntilClose => {
                self.received += input.len() as u64;
                Ok((input.len(), Some(Event::Body(input))))
            }
            Receiving::Done => {
                self.doubt(CloseReason::SurplusBytes);
                Ok((input.len(), Some(Event::Surplus(input.len()))))
            }
            Receiving::Switched => Ok((0, None)),
            Receiving::Failed(error) => Err(error.clone()),
        }
    }

    fn head_event(&mut self, head: ResponseHead) -> Result<Event<'static>, WireError> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            // "A server MUST NOT switch protocols unless the received message semantics can be
            // honored by the new protocol", and not before it has the request (RFC 9110 section
            // 7.8).
            if !self.asked_upgrade || !self.upload.is_complete() {
                return Err(WireError::UnexpectedUpgrade);
            }
            self.receiving = Receiving::Switched;
            return Ok(Event::Upgrade(head));
        }
        if head.status.is_informational() {
            self.informational += 1;
            if self.informational > self.limits.informational_count {
                return Err(WireError::TooManyInformational {
                    limit: self.limits.informational_count,
                });
            }
            if head.status == StatusCode::CONTINUE {
                self.upload.proceed();
            }
            return Ok(Event::Informational(head));
        }
        let (framing, doubt) = framing::of_reply(&self.method, &head)?;
        self.receiving = match framing {
            Framing::Tunnel => {
                self.receiving = Receiving::Switched;
                return Ok(Event::Tunnel(head));
            }
            Framing::Empty => Receiving::Length {
                declared: 0,
                left: 0,
            },
            Framing::Length(length) => Receiving::Length {
                declared: length,
                left: length,
            },
            Framing::Chunked => Receiving::Chunked(Decoder::new(self.limits)),
            Framing::UntilClose => Receiving::UntilClose,
        };
        self.upload.stop();
        if self.upload.is_stopped() {
            self.doubt(CloseReason::ReplyBeforeRequestEnd);
        }
        if let Err(reason) = persistence(head.version, &head.headers) {
            self.doubt(reason);
        }
        if let Some(reason) = doubt {
            self.doubt(reason);
        }
        Ok(Event::Head(head))
    }

    /// The end of the reply, with `rest` behind it in the same input.
    fn end_before(&mut self, rest: &[u8], trailers: Option<HeaderMap>) -> Event<'static> {
        if !rest.is_empty() {
            self.doubt(CloseReason::SurplusBytes);
        }
        self.end(trailers)
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Event<'static> {
        let until_close = matches!(self.receiving, Receiving::UntilClose);
        self.receiving = Receiving::Done;
        Event::End(End {
            trailers,
            until_close,
            reuse: self.reuse(),
        })
    }

    /// Notes a reason not to use the connection again. The first one stays.
    fn doubt(&mut self, reason: CloseReason) {
        self.close.get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests;
