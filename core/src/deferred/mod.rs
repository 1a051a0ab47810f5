//! Deferreds: results that are not there yet, and chains of callbacks that will get them.
//!
//! ```text
//!                add_callback    add_errback
//!   Resolver ---> callback ----> errback ----> Deferred
//!   callback(v)      |              ^
//!   errback(e)       | returns a Deferred: the chain waits for it
//!                    '-> Resolver ---> ... ----'
//! ```
//!
//! A [`Deferred`] is made with its [`Resolver`], gets callbacks, and is fired once, or
//! [cancelled](Deferred::cancel) before that. See [`Deferred`] for when callbacks run.
//!
//! # Examples
//! ```
//! use torsade_core::Deferred;
//!
//! fn look_up(name: &str) -> Deferred<u32> {
//!     if name == "answer" { Deferred::succeed(42) } else { Deferred::fail(std::fmt::Error) }
//! }
//!
//! let (resolver, name) = Deferred::new();
//! let answer = name.add_callback(|name: String| look_up(&name)).map(|n| n.to_string());
//! resolver.callback("answer".to_owned());
//! assert_eq!(answer.try_take().unwrap().unwrap(), "42");
//! ```

mod attach;
mod canceller;
mod chain;
#[expect(
    clippy::module_inception,
    reason = "the file is about the type of that name"
)]
mod deferred;
mod future;
mod gather;
mod join;
mod list;
mod live;
mod lock;
mod maybe;
mod node;
mod outcome;
mod pause;
mod queue;
mod race;
mod resolver;
pub(crate) mod run_queue;
mod semaphore;
mod shared;
mod source;
mod stage;
pub(crate) mod unhandled;
mod waiters;

pub use canceller::Canceller;
pub use deferred::Deferred;
pub use future::DeferredFuture;
pub(crate) use future::poll_noting_awaited;
pub use gather::{Gather, gather};
pub use list::{DeferredList, FirstCallback};
pub use live::set_debugging;
pub(crate) use live::{count as live_count, is_debugging, places_since as live_places_since};
pub use lock::DeferredLock;
pub use maybe::{execute, maybe_deferred};
pub use outcome::Outcome;
pub use pause::Pause;
pub use queue::DeferredQueue;
pub use race::race;
pub use resolver::Resolver;
pub use semaphore::{DeferredSemaphore, Permit};
pub use shared::SharedDeferred;
pub(crate) use waiters::Waiters;

#[cfg(test)]
mod tests;
