//! A bounded pool of threads for work that blocks; it knows nothing of the reactor.
//!
//! ```text
//! waiting --start--> running --stop--> stopped (--start--> running)
//! ```
//!
//! A job reports by what it captured, such as a channel: the pool looks at no results. A job that is
//! dropped unrun (the pool stopped) drops what it captured, and so is not silent either.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What a thread of the pool runs.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Threads that run jobs in the order of submission, so many at once.
///
/// Threads are made when there is a job and none is idle, and stay until [`stop`](Self::stop):
/// there are never more than `max`, and who used them once will do so again.
/// Dropping the pool stops it.
pub(crate) struct ThreadPool {
    name: &'static str,
    shared: Arc<Shared>,
}

/// How a pool is doing.
///
/// ```
/// use torsade_core::Reactor;
///
/// let reactor = Reactor::new()?;
/// assert_eq!(reactor.thread_statistics().queued, 0);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "ThreadPool.dumpStats")]
pub struct ThreadStatistics {
    /// How many threads there are.
    pub threads: usize,
    /// Of these, the ones without a job.
    #[doc(alias = "waiters")]
    pub idle: usize,
    /// Jobs that no thread has taken up.
    pub queued: usize,
}

struct Shared {
    state: Mutex<State>,
    /// There is a job, or the pool stops.
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// There are no more threads than this, once those that are too many have ended their jobs.
    max: usize,
    queue: VecDeque<Job>,
    /// Those that have not been joined.
    handles: Vec<JoinHandle<()>>,
    threads: usize,
    idle: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Stopped,
}

impl ThreadPool {
    /// A pool of at most `max` threads (at least one), called `name` and a number. It has none yet.
    pub(crate) fn new(name: &'static str, max: usize) -> Self {
        let state = State {
            phase: Phase::Waiting,
            max: max.max(1),
            queue: VecDeque::new(),
            handles: Vec::new(),
            threads: 0,
            idle: 0,
        };
        Self {
            name,
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
        }
    }

    /// Queues a job. Before [`start`](Self::start) it waits.
    ///
    /// A panic in it ends the job, not the thread.
    ///
    /// # Errors
    /// The job is dropped when the pool is stopped, or when it has no thread and the system gives
    /// it none.
    pub(crate) fn submit(&self, job: Job) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.phase == Phase::Stopped {
            drop(state);
            return Err(io::Error::other("the thread pool is stopped"));
        }
        state.queue.push_back(job);
        let result = self.provide_thread(&mut state);
        // Dropped only after the lock: what a job captured may do anything when it is dropped.
        let refused = if result.is_err() {
            state.queue.pop_back()
        } else {
            None
        };
        drop(state);
        drop(refused);
        self.shared.changed.notify_one();
        result
    }

    /// Begins to run what is queued. Harmless when running; after a stop it starts anew.
    ///
    /// # Errors
    /// When jobs wait and the system gives no thread at all. They stay queued.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.phase = Phase::Running;
        self.provide_threads(&mut state)
    }

    /// Allows so many threads (at least one). Those that are too many end after their jobs.
    ///
    /// # Errors
    /// When jobs wait and the system gives no thread at all.
    pub(crate) fn set_max(&self, max: usize) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.max = max.max(1);
        let provided = self.provide_threads(&mut state);
        drop(state);
        self.shared.changed.notify_all();
        provided
    }

    /// Drops the jobs that are queued, waits for those that run, and ends the threads.
    ///
    /// Called by a job, it waits for all threads but its own, which ends after the job.
    pub(crate) fn stop(&self) {
        for handle in self.end() {
            if handle.thread().id() != thread::current().id() {
                // An error is a panic of a thread, and that was reported when it happened.
                let _ = handle.join();
            }
        }
    }

    /// As [`stop`](Self::stop), but waits for nobody: each thread ends after its job.
    pub(crate) fn leave(&self) {
        drop(self.end());
    }

    fn end(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.shared.lock();
        state.phase = Phase::Stopped;
        let queue = std::mem::take(&mut state.queue);
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        self.shared.changed.notify_all();
        for job in queue {
            // One by one: two that panic in one drop would end the process.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
        }
        handles
    }

    pub(crate) fn statistics(&self) -> ThreadStatistics {
        let state = self.shared.lock();
        ThreadStatistics {
            threads: state.threads,
            idle: state.idle,
            queued: state.queue.len(),
        }
    }

    fn provide_threads(&self, state: &mut State) -> io::Result<()> {
        for _ in 0..state.queue.len().min(state.max) {
            self.provide_thread(state)?;
        }
        Ok(())
    }

    /// Makes one more thread if there are more jobs than idle threads.
    ///
    /// An idle thread that has been woken but does not run yet counts as idle still, and so does
    /// its job as queued.
    fn provide_thread(&self, state: &mut State) -> io::Result<()> {
        let needed = state.queue.len() > state.idle && state.threads < state.max;
        if state.phase != Phase::Running || !needed {
            return Ok(());
        }
        let shared = self.shared.clone();
        let made = thread::Builder::new()
            .name(format!("{}-{}", self.name, state.threads + 1))
            .spawn(move || {
                let is_counted = true;
                Worker { shared, is_counted }.run();
            });
        match made {
            Ok(handle) => {
                state.threads += 1;
                state.handles.push(handle);
                Ok(())
            }
            // The others will come to the job.
            Err(_) if state.threads > 0 => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("name", &self.name)
            .field("max", &self.shared.lock().max)
            .field("statistics", &self.statistics())
            .finish()
    }
}

impl Shared {
    /// No job runs under the lock, so a panic cannot leave the state half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread of the pool is; counts itself off when it ends, however that comes.
struct Worker {
    shared: Arc<Shared>,
    is_counted: bool,
}

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.next_job() {
            // The panic hook has reported it, and the job's captures tell whoever waits.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The oldest job, as soon as there is one; `None` when the pool has stopped, or has too many
    /// threads.
    fn next_job(&mut self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            if state.phase != Phase::Running {
                return None;
            }
            if state.threads > state.max {
                // At once, so that no other takes itself for the one that is too many.
                state.threads -= 1;
                self.is_counted = false;
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_counted {
            self.shared.lock().threads -= 1;
        }
    }
}
