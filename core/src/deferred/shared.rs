//! SharedDeferred: one result for many who wait for it.

use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

use super::Deferred;
use super::canceller::Canceller;
use super::maybe::execute;
use super::run_queue;
use super::unhandled::Unseen;
use super::waiters::Waiters;
use crate::Result;
use crate::failure::SharedFailure;

impl<T: Clone + 'static> Deferred<T> {
    /// Shares the result among any number who wait for it, each with a Deferred of its own.
    ///
    /// See [`SharedDeferred`], which has an example.
    ///
    /// ```
    /// use torsade_core::{Deferred, TimedOut};
    ///
    /// # let late = TimedOut { after: std::time::Duration::from_secs(5) };
    /// let shared = Deferred::<u32>::fail(late).share();
    /// for waits in [shared.when_fired(), shared.when_fired()] {
    ///     // They have the error in common, so that each may look at it.
    ///     let failure = waits.try_take().unwrap().unwrap_err();
    ///     assert!(failure.check::<TimedOut>().is_some());
    /// }
    /// ```
    #[track_caller]
    pub fn share(self) -> SharedDeferred<T> {
        let handle = Rc::new(());
        let inner = Rc::new(Inner {
            waiters: Waiters::default(),
            kept: Cell::new(None),
            source: self.canceller(),
            handles: Rc::downgrade(&handle),
            is_given_up: Cell::new(false),
        });
        let fires = inner.clone();
        drop(self.add_both(move |result| fires.fire(result)));
        SharedDeferred { inner, handle }
    }
}

/// A result that any number may wait for, each with a Deferred of its own; made by
/// [`Deferred::share`].
///
/// Each [`when_fired`](Self::when_fired) gives a Deferred that gets a clone of the value, or the
/// failure: in the order asked for, and also when the result is there already.
///
/// It is a handle: clones share the same result. Dropping it changes nothing for those who wait.
///
/// # Failures
/// The failures that they get have the error in common. [`Failure::check`], `find` and `error` see
/// it; [`Failure::trap`] does not take it out, as it belongs to the others as well.
///
/// # Cancelling
/// One who waits and is cancelled leaves, and the others wait on. If it was the last of them, and
/// no `SharedDeferred` is left that could give another, then what was shared is cancelled, since
/// nobody can get its result any more. [`cancel`](Self::cancel) cancels it for all.
///
/// # Examples
/// ```
/// use torsade_core::Deferred;
///
/// let (resolver, deferred) = Deferred::new();
/// let answer = deferred.share();
/// let (one, two) = (answer.when_fired(), answer.when_fired());
/// resolver.callback("yes".to_owned());
/// assert_eq!(one.try_take().unwrap().unwrap(), "yes");
/// assert_eq!(two.try_take().unwrap().unwrap(), "yes");
/// assert_eq!(answer.when_fired().try_take().unwrap().unwrap(), "yes");
/// ```
///
/// [`Failure::check`]: crate::Failure::check
/// [`Failure::trap`]: crate::Failure::trap
pub struct SharedDeferred<T: 'static> {
    inner: Rc<Inner<T>>,
    /// Counts the handles.
    handle: Rc<()>,
}

struct Inner<T: 'static> {
    waiters: Waiters<T>,
    /// The result, once it is there.
    kept: Cell<Option<Kept<T>>>,
    source: Canceller,
    handles: Weak<()>,
    /// It was cancelled since nobody waits: what it comes to is of no use.
    is_given_up: Cell<bool>,
}

enum Kept<T> {
    /// In an `Rc`, so that it is not borrowed while its `clone` runs, which is the user's.
    Value(Rc<T>),
    /// Nobody has seen it yet, and if that stays so then it is logged.
    Unseen(Unseen),
    Failed(SharedFailure),
}

