//! The reactor, Deferreds, protocols, transports and endpoints of torsade.
//!
//! ```
//! use torsade_core::testing::StringTransport;
//! use torsade_core::{Protocol, Result, Transport};
//!
//! /// Sends back what it gets.
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
//!         transport.write(data);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let wire = StringTransport::new();
//! let _echo = wire.connect(Echo);
//! wire.receive(b"hello")?;
//! assert_eq!(wire.value(), b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! | module | what is in it |
//! |---|---|
//! | [`reactor`] | the loop: timers, signals, threads, coroutines, what it tells of itself |
//! | [`deferred`] | results that come later; several at once, locks, queues |
//! | [`failure`], [`error`] | what went wrong, and where it came along |
//! | [`endpoints`] | to listen and to connect: TCP, UNIX sockets, names, processes, strings |
//! | [`protocols`] | lines, frames, and protocols that are there |
//! | [`policies`] | limits, time-outs and bandwidth for any factory |
//! | [`filter`] | what stands between socket and protocol: proxies, logs of traffic |
//! | `stream` | connections as `AsyncRead` and `AsyncWrite` |
//! | [`datagram`] | UDP, multicast, UNIX datagrams |
//! | [`process`] | child processes |
//! | [`task`] | things done over time: loops, cooperative work, lock files |
//! | [`names`] | host names: the system's, a file's, a cache |
//! | [`net`] | options of connections and ports |
//! | [`testing`] | the same over a network in memory, with a clock of the test's |

mod address;
pub mod datagram;
pub mod deferred;
mod driver;
pub mod endpoints;
pub mod error;
mod factory;
pub mod failure;
pub mod filter;
mod logged;
pub mod names;
pub mod net;
pub mod policies;
pub mod process;
mod producer;
mod protocol;
pub mod protocols;
pub mod reactor;
mod socket_option;
#[cfg(any(feature = "futures-io", feature = "tokio-io"))]
pub mod stream;
pub mod task;
pub mod testing;
mod traffic;
mod transport;
mod watch;

pub use address::{Address, NoSocketAddr, UnixName};
pub use deferred::{
    Canceller, Deferred, DeferredList, DeferredLock, DeferredQueue, DeferredSemaphore,
    FirstCallback, Outcome, Pause, Permit, Resolver, SharedDeferred, execute, gather,
    maybe_deferred, race,
};
pub use endpoints::{
    ClientEndpoint, ConnectOptions, HostnameClient, ListenOptions, ListeningPort, TcpClient,
    TcpServer, UnixClient, UnixServer,
};
pub use error::*;
pub use factory::Factory;
pub use failure::Failure;
pub use filter::Filter;
pub use producer::{Producer, ProducerKind};
pub use protocol::{AccessError, Protocol, ProtocolRef};
pub use reactor::{DelayedCall, Reactor, Remote};
pub use socket_option::{KeepAlive, SocketOption};
pub use task::{react, react_with};
pub use traffic::{Bandwidth, Traffic};
pub use transport::{Credentials, Transport};

/// What functions of torsade, and functions given to it, return: the error is a [`Failure`].
///
/// ```
/// use torsade_core::Result;
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse()?)
/// }
/// assert!(port("http").is_err());
/// ```
pub type Result<T, E = Failure> = std::result::Result<T, E>;
