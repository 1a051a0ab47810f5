//! Protocols to build on: lines, length-prefixed strings, netstrings, codecs of your own; sending
//! files, time-outs. And some that are ready: [`finger`], [`ident`], [`wire`], tables for
//! [Postfix](postfix), and a client of [memcached](memcache).
//!
//! A receiver cuts what comes into pieces and gives them to a type of yours, one at a time:
//!
//! ```text
//!   connection ── data_received ──> Input ── LineReceiver ──> your LineProtocol
//!                                   (kept)   FramedReceiver     your StringProtocol, FrameProtocol
//! ```
//!
//! The pieces are the same however the bytes travelled. What is kept is bounded by the longest piece
//! that is allowed; a receiver with nothing unfinished owns no buffer.

mod answers;
mod byte_count;
mod file_sender;
pub mod finger;
mod forwarding;
mod framed;
mod framing;
pub mod ident;
mod idle_timeout;
mod input;
mod int_prefixed;
mod line;
pub mod memcache;
mod multiplexer;
mod netstring;
pub mod postfix;
mod receiving;
#[cfg(test)]
pub(crate) mod tests;
mod varint;
pub mod wire;

pub use byte_count::{ByteCount, NothingWanted, StatefulReceiver};
pub use file_sender::{FileSender, SendingStopped, Sent};
pub use forwarding::{ForwardedPort, PortForward, SocksConnection, SocksServer};
pub use framed::{FrameControl, FrameProtocol, FramedReceiver, StringControl, StringProtocol};
pub use framing::{Decoder, Framing, StringTooLong};
pub use idle_timeout::IdleTimeout;
pub use int_prefixed::{
    Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, IntPrefixed, LengthLimitExceeded,
};
pub use line::{LineControl, LineProtocol, LineReceiver};
pub use multiplexer::{Multiplexer, Picked};
pub use netstring::{Netstring, NetstringError, NetstringFault, NetstringReceiver};
pub use varint::{VarintError, VarintPrefixed, VarintStringReceiver};
