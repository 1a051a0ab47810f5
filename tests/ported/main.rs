//! The example `ported`: programs for Twisted, in simulated worlds.

#[path = "../../examples/ported/relay.rs"]
mod relay;
#[path = "../../examples/ported/statsd.rs"]
mod statsd;
#[path = "../../examples/ported/tftp/mod.rs"]
mod tftp;

mod collecting;
mod relaying;
mod transferring;
