//! A client of memcached: its classic text protocol, with a Deferred for each request.
//!
//! Requests are sent as they are made, without waiting for the answers to those before them; the
//! answers come in the same order.
//!
//! ```text
//!   Memcache::get ── request ──> transport            Waiting, Waiting, Waiting   (oldest first)
//!                                                        ^
//!   bytes ──> ReplyFraming ── a line, or a value ──> Reply
//! ```
//!
//! ```
//! use std::time::Duration;
//! use torsade_core::protocols::memcache::{Item, MemcacheProtocol};
//! use torsade_core::{Deferred, HostnameClient, Reactor};
//!
//! /// Counts a visit, and gives the page from the cache if it is there.
//! fn cached_page(reactor: &Reactor) -> Deferred<Option<String>> {
//!     let server = HostnameClient::new(reactor, "localhost", 11211);
//!     MemcacheProtocol::new().connect(&server).add_callback(|memcache| {
//!         let visits = Item::new("0").expires_after(Duration::from_secs(3600));
//!         drop(memcache.add("visits", visits));
//!         drop(memcache.increment("visits", 1));
//!         let page = memcache.get("page");
//!         page.map(move |page| {
//!             memcache.close();
//!             page.map(|page| String::from_utf8_lossy(&page.data).into_owned())
//!         })
//!     })
//! }
//! ```

mod client;
mod error;
mod framing;
mod item;
mod protocol;
mod reply;
mod request;
mod shared;

pub use client::Memcache;
pub use error::{Ended, KeyFault, MemcacheError, Refusal, RefusalKind, ReplyError};
pub use framing::ReplyFraming;
pub use item::{CheckAndSet, Item, Value};
pub use protocol::MemcacheProtocol;
pub use reply::Reply;

/// The longest value, in bytes, that is sent or let through unless told otherwise: what memcached
/// itself takes without being told.
const MAX_VALUE: usize = 1024 * 1024;
