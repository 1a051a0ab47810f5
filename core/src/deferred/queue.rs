//! DeferredQueue: items from those who make them to those who wait for them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use super::Deferred;
use super::waiters::Waiters;
use crate::error::{QueueOverflow, QueueUnderflow};

/// Items on their way from those who make them to those who wait for them, first come, first
/// served on both sides.
///
/// It is a handle: clones are the same queue. When the last one is dropped, those who wait still
/// fail with [`Abandoned`](crate::Abandoned), as nothing can come any more.
///
/// # Examples
/// ```
/// use torsade_core::DeferredQueue;
///
/// let queue = DeferredQueue::new();
/// let first = queue.get();
/// queue.put("a").unwrap();
/// queue.put("b").unwrap();
/// assert_eq!(first.try_take().unwrap().unwrap(), "a");
/// assert_eq!(queue.len(), 1);
/// assert_eq!(queue.get().try_take().unwrap().unwrap(), "b");
/// ```
#[doc(alias = "twisted.internet.defer.DeferredQueue")]
pub struct DeferredQueue<T: 'static> {
    inner: Rc<Inner<T>>,
}

struct Inner<T: 'static> {
    /// Empty while somebody waits.
    items: RefCell<VecDeque<T>>,
    waiters: Waiters<T>,
    size: Cell<usize>,
    backlog: Cell<usize>,
}

impl<T: 'static> DeferredQueue<T> {
    /// An empty queue without limits.
    pub fn new() -> Self {
        Self {
            inner: Rc::new(Inner {
                items: RefCell::default(),
                waiters: Waiters::default(),
                size: Cell::new(usize::MAX),
                backlog: Cell::new(usize::MAX),
            }),
        }
    }

    /// Sets how many items may wait for somebody who gets them. With none, an item can only be put
    /// when somebody waits for it.
    ///
    /// ```
    /// use torsade_core::DeferredQueue;
    ///
    /// let by_hand = DeferredQueue::new().with_size(0);
    /// assert!(by_hand.put("too early").is_err());
    /// let waits = by_hand.get();
    /// by_hand.put("just right").unwrap();
    /// assert_eq!(waits.try_take().unwrap().unwrap(), "just right");
    /// ```
    #[doc(alias = "DeferredQueue.size")]
    pub fn with_size(self, items: usize) -> Self {
        self.inner.size.set(items);
        self
    }

    /// Sets how many may wait for an item.
    #[doc(alias = "DeferredQueue.backlog")]
    pub fn with_backlog(self, waiting: usize) -> Self {
        self.inner.backlog.set(waiting);
        self
    }

    /// Gives an item to the one who waits longest, or keeps it for the next who asks.
    ///
    /// Who waited gets it before this returns, or, inside a user function, when that function has
    /// returned. If that one's Deferred was dropped then the item is gone with it.
    ///
    /// ```
    /// use torsade_core::DeferredQueue;
    ///
    /// let jobs = DeferredQueue::new().with_size(2);
    /// let mut refused = Vec::new();
    /// for job in ["a", "b", "c"] {
    ///     if let Err(full) = jobs.put(job) {
    ///         refused.push(full.item); // it is not lost
    ///     }
    /// }
    /// assert_eq!((jobs.len(), &refused[..]), (2, &["c"][..]));
    /// ```
    ///
    /// # Errors
    /// [`QueueOverflow`] if nobody waits and as many items as the [size](Self::with_size) allows
    /// are there; it gives the item back.
    #[doc(alias = "DeferredQueue.put")]
    #[track_caller]
    pub fn put(&self, item: T) -> Result<(), QueueOverflow<T>> {
        if let Some(waiter) = self.inner.waiters.next() {
            waiter.callback(item);
            return Ok(());
        }
        let mut items = self.inner.items.borrow_mut();
        if items.len() >= self.inner.size.get() {
            return Err(QueueOverflow { item });
        }
        items.push_back(item);
        Ok(())
    }

    /// Waits for an item. Cancelled before it has one, it takes none.
    ///
    /// ```
    /// use torsade_core::DeferredQueue;
    ///
    /// let queue = DeferredQueue::new();
    /// let (impatient, patient) = (queue.get(), queue.get());
    /// impatient.cancel();
    /// queue.put("a").unwrap();
    /// assert_eq!(patient.try_take().unwrap().unwrap(), "a");
    /// ```
    ///
    /// # Errors
    /// [`QueueUnderflow`] if there is no item and as many as the [backlog](Self::with_backlog)
    /// allows wait already.
    #[doc(alias = "DeferredQueue.get")]
    #[track_caller]
    pub fn get(&self) -> Deferred<T> {
        let item = self.inner.items.borrow_mut().pop_front();
        if let Some(item) = item {
            return Deferred::succeed(item);
        }
        let backlog = self.inner.backlog.get();
        // Only a full row is worth a look at each: some may be about to leave it.
        if self.inner.waiters.count_at_most() >= backlog && self.waiting() >= backlog {
            return Deferred::fail(QueueUnderflow);
        }
        self.inner.waiters.wait()
    }

    /// How many items wait for somebody who gets them.
    #[doc(alias = "DeferredQueue.pending")]
    pub fn len(&self) -> usize {
        self.inner.items.borrow().len()
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for an item.
    #[doc(alias = "DeferredQueue.waiting")]
    pub fn waiting(&self) -> usize {
        self.inner.waiters.count()
    }
}

impl<T> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredQueue")
            .field("len", &self.len())
            .field("waiting", &self.waiting())
            .finish()
    }
}
