//! Things done over time: time-outs, delays, loops, a program's `main`.

mod cooperative_task;
mod cooperator;
mod defer_later;
mod filesystem_lock;
mod looping_call;
mod react;
mod timeout;

pub use cooperative_task::CooperativeTask;
pub use cooperator::Cooperator;
pub use defer_later::defer_later;
pub use filesystem_lock::{DeferredFilesystemLock, FilesystemLocked};
pub use looping_call::LoopingCall;
pub use react::{react, react_with};

#[cfg(test)]
mod tests;
