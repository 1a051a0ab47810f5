//! Jobs: work on other threads, and the Deferreds that wait for it here.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;

use slab::Slab;

use super::threads::{ThreadPool, ThreadStatistics};
use super::turn::Core;
use super::{Reactor, Remote};
use crate::error::Panicked;
use crate::{Deferred, Failure, Result};

/// The waiting ends of all jobs. A Resolver must not leave its thread, so it waits here while the
/// job travels with a key.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: RefCell<Slab<Waiting>>,
}

type Waiting = Box<dyn FnOnce(Answer)>;

/// What comes back from a thread: a `Result<T>` of the job's `T`.
type Answer = Box<dyn Any + Send>;

impl Jobs {
    /// How many wait for a thread.
    pub(super) fn len(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Gives all of them up, to be dropped.
    pub(super) fn forget(&self) -> impl Iterator<Item = impl Sized> {
        self.waiting.take().into_iter().map(|(_, waiting)| waiting)
    }
}

/// Runs `f` on a thread of the reactor's `pool`.
#[track_caller]
pub(super) fn run<T: Send + 'static>(
    core: &Rc<Core>,
    pool: fn(&Core) -> &ThreadPool,
    f: impl FnOnce() -> Result<T> + Send + 'static,
) -> Deferred<T> {
    let (resolver, deferred) = Deferred::pair(None, Location::caller());
    let resolver = Rc::new(Cell::new(Some(resolver)));
    let waiting = Rc::clone(&resolver);
    let key = core
        .jobs
        .waiting
        .borrow_mut()
        .insert(Box::new(move |answer: Answer| {
            // The answer is what this job's thread boxed below, so it is of this type.
            if let (Ok(result), Some(resolver)) = (answer.downcast::<Result<T>>(), waiting.take()) {
                resolver.pass_on(*result);
            }
        }));
    // Weak, both: it may never be called.
    let (weak, told) = (Rc::downgrade(core), Rc::downgrade(&resolver));
    core.driver.start_work(Box::new(move |busy| {
        let Some(core) = weak.upgrade() else { return };
        core.driver.threads_at_work(1);
        let report = Report {
            remote: core.handle().remote(),
            key,
            answer: None,
        };
        let submitted = pool(&core).submit(Box::new(move || {
            // Dropped last, and all of the report, not just its field: its drop is what tells.
            let _busy = busy;
            let mut report = report;
            let result = catch_unwind(AssertUnwindSafe(f))
                .unwrap_or_else(|payload| Err(Failure::from(Panicked::from_payload(payload))));
            report.answer = Some(Box::new(result));
        }));
        // The job was dropped, so its waiting end will be told; but this says why.
        if let Err(error) = submitted
            && let Some(resolver) = told.upgrade().and_then(|it| it.take())
        {
            resolver.errback(error);
        }
    }));
    deferred
}

/// Tells the reactor when it is dropped: also when the job was never run.
struct Report {
    remote: Remote,
    key: usize,
    answer: Option<Answer>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let (key, answer) = (self.key, self.answer.take());
        // A reactor that is gone has forgotten the waiting end already.
        let _ = self
            .remote
            .call_from_thread(move |reactor| finish(reactor, key, answer));
    }
}

fn finish(reactor: &Reactor, key: usize, answer: Option<Answer>) {
    let Some(core) = reactor.core() else { return };
    core.driver.threads_at_work(-1);
    let waiting = core.jobs.waiting.borrow_mut().try_remove(key);
    if let (Some(resolve), Some(answer)) = (waiting, answer) {
        resolve(answer);
    }
}

impl Reactor {
    /// Runs `f`, which may block, on a thread of the reactor's pool.
    ///
    /// At most ten run at a time, unless [`set_max_threads`](Self::set_max_threads) says otherwise;
    /// the others wait, in order. They start when the reactor runs.
    /// Cancelling the Deferred does not interrupt `f`: its result is dropped. A panic in `f` is a
    /// failure of type [`Panicked`](crate::Panicked).
    ///
    /// ```
    /// use torsade_core::{Panicked, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let text = reactor.defer_to_thread(|| Ok(std::fs::read_to_string("Cargo.toml")?));
    /// assert!(reactor.run_until(text)?.contains("[package]"));
    /// let panics = reactor.defer_to_thread::<()>(|| panic!("no such luck"));
    /// let failure = reactor.run_until(panics).unwrap_err();
    /// assert_eq!(failure.check::<Panicked>().unwrap().message, "no such luck");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "deferToThread")]
    #[doc(alias = "ThreadPool")]
    #[doc(alias = "callInThread")]
    #[track_caller]
    pub fn defer_to_thread<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Deferred<T> {
        match self.try_core() {
            Ok(core) => run(&core, |core| &core.workers, f),
            Err(error) => Deferred::fail(error),
        }
    }

    /// Allows [`defer_to_thread`](Self::defer_to_thread) so many threads, at least one; ten by
    /// default. Those that are too many end after their jobs.
    ///
    /// ```
    /// use torsade_core::{Reactor, gather};
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.set_max_threads(1)?;
    /// // One after the other, in order.
    /// let jobs = (0..3).map(|number| reactor.defer_to_thread(move || Ok(number)));
    /// assert_eq!(reactor.run_until(gather(jobs.collect::<Vec<_>>()))?, [0, 1, 2]);
    /// assert_eq!(reactor.thread_statistics().threads, 1);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says, when jobs wait and it gives no thread at all;
    /// [`ReactorError`](crate::ReactorError) when the reactor has stopped.
    #[doc(alias = "suggestThreadPoolSize")]
    #[doc(alias = "adjustPoolsize")]
    pub fn set_max_threads(&self, count: usize) -> Result<()> {
        Ok(self.try_core()?.workers.set_max(count)?)
    }

    /// How the threads of [`defer_to_thread`](Self::defer_to_thread) are doing.
    #[doc(alias = "getThreadPool")]
    pub fn thread_statistics(&self) -> ThreadStatistics {
        self.core()
            .map_or_else(ThreadStatistics::default, |core| core.workers.statistics())
    }
}
