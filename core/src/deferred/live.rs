//! Where the Deferreds of this thread were made that have not been fired: for who looks for what a
//! program waits for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;

use slab::Slab;

thread_local! {
    /// Whether it is noted: see [`set_debugging`].
    static IS_ON: Cell<bool> = const { Cell::new(cfg!(debug_assertions)) };

    static LIVE: RefCell<Slab<&'static Location<'static>>> = const { RefCell::new(Slab::new()) };
}

/// Whether the Deferreds that this thread makes from now on are noted, so that
/// [`Reactor::pending`](crate::Reactor::pending) can tell of them. On by default in debug builds.
///
/// It costs some nanoseconds for each Deferred that is not fired when it is made.
#[doc(alias = "setDebugging")]
pub fn set_debugging(on: bool) {
    IS_ON.set(on);
}

/// A note of one Deferred; taken back when it is dropped.
#[derive(Default)]
pub(super) struct Note(Cell<u32>);

impl Note {
    #[inline]
    pub(super) fn begin(&self, made_at: &'static Location<'static>) {
        if IS_ON.get() {
            self.enter(made_at);
        }
    }

    #[cold]
    fn enter(&self, made_at: &'static Location<'static>) {
        // A thread that ends has no notes any more. None of them has the number 0.
        let key = LIVE.try_with(|live| live.borrow_mut().insert(made_at));
        let key = key.ok().and_then(|key| u32::try_from(key + 1).ok());
        self.0.set(key.unwrap_or(0));
    }

    /// It is fired.
    #[inline]
    pub(super) fn end(&self) {
        let key = self.0.replace(0);
        if key != 0 {
            let _ = LIVE.try_with(|live| live.borrow_mut().try_remove(key as usize - 1));
        }
    }
}

impl Drop for Note {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

/// Where they were made, and how many at each place.
pub(crate) fn places() -> Vec<(&'static Location<'static>, usize)> {
    let mut counts = BTreeMap::new();
    LIVE.with_borrow(|live| {
        for (_, place) in live {
            *counts.entry(*place).or_insert(0) += 1;
        }
    });
    counts.into_iter().collect()
}
