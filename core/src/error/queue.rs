//! What queues and semaphores refuse.

use std::error::Error;
use std::fmt;

/// A [`DeferredQueue`](crate::DeferredQueue) is full, and nobody waits for an item.
///
/// With `?` it becomes a [`Failure`](crate::Failure) if the item is `Send` and `Sync`.
///
/// ```
/// use torsade_core::DeferredQueue;
///
/// let queue = DeferredQueue::new().with_size(1);
/// queue.put("first")?;
/// // The item comes back.
/// assert_eq!(queue.put("second").unwrap_err().item, "second");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[doc(alias = "twisted.internet.defer.QueueOverflow")]
pub struct QueueOverflow<T> {
    /// The item that found no place.
    pub item: T,
}

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueOverflow").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full")
    }
}

impl<T> Error for QueueOverflow<T> {}

/// As many wait for an item of a [`DeferredQueue`](crate::DeferredQueue) as its backlog allows.
///
/// ```
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{DeferredQueue, QueueUnderflow};
///
/// let queue = DeferredQueue::<u32>::new().with_backlog(1);
/// let waits = queue.get();
/// let failure = failure_result_of(queue.get());
/// assert!(failure.check::<QueueUnderflow>().is_some());
/// // The one who came first still gets the item.
/// queue.put(7)?;
/// assert_eq!(waits.try_take().unwrap()?, 7);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "twisted.internet.defer.QueueUnderflow")]
pub struct QueueUnderflow;

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is empty, and too many wait for an item already")
    }
}

impl Error for QueueUnderflow {}

/// A [`DeferredSemaphore`](crate::DeferredSemaphore) needs at least one token.
///
/// ```
/// use torsade_core::{DeferredSemaphore, NoTokens};
///
/// // A number from a configuration, say.
/// let most = 0;
/// assert!(matches!(DeferredSemaphore::new(most), Err(NoTokens)));
/// assert_eq!(DeferredSemaphore::new(most.max(1))?.limit(), 1);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoTokens;

impl fmt::Display for NoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a semaphore needs at least one token")
    }
}

impl Error for NoTokens {}
