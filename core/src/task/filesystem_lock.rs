//! A lock that is a file: for programs that must not do something at the same time.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::{Deferred, DelayedCall, Reactor, Resolver};

/// A lock shared with other programs, by a file that one of them has locked at a time.
///
/// The system forgets the lock of a program that ends in whatever way, so none is ever left over.
/// The file itself stays. It is for one machine: network file systems may not lock.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::task::DeferredFilesystemLock;
/// use torsade_core::testing::Simulation;
///
/// # fn main() -> torsade_core::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("torsade-lock-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let reactor = Simulation::new().reactor();
/// let lock = DeferredFilesystemLock::new(&reactor, folder.join("spool.lock"));
/// let locked = reactor.run_until(lock.defer_until_locked())?;
/// // Nobody else has it, until this is dropped.
/// let second = lock.defer_until_locked().add_timeout(&reactor, Duration::from_secs(3));
/// assert!(reactor.run_until(second).is_err());
/// drop(locked);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "FilesystemLock")]
pub struct DeferredFilesystemLock {
    reactor: Reactor,
    path: PathBuf,
    interval: Duration,
}

/// The lock, as long as this is there.
///
/// ```
/// use torsade_core::task::{DeferredFilesystemLock, FilesystemLocked};
/// use torsade_core::testing::Simulation;
///
/// # let folder = std::env::temp_dir().join(format!("torsade-locked-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let reactor = Simulation::new().reactor();
/// let lock = DeferredFilesystemLock::new(&reactor, folder.join("spool.lock"));
/// let locked: FilesystemLocked = lock.try_lock()?.expect("nobody has it");
/// assert_eq!(locked.path(), folder.join("spool.lock"));
/// assert!(lock.try_lock()?.is_none());
/// locked.unlock(); // as a drop does
/// assert!(lock.try_lock()?.is_some());
/// # std::fs::remove_dir_all(&folder)?;
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
#[must_use = "the lock is given up when this is dropped"]
pub struct FilesystemLocked {
    // Closing a file gives up its lock.
    _file: File,
    path: PathBuf,
}

impl DeferredFilesystemLock {
    /// The lock that is the file at `path`, which is made if it is not there.
    pub fn new(reactor: &Reactor, path: impl Into<PathBuf>) -> Self {
        Self {
            reactor: reactor.clone(),
            path: path.into(),
            interval: Duration::from_secs(1),
        }
    }

    /// How often it is looked whether the lock is free: every second, unless told otherwise.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Waits for the lock. Cancelling the Deferred ends the wait;
    /// [`add_timeout`](Deferred::add_timeout) bounds it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::task::DeferredFilesystemLock;
    /// use torsade_core::testing::Simulation;
    ///
    /// # let folder = std::env::temp_dir().join(format!("torsade-waits-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let reactor = Simulation::new().reactor();
    /// let lock = DeferredFilesystemLock::new(&reactor, folder.join("spool.lock"));
    /// let held = lock.try_lock()?.expect("nobody has it");
    /// let _ = reactor.call_later(Duration::from_millis(2500), move || held.unlock());
    /// let start = reactor.now();
    /// let _locked = reactor.run_until(lock.defer_until_locked())?;
    /// // It looks every second.
    /// assert_eq!(reactor.now() - start, Duration::from_secs(3));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// An [`io::Error`] when the file cannot be opened or locked at all.
    #[doc(alias = "deferUntilLocked")]
    pub fn defer_until_locked(&self) -> Deferred<FilesystemLocked> {
        let waiting = Rc::new(Waiting {
            lock: self.clone(),
            timer: RefCell::default(),
            resolver: Cell::default(),
        });
        let to_cancel = Rc::downgrade(&waiting);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(waiting) = to_cancel.upgrade() {
                waiting.stop();
            }
        });
        waiting.resolver.set(Some(resolver));
        Waiting::look(&waiting);
        deferred
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// As above.
    #[doc(alias = "lock")]
    pub fn try_lock(&self) -> io::Result<Option<FilesystemLocked>> {
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(FilesystemLocked {
                _file: file,
                path: self.path.clone(),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl FilesystemLocked {
    /// The file that is locked.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the lock up, as dropping this does.
    pub fn unlock(self) {}
}

/// One who waits. Its timer keeps it.
struct Waiting {
    lock: DeferredFilesystemLock,
    timer: RefCell<Option<DelayedCall>>,
    resolver: Cell<Option<Resolver<FilesystemLocked>>>,
}

impl Waiting {
    fn look(this: &Rc<Self>) {
        let Some(resolver) = this.resolver.take() else {
            return;
        };
        match this.lock.try_lock() {
            Ok(Some(locked)) => resolver.callback(locked),
            Ok(None) => {
                this.resolver.set(Some(resolver));
                let again = Rc::clone(this);
                let look = move || Self::look(&again);
                let timer = this.lock.reactor.call_later(this.lock.interval, look);
                *this.timer.borrow_mut() = Some(timer);
            }
            Err(error) => resolver.errback(error),
        }
    }

    fn stop(&self) {
        // Without its Resolver the Deferred fails with Cancelled.
        drop(self.resolver.take());
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Simulation;
    use crate::{Cancelled, TimedOut};

    fn lock_in(folder: &Path) -> (Reactor, DeferredFilesystemLock) {
        let reactor = Simulation::new().reactor();
        let lock = DeferredFilesystemLock::new(&reactor, folder.join("lock"));
        (reactor, lock)
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_free_lock_is_had_at_once_and_by_one_at_a_time() {
        let folder = folder();
        let (_reactor, lock) = lock_in(folder.path());
        let locked = lock.defer_until_locked().try_take().unwrap().unwrap();
        assert_eq!(locked.path(), folder.path().join("lock"));
        assert!(lock.try_lock().unwrap().is_none());
        locked.unlock();
        assert!(lock.try_lock().unwrap().is_some());
    }

    #[test]
    fn who_waits_gets_it_when_it_is_given_up() {
        let folder = folder();
        let (reactor, lock) = lock_in(folder.path());
        let lock = lock.interval(Duration::from_secs(2));
        let locked = lock.try_lock().unwrap().unwrap();
        let start = reactor.now();
        let _ = reactor.call_later(Duration::from_secs(5), move || locked.unlock());
        let got = reactor.run_until(lock.defer_until_locked());
        assert!(got.is_ok());
        assert_eq!(reactor.now() - start, Duration::from_secs(6));
    }

    #[test]
    fn a_wait_may_be_cancelled_or_bounded_and_leaves_no_timer() {
        let folder = folder();
        let (reactor, lock) = lock_in(folder.path());
        let _locked = lock.try_lock().unwrap().unwrap();
        let waiting = lock.defer_until_locked();
        assert_eq!(reactor.delayed_calls(), 1);
        waiting.cancel();
        assert_eq!(reactor.delayed_calls(), 0);
        let failure = waiting.try_take().unwrap().unwrap_err();
        assert!(failure.check::<Cancelled>().is_some());

        let late = lock.defer_until_locked();
        let late = late.add_timeout(&reactor, Duration::from_secs(10));
        let failure = reactor.run_until(late).unwrap_err();
        assert!(failure.check::<TimedOut>().is_some());
        assert_eq!(reactor.delayed_calls(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_is_an_error() {
        let folder = folder();
        let reactor = Simulation::new().reactor();
        let path = folder.path().join("missing").join("lock");
        let lock = DeferredFilesystemLock::new(&reactor, path);
        let failure = reactor.run_until(lock.defer_until_locked()).unwrap_err();
        let error = failure.check::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
