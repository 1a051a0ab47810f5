//! The reactor, Deferreds, protocols, transports and endpoints of torsade.

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

pub use address::{Address, UnixName};
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
pub type Result<T, E = Failure> = std::result::Result<T, E>;
