//! Why a request got no complete response.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header::InvalidHeaderName, header::InvalidHeaderValue};
use torsade_core::{
    AccessError, Cancelled, ConnectionAborted, ConnectionDone, ConnectionLost, Failure, Panicked,
    TimedOut, WriteQueueFull,
};
use torsade_tls::TlsError;

use crate::{DecodeError, WireError};

/// A request failed: with whom, at which stage, and why.
///
/// The cause is its [`source`](Error::source): `failure.find::<TlsError>()` and the like find it.
/// A request that was cancelled or timed out is one of these as well, whatever it was doing: its
/// cause is [`Cancelled`] or [`TimedOut`].
///
/// ```
/// use torsade_core::testing::Simulation;
/// use torsade_http::{Agent, RequestError, Stage};
///
/// let reactor = Simulation::new().reactor();
/// // Nobody listens there.
/// let answer = Agent::new(&reactor).get("http://127.0.0.1:9/");
/// let failure = reactor.run_until(answer).unwrap_err();
/// let error = failure.check::<RequestError>().unwrap();
/// assert_eq!(error.stage, Stage::Connecting);
/// assert!(!error.is_timeout());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
#[doc(alias = "ResponseFailed")]
#[doc(alias = "ResponseNeverReceived")]
#[doc(alias = "RequestTransmissionFailed")]
#[doc(alias = "RequestGenerationFailed")]
#[doc(alias = "RequestNotSent")]
#[doc(alias = "ConnectingCancelledError")]
pub struct RequestError {
    /// Whom the request was for: scheme, host and port.
    pub origin: String,
    /// What was being done.
    pub stage: Stage,
    /// What went wrong.
    pub cause: Failure,
}

/// The stages of a request, in their order.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, TcpServer};
/// use torsade_http::{Agent, AgentOptions, RequestError, Stage};
///
/// # fn main() -> torsade_core::Result<()> {
/// # let reactor = Simulation::new().reactor();
/// // A server that listens and says nothing.
/// TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Discard)?;
/// let options = AgentOptions::new().head_timeout(Some(Duration::from_secs(5)));
/// let answer = Agent::with_options(&reactor, options).get("http://127.0.0.1/");
/// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
/// assert_eq!(error.stage, Stage::WaitingForResponse);
/// assert!(error.stage > Stage::Sending); // it may have had an effect
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// All connections that the pool may have were in use.
    WaitingForConnection,
    /// Looking up the name, connecting, TLS.
    Connecting,
    /// Producing and sending the request.
    Sending,
    /// The request is sent; not a byte of the response has come.
    WaitingForResponse,
    /// The head of the response has begun to come.
    ReadingHead,
    /// The head is complete; the body is not.
    ReadingBody,
}

impl RequestError {
    pub(crate) fn new(origin: impl fmt::Display, stage: Stage, cause: impl Into<Failure>) -> Self {
        Self {
            origin: origin.to_string(),
            stage,
            cause: cause.into(),
        }
    }

    /// What became of a request that was cancelled, with this failure, as its time was over. The
    /// stage is that in which it was cancelled.
    pub(crate) fn timed_out(
        origin: impl fmt::Display,
        cancelled: &Failure,
        after: Duration,
    ) -> Self {
        let cause = TimedOut { after };
        match cancelled.check::<Self>() {
            Some(error) => Self::new(&error.origin, error.stage, cause),
            None => Self::new(origin, Stage::WaitingForResponse, cause),
        }
    }

    /// Whether the time allowed for some stage, or for all of it, was over.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::Simulation;
    /// use torsade_http::{Agent, AgentOptions, RequestError};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Simulation::new().silent("192.0.2.1".parse()?).reactor();
    /// let options = AgentOptions::new().connect_timeout(Duration::from_secs(5));
    /// let answer = Agent::with_options(&reactor, options).get("http://192.0.2.1/");
    /// let error = reactor.run_until(answer).unwrap_err().trap::<RequestError>()?;
    /// assert!(error.is_timeout() && !error.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.cause.find::<TimedOut>().is_some()
            || self.cause.find::<torsade_core::ConnectTimedOut>().is_some()
    }

    /// Whether somebody cancelled it.
    ///
    /// ```
    /// use torsade_core::testing::{Simulation, failure_result_of};
    /// use torsade_http::{Agent, RequestError};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Simulation::new().reactor();
    /// let answer = Agent::new(&reactor).get("http://127.0.0.1/");
    /// answer.cancel();
    /// let error = failure_result_of(answer).trap::<RequestError>()?;
    /// assert!(error.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.cause.find::<Cancelled>().is_some()
    }

    /// The same once more, for a second one who has to know.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            stage: self.stage,
            cause: duplicate(&self.cause),
        }
    }
}

