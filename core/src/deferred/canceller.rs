//! Canceller: cancels what a Deferred waits for, without holding it.

use std::fmt;
use std::rc::Weak;

use super::chain::{self, Chain};

/// A small handle that cancels what a Deferred waits for; made by [`Deferred::canceller`].
///
/// It holds nothing alive. It cancels whatever the whole chain waits for at that moment, also what
/// callbacks wait for that were added after the handle was taken.
///
/// # Examples
/// ```
/// use torsade_core::Deferred;
/// use torsade_core::error::Cancelled;
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// let canceller = deferred.canceller();
/// let deferred = deferred.add_errback(|failure| {
///     failure.trap::<Cancelled>()?;
///     Ok(0)
/// });
/// canceller.cancel();
/// assert_eq!(deferred.try_take().unwrap().unwrap(), 0);
/// assert!(resolver.is_cancelled());
/// ```
///
/// [`Deferred::canceller`]: super::Deferred::canceller
#[derive(Clone)]
pub struct Canceller {
    /// None if the Deferred had its result from the beginning.
    chain: Option<Weak<dyn Chain>>,
}

impl Canceller {
    pub(super) fn new(chain: Option<Weak<dyn Chain>>) -> Self {
        Self { chain }
    }

    /// Cancels, exactly as [`Deferred::cancel`](super::Deferred::cancel) does.
    ///
    /// Once the result is there, or the Deferred is gone, this does nothing.
    pub fn cancel(&self) {
        if let Some(chain) = self.chain.as_ref().and_then(Weak::upgrade) {
            chain::cancel(&chain);
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}
