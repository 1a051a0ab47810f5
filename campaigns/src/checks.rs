//! What must hold, and what did not.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// Where violations are noted. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Checks(Rc<RefCell<Vec<String>>>);

impl Checks {
    /// Notes a violation.
    pub fn violated(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    /// Notes one unless it holds.
    pub fn holds(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(what());
        }
    }

    pub(crate) fn result(&self, faults: &[String]) -> Result<(), Violations> {
        let violations = self.0.take();
        if violations.is_empty() {
            return Ok(());
        }
        let faults = faults.to_vec();
        Err(Violations { violations, faults })
    }
}

/// What did not hold in a run.
#[derive(Clone, Debug)]
pub struct Violations {
    /// Each in words.
    pub violations: Vec<String>,
    /// What went wrong in the world, and when.
    pub faults: Vec<String>,
}

impl Violations {
    pub(crate) fn of(violation: String) -> Self {
        Self {
            violations: vec![violation],
            faults: Vec::new(),
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.violations.join("; "))?;
        match &self.faults[..] {
            [] => Ok(()),
            faults => write!(f, " (in a world with {})", faults.join(", ")),
        }
    }
}

impl Error for Violations {}
