//! What is wrong with a body that was to be decoded.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A body could not be decoded. What could be was given before.
///
/// ```
/// use torsade_http::{Agent, ContentDecoderAgent, DecodeError, Method, Request, RequestAgent, Response};
/// # use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, TcpServer};
///
/// # if !cfg!(feature = "gzip") { return Ok(()) } // nothing is decoded then
/// # let reactor = Simulation::new().reactor();
/// # let reply = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 14\r\n\r\n<p>a proxy</p>";
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
/// let agent = ContentDecoderAgent::new(Agent::new(&reactor));
/// let text = agent.request(Request::new(Method::GET, "http://127.0.0.1/")?).add_callback(Response::text);
/// let failure = reactor.run_until(text).unwrap_err();
/// assert!(matches!(failure.find(), Some(DecodeError::Corrupt { codings, .. }) if codings == "gzip"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not in the coding that it says, or was changed.
    Corrupt {
        /// The codings, the last applied first.
        codings: String,
        /// What is wrong.
        source: Arc<io::Error>,
    },
    /// It ended before its coding does.
    CutOff {
        /// The codings, the last applied first.
        codings: String,
    },
    /// It grows without measure.
    TooMuch {
        /// How many bytes came.
        came: u64,
        /// How many they had become by then.
        became: u64,
    },
    /// It is coded more often than makes sense.
    TooManyCodings(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { codings, .. } => write!(f, "the body cannot be decoded as {codings}"),
            Self::CutOff { codings } => {
                write!(
                    f,
                    "the body was cut off: as {codings}, there is more to come"
                )
            }
            Self::TooMuch { came, became } => write!(
                f,
                "the body grows without measure: {came} bytes have become {became} already"
            ),
            Self::TooManyCodings(count) => write!(f, "the body was coded {count} times"),
        }
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Corrupt { source, .. } => Some(&**source),
            _ => None,
        }
    }
}
