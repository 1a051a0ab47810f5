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

    pub(crate) fn result(&self) -> Result<(), Violations> {
        let all = self.0.take();
        if all.is_empty() {
            return Ok(());
        }
        Err(Violations(all))
    }
}

/// What did not hold in a run.
#[derive(Clone, Debug)]
pub struct Violations(pub Vec<String>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Error for Violations {}
