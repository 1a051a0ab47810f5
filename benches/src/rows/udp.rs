//! Datagrams that come back.

use super::peers::python;
use crate::load::datagrams;
use crate::machine::{Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let raw = |name| Peer::new(name, programs.binary("raw-udp"));
    let case = |depth: usize| {
        let label = format!("64 B, 16 sockets, {depth} at a time");
        Case::new(label, move |machine, peer| {
            measure(machine, peer, 16, depth)
        })
        .growing("at a time", depth as f64)
    };
    let peers = [
        raw("raw"),
        Peer::new("torsade", programs.binary("bench-udp")),
        raw("plain socket").map(|peer| peer.env("BLOCKING", 1)),
        Peer::new("tokio", programs.binary("tokio-udp")),
        python(machine, "twisted", "udp"),
    ];
    Row {
        peers: peers.into_iter().flatten().collect(),
        cases: vec![case(1), case(10), case(100).for_growth_only()],
    }
}

fn measure(machine: &Machine, peer: &Peer, sockets: usize, depth: usize) -> Result<Sample> {
    let server = Server::start_udp(peer, &[SERVER_CPU])?;
    let target = server.target(machine.seconds);
    datagrams(target, sockets, depth, 64)
}
