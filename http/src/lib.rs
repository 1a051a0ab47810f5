//! The HTTP/1.1 client of torsade.
//!
//! An [`Agent`] makes [`Request`]s over http and https, and keeps connections for the next one. A
//! [`Response`] is there when its head is; its body waits until it is taken. Under it all,
//! [`wire`] is the protocol itself, without sockets: bytes in, events out.
//!
//! # Map
//! | what you want | where it is |
//! |---|---|
//! | to fetch, as browsers do it | [`Client`]; one line: [`get`], [`get_text`] |
//! | the plain client below it | [`Agent`], [`AgentOptions`], [`Request`] |
//! | to take the answer | [`Response`]: as text, in pieces, into a file |
//! | to send a body | [`RequestBody`], [`Form`], [`FileBodyProducer`] |
//! | redirects, cookies, codings, log-ins, retries, each alone | [`RedirectAgent`], `CookieAgent`, [`ContentDecoderAgent`], [`AuthAgent`], [`RetryAgent`] |
//! | proxies | [`Proxies`], [`HttpTunnel`] |
//! | what went wrong | [`RequestError`] with its [`Stage`], and the rest of [`error`] |
//! | the protocol without sockets | [`wire`] |
//!
//! ```
//! use std::net::IpAddr;
//! use torsade_core::endpoints::TcpServer;
//! use torsade_core::testing::Simulation;
//! use torsade_core::{Address, Protocol, Result, Transport};
//! use torsade_http::Agent;
//!
//! struct Server;
//! impl Protocol for Server {
//!     fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
//!         transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let localhost = IpAddr::from([127, 0, 0, 1]);
//! let reactor = Simulation::new().host("example.test", [localhost]).reactor();
//! TcpServer::new(&reactor, (localhost, 80).into()).listen(|_: &Address| Server)?;
//! let agent = Agent::new(&reactor);
//! let text = agent.get("http://example.test/").add_callback(|response| response.text());
//! assert_eq!(reactor.run_until(text)?, "hello");
//! # Ok(())
//! # }
//! ```

mod agent;
mod auth;
mod body;
mod client;
mod connection;
#[cfg(feature = "cookies")]
mod cookies;
mod decode;
pub mod error;
mod incoming;
mod origin;
mod proxy;
mod random;
mod range;
mod redirect;
mod request;
mod response;
mod retry;
mod saving;
pub mod wire;

pub use agent::{Agent, AgentOptions, PoolStatistics, RequestAgent};
pub use auth::{AuthAgent, AuthError, Challenge, Credentials};
pub use body::{BodyProducer, BodyWriter, FileBodyProducer, Form, RequestBody};
pub use client::{Client, ClientRequest, HttpStatusError, get, get_text};
pub use connection::{NotUpgraded, UnspokenProtocol};
#[cfg(feature = "cookies")]
pub use cookies::{CookieAgent, CookieJar, CookieJarError};
pub use decode::{ContentDecoderAgent, DecodeError};
pub use error::{
    BodyTooLong, InvalidRequest, PartialBody, PotentialDataLoss, RequestError, ResponseDone, Stage,
    WireError,
};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
pub use incoming::{BodyControl, BodyProtocol};
pub use proxy::{HttpTunnel, InvalidProxy, Proxies, Proxy, ProxyError};
pub use range::ContentRange;
pub use redirect::{RedirectAgent, RedirectError};
pub use request::Request;
pub use response::{BODY_LIMIT, BodyChunks, BodyLineTooLong, BodyLines, Progress, Response};
pub use retry::RetryAgent;
pub use url::Url;
