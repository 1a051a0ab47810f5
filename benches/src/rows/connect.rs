//! Connections that are opened, used for a byte and closed.

use super::peers;
use crate::load::{Security, Target, short_connections};
use crate::machine::{Machine, Result, SERVER_CPU, Server};
use crate::row::{Case, Peer, Row, Sample, value};

const BUFFERS: [&str; 2] = ["tokio 64 KiB", "tokio 512 B"];

pub(super) fn row(machine: &Machine) -> Row {
    let case = |at_a_time: usize| {
        let label = format!("{at_a_time} at a time");
        let case = Case::new(label, move |machine, peer| {
            measure(machine, peer, at_a_time, Security::None)
        });
        case.without(&BUFFERS)
            .growing("at a time", at_a_time as f64)
    };
    Row {
        peers: peers::echo(machine),
        cases: vec![
            case(1).for_growth_only(),
            case(16),
            case(160).for_growth_only(),
        ],
    }
}

/// A new server for each measurement.
pub(super) fn measure(
    machine: &Machine,
    peer: &Peer,
    at_a_time: usize,
    security: Security,
) -> Result<Sample> {
    let server = Server::start(peer, &[SERVER_CPU])?;
    let target = server.target(machine.seconds);
    let mut sample = short_connections(target, at_a_time, security)?;
    if security == Security::Resumed && value(&sample, "resumed") < 0.5 {
        return Err("it does not resume sessions".into());
    }
    if machine.counts_calls() {
        let traced = Target {
            traced: true,
            ..target
        };
        sample.extend(short_connections(traced, at_a_time, security)?);
    }
    Ok(sample)
}
