//! The errors that torsade itself makes: each is a type of its own, so that `trap` can name it.

mod connecting;
mod connection;
mod deferred;
mod descriptor;
mod join;
mod queue;
mod reactor;
mod task;

pub use connecting::{
    AllAttemptsFailed, CannotListen, ConnectError, ConnectStage, ConnectTimedOut, LookupError,
    LookupVerdict,
};
pub use connection::{
    AlreadyRegistered, ConnectionAborted, ConnectionDone, ConnectionLost, HandshakeFailed,
    NoProtocol, PlaintextPending, Stage, WriteQueueFull,
};
pub use deferred::{Abandoned, Cancelled, Panicked, TimedOut, WaitsForItself};
pub use descriptor::{AlreadyListened, DescriptorOverrun, NotHandedOver};
pub use join::{FailureGroup, FirstError, NoDeferreds};
pub use queue::{NoTokens, QueueOverflow, QueueUnderflow};
pub use reactor::ReactorError;
pub use task::{LoopingCallError, SchedulerStopped, TaskError, TaskStopped};
