//! Content codings: bodies that were compressed for the way.

mod body;
#[cfg(feature = "brotli")]
mod br;
mod decoder;
#[cfg(feature = "gzip")]
mod deflate;
mod error;
#[cfg(feature = "gzip")]
mod gzip;

use std::fmt;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, RANGE};
use http::{HeaderMap, HeaderValue};
use torsade_core::Deferred;

pub(crate) use self::body::Decoding;
pub(crate) use self::decoder::Decoder;
use self::decoder::{Bounds, Coding};
pub use self::error::DecodeError;
use crate::agent::RequestAgent;
use crate::request::Request;
use crate::response::Response;

/// Asks for compressed bodies, over another agent, and decodes them: gzip, deflate, br and zstd, as
/// far as the features of these names are on (deflate with gzip).
///
/// A response that was decoded has no `Content-Encoding` and no length any more. A coding that is
/// not known here stays, with those beneath it. What is broken, or cut off, is a [`DecodeError`]
/// behind what could be decoded. A request with `Accept-Encoding` of its own, or with `Range`, is
/// sent as it is, and its response decoded all the same.
///
/// ```
/// # use std::io::Write;
/// use torsade_http::{Agent, ContentDecoderAgent, Method, Request, RequestAgent, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
/// # packed.write_all(&[b'x'; 10_000])?;
/// # let packed = packed.finish()?;
/// # let mut reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
/// # reply.extend_from_slice(&packed); // 43 bytes
/// # if !cfg!(feature = "gzip") { return Ok(()) } // nothing is decoded then
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(move |_: &Address| { let reply = reply.clone(); Telling::new(move || reply.clone()) })?;
/// let agent = ContentDecoderAgent::new(Agent::new(&reactor));
/// let request = Request::new(Method::GET, "http://127.0.0.1/")?;
/// let text = reactor.run_until(agent.request(request).add_callback(Response::text))?;
/// assert_eq!(text, "x".repeat(10_000)); // of less than 100 bytes on the way
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "GzipDecoder")]
pub struct ContentDecoderAgent<A> {
    agent: A,
    bounds: Bounds,
}

impl<A: RequestAgent> ContentDecoderAgent<A> {
    /// Decodes what comes from `agent`.
    pub fn new(agent: A) -> Self {
        Self {
            agent,
            bounds: Bounds::default(),
        }
    }

    /// Gives up on bodies that grow to more than so many times of what came: 250 unless set. The
    /// first 64 MiB are free.
    ///
    /// A few bytes can be made to become gigabytes.
    ///
    /// ```
    /// # use std::io::Write;
    /// use torsade_http::{Agent, ContentDecoderAgent, DecodeError, Method, Request, RequestAgent, Response};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    /// # packed.write_all(&vec![0; 70 << 20])?;
    /// # let packed = packed.finish()?;
    /// # let mut reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    /// # reply.extend_from_slice(&packed);
    /// # if !cfg!(feature = "gzip") { return Ok(()) } // nothing is decoded then
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(move |_: &Address| { let reply = reply.clone(); Telling::new(move || reply.clone()) })?;
    /// // A server that sends 70 MiB of zeros, packed by far more than that.
    /// let agent = ContentDecoderAgent::new(Agent::new(&reactor)).max_expansion(100);
    /// let body = agent
    ///     .request(Request::new(Method::GET, "http://127.0.0.1/")?)
    ///     .add_callback(|response| response.read_body_up_to(1 << 30));
    /// let failure = reactor.run_until(body).unwrap_err();
    /// assert!(matches!(failure.find(), Some(DecodeError::TooMuch { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn max_expansion(mut self, times: u64) -> Self {
        self.bounds.times = times;
        self
    }
}

impl<A: RequestAgent> RequestAgent for ContentDecoderAgent<A> {
    /// # Errors
    /// Those of the agent below; [`DecodeError`] where the body is taken.
    fn request(&self, mut request: Request) -> Deferred<Response> {
        let headers = &mut request.headers;
        if !Coding::OFFER.is_empty()
            && !headers.contains_key(ACCEPT_ENCODING)
            && !headers.contains_key(RANGE)
        {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Coding::OFFER));
        }
        let bounds = self.bounds;
        self.agent.request(request).map(move |response| {
            let (codings, left) = known(response.headers());
            match Decoder::new(&codings, bounds) {
                Some(decoder) => response.decoded(decoder, left),
                None => response,
            }
        })
    }
}

/// The codings to undo, the last applied first, and what is left of the field then.
fn known(headers: &HeaderMap) -> (Vec<Coding>, Option<HeaderValue>) {
    let lines = headers.get_all(CONTENT_ENCODING);
    let mut names: Vec<&[u8]> = lines
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .collect();
    let mut codings = Vec::new();
    while let Some(last) = names.last() {
        match Coding::named(last) {
            Some(coding) => codings.push(coding),
            None if last.eq_ignore_ascii_case(b"identity") => {}
            None => break,
        }
        names.pop();
    }
    let left = match names.is_empty() {
        true => None,
        false => HeaderValue::from_bytes(&names.join(&b", "[..])).ok(),
    };
    (codings, left)
}

impl<A: fmt::Debug> fmt::Debug for ContentDecoderAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentDecoderAgent")
            .field("agent", &self.agent)
            .field("bounds", &self.bounds)
            .finish()
    }
}

#[cfg(all(test, feature = "gzip", feature = "brotli", feature = "zstd"))]
mod tests;
