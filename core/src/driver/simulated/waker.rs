//! What wakes the reactors of a world: a flag for each, and one place to sleep until any is set.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::driver::Wake;

/// The flags of a world's hosts.
#[derive(Default)]
pub(super) struct Wakers {
    woken: Mutex<Vec<bool>>,
    changed: Condvar,
}

/// The flag of one.
pub(super) struct SimulatedWaker {
    wakers: Arc<Wakers>,
    host: usize,
}

impl Wakers {
    pub(super) fn of(self: &Arc<Self>, host: usize) -> Arc<SimulatedWaker> {
        let wakers = Arc::clone(self);
        let mut woken = self.flags();
        if woken.len() <= host {
            woken.resize(host + 1, false);
        }
        drop(woken);
        Arc::new(SimulatedWaker { wakers, host })
    }

    /// Waits in real time until a flag is set, and leaves only that of `host` set: the others are
    /// looked after by asking each reactor what it has to do.
    pub(super) fn wait(&self, host: usize) {
        let woken = self.flags();
        let idle = |woken: &mut Vec<bool>| !woken.contains(&true);
        let mut woken = self
            .changed
            .wait_while(woken, idle)
            .unwrap_or_else(PoisonError::into_inner);
        for (other, flag) in woken.iter_mut().enumerate() {
            *flag &= other == host;
        }
    }

    /// The same, but for no longer than `most`, or until `is_done`, of which
    /// [`look_again`](Self::look_again) tells.
    pub(super) fn wait_until(&self, host: usize, most: Duration, is_done: impl Fn() -> bool) {
        let mut woken = self.flags();
        for (other, flag) in woken.iter_mut().enumerate() {
            *flag &= other == host;
        }
        let waits = |woken: &mut Vec<bool>| !woken.contains(&true) && !is_done();
        let waited = self.changed.wait_timeout_while(woken, most, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn look_again(&self) {
        // Whoever waits has looked before, or looks after this.
        drop(self.flags());
        self.changed.notify_all();
    }

    fn flags(&self) -> MutexGuard<'_, Vec<bool>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimulatedWaker {
    /// Whether it was woken since it was last asked.
    pub(super) fn take(&self) -> bool {
        std::mem::take(&mut self.wakers.flags()[self.host])
    }
}

impl Wake for SimulatedWaker {
    fn wake(&self) {
        self.wakers.flags()[self.host] = true;
        self.wakers.changed.notify_one();
    }
}
