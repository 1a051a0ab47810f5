//! What a simulated world and its links are like.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// What a simulated world is like.
#[derive(Clone, Debug)]
pub(crate) struct SimulationOptions {
    /// The links about which nothing else was said.
    pub(crate) link: LinkOptions,
    /// How many bytes may be under way or unread in one direction; at least 1. By default 64 KiB.
    pub(crate) window: usize,
    /// How long a connection goes on sending what is not answered. By default 924 s, as Linux
    /// (`tcp_retries2`).
    pub(crate) retransmission_limit: Duration,
    /// How long a piece of work of a thread waits at most until it is done, in a world of several
    /// hosts. By default not at all.
    pub(crate) thread_time: Duration,
    /// The names that exist, in lower case, and their addresses. By default only `localhost`.
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
    /// Addresses that never answer a connection attempt.
    pub(crate) silent: Vec<IpAddr>,
    /// Addresses to which there is no way, as to those that no host has.
    pub(crate) unreachable: Vec<IpAddr>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            link: LinkOptions::default(),
            window: 64 * 1024,
            retransmission_limit: Duration::from_secs(924),
            thread_time: Duration::ZERO,
            names: BTreeMap::from([("localhost".to_owned(), vec![localhost])]),
            silent: Vec::new(),
            unreachable: Vec::new(),
        }
    }
}

/// What one direction of a link is like.
#[derive(Clone, Debug)]
pub(crate) struct LinkOptions {
    /// How long everything takes from one end to the other. By default 1 ms.
    pub(crate) latency: Duration,
    /// By how much longer it may take, by chance.
    pub(crate) jitter: Duration,
    /// How many bytes pass in a second; any number if `None`.
    pub(crate) bandwidth: Option<u64>,
    /// How many bytes may wait to pass before datagrams are dropped.
    pub(crate) queue: usize,
    /// The most bytes that travel together; at least 1. By default 1460, as on Ethernet.
    pub(crate) segment_size: usize,
    /// The probability that a datagram is lost.
    pub(crate) loss: f64,
    /// The probability that one comes twice.
    pub(crate) duplication: f64,
    /// The probability that one is held up, so that others may overtake it.
    pub(crate) reordering: f64,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            bandwidth: None,
            queue: 256 * 1024,
            segment_size: 1460,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
        }
    }
}

impl LinkOptions {
    /// From a host to itself, where it has an address of its own.
    pub(super) fn loopback() -> Self {
        Self {
            latency: Duration::from_micros(10),
            segment_size: 65_483,
            ..Self::default()
        }
    }
}
