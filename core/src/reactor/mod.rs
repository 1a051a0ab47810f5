//! The reactor.

// Until the reactor uses it.
#[allow(dead_code)]
mod threads;
#[allow(dead_code)]
mod timers;
