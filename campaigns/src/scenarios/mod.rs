//! What is played.

mod datagrams;
mod echo;
mod forwarding;
mod http;
mod lines;
mod memcache;
mod service;
mod threads;

use crate::World;

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// Plays it to its end: everybody goes home.
    pub play: fn(&World),
}

/// All that there are.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "echo",
        play: echo::plain,
    },
    Scenario {
        name: "echo-tls",
        play: echo::tls,
    },
    Scenario {
        name: "datagrams",
        play: datagrams::play,
    },
    Scenario {
        name: "lines",
        play: lines::play,
    },
    Scenario {
        name: "forwarding",
        play: forwarding::ports,
    },
    Scenario {
        name: "socks",
        play: forwarding::socks,
    },
    Scenario {
        name: "service",
        play: service::play,
    },
    Scenario {
        name: "memcache",
        play: memcache::play,
    },
    Scenario {
        name: "http",
        play: http::plain,
    },
    Scenario {
        name: "https",
        play: http::tls,
    },
    Scenario {
        name: "proxied",
        play: http::proxied,
    },
    Scenario {
        name: "threads",
        play: threads::play,
    },
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
