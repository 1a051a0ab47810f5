//! Remote: the one handle of a reactor that may leave its thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::coroutine::Key;
use crate::driver::Wake;
use crate::{Reactor, ReactorError};

/// A handle that other threads use to get things done in the reactor's thread.
///
/// ```
/// use torsade_core::Reactor;
///
/// # fn main() -> torsade_core::Result<()> {
/// let reactor = Reactor::new()?;
/// let remote = reactor.remote();
/// std::thread::spawn(move || {
///     remote.call_from_thread(|reactor| {
///         let _ = reactor.stop();
///     })
/// });
/// reactor.run()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

pub(super) type RemoteCall = Box<dyn FnOnce(&Reactor) + Send>;

impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Calls `f` in the reactor's thread, in the order in which the calls were made.
    ///
    /// A waiting reactor is woken at once. A call that is made before the reactor runs waits
    /// until it does.
    ///
    /// # Errors
    /// [`ReactorError::Gone`] when the reactor was stopped or dropped: `f` will not be called.
    #[doc(alias = "callFromThread")]
    pub fn call_from_thread(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.shared.call(Box::new(f))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// What a reactor shares with other threads.
pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    /// Whether the reactor waits, or is about to, without having seen the inbox: only then does
    /// it have to be woken, which costs a system call.
    asleep: AtomicBool,
    waker: Arc<dyn Wake>,
}

#[derive(Default)]
struct Inbox {
    calls: VecDeque<RemoteCall>,
    woken: Vec<Key>,
    /// The reactor has stopped: nothing is taken in any more.
    closed: bool,
}

impl Shared {
    pub(super) fn new(waker: Arc<dyn Wake>) -> Arc<Self> {
        Arc::new(Self {
            inbox: Mutex::default(),
            asleep: AtomicBool::new(false),
            waker,
        })
    }

    /// What a handle to a reactor that is gone refers to.
    pub(super) fn closed() -> Arc<Self> {
        struct Nobody;
        impl Wake for Nobody {
            fn wake(&self) {}
        }
        let shared = Self::new(Arc::new(Nobody));
        drop(shared.close());
        shared
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        // No user code runs under the lock, so a poisoned one is not broken.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: RemoteCall) -> Result<(), ReactorError> {
        {
            let mut inbox = self.inbox();
            if inbox.closed {
                // Dropped by our caller, outside the lock: it may own anything.
                drop(inbox);
                drop(call);
                return Err(ReactorError::Gone);
            }
            inbox.calls.push_back(call);
        }
        self.rouse();
        Ok(())
    }

    /// A coroutine can go on.
    pub(super) fn wake_coroutine(&self, key: Key) {
        let mut inbox = self.inbox();
        if inbox.closed {
            return;
        }
        inbox.woken.push(key);
        drop(inbox);
        self.rouse();
    }

    fn rouse(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// The reactor is about to wait. Gives back false when it must not, since there is work.
    pub(super) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let inbox = self.inbox();
        inbox.calls.is_empty() && inbox.woken.is_empty()
    }

    pub(super) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    pub(super) fn take_calls(&self, most: usize) -> VecDeque<RemoteCall> {
        let mut inbox = self.inbox();
        if inbox.calls.len() <= most {
            return std::mem::take(&mut inbox.calls);
        }
        inbox.calls.drain(..most).collect()
    }

    pub(super) fn take_woken(&self) -> Vec<Key> {
        std::mem::take(&mut self.inbox().woken)
    }

    /// Refuses further calls; gives back those that wait, to be dropped.
    pub(super) fn close(&self) -> VecDeque<RemoteCall> {
        let mut inbox = self.inbox();
        inbox.closed = true;
        inbox.woken.clear();
        std::mem::take(&mut inbox.calls)
    }
}
