//! Looks out for user functions that hold the loop up.
//!
//! Off, it costs a look at one number for each function; on, two looks at the clock.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

thread_local! {
    /// What takes longer is reported. Of the thread, as a reactor is.
    static LIMIT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// A user function, for people who look for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// A method of a user's type.
    Method(&'static str, &'static str),
    /// What was given to torsade somewhere.
    Given(&'static str, &'static Location<'static>),
    /// Something else.
    Some(&'static str),
}

pub(crate) fn set_limit(limit: Option<Duration>) {
    LIMIT.set(limit);
}

/// Calls a user function, and reports it if that took too long.
#[inline(always)]
pub(crate) fn watch<R>(place: impl FnOnce() -> Place, f: impl FnOnce() -> R) -> R {
    match LIMIT.get() {
        None => f(),
        Some(limit) => measured(place(), limit, f),
    }
}

#[cold]
fn measured<R>(place: Place, limit: Duration, f: impl FnOnce() -> R) -> R {
    // The clock of the world outside, also in a simulated one: that is the one that stands still.
    let start = Instant::now();
    let result = f();
    let took = start.elapsed();
    if took >= limit {
        log::warn!(target: "torsade", "{place} blocked the reactor for {} ms", took.as_millis());
    }
    result
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(kind, method) => write!(f, "{kind}::{method}"),
            Self::Given(what, at) => write!(f, "{what} {}:{}", at.file(), at.line()),
            Self::Some(what) => f.write_str(what),
        }
    }
}
