//! HTTP/1.1 without sockets: bytes in, events out (RFC 9112).
//!
//! Nothing here reads a socket or a clock, and nothing calls back; so all of it is tested and
//! fuzzed on plain byte slices. The [`Exchange`] is what a connection drives: it writes one
//! request and reads one reply. Its parts stand alone too:
//!
//! - [`request`] writes the head of a request;
//! - [`head`] reads the head of a reply, with httparse;
//! - [`framing`] decides where the body ends, and whether the connection may be used again;
//! - [`chunked`] decodes and encodes the chunked coding;
//! - [`Limits`] bounds everything that a peer could let grow.
//!
//! ```
//! use torsade_http::wire::{Event, Exchange, Limits, RequestHead};
//! use torsade_http::{HeaderMap, Method};
//!
//! let (headers, mut wire) = (HeaderMap::new(), Vec::new());
//! let request = RequestHead::new(&Method::HEAD, "/", "example.org", &headers);
//! let mut exchange = Exchange::start(&request, Limits::default(), &mut wire)?;
//! assert_eq!(wire, b"HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n");
//! let (_, event) = exchange.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")?;
//! assert!(matches!(event, Some(Event::Head(head)) if head.status == 200));
//! let (_, event) = exchange.receive(b"")?;
//! assert!(matches!(event, Some(Event::End(end)) if end.reuse.is_ok())); // HEAD has no body
//! # Ok::<(), torsade_http::WireError>(())
//! ```

pub mod chunked;
mod event;
mod exchange;
pub mod framing;
pub mod head;
mod limits;
mod lines;
mod parse;
pub mod request;
mod trailers;
mod upload;

pub use event::{End, Event};
pub use exchange::Exchange;
pub use framing::CloseReason;
pub use head::ResponseHead;
pub use limits::Limits;
pub use request::{BodyLength, RequestHead};
pub use upload::BodyFrame;

pub use crate::error::{ChunkFault, FieldFault, Foreign, WireError};
