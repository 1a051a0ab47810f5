//! Timers.

use crate::machine::{Machine, Result, run};
use crate::micro::timers::WAYS;
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let rust = |name: &&str| {
        Peer::new(name, programs.binary("bench-timers")).map(|peer| peer.argument(name))
    };
    let mut names = WAYS;
    // The base of all ratios first.
    names.sort_by_key(|name| *name != "wheel");
    let python = Peer::new(
        "twisted",
        programs.python("timers.py", "twisted.internet.epollreactor"),
    );
    let mut cases = Vec::new();
    for (count, written) in [
        (10_000, "10,000"),
        (100_000, "100,000"),
        (1_000_000, "a million"),
    ] {
        for (what, series) in [
            ("add+cancel", "timers added and cancelled"),
            ("add+fire", "timers added and fired"),
            ("rearm10k", "resets of 10,000 timers"),
        ] {
            let case = Case::new(format!("{what}, {written}"), move |_, peer| {
                measure(peer, count, what)
            });
            let case = case.growing(series, f64::from(count));
            cases.push(if count < 1_000_000 {
                case.for_growth_only()
            } else {
                case
            });
        }
    }
    Row {
        peers: names.iter().map(rust).chain([python]).flatten().collect(),
        cases,
    }
}

/// The program does all three; what is asked for is taken.
fn measure(peer: &Peer, count: u32, what: &str) -> Result<Sample> {
    let lines = run(peer, &[count.to_string(), what.to_owned()])?;
    let ends = format!("/{what}");
    let line = lines
        .iter()
        .find(|line| line.get("name").is_some_and(|name| name.ends_with(&ends)));
    let line = line.ok_or("it did not do that")?;
    let nanoseconds = line.get("ns").and_then(|text| text.parse().ok());
    Ok(vec![("ns", nanoseconds.ok_or("it printed no ns=")?)])
}
