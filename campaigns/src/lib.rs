//! Campaigns: torsade's parts in simulated worlds, with random timing and random faults, and checks of
//! what must hold in every run.
//!
//! ```text
//! seed -> Random -> World (links, faults) -> a scenario -> its end -> Checks
//! ```
//!
//! A run is given by its scenario and its seed alone: what is found once is found again. `plant` puts
//! a fault into a run on purpose, to see that the checks find it.

mod checks;
mod faults;
pub mod plant;
mod random;
pub mod scenarios;
mod watched;
mod world;

use std::path::Path;
use std::time::Duration;

use scenarios::Scenario;

pub use checks::{Checks, Violations};
pub use plant::Plant;
pub use random::Random;
pub use world::World;

/// More than this on the heap at once is more than any scenario needs.
const MOST_MEMORY: u64 = 32 << 20;

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    /// Of the world's own time.
    pub time: Duration,
    /// The most bytes at once on the heap of its thread.
    pub memory: u64,
    /// The bytes that are left of it: more or fewer where something is kept for later runs, as sessions
    /// of TLS are.
    pub left: i64,
}

/// Runs one scenario with one seed.
///
/// # Errors
/// What did not hold.
pub fn run(scenario: &Scenario, seed: u64, plant: Plant) -> Result<Taken, Violations> {
    let mut result = Ok(Duration::ZERO);
    let measured = allocation_counter::measure(|| result = play(scenario, seed, plant));
    let time = result?;
    let memory = measured.bytes_max;
    if memory > MOST_MEMORY {
        return Err(Violations::of(format!("it took {memory} bytes of memory")));
    }
    let left = measured.bytes_current;
    Ok(Taken { time, memory, left })
}

fn play(scenario: &Scenario, seed: u64, plant: Plant) -> Result<Duration, Violations> {
    let world = World::new(seed, plant);
    let hosts = world.hosts.clone();
    (scenario.play)(&world);
    world.end().map(|()| hosts.elapsed())
}

/// The same, and writes what crossed the network to a file for Wireshark.
///
/// # Errors
/// What did not hold; that the file cannot be written.
pub fn run_captured(scenario: &Scenario, seed: u64, pcap: &Path) -> Result<(), Violations> {
    let world = World::new(seed, Plant::None);
    let hosts = world.hosts.clone();
    hosts.capture();
    (scenario.play)(&world);
    if let Err(failure) = hosts.write_pcap(pcap) {
        world
            .checks
            .violated(format!("{}: {failure:#}", pcap.display()));
    }
    world.end()
}
