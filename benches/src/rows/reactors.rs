//! One reactor and two, on two cores. The load needs a core as well, so no more than that can be gained here; the
//! same on a machine with more cores says more.

use crate::load::{Echo, Security, echo};
use crate::machine::{LOAD_CPU, Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let peer = |name: &str, binary: &str, count: usize| {
        Peer::new(name, programs.binary(binary)).map(|peer| peer.env("REACTORS", count))
    };
    let peers = [
        peer("raw 1", "raw-echo", 1),
        peer("raw 2", "raw-echo", 2),
        peer("torsade 1", "bench-echo", 1),
        peer("torsade 2", "bench-echo", 2),
    ];
    Row {
        peers: peers.into_iter().flatten().collect(),
        cases: vec![Case::new("64 connections, 64 B, 16 at a time", measure)],
    }
}

fn measure(machine: &Machine, peer: &Peer) -> Result<Sample> {
    let server = Server::start(peer, &[SERVER_CPU, LOAD_CPU])?;
    let target = server.target(machine.seconds);
    let work = Echo {
        connections: 64,
        size: 64,
        depth: 16,
        security: Security::None,
    };
    echo(target, work)
}
