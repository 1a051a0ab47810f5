//! DeferredSemaphore: so many at a time, the others wait.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::run_queue::UserScope;
use super::waiters::Waiters;
use super::{Deferred, Outcome};
use crate::error::NoTokens;

/// Lets a limited number at a time do something; the others wait in the order they came.
///
/// It is a handle: clones share the same tokens.
///
/// # Examples
/// ```
/// use torsade_core::{Deferred, DeferredSemaphore};
///
/// # fn main() -> torsade_core::Result<()> {
/// let two_at_a_time = DeferredSemaphore::new(2)?;
/// let work: Vec<_> = (0..3).map(|_| Deferred::<()>::new()).collect();
/// let (resolvers, waits): (Vec<_>, Vec<_>) = work.into_iter().unzip();
/// for wait in waits {
///     drop(two_at_a_time.run(move || wait));
/// }
/// assert_eq!((two_at_a_time.tokens(), two_at_a_time.waiting()), (0, 1));
/// for resolver in resolvers {
///     resolver.callback(());
/// }
/// assert_eq!((two_at_a_time.tokens(), two_at_a_time.waiting()), (2, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "twisted.internet.defer.DeferredSemaphore")]
pub struct DeferredSemaphore {
    tokens: Rc<Tokens>,
}

struct Tokens {
    free: Cell<usize>,
    limit: usize,
    waiters: Waiters<Permit>,
    /// Whether free tokens are being handed over, further up the stack.
    hands_over: Cell<bool>,
}

impl DeferredSemaphore {
    /// A semaphore with so many tokens, all of them free.
    ///
    /// # Errors
    /// [`NoTokens`] if that is none: whoever waited would wait for ever.
    pub fn new(tokens: usize) -> Result<Self, NoTokens> {
        if tokens == 0 {
            return Err(NoTokens);
        }
        Ok(Self::with_tokens(tokens))
    }

    pub(super) fn with_tokens(limit: usize) -> Self {
        Self {
            tokens: Rc::new(Tokens {
                free: Cell::new(limit),
                limit,
                waiters: Waiters::default(),
                hands_over: Cell::new(false),
            }),
        }
    }

    /// Waits for a token, which is held until the [`Permit`] is dropped.
    ///
    /// Cancelled before it has one, it leaves the row; after that a cancel does nothing. If the
    /// Deferred is dropped, and not cancelled, it gets its token in its turn and gives it back.
    ///
    /// ```
    /// use torsade_core::DeferredSemaphore;
    ///
    /// let semaphore = DeferredSemaphore::new(1)?;
    /// let held = semaphore.acquire().try_take().unwrap()?;
    /// let (impatient, patient) = (semaphore.acquire(), semaphore.acquire());
    /// impatient.cancel();
    /// held.release();
    /// assert!(patient.is_fired());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "DeferredSemaphore.acquire")]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        let tokens = &self.tokens;
        // If somebody waits though a token is free then it is on its way to that one.
        if tokens.free.get() == 0 || tokens.waiters.count_at_most() > 0 {
            return tokens.waiters.wait();
        }
        tokens.free.set(tokens.free.get() - 1);
        Deferred::succeed(Permit {
            tokens: tokens.clone(),
        })
    }

    /// Calls `function` when there is a token, and holds that until the result of it is there.
    ///
    /// The token is given back whatever comes: a value, a failure, a panic or a cancel. Cancelled
    /// before there is a token, `function` is never called; after that, the cancel goes to the
    /// Deferred that it returned.
    ///
    /// # Errors
    /// Those of `function`.
    #[doc(alias = "DeferredSemaphore.run")]
    #[track_caller]
    pub fn run<O: Outcome>(&self, function: impl FnOnce() -> O + 'static) -> Deferred<O::Output> {
        self.acquire().add_callback(move |permit| {
            function().into_deferred().add_both(move |result| {
                drop(permit);
                result
            })
        })
    }

    /// How many tokens are free.
    #[doc(alias = "DeferredSemaphore.tokens")]
    pub fn tokens(&self) -> usize {
        self.tokens.free.get()
    }

    /// How many tokens there are, free or held.
    #[doc(alias = "DeferredSemaphore.limit")]
    pub fn limit(&self) -> usize {
        self.tokens.limit
    }

    /// How many wait for a token.
    #[doc(alias = "DeferredSemaphore.waiting")]
    pub fn waiting(&self) -> usize {
        self.tokens.waiters.count()
    }
}

impl Tokens {
    /// Gives a token back, and free ones to those who wait.
    fn release(self: &Rc<Self>) {
        self.free.set(self.free.get() + 1);
        // A permit that reaches nobody, as its Deferred was dropped, comes back here from below:
        // then the loop that handed it over goes on, so that a row of those takes no stack.
        if self.hands_over.replace(true) {
            return;
        }
        // Callbacks run when all is handed over.
        let _scope = UserScope::enter();
        while self.free.get() > 0
            && let Some(waiter) = self.waiters.next()
        {
            self.free.set(self.free.get() - 1);
            waiter.callback(Permit {
                tokens: self.clone(),
            });
        }
        self.hands_over.set(false);
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredSemaphore")
            .field("tokens", &self.tokens())
            .field("limit", &self.limit())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// A token of a [`DeferredSemaphore`], or the one of a [`DeferredLock`](super::DeferredLock):
/// dropping it gives it back.
///
/// So it cannot be given back twice, nor by one who does not have it.
///
/// ```
/// use torsade_core::DeferredSemaphore;
///
/// let semaphore = DeferredSemaphore::new(1)?;
/// let permit = semaphore.acquire().try_take().unwrap()?;
/// let next = semaphore.acquire();
/// assert!(!next.is_fired());
/// drop(permit); // or permit.release()
/// assert!(next.is_fired());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[must_use = "a Permit that is dropped at once keeps nobody out"]
pub struct Permit {
    tokens: Rc<Tokens>,
}

impl Permit {
    /// Gives the token back, and with that to the one who waits longest, if anybody does.
    ///
    /// The callbacks of that one run before this returns, or, inside a user function, when that
    /// function has returned.
    #[doc(alias = "DeferredLock.release")]
    #[doc(alias = "DeferredSemaphore.release")]
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.tokens.release();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
