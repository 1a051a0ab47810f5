//! The errors that torsade itself makes: each is a type of its own, so that `trap` can name it.

mod connection;
mod deferred;
mod descriptor;
mod join;
mod queue;
mod reactor;
mod task;

pub use connection::{
    AllAttemptsFailed, AlreadyRegistered, CannotListen, ConnectError, ConnectStage,
    ConnectTimedOut, ConnectionAborted, ConnectionDone, ConnectionLost, HandshakeFailed,
    LookupError, LookupVerdict, NoProtocol, PlaintextPending, Stage, WriteQueueFull,
};
pub use deferred::{Abandoned, Cancelled, Panicked, TimedOut, WaitsForItself};
pub use descriptor::{AlreadyListened, DescriptorOverrun, NotHandedOver};
pub use join::{FailureGroup, FirstError, NoDeferreds};
pub use queue::{NoTokens, QueueOverflow, QueueUnderflow};
pub use reactor::ReactorError;
pub use task::{LoopingCallError, SchedulerStopped, TaskError, TaskStopped};
