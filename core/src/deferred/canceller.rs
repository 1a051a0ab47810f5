//! Canceller: cancels what a Deferred waits for, without holding it.

use std::fmt;
use std::rc::{Rc, Weak};

use super::node::{Node, top};
use super::run_queue::{self, Run};
use crate::error::Panicked;

/// A small handle that cancels what a Deferred waits for; made by [`Deferred::canceller`].
///
/// It holds nothing alive. It belongs to the point of the chain where it was taken: it cancels
/// what the callbacks added *before* that point wait for. To cancel whatever a whole chain waits
/// for, take it last.
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
    node: Option<Weak<dyn Node>>,
}

impl Canceller {
    pub(super) fn new(node: Option<Weak<dyn Node>>) -> Self {
        Self { node }
    }

    /// Cancels, exactly as [`Deferred::cancel`](super::Deferred::cancel) does.
    ///
    /// Once the result is there, or the Deferred is gone, this does nothing.
    pub fn cancel(&self) {
        if let Some(node) = self.node.as_ref().and_then(Weak::upgrade) {
            cancel(node);
        }
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}

/// Cancels what `node` waits for.
pub(super) fn cancel(node: Rc<dyn Node>) {
    if node.is_settled() {
        return;
    }
    if let Some(source) = top(node.clone()).request_cancel() {
        run_queue::fire(source);
    } else if run_queue::in_user_function() {
        // What the chain waits for has been fired, and its callbacks wait for the running user
        // function to return. One of them may then wait for an inner Deferred: that is the one.
        run_queue::fire(Rc::new(CancelLater { node }));
    }
}

/// Looks once more for what a node waits for.
struct CancelLater {
    node: Rc<dyn Node>,
}

impl Run for CancelLater {
    fn run(&self, _this: &Rc<dyn Run>) -> Option<Rc<dyn Run>> {
        top(self.node.clone()).request_cancel()
    }

    fn panicked(&self, this: &Rc<dyn Run>, panicked: Panicked) -> Option<Rc<dyn Run>> {
        // `run` calls no user function, so it has not run yet.
        run_queue::log_stray(&panicked);
        Some(this.clone())
    }
}
