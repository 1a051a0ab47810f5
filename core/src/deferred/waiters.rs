//! Waiters: who waits for the next of something, in the order in which they came.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Deferred, Resolver};

/// A row of Deferreds that wait. One that is cancelled leaves it, from wherever it stands.
///
/// Dropping it fails those who wait with [`Abandoned`](crate::Abandoned).
pub(crate) struct Waiters<T: 'static> {
    row: Rc<RefCell<Row<T>>>,
}

struct Row<T: 'static> {
    /// By their number: the first goes first, and any can leave without a gap to skip later.
    resolvers: BTreeMap<u64, Resolver<T>>,
    next_number: u64,
}

impl<T: 'static> Waiters<T> {
    /// Waits behind all others.
    #[track_caller]
    pub(crate) fn wait(&self) -> Deferred<T> {
        self.wait_or(|| ())
    }

    /// The same, with something that is done after a cancel that made this one leave.
    #[track_caller]
    pub(super) fn wait_or(&self, on_leave: impl FnOnce() + 'static) -> Deferred<T> {
        let mut row = self.row.borrow_mut();
        let number = row.next_number;
        row.next_number += 1;
        let weak_row = Rc::downgrade(&self.row);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            let resolver = weak_row
                .upgrade()
                .and_then(|row| row.borrow_mut().resolvers.remove(&number));
            drop(resolver);
            on_leave();
        });
        row.resolvers.insert(number, resolver);
        deferred
    }

    /// Takes the one who waits longest.
    ///
    /// Someone who was cancelled by the function that runs now is still in the row, and is not
    /// taken: what was given to it would be lost.
    pub(crate) fn next(&self) -> Option<Resolver<T>> {
        loop {
            let (_, resolver) = self.row.borrow_mut().resolvers.pop_first()?;
            if !resolver.is_cancelled() {
                return Some(resolver);
            }
        }
    }

    /// How many wait, without those who are about to leave.
    pub(super) fn count(&self) -> usize {
        let row = self.row.borrow();
        let waiting = row.resolvers.values();
        waiting.filter(|resolver| !resolver.is_cancelled()).count()
    }

    /// How many wait, at most; it takes no look at each of them.
    pub(super) fn count_at_most(&self) -> usize {
        self.row.borrow().resolvers.len()
    }
}

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self {
            row: Rc::new(RefCell::new(Row {
                resolvers: BTreeMap::new(),
                next_number: 0,
            })),
        }
    }
}
