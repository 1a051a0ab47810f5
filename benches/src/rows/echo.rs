//! Messages that come back.

use super::peers;
use crate::load::{Echo, Security, Target, echo};
use crate::machine::{Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample};

/// Over TCP.
pub(super) fn tcp(machine: &Machine) -> Row {
    Row {
        peers: peers::echo(machine),
        cases: cases(Security::None, &["tokio 64 KiB", "tokio 512 B"]),
    }
}

/// Over TLS.
pub(super) fn tls(machine: &Machine) -> Row {
    Row {
        peers: peers::tls_echo(machine),
        cases: cases(
            Security::Tls,
            &["tokio-rustls 64 KiB", "tokio-rustls 512 B"],
        ),
    }
}

fn cases(security: Security, buffers: &[&'static str]) -> Vec<Case> {
    let work = |connections, size, depth| Echo {
        connections,
        size,
        depth,
        security,
    };
    let small = |connections| {
        case(
            &format!("{connections} connections, 64 B"),
            work(connections, 64, 1),
        )
    };
    let sized = |size: usize| {
        case(&format!("8 connections, {size} B"), work(8, size, 1))
            .growing("size of a message", size as f64)
            .for_growth_only()
    };
    let in_flight = |depth: usize| {
        case(
            &format!("64 connections, 64 B, {depth} at a time"),
            work(64, 64, depth),
        )
        .growing("messages at a time", depth as f64)
    };
    let mut cases = vec![
        small(1).growing("connections", 1.0),
        small(10).growing("connections", 10.0).for_growth_only(),
        small(64),
        small(100).growing("connections", 100.0).for_growth_only(),
        small(1000).growing("connections", 1000.0),
        in_flight(1).for_growth_only(),
        in_flight(16),
        in_flight(100).for_growth_only(),
        sized(640),
        sized(6400),
        sized(64_000),
    ];
    // Buffers make a difference where messages are large.
    cases
        .iter_mut()
        .for_each(|case| case.without.extend(buffers));
    cases.push(case("8 connections, 64 KiB", work(8, 64 << 10, 1)).without(&buffers[1..]));
    cases
}

fn case(label: &str, work: Echo) -> Case {
    Case::new(label, move |machine, peer| measure(machine, peer, work))
}

/// A new server for each measurement.
pub(super) fn measure(machine: &Machine, peer: &Peer, work: Echo) -> Result<Sample> {
    let server = Server::start(peer, &[SERVER_CPU])?;
    let target = server.target(machine.seconds);
    let mut sample = echo(target, work)?;
    if machine.counts_calls() {
        let traced = Target {
            traced: true,
            ..target
        };
        sample.extend(echo(traced, work)?);
    }
    Ok(sample)
}
