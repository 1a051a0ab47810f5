//! Runs of a world from seeds, which say with which seed they failed.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::World;
use crate::Result;

/// Names the seed that is to be run alone.
const VARIABLE: &str = "TORSADE_SEED";

impl World {
    /// Runs `f` in a new world of this seed, or of the one that the environment variable
    /// `TORSADE_SEED` names. When it fails or panics, it says on standard error with which seed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::World;
    ///
    /// let failed = World::run(42, |world| {
    ///     let here = world.host("here", [[10, 0, 0, 1]]);
    ///     here.advance(Duration::from_secs(world.random(10)))?;
    ///     Err(std::fmt::Error.into()) // "this was seed 42", it says
    /// });
    /// assert!(failed.unwrap_err().check::<std::fmt::Error>().is_some());
    /// ```
    ///
    /// # Errors
    /// Those of `f`.
    pub fn run(seed: u64, f: impl Fn(&Self) -> Result<()>) -> Result<()> {
        Self::run_seeds([seed], f)
    }

    /// Runs `f` in a new world of each seed, one after the other, until it fails; or only in that of
    /// the seed that the environment variable `TORSADE_SEED` names.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::defer_later;
    /// use torsade_core::testing::World;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// World::run_seeds(0..100, |world| {
    ///     let reactor = world.host("lonely", [[10, 0, 0, 1]]);
    ///     let time = Duration::from_millis(world.random(1000));
    ///     reactor.run_until(defer_later(&reactor, time, || Ok(())))?;
    ///     assert_eq!(world.elapsed(), time);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first one of `f`. `InvalidInput` when `TORSADE_SEED` is no number.
    pub fn run_seeds(
        seeds: impl IntoIterator<Item = u64>,
        f: impl Fn(&Self) -> Result<()>,
    ) -> Result<()> {
        let chosen = std::env::var(VARIABLE).ok();
        run_chosen(chosen.as_deref(), seeds, f, |text| eprintln!("{text}"))
    }
}

/// Runs the chosen seed, or all of them, and reports a failure.
pub(super) fn run_chosen(
    chosen: Option<&str>,
    seeds: impl IntoIterator<Item = u64>,
    f: impl Fn(&World) -> Result<()>,
    report: impl Fn(&str),
) -> Result<()> {
    if let Some(text) = chosen {
        let seed = text.trim().parse().map_err(|error| {
            let text = format!("{VARIABLE} is {text:?}: {error}");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        return run_one(seed, f, report);
    }
    let mut seeds = seeds.into_iter();
    seeds.try_for_each(|seed| run_one(seed, &f, &report))
}

fn run_one(seed: u64, f: impl Fn(&World) -> Result<()>, report: impl Fn(&str)) -> Result<()> {
    let world = World::new(seed);
    // It goes on with the panic, so nobody sees what that may have left half done.
    let result = catch_unwind(AssertUnwindSafe(|| f(&world)));
    if !matches!(result, Ok(Ok(()))) {
        report(&format!(
            "the simulated world of seed {seed} failed after {:?} of its time; \
             {VARIABLE}={seed} runs it alone",
            world.elapsed()
        ));
    }
    result.unwrap_or_else(|panic| resume_unwind(panic))
}