impl<T: Clone + 'static> SharedDeferred<T> {
    /// A Deferred of the result, which is fired behind those that were asked for before.
    ///
    /// ```
    /// use torsade_core::Deferred;
    ///
    /// let (resolver, deferred) = Deferred::<u32>::new();
    /// let shared = deferred.share();
    /// let (one, two) = (shared.when_fired(), shared.when_fired());
    /// one.cancel(); // one who waits leaves, no more
    /// assert!(!resolver.is_cancelled());
    /// resolver.callback(7);
    /// assert_eq!(two.try_take().unwrap().unwrap(), 7);
    /// ```
    #[track_caller]
    pub fn when_fired(&self) -> Deferred<T> {
        match self.inner.kept() {
            Some(kept) => kept.deferred(),
            None => {
                let weak_inner = Rc::downgrade(&self.inner);
                self.inner.waiters.wait_or(move || {
                    if let Some(inner) = weak_inner.upgrade() {
                        inner.give_up_if_unwanted();
                    }
                })
            }
        }
    }

    /// Cancels what is shared; all who wait get what it comes to by that.
    ///
    /// ```
    /// use torsade_core::{Cancelled, Deferred};
    ///
    /// let (resolver, deferred) = Deferred::<u32>::new();
    /// let shared = deferred.share();
    /// let waits = shared.when_fired();
    /// shared.cancel();
    /// assert!(resolver.is_cancelled());
    /// assert!(waits.try_take().unwrap().unwrap_err().check::<Cancelled>().is_some());
    /// ```
    pub fn cancel(&self) {
        self.inner.source.cancel();
    }

    /// Whether the result is there.
    pub fn is_fired(&self) -> bool {
        let kept = self.inner.kept.take();
        let is_fired = kept.is_some();
        self.inner.kept.set(kept);
        is_fired
    }
}

impl<T: Clone + 'static> Inner<T> {
    fn fire(&self, result: Result<T>) {
        if self.is_given_up.get() {
            return;
        }
        self.kept.set(Some(match result {
            Ok(value) => Kept::Value(Rc::new(value)),
            Err(failure) => Kept::Unseen(failure.into()),
        }));
        // Their callbacks run later: this is a callback itself.
        while let Some(waiter) = self.waiters.next() {
            match self.kept() {
                Some(Seen::Value(value)) => {
                    waiter.resolve(run_queue::call_user(|| T::clone(&value)));
                }
                Some(Seen::Failed(failure)) => waiter.errback(failure.failure()),
                None => {}
            }
        }
    }

    /// The result, to be given to somebody.
    fn kept(&self) -> Option<Seen<T>> {
        let seen = match self.kept.take()? {
            Kept::Value(value) => Seen::Value(value),
            Kept::Unseen(failure) => Seen::Failed(failure.see().into()),
            Kept::Failed(failure) => Seen::Failed(failure),
        };
        self.kept.set(Some(match &seen {
            Seen::Value(value) => Kept::Value(value.clone()),
            Seen::Failed(failure) => Kept::Failed(failure.clone()),
        }));
        Some(seen)
    }
}

impl<T> Inner<T> {
    /// Cancels the source, if there is nobody who waits or could come to wait.
    fn give_up_if_unwanted(&self) {
        if self.waiters.count_at_most() == 0 && self.handles.strong_count() == 0 {
            self.is_given_up.set(true);
            self.source.cancel();
        }
    }
}

/// A result that somebody sees.
enum Seen<T> {
    Value(Rc<T>),
    Failed(SharedFailure),
}

impl<T: Clone + 'static> Seen<T> {
    #[track_caller]
    fn deferred(self) -> Deferred<T> {
        match self {
            Self::Value(value) => execute(|| T::clone(&value)),
            Self::Failed(failure) => Deferred::fail(failure.failure()),
        }
    }
}

impl<T> Clone for SharedDeferred<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            handle: self.handle.clone(),
        }
    }
}

impl<T> fmt::Debug for SharedDeferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedDeferred").finish_non_exhaustive()
    }
}
