//! Many idle connections, each with a timer that looks once a second whether it is.

use std::thread;
use std::time::{Duration, Instant};

use super::peers::python;
use crate::load::{Security, open_idle};
use crate::machine::{Cpu, Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let peers = [
        Peer::new("raw", programs.binary("raw-keep-alive")),
        Peer::new("torsade", programs.binary("bench-keep-alive")),
        Peer::new("tokio", programs.binary("tokio-keep-alive")),
        python(machine, "uvloop", "keep-alive"),
        python(machine, "twisted", "keep-alive"),
    ];
    let case = |count: usize| {
        let case = Case::new(format!("{count} connections"), move |machine, peer| {
            measure(machine, peer, count)
        });
        case.growing("connections", count as f64)
    };
    Row {
        peers: peers.into_iter().flatten().collect(),
        cases: vec![
            case(100).for_growth_only(),
            case(1000).for_growth_only(),
            case(10_000),
        ],
    }
}

fn measure(machine: &Machine, peer: &Peer, count: usize) -> Result<Sample> {
    let server = Server::start(peer, &[SERVER_CPU])?;
    let target = server.target(0.0);
    let _idle = open_idle(target, count, Security::None)?;
    // The first of the timers have come round.
    thread::sleep(Duration::from_secs(1));
    let (before, start) = (Cpu::of(server.pid()), Instant::now());
    thread::sleep(Duration::from_secs_f64(machine.seconds.max(1.0).round()));
    let cpu = Cpu::of(server.pid()).since(before);
    let milliseconds = cpu.total as f64 / 1e6 / start.elapsed().as_secs_f64();
    Ok(vec![
        ("CPU ms a second", milliseconds),
        ("CPU ns a timer", milliseconds * 1e6 / count as f64),
        ("user share", cpu.user() / cpu.total.max(1) as f64),
    ])
}
