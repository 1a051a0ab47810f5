//! Failure: an error on its way through a program, with the path it took.

use std::error::Error;
use std::fmt;

/// An error on its way through a program.
pub struct Failure {
    error: Box<dyn Error + Send + Sync + 'static>,
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: Box::new(error) }
    }
}

impl Failure {
    /// The error inside, if it is an `E`.
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}
