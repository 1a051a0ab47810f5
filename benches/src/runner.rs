//! Measures rows: rounds, in each of which all peers have their turn.

use crate::machine::{Machine, Result};
use crate::report::{self, CaseReport, Measured, RowReport};
use crate::row::{Case, Peer, Row, Sample};
use crate::rows::Entry;

/// What to measure of what there is.
pub struct Selection {
    pub rounds: usize,
    /// Peers, by name; all, if there are none. The base is always one of them.
    pub only: Vec<String>,
    /// Part of the labels of cases.
    pub case: String,
    /// Whether the cases that are there only to show growth are measured.
    pub growth: bool,
}

impl Selection {
    fn takes(&self, case: &Case) -> bool {
        case.label.contains(&self.case) && (self.growth || !case.for_growth_only)
    }

    fn peers(&self, row: &Row, case: &Case) -> Vec<Peer> {
        let can = row
            .peers
            .iter()
            .filter(|peer| !case.without.contains(&peer.name.as_str()));
        let mut peers: Vec<Peer> = can.cloned().collect();
        if !self.only.is_empty() {
            let base = peers.first().map(|base| base.name.clone());
            peers
                .retain(|peer| self.only.contains(&peer.name) || Some(&peer.name) == base.as_ref());
        }
        if let Some(base) = peers.first().filter(|_| !case.for_growth_only) {
            peers.push(base.again());
        }
        peers
    }
}

/// Measures a row, and prints what came out of each case as soon as it is there.
pub fn measure(machine: &Machine, entry: &Entry, selection: &Selection) -> RowReport {
    let row = (entry.row)(machine);
    let mut report = RowReport {
        name: entry.name,
        about: entry.about,
        cases: Vec::new(),
    };
    for case in row.cases.iter().filter(|case| selection.takes(case)) {
        let peers = selection.peers(&row, case);
        if peers.is_empty() {
            continue;
        }
        let mut measured: Vec<Measured> = peers
            .iter()
            .map(|peer| Measured {
                peer: peer.name.clone(),
                samples: Vec::new(),
            })
            .collect();
        for round in 0..selection.rounds {
            // Who comes first changes from round to round.
            for turn in 0..peers.len() {
                let index = (round + turn) % peers.len();
                match measure_once(machine, case, &peers[index]) {
                    Ok(sample) => measured[index].samples.push(sample),
                    Err(error) => eprintln!(
                        "{}, {}, {}: {error}",
                        entry.name, case.label, peers[index].name
                    ),
                }
            }
        }
        measured.retain(|peer| !peer.samples.is_empty());
        let case = CaseReport {
            label: case.label.clone(),
            growth: case.growth,
            peers: measured,
        };
        report::print(&report, &case);
        report.cases.push(case);
    }
    report::print_growth(&report);
    report
}

fn measure_once(machine: &Machine, case: &Case, peer: &Peer) -> Result<Sample> {
    let sample = (case.measure)(machine, peer)?;
    if sample.is_empty() {
        Err("nothing was measured".into())
    } else {
        Ok(sample)
    }
}
