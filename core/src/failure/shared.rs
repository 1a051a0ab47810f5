//! A failure that several take.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Failure, Inner, Path};

/// One failure, of which any number can be made.
///
/// They have the error in common, and each a path of its own from here on. It is also the error
/// inside of them, which nobody gets to see: [`Failure::error`] looks through it.
#[derive(Clone)]
pub(crate) struct SharedFailure {
    /// Not made of a shared one itself: then looking through is one step.
    origin: Arc<Failure>,
    path: Path,
}

impl SharedFailure {
    pub(super) fn origin(&self) -> &Failure {
        &self.origin
    }

    /// Another one of these.
    pub(crate) fn failure(&self) -> Failure {
        Failure {
            inner: Box::new(Inner {
                error: Box::new(self.clone()),
                path: self.path.clone(),
                backtrace: None,
                raised_at: self.origin.raised_at(),
            }),
        }
    }
}

impl From<Failure> for SharedFailure {
    fn from(failure: Failure) -> Self {
        Self::from(Arc::new(failure))
    }
}

impl From<Arc<Failure>> for SharedFailure {
    fn from(failure: Arc<Failure>) -> Self {
        let path = failure.path().clone();
        let origin = match failure.inner.error.downcast_ref::<Self>() {
            Some(shared) => shared.origin.clone(),
            None => failure,
        };
        Self { origin, path }
    }
}

impl fmt::Display for SharedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

impl fmt::Debug for SharedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.origin, f)
    }
}

impl Error for SharedFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.origin.error().source()
    }
}
