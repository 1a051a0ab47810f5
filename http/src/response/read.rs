//! Bodies that are read whole.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::header;
use torsade_core::{Cancelled, Deferred, Failure, Resolver, Result};

use super::{BODY_LIMIT, Response};
use crate::error::{BodyTooLong, PartialBody, RequestError, Stage, how_it_ended};
use crate::incoming::{BodyControl, BodyProtocol};
use crate::origin::Origin;

/// The longest body that is read only so that its connection can be used again.
const DISCARDED: usize = 64 * 1024;

/// A length that a server declares is believed up to this when room is made for a body.
const BELIEVED: u64 = 1024 * 1024;

impl Response {
    /// Collects the body, up to [`BODY_LIMIT`]. Cancelling closes the connection.
    ///
    /// ```
    /// use torsade_http::{Agent, PartialBody, RequestError, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let body = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(Response::read_body);
    /// let partial = reactor.run_until(body).unwrap_err().trap::<PartialBody>()?;
    /// assert_eq!(&partial.bytes[..], b"hel");
    /// assert!(partial.reason.find::<RequestError>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`PartialBody`], with what came until then; its source is a
    /// [`RequestError`](crate::RequestError) or a [`BodyTooLong`].
    #[doc(alias = "readBody")]
    #[doc(alias = "content")]
    pub fn read_body(self) -> Deferred<Bytes> {
        self.read_body_up_to(BODY_LIMIT)
    }

    /// As [`read_body`](Self::read_body), with a limit of one's own, in bytes.
    ///
    /// ```
    /// use torsade_http::{Agent, BodyTooLong};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let agent = Agent::new(&reactor);
    /// let body = agent.get("http://127.0.0.1/").add_callback(|response| response.read_body_up_to(4));
    /// let failure = reactor.run_until(body).unwrap_err();
    /// assert_eq!(failure.find(), Some(&BodyTooLong { limit: 4 }));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn read_body_up_to(mut self, limit: usize) -> Deferred<Bytes> {
        let Some(body) = self.body.take() else {
            return Deferred::succeed(Bytes::new());
        };
        if self.decoder.is_none()
            && self.on_progress.is_none()
            && let Some(bytes) = body.take_whole()
        {
            if bytes.len() > limit {
                let (bytes, reason) = (bytes.slice(..limit), BodyTooLong { limit }.into());
                return Deferred::fail(PartialBody { bytes, reason });
            }
            return Deferred::succeed(bytes);
        }
        let (weak, origin) = (Rc::downgrade(&body), Origin::of(&self.url));
        let collected: Rc<RefCell<Collected>> = Rc::default();
        let so_far = Rc::clone(&collected);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            let reason = RequestError::new(&origin, Stage::ReadingBody, Cancelled);
            so_far.borrow_mut().break_off(reason.into());
            if let Some(body) = weak.upgrade() {
                body.abort_with(Cancelled.into());
            }
        });
        let expected = body.length().unwrap_or(0).min(BELIEVED).min(limit as u64);
        let expected = usize::try_from(expected).unwrap_or(0);
        collected.borrow_mut().bytes.reserve(expected);
        collected.borrow_mut().resolver = Some(resolver);
        self.deliver(&body, Collector { collected, limit });
        deferred
    }

    /// Has a short body read, so that the connection can be used again. Fires when it can be, or is
    /// closed.
    ///
    /// # Errors
    /// [`RequestError`], if it was cancelled meanwhile.
    pub(crate) fn discard(self) -> Deferred<()> {
        if self
            .body_length()
            .is_some_and(|length| length > DISCARDED as u64)
        {
            return Deferred::succeed(());
        }
        if let Some(body) = &self.body {
            body.drain();
        }
        let read = self.read_body_up_to(DISCARDED).map(drop);
        read.add_errback(|failure| {
            if failure.find::<Cancelled>().is_none() {
                return Ok(());
            }
            // Whoever cancelled it wants nothing to follow either.
            let partial = failure.trap::<PartialBody>()?;
            Err(partial.reason)
        })
    }

    /// Collects the body as text, in the encoding that `Content-Type` or a byte order mark tells;
    /// UTF-8 otherwise. What cannot be decoded becomes U+FFFD.
    ///
    /// ```
    /// use torsade_http::{Agent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// let reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9";
    /// server.listen(|_: &Address| Telling::new(|| reply.to_vec()))?;
    /// let text = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(Response::text);
    /// assert_eq!(reactor.run_until(text)?, "café");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body).
    #[doc(alias = "text_content")]
    pub fn text(self) -> Deferred<String> {
        let encoding = self
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| charset(value.as_bytes()))
            .unwrap_or(encoding_rs::UTF_8);
        self.read_body()
            .map(move |bytes| encoding.decode(&bytes).0.into_owned())
    }

    /// Collects the body as JSON.
    ///
    /// ```
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n[\"milk\",\"bread\"]";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let notes = Agent::new(&reactor).get("http://127.0.0.1/").add_callback(|response| response.json());
    /// let notes: Vec<String> = reactor.run_until(notes)?;
    /// assert_eq!(notes, ["milk", "bread"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body), and what is wrong with the JSON.
    #[cfg(feature = "json")]
    #[doc(alias = "json_content")]
    pub fn json<T: serde::de::DeserializeOwned + 'static>(self) -> Deferred<T> {
        self.read_body()
            .add_callback(|bytes| Ok(serde_json::from_slice(&bytes)?))
    }
}

