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

/// What all seeds leave on the heap, after what is made once for all.
fn left_by(scenario: &Scenario, plant: Plant) -> i64 {
    let left = |seed| run(scenario, seed, plant).map_or(0, |taken| taken.left);
    let _ = left(0);
    (0..SEEDS).map(left).sum()
}

/// Thread-local lists may grow, and 256 sessions of TLS are kept.
const KEPT: i64 = 4 * 1024;
const SESSIONS: i64 = 256 * 1024;

#[test]
fn nothing_is_left_in_memory() {
    for scenario in scenarios::ALL {
        let most = match scenario.name {
            // Threads free here what they have made, and the other way round.
            "threads" => continue,
            "echo-tls" | "https" | "proxied" => SESSIONS,
            _ => KEPT,
        };
        let left = left_by(scenario, Plant::None);
        assert!(left <= most, "{} leaves {left} bytes", scenario.name);
    }
}

/// After how many seeds a planted fault is found.
fn found_after(scenario: &Scenario, plant: Plant) -> Option<u64> {
    (0..1000).find(|&seed| run(scenario, seed, plant).is_err())
}

#[test]
fn every_planted_fault_is_found_in_each_layer_that_can_have_it() {
    use Plant::{ChangedByte, DoubledBytes, LostByte, SwappedBytes};
    let bytes: &[Plant] = &[ChangedByte, LostByte, DoubledBytes, SwappedBytes];
    for scenario in scenarios::ALL {
        let plants = match scenario.name {
            "echo" => &Plant::ALL[..],
            "threads" => &[ChangedByte, LostByte],
            // It says nothing, so that nothing can be spoilt.
            "service" => &[Plant::ToldTwice, Plant::NotTold, Plant::LeakedTimer],
            _ => bytes,
        };
        for &plant in plants {
            let is_found = match plant {
                Plant::LeakedMemory => left_by(scenario, plant) > KEPT,
                _ => found_after(scenario, plant).is_some(),
            };
            assert!(
                is_found,
                "{plant:?} is not found in 1000 seeds of {}",
                scenario.name
            );
        }
    }
}