/// A failure like `reason`. The types that a connection ends with are kept; what a user's own code
/// ended it with is kept as text.
pub(crate) fn duplicate(reason: &Failure) -> Failure {
    macro_rules! same_if_one_of {
        ($($kind:ty),*) => {
            $(if let Some(error) = reason.check::<$kind>() {
                return error.clone().into();
            })*
        };
    }
    same_if_one_of!(
        ConnectionLost,
        ConnectionDone,
        ConnectionAborted,
        TlsError,
        WireError,
        DecodeError,
        TimedOut,
        Cancelled,
        Panicked,
        WriteQueueFull,
        AccessError
    );
    if let Some(error) = reason.check::<RequestError>() {
        return error.duplicate().into();
    }
    Described(format!("{reason:#}")).into()
}

/// Whether a body's reason to end says that all of it came; else a failure like it.
pub(crate) fn how_it_ended(reason: &Failure) -> Result<(), Failure> {
    let is_done = reason.check::<ResponseDone>().is_some();
    if is_done || reason.check::<PotentialDataLoss>().is_some() {
        return Ok(());
    }
    Err(duplicate(reason))
}

#[derive(Debug)]
struct Described(String);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Described {}

/// The reason that a body's receiver is given when all of it came.
///
/// ```
/// use torsade_core::{Failure, Result};
/// use torsade_http::{BodyControl, BodyProtocol, ResponseDone};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Deferred, Resolver, TcpServer};
///
/// /// Wants to know the digest behind the body.
/// struct Digest(Option<Resolver<String>>);
///
/// impl BodyProtocol for Digest {
///     fn data_received(&mut self, _: &BodyControl, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, reason: &Failure) {
///         let done = reason.check::<ResponseDone>().expect("all of it came");
///         let trailers = done.trailers.as_ref().expect("there are trailers");
///         let digest = trailers["repr-digest"].to_str().unwrap_or_default();
///         self.0.take().expect("it is told once").callback(digest.to_owned());
///     }
/// }
///
/// # fn main() -> Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nRepr-Digest: abc\r\n\r\n";
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Telling::new(|| reply.into()))?;
/// # let agent = torsade_http::Agent::new(&reactor);
/// let response = reactor.run_until(agent.get("http://127.0.0.1/"))?;
/// let (resolver, digest) = Deferred::new();
/// response.deliver_body(Digest(Some(resolver)));
/// assert_eq!(reactor.run_until(digest)?, "abc");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseDone {
    /// The fields behind a chunked body (RFC 9110 section 6.5), if there were any.
    pub trailers: Option<HeaderMap>,
}

