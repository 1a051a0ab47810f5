//! The reactor.

// Until the reactor uses it.
#[allow(dead_code)]
mod timers;
