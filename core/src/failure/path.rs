//! The path of a failure: the places in the source that it came through.

use std::fmt;
use std::panic::Location;

/// What happened to a failure at a place.
///
/// ```
/// use torsade_core::failure::StepKind;
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{ConnectionDone, Deferred};
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// let doubled = deferred.map(|number| number * 2);
/// resolver.errback(ConnectionDone);
/// let failure = failure_result_of(doubled);
/// let kinds: Vec<StepKind> = failure.path().steps().iter().map(|step| step.kind).collect();
/// assert_eq!(kinds, [StepKind::Made, StepKind::Fired, StepKind::Passed]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepKind {
    /// The error became a [`Failure`](super::Failure): a `?`, a `From`, an `into()`.
    Raised,
    /// The Deferred that it was put into was made.
    Made,
    /// The Deferred that it was put into was fired with it.
    Fired,
    /// A callback let it pass, or returned it.
    Passed,
    /// A coroutine awaited the Deferred that it was the result of.
    Awaited,
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raised => "raised at",
            Self::Made => "made at",
            Self::Fired => "fired at",
            Self::Passed => "passed at",
            Self::Awaited => "awaited at",
        })
    }
}

/// One place on a failure's path.
///
/// ```
/// use torsade_core::failure::StepKind;
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{ConnectionDone, Deferred};
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// let next_line = line!() + 1;
/// resolver.errback(ConnectionDone);
/// let failure = failure_result_of(deferred);
/// let step = failure.path().steps().last().unwrap();
/// assert_eq!((step.kind, step.at.line()), (StepKind::Fired, next_line));
/// assert!(step.to_string().starts_with("fired at "));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What happened there.
    pub kind: StepKind,
    /// File, line and column.
    pub at: &'static Location<'static>,
}

impl Step {
    pub(crate) fn raised(at: &'static Location<'static>) -> Self {
        Self {
            kind: StepKind::Raised,
            at,
        }
    }

    pub(crate) fn made(at: &'static Location<'static>) -> Self {
        Self {
            kind: StepKind::Made,
            at,
        }
    }

    pub(crate) fn fired(at: &'static Location<'static>) -> Self {
        Self {
            kind: StepKind::Fired,
            at,
        }
    }

    pub(crate) fn awaited(at: &'static Location<'static>) -> Self {
        Self {
            kind: StepKind::Awaited,
            at,
        }
    }

    pub(crate) fn passed(at: &'static Location<'static>) -> Self {
        Self {
            kind: StepKind::Passed,
            at,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.kind, self.at.file(), self.at.line())
    }
}

/// The places that a failure came through, the oldest first.
///
/// A long path keeps its first eight and its last eight steps, and counts those between, so that
/// a failure that passes a million callbacks stays small.
///
/// ```
/// use torsade_core::{Deferred, Failure};
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// let passed = deferred.map(|number| number + 1);
/// resolver.errback(Failure::from(std::io::Error::other("no")));
/// let failure = passed.try_take().unwrap().unwrap_err();
/// // Made, fired, and passed by the callback.
/// for step in failure.path().steps() {
///     println!("{step}");
/// }
/// # assert!(failure.path().steps().len() >= 2);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Path {
    /// At most `FIRST + LAST` steps; once that many are there, the one at `FIRST` gives way.
    steps: Vec<Step>,
    elided: usize,
}

impl Path {
    /// The steps that were kept, the oldest first.
    ///
    /// If some were [elided](Self::elided), they are missing after the eighth.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many steps were left out in the middle.
    ///
    /// ```
    /// use torsade_core::testing::failure_result_of;
    /// use torsade_core::{ConnectionDone, Deferred};
    ///
    /// let (resolver, mut deferred) = Deferred::<u32>::new();
    /// for _ in 0..100 {
    ///     deferred = deferred.map(|number| number + 1);
    /// }
    /// resolver.errback(ConnectionDone);
    /// let failure = failure_result_of(deferred);
    /// assert_eq!(failure.path().steps().len() + failure.path().elided(), 102);
    /// assert_eq!(failure.path().elided(), 86);
    /// ```
    pub fn elided(&self) -> usize {
        self.elided
    }

    pub(super) fn push(&mut self, step: Step) {
        if self.steps.len() == FIRST + LAST {
            self.steps.remove(FIRST);
            self.elided += 1;
        }
        self.steps.push(step);
    }
}

impl fmt::Display for Path {
    /// One step a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if index == FIRST && self.elided > 0 {
                writeln!(f, "... {} more", self.elided)?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

/// How many of the oldest steps are kept.
const FIRST: usize = 8;

/// How many of the newest steps are kept.
const LAST: usize = 8;
