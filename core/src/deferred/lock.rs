//! DeferredLock: one at a time, the others wait.

use std::fmt;

use super::semaphore::{DeferredSemaphore, Permit};
use super::{Deferred, Outcome};

/// Lets one at a time do something that takes more than one function; the others wait in the order
/// they came.
///
/// It is a handle: clones are the same lock. Inside a single function there is nothing to lock, as
/// all of it runs on one thread.
///
/// # Examples
/// ```
/// use torsade_core::DeferredLock;
///
/// let lock = DeferredLock::new();
/// let permit = lock.acquire().try_take().unwrap().unwrap();
/// let second = lock.run(|| Ok("in turn"));
/// assert!(!second.is_fired());
/// permit.release();
/// assert_eq!(second.try_take().unwrap().unwrap(), "in turn");
/// assert!(!lock.is_locked());
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.defer.DeferredLock")]
pub struct DeferredLock {
    semaphore: DeferredSemaphore,
}

impl DeferredLock {
    /// A lock that nobody holds.
    pub fn new() -> Self {
        Self {
            semaphore: DeferredSemaphore::with_tokens(1),
        }
    }

    /// Waits for the lock, which is held until the [`Permit`] is dropped.
    ///
    /// Cancelled before it has the lock, it leaves the row; after that a cancel does nothing. If
    /// the Deferred is dropped, and not cancelled, it gets the lock in its turn and gives it back.
    #[doc(alias = "DeferredLock.acquire")]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        self.semaphore.acquire()
    }

    /// Calls `function` under the lock, which is held until the result of it is there.
    ///
    /// The lock is given back whatever comes: a value, a failure, a panic or a cancel. Cancelled
    /// before it has the lock, `function` is never called; after that, the cancel goes to the
    /// Deferred that it returned.
    ///
    /// ```
    /// use torsade_core::{Deferred, DeferredLock};
    ///
    /// let lock = DeferredLock::new();
    /// let (resolver, first_step) = Deferred::<u32>::new();
    /// let first = lock.run(move || first_step.map(|number| number + 1));
    /// let second = lock.run(|| Ok("in turn"));
    /// assert!(!second.is_fired());
    /// resolver.errback(std::io::Error::other("no")); // gives the lock back all the same
    /// assert!(second.is_fired());
    /// assert!(first.try_take().unwrap().is_err());
    /// ```
    ///
    /// # Errors
    /// Those of `function`.
    #[doc(alias = "DeferredLock.run")]
    #[track_caller]
    pub fn run<O: Outcome>(&self, function: impl FnOnce() -> O + 'static) -> Deferred<O::Output> {
        self.semaphore.run(function)
    }

    /// Whether somebody holds it.
    #[doc(alias = "DeferredLock.locked")]
    pub fn is_locked(&self) -> bool {
        self.semaphore.tokens() == 0
    }

    /// How many wait for it.
    #[doc(alias = "DeferredLock.waiting")]
    pub fn waiting(&self) -> usize {
        self.semaphore.waiting()
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DeferredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredLock")
            .field("is_locked", &self.is_locked())
            .field("waiting", &self.waiting())
            .finish()
    }
}
