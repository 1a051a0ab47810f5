//! The reactor: one thread's event loop.
//!
//! # The order of one turn
//! [`Reactor::run`] turns until it is stopped. One turn is, in this order:
//!
//! 1. **Wait** for events: not at all if there is work left, until the next timer is due if
//!    there is one, for ever otherwise.
//! 2. **Signals**, then **calls from other threads** that had arrived when this step began.
//! 3. **Events**: each source that became readable or writable, once. A connection reads at most
//!    68 KiB, a listener accepts at most 64 connections; what is left comes in the next turn.
//! 4. **Timers** that were due when this step began, by deadline, equal ones in the order they
//!    were made. One that is made here waits for the next turn, even with no delay.
//! 5. **Calls** of `call_soon` that were there when this step began.
//! 6. **Coroutines** that were woken.
//! 7. **The agenda**: connections on which something was done in steps 2 to 6 (or that were not
//!    finished in the last turn) write what is queued, in one system call; then producers are
//!    paused or resumed, and ended connections are told `connection_lost`.
//!
//! No step can keep the others waiting: each is bounded by what was there when it began, and
//! timers and calls by a thousand at a time.
//!
//! What a user function fires runs as soon as that function returns, before the next step, the
//! next event, the next timer: see the documentation of [`Deferred`](crate::Deferred).

mod calls;
mod coroutine;
mod descriptors;
mod driven;
mod handle;
mod jobs;
mod pending;
mod remote;
mod resolver;
mod shutdown;
mod signal;
mod signal_handlers;
mod signals;
pub(crate) mod sources;
mod statistics;
mod threads;
mod timed_call;
mod timers;
pub(crate) mod turn;
mod turn_times;

pub use descriptors::{FileDescriptor, Watched};
pub use handle::Reactor;
pub use pending::Pending;
pub use remote::Remote;
pub use shutdown::{Phase, TriggerId};
pub use signal::Signal;
pub use signal_handlers::SignalHandler;
pub use statistics::Statistics;
pub use threads::ThreadStatistics;
pub use timed_call::DelayedCall;
pub use turn_times::TurnTimes;

#[cfg(test)]
mod tests;