/// The reason that a body's receiver is given when the connection's end was the body's end.
///
/// Such a body has no length, so nobody can tell whether it was all (RFC 9112 section 8). Over
/// TLS it can be told, and then a cut is an error instead.
///
/// ```
/// use torsade_core::{Failure, Result};
/// use torsade_http::{BodyControl, BodyProtocol, PotentialDataLoss};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Deferred, Resolver, TcpServer};
///
/// /// Wants to know whether it can be sure.
/// struct Sure(Option<Resolver<bool>>);
///
/// impl BodyProtocol for Sure {
///     fn data_received(&mut self, _: &BodyControl, _: &[u8]) -> Result<()> {
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, reason: &Failure) {
///         let is_sure = reason.check::<PotentialDataLoss>().is_none();
///         self.0.take().expect("it is told once").callback(is_sure);
///     }
/// }
///
/// # fn main() -> Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| b"HTTP/1.0 200 OK\r\n\r\nall?".into()))?;
/// # let agent = torsade_http::Agent::new(&reactor);
/// // It has no Content-Length, and ends with the connection.
/// let response = reactor.run_until(agent.get("http://127.0.0.1/"))?;
/// let (resolver, sure) = Deferred::new();
/// response.deliver_body(Sure(Some(resolver)));
/// assert!(!reactor.run_until(sure)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PotentialDataLoss;

/// A body broke off while it was collected.
///
/// ```
/// use torsade_core::{Deferred, Failure};
/// use torsade_http::{PartialBody, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// What came of it, if not all did.
/// fn whatever_came(response: Response) -> Deferred<Vec<u8>> {
///     response.read_body().map(|body| body.to_vec()).add_errback(|failure: Failure| {
///         let partial = failure.trap::<PartialBody>()?;
///         Ok(partial.bytes.to_vec())
///     })
/// }
///
/// # fn main() -> torsade_core::Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let cut_off = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Telling::new(|| cut_off.into()))?;
/// # let agent = torsade_http::Agent::new(&reactor);
/// let came = agent.get("http://127.0.0.1/").add_callback(whatever_came);
/// assert_eq!(reactor.run_until(came)?, b"hell");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "PartialDownloadError")]
pub struct PartialBody {
    /// What had come until then.
    pub bytes: Bytes,
    /// Why it broke off.
    pub reason: Failure,
}

/// A body is longer than the one who collects it allows.
///
/// ```
/// use torsade_core::{Deferred, Failure};
/// use torsade_http::{BodyTooLong, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// /// A text that is not too long to be shown.
/// fn short(response: Response) -> Deferred<String> {
///     let text = response.read_body_up_to(10);
///     text.map(|body| String::from_utf8_lossy(&body).into_owned()).add_errback(|failure: Failure| {
///         match failure.find::<BodyTooLong>() {
///             Some(_) => Ok("(much)".to_owned()),
///             None => Err(failure),
///         }
///     })
/// }
///
/// # fn main() -> torsade_core::Result<()> {
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
/// # TcpServer::new(&reactor, "127.0.0.1:80".parse()?).listen(|_: &Address| Telling::new(|| reply.into()))?;
/// # let agent = torsade_http::Agent::new(&reactor);
/// let shown = agent.get("http://127.0.0.1/").add_callback(short);
/// assert_eq!(reactor.run_until(shown)?, "(much)");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// A request that cannot be made at all: nothing was sent, and no connection made.
///
/// ```
/// use torsade_http::{InvalidRequest, Method, Request};
///
/// let error = Request::new(Method::GET, "ftp://example.com/").unwrap_err();
/// assert!(matches!(error, InvalidRequest::Scheme(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The URL cannot be understood.
    Url {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        error: url::ParseError,
    },
    /// The URL's scheme is neither `http` nor `https`.
    #[doc(alias = "SchemeNotSupported")]
    Scheme(String),
    /// The URL names no host.
    NoHost(String),
    /// The URL carries a user's name or password, which must not be sent unasked. Set the
    /// `Authorization` field instead.
    Credentials,
    /// A field's name is not one (RFC 9110 section 5.1).
    FieldName(String),
    /// A field's value holds what it must not (RFC 9110 section 5.5).
    FieldValue(String),
}

impl InvalidRequest {
    pub(crate) fn name(name: &[u8], _: &InvalidHeaderName) -> Self {
        Self::FieldName(name.escape_ascii().to_string())
    }

    pub(crate) fn value(name: impl fmt::Display, _: &InvalidHeaderValue) -> Self {
        Self::FieldValue(name.to_string())
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: failed while {}", self.origin, self.stage)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitingForConnection => "waiting for a free connection",
            Self::Connecting => "connecting",
            Self::Sending => "sending the request",
            Self::WaitingForResponse => "waiting for the response",
            Self::ReadingHead => "reading the head of the response",
            Self::ReadingBody => "reading the body of the response",
        })
    }
}

impl fmt::Display for ResponseDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response is complete")
    }
}

impl fmt::Display for PotentialDataLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response ended with its connection, and may have been longer")
    }
}

impl fmt::Display for PartialBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body broke off after {} bytes", self.bytes.len())
    }
}

impl fmt::Display for BodyTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the body is longer than the {} bytes that are allowed",
            self.limit
        )
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, error } => write!(f, "{url:?} is not a URL: {error}"),
            Self::Scheme(scheme) => write!(f, "cannot speak {scheme}, only http and https"),
            Self::NoHost(url) => write!(f, "{url:?} names no host"),
            Self::Credentials => {
                f.write_str("the URL holds a user name or password; use the Authorization field")
            }
            Self::FieldName(name) => write!(f, "\"{name}\" is not a field name"),
            Self::FieldValue(name) => write!(f, "the value of {name} holds what no field may"),
        }
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.error())
    }
}

impl Error for PartialBody {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.reason.error())
    }
}

impl Error for ResponseDone {}
impl Error for PotentialDataLoss {}
impl Error for BodyTooLong {}
impl Error for InvalidRequest {}
