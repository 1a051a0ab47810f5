//! What is played.

mod echo;
mod forwarding;
mod hosts;
mod http;
mod lines;
mod memcache;
mod service;

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
        name: "hosts",
        play: hosts::play,
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
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
