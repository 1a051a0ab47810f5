//! Connections and listening ports: what stands between the driver and protocols.
//!
//! ```text
//! socket -> read buffer -> filters -> protocol.data_received(&transport, &bytes)
//! transport.write(bytes) -> write queue -> filters -> socket (once, at the turn's end)
//! ```
//!
//! This is the layer that knows both the reactor below and protocols above. A
//! `Connection` is an event source of the reactor and the link behind a
//! [`Transport`](crate::Transport); a listener and a connector are the two ways to come by one.

pub(crate) mod buffers;
mod connection;
mod connector;
mod filter_stack;
pub(crate) mod given;
mod handshakes;
mod listener;
mod metered;
mod tcp;
mod unix;
mod write_queue;

pub use connector::Established;
pub use listener::ListeningPort;
pub(crate) use tcp::attempt;
pub use tcp::{ConnectOptions, ListenOptions};

#[cfg(test)]
mod tests;
