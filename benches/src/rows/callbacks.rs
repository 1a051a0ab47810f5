//! Chains of callbacks.

use crate::machine::{Machine, Result, run};
use crate::micro::chains::CHAINS;
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let rust = |name: &str| {
        Peer::new(name, programs.binary("bench-callbacks")).map(|peer| peer.argument(name))
    };
    let mut names: Vec<&str> = CHAINS.iter().map(|(name, _)| *name).collect();
    // The base of all ratios first.
    names.sort_by_key(|name| *name != "boxed closures");
    let python = Peer::new(
        "twisted",
        programs.python("callbacks.py", "twisted.internet.defer"),
    );
    let case = |length: usize| {
        let case = Case::new(format!("chain of {length}"), move |_, peer| {
            measure(peer, length)
        });
        case.growing("stages", length as f64)
    };
    Row {
        peers: names
            .into_iter()
            .map(rust)
            .chain([python])
            .flatten()
            .collect(),
        cases: vec![case(1), case(10), case(100).for_growth_only()],
    }
}

fn measure(peer: &Peer, length: usize) -> Result<Sample> {
    let lines = run(peer, &[length.to_string()])?;
    let line = lines.last().ok_or("it printed nothing")?;
    let number = |key: &str| line.get(key).and_then(|text| text.parse().ok());
    let mut sample = vec![("ns", number("ns").ok_or("it printed no ns=")?)];
    sample.extend(number("allocs").map(|count| ("allocations", count)));
    Ok(sample)
}
