//! What loops and cooperative tasks refuse.

use std::error::Error;
use std::fmt;

/// A [`LoopingCall`](crate::task::LoopingCall) cannot do that, in the state that it is in.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::LoopingCallError;
/// use torsade_core::task::LoopingCall;
/// use torsade_core::testing::{Simulation, failure_result_of};
///
/// let reactor = Simulation::new().reactor();
/// let call = LoopingCall::new(&reactor, |_| ());
/// assert!(matches!(call.stop(), Err(LoopingCallError::NotRunning)));
/// let _ends = call.start(Duration::from_secs(1));
/// let failure = failure_result_of(call.start(Duration::from_secs(1)));
/// assert!(matches!(failure.check(), Some(LoopingCallError::AlreadyRunning)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoopingCallError {
    /// It was started and has not ended yet.
    AlreadyRunning,
    /// It was not started, or has been stopped.
    NotRunning,
}

impl fmt::Display for LoopingCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyRunning => "the looping call is running already",
            Self::NotRunning => "the looping call is not running",
        })
    }
}

impl Error for LoopingCallError {}

/// A [`CooperativeTask`](crate::task::CooperativeTask) was stopped before it was done.
///
/// ```
/// use torsade_core::task::Cooperator;
/// use torsade_core::testing::{Simulation, failure_result_of};
/// use torsade_core::TaskStopped;
///
/// let reactor = Simulation::new().reactor();
/// let task = Cooperator::new(&reactor).cooperate(std::iter::repeat(()));
/// let done = task.when_done();
/// task.stop()?;
/// assert!(failure_result_of(done).check::<TaskStopped>().is_some());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "twisted.internet.task.TaskStopped")]
pub struct TaskStopped;

impl fmt::Display for TaskStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cooperative task was stopped")
    }
}

impl Error for TaskStopped {}

/// The [`Cooperator`](crate::task::Cooperator) of a task was stopped.
///
/// ```
/// use torsade_core::SchedulerStopped;
/// use torsade_core::task::Cooperator;
/// use torsade_core::testing::{Simulation, failure_result_of};
///
/// let reactor = Simulation::new().reactor();
/// let cooperator = Cooperator::new(&reactor);
/// let done = cooperator.coiterate(std::iter::repeat(()));
/// cooperator.stop(); // with all of its tasks
/// assert!(failure_result_of(done).check::<SchedulerStopped>().is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "twisted.internet.task.SchedulerStopped")]
pub struct SchedulerStopped;

impl fmt::Display for SchedulerStopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cooperator of the task was stopped")
    }
}

impl Error for SchedulerStopped {}

/// A [`CooperativeTask`](crate::task::CooperativeTask) cannot do that, in the state that it is in.
///
/// ```
/// use torsade_core::TaskError;
/// use torsade_core::task::Cooperator;
/// use torsade_core::testing::Simulation;
///
/// let reactor = Simulation::new().reactor();
/// let task = Cooperator::new(&reactor).cooperate((0..3).map(|_| ()));
/// reactor.run_until(task.when_done())?;
/// assert!(matches!(task.pause(), Err(TaskError::Done)));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "SchedulerError")]
#[doc(alias = "TaskFinished")]
pub enum TaskError {
    /// It has done all its steps.
    #[doc(alias = "TaskDone")]
    Done,
    /// It was stopped, or its cooperator was, or the reactor.
    Stopped,
    /// One of its steps has failed.
    #[doc(alias = "TaskFailed")]
    Failed,
    /// It was resumed more often than it was paused.
    NotPaused,
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the cooperative task is done",
            Self::Stopped => "the cooperative task was stopped",
            Self::Failed => "the cooperative task has failed",
            Self::NotPaused => "the cooperative task is not paused",
        })
    }
}

impl Error for TaskError {}
