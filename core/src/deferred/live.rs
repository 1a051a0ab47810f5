//! Where the Deferreds of this thread were made that have not been fired: for who looks for what a
//! program waits for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;

use slab::Slab;

thread_local! {
    /// Whether it is noted: see [`set_debugging`].
    static IS_ON: Cell<bool> = const { Cell::new(cfg!(debug_assertions)) };

    static LIVE: RefCell<Live> = const { RefCell::new(Live::new()) };
}

/// The Deferreds of a thread that are not fired.
struct Live {
    /// Each with its number, and where it was made.
    notes: Slab<(u64, &'static Location<'static>)>,
    /// How many there have been.
    count: u64,
}

impl Live {
    const fn new() -> Self {
        Self {
            notes: Slab::new(),
            count: 0,
        }
    }

    fn insert(&mut self, made_at: &'static Location<'static>) -> usize {
        self.count += 1;
        self.notes.insert((self.count, made_at))
    }
}

/// Whether the Deferreds that this thread makes from now on are noted, so that
/// [`Reactor::pending`](crate::Reactor::pending) can tell of them; and the errors that are logged,
/// for [`testing::assert_clean`](crate::testing::assert_clean). On by default in debug builds.
///
/// It costs some nanoseconds for each Deferred that is not fired when it is made.
///
/// ```
/// use torsade_core::Deferred;
/// use torsade_core::deferred::set_debugging;
/// use torsade_core::testing::Simulation;
///
/// set_debugging(true);
/// let reactor = Simulation::new().reactor();
/// let (_resolver, waiting) = Deferred::<u32>::new();
/// assert_eq!(reactor.pending().deferreds.len(), 1);
/// # drop(waiting);
/// ```
#[doc(alias = "setDebugging")]
#[doc(alias = "Deferred.debug")]
#[doc(alias = "getDebugging")]
pub fn set_debugging(on: bool) {
    IS_ON.set(on);
}

pub(crate) fn is_debugging() -> bool {
    IS_ON.try_with(Cell::get).unwrap_or(false)
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
            let _ = LIVE.try_with(|live| live.borrow_mut().notes.try_remove(key as usize - 1));
        }
    }
}

impl Drop for Note {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

/// How many this thread has noted so far.
pub(crate) fn count() -> u64 {
    LIVE.with_borrow(|live| live.count)
}

/// Where those were made that are not fired, and how many at each place; without the first `count`
/// that were noted.
pub(crate) fn places_since(count: u64) -> Vec<(&'static Location<'static>, usize)> {
    let mut counts = BTreeMap::new();
    LIVE.with_borrow(|live| {
        for (_, (_, place)) in live.notes.iter().filter(|(_, note)| note.0 > count) {
            *counts.entry(*place).or_insert(0) += 1;
        }
    });
    counts.into_iter().collect()
}
