//! Some seeds of each scenario, and planted faults that have to be found.

use torsade_campaigns::scenarios::{self, Scenario};
use torsade_campaigns::{Plant, run};

/// The full campaign has more: see the program.
const SEEDS: u64 = 25;

#[test]
fn what_must_hold_holds_with_every_seed() {
    for scenario in scenarios::ALL {
        for seed in 0..SEEDS {
            if let Err(violations) = run(scenario, seed, Plant::None) {
                panic!("{} with seed {seed}: {violations}", scenario.name);
            }
        }
    }
}

/// After how many seeds a planted fault is found.
fn found_after(scenario: &Scenario, plant: Plant) -> Option<u64> {
    (0..1000).find(|&seed| run(scenario, seed, plant).is_err())
}

#[test]
fn every_planted_fault_is_found() {
    let echo = scenarios::named("echo").unwrap();
    for plant in Plant::ALL {
        let found = found_after(echo, plant);
        assert!(found.is_some(), "{plant:?} is not found in 1000 seeds");
    }
}