/// The encoding named by the parameter `charset` of a media type (RFC 9110 section 8.3.2).
fn charset(media_type: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    media_type
        .split(|&byte| byte == b';')
        .skip(1)
        .find_map(|parameter| {
            let mut parts = parameter.splitn(2, |&byte| byte == b'=');
            let (name, value) = (parts.next()?.trim_ascii(), parts.next()?.trim_ascii());
            let is_charset = name.eq_ignore_ascii_case(b"charset");
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            is_charset
                .then(|| encoding_rs::Encoding::for_label(value))
                .flatten()
        })
}

/// A body as far as it has come, and who waits for it.
#[derive(Default)]
struct Collected {
    bytes: BytesMut,
    resolver: Option<Resolver<Bytes>>,
}

impl Collected {
    fn finish(&mut self) {
        if let Some(resolver) = self.resolver.take() {
            resolver.callback(self.bytes.split().freeze());
        }
    }

    fn break_off(&mut self, reason: Failure) {
        if let Some(resolver) = self.resolver.take() {
            let bytes = self.bytes.split().freeze();
            resolver.errback(PartialBody { bytes, reason });
        }
    }
}

/// Collects a body.
struct Collector {
    collected: Rc<RefCell<Collected>>,
    limit: usize,
}

impl BodyProtocol for Collector {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        let mut collected = self.collected.borrow_mut();
        let room = self.limit - collected.bytes.len();
        if data.len() <= room {
            collected.bytes.extend_from_slice(data);
            return Ok(());
        }
        collected.bytes.extend_from_slice(&data[..room]);
        let too_long = BodyTooLong { limit: self.limit };
        collected.break_off(too_long.into());
        Err(too_long.into())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let mut collected = self.collected.borrow_mut();
        match how_it_ended(reason) {
            Ok(()) => collected.finish(),
            Err(failure) => collected.break_off(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_among_the_parameters() {
        for (media_type, name) in [
            ("text/html; charset=utf-8", Some("UTF-8")),
            ("text/html;charset=\"ISO-8859-1\"", Some("windows-1252")),
            ("text/html; x=y; Charset=shift_jis", Some("Shift_JIS")),
            ("text/html", None),
            ("text/html; charset=unheard-of", None),
        ] {
            assert_eq!(
                charset(media_type.as_bytes()).map(|found| found.name()),
                name
            );
        }
    }
}
