//! Remote: the one handle of a reactor that may leave its thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, ThreadId};

use slab::Slab;

use super::coroutine::Key;
use crate::deferred::maybe_deferred;
use crate::driver::Wake;
use crate::{Outcome, Reactor, ReactorError, Result};

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
#[doc(alias = "IReactorFromThreads")]
pub struct Remote {
    shared: Arc<Shared>,
}

type StopWaiting = Box<dyn FnOnce() + Send>;

pub(super) type RemoteCall = Box<dyn FnOnce(&Reactor) + Send>;

impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Calls `f` in the reactor's thread, and waits here for what it gives: for its Deferred, if
    /// it gives one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::Reactor;
    /// use torsade_core::task::defer_later;
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let reactor = Reactor::new()?;
    /// let remote = reactor.remote();
    /// let waiting = std::thread::spawn(move || {
    ///     let answer = remote.block_on(|reactor| {
    ///         defer_later(reactor, Duration::from_millis(5), || Ok(42))
    ///     });
    ///     remote.call_from_thread(|reactor| reactor.stop().unwrap()).unwrap();
    ///     answer
    /// });
    /// reactor.run()?;
    /// assert_eq!(waiting.join().unwrap()?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `f`, also a panic; [`ReactorError::InsideCallback`] in the reactor's own thread,
    /// which would wait for itself; [`ReactorError::Gone`] and [`ReactorError::Stopped`] when the
    /// reactor ended before the result came.
    #[doc(alias = "blockingCallFromThread")]
    pub fn block_on<O>(&self, f: impl FnOnce(&Reactor) -> O + Send + 'static) -> Result<O::Output>
    where
        O: Outcome,
        O::Output: Send,
    {
        if thread::current().id() == self.shared.thread {
            return Err(ReactorError::InsideCallback.into());
        }
        let (answer, answered) = mpsc::channel();
        // What was waited for may outlive the reactor, and never come.
        let to_stop = answer.clone();
        let blocked = self.shared.block(Box::new(move || {
            let _ = to_stop.send(Err(ReactorError::Stopped.into()));
        }))?;
        let called = self.call_from_thread(move |reactor| {
            let result = maybe_deferred(|| f(reactor));
            drop(result.add_both(move |result| {
                // Whoever waits is there still: it cannot give up.
                let _ = answer.send(result);
            }));
        });
        let result = answered.recv();
        self.shared.unblock(blocked);
        called?;
        result.unwrap_or_else(|_| Err(ReactorError::Stopped.into()))
    }

    /// Calls `f` in the reactor's thread, in the order in which the calls were made.
    ///
    /// A waiting reactor is woken at once. A call that is made before the reactor runs waits
    /// until it does.
    ///
    /// ```
    /// use torsade_core::{Reactor, ReactorError};
    ///
    /// let reactor = Reactor::new()?;
    /// let remote = reactor.remote();
    /// let other = remote.clone();
    /// let thread = std::thread::spawn(move || {
    ///     other.call_from_thread(|reactor| reactor.stop().unwrap())
    /// });
    /// reactor.run()?;
    /// assert_eq!(thread.join().unwrap(), Ok(()));
    /// assert_eq!(remote.call_from_thread(|_| ()), Err(ReactorError::Gone));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
    /// The reactor's.
    thread: ThreadId,
}

#[derive(Default)]
struct Inbox {
    calls: VecDeque<RemoteCall>,
    woken: Vec<Key>,
    /// Tells each thread that waits in `block_on` that the reactor has stopped.
    blocked: Slab<StopWaiting>,
    /// The reactor has stopped: nothing is taken in any more.
    closed: bool,
}

impl Shared {
    pub(super) fn new(waker: Arc<dyn Wake>) -> Arc<Self> {
        Arc::new(Self {
            inbox: Mutex::default(),
            asleep: AtomicBool::new(false),
            waker,
            thread: thread::current().id(),
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

    fn block(&self, stop_waiting: StopWaiting) -> Result<usize, ReactorError> {
        let mut inbox = self.inbox();
        if inbox.closed {
            return Err(ReactorError::Gone);
        }
        Ok(inbox.blocked.insert(stop_waiting))
    }

    fn unblock(&self, key: usize) {
        let unblocked = self.inbox().blocked.try_remove(key);
        drop(unblocked);
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
        !self.has_work()
    }

    pub(super) fn has_work(&self) -> bool {
        let inbox = self.inbox();
        !inbox.calls.is_empty() || !inbox.woken.is_empty()
    }

    /// How many calls wait.
    pub(super) fn calls(&self) -> usize {
        self.inbox().calls.len()
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
        // They only send on a channel.
        for (_, stop_waiting) in std::mem::take(&mut inbox.blocked) {
            stop_waiting();
        }
        std::mem::take(&mut inbox.calls)
    }
}
