//! What an idle connection takes of memory.

use super::peers;
use crate::load::{Security, open_idle};
use crate::machine::{Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn tcp(machine: &Machine) -> Row {
    Row {
        peers: peers::echo(machine),
        cases: cases(Security::None, "tokio 64 KiB"),
    }
}

pub(super) fn tls(machine: &Machine) -> Row {
    Row {
        peers: peers::tls_echo(machine),
        cases: cases(Security::Tls, "tokio-rustls 64 KiB"),
    }
}

fn cases(security: Security, large: &'static str) -> Vec<Case> {
    let case = |count: usize| {
        let measure = move |_: &Machine, peer: &Peer| measure(peer, count, security);
        let case = Case::new(format!("{count} connections"), measure);
        case.without(&[large]).growing("connections", count as f64)
    };
    vec![
        case(100).for_growth_only(),
        case(1000).for_growth_only(),
        case(10_000),
    ]
}

fn measure(peer: &Peer, count: usize, security: Security) -> Result<Sample> {
    let server = Server::start(peer, &[SERVER_CPU])?;
    let target = server.target(0.0);
    let idle = open_idle(target, count, security)?;
    Ok(vec![
        ("B a connection", idle.bytes_each),
        ("server MB", idle.server_kb / 1024.0),
    ])
}
