//! Why a request got no complete response.

use std::error::Error;
use std::fmt;

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
/// use torsade_core::Reactor;
/// use torsade_http::{Agent, RequestError, Stage};
///
/// let reactor = Reactor::new()?;
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

    /// Whether the time allowed for some stage, or for all of it, was over.
    pub fn is_timeout(&self) -> bool {
        self.cause.find::<TimedOut>().is_some()
            || self.cause.find::<torsade_core::ConnectTimedOut>().is_some()
    }

    /// Whether somebody cancelled it.
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
#[derive(Clone, Debug, Default)]
pub struct ResponseDone {
    /// The fields behind a chunked body (RFC 9110 section 6.5), if there were any.
    pub trailers: Option<HeaderMap>,
}

/// The reason that a body's receiver is given when the connection's end was the body's end.
///
/// Such a body has no length, so nobody can tell whether it was all (RFC 9112 section 8). Over
/// TLS it can be told, and then a cut is an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PotentialDataLoss;

/// A body broke off while it was collected.
///
/// ```
/// use torsade_core::{Deferred, Failure};
/// use torsade_http::{PartialBody, Response};
///
/// /// What came of it, if not all did.
/// fn whatever_came(response: Response) -> Deferred<Vec<u8>> {
///     response.read_body().map(|body| body.to_vec()).add_errback(|failure: Failure| {
///         let partial = failure.trap::<PartialBody>()?;
///         Ok(partial.bytes.to_vec())
///     })
/// }
/// # let _ = whatever_came;
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
///
/// /// A text that is not too long to be shown.
/// fn short(response: Response) -> Deferred<String> {
///     let text = response.read_body_up_to(1000);
///     text.map(|body| String::from_utf8_lossy(&body).into_owned()).add_errback(|failure: Failure| {
///         match failure.find::<BodyTooLong>() {
///             Some(_) => Ok("(much)".to_owned()),
///             None => Err(failure),
///         }
///     })
/// }
/// # let _ = short;
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
