//! Campaigns: torsade's parts in simulated worlds, with random timing and random faults, and checks of
//! what must hold in every run.
//!
//! ```text
//! seed -> Random -> World (segments, delays, resets) -> a scenario -> its end -> Checks
//! ```
//!
//! A run is given by its scenario and its seed alone: what is found once is found again. `plant` puts
//! a fault into a run on purpose, to see that the checks find it.

mod checks;
pub mod plant;
mod random;
pub mod scenarios;
mod watched;
mod world;

pub use checks::{Checks, Violations};
pub use plant::Plant;
pub use random::Random;
pub use world::World;

/// Runs one scenario with one seed.
///
/// # Errors
/// What did not hold.
pub fn run(scenario: &scenarios::Scenario, seed: u64, plant: Plant) -> Result<(), Violations> {
    let world = World::new(seed, plant);
    (scenario.play)(&world);
    world.end()
}
