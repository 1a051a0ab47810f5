//! The example `ported`: programs for Twisted, in simulated worlds.

#[path = "../../examples/ported/marathon/mod.rs"]
mod marathon;
#[path = "../../examples/ported/relay.rs"]
mod relay;
#[path = "../../examples/ported/statsd.rs"]
mod statsd;
#[path = "../../examples/ported/tftp/mod.rs"]
mod tftp;

mod collecting;
mod marathon_site;
mod reading;
mod relaying;
mod transferring;
mod watching;
