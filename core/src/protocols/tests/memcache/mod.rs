//! Our client, and a memcached that says what a test has it say.

mod answers;
mod hostile;
mod silence;

use std::time::Duration;

use super::World;
use crate::protocols::memcache::{Ended, Memcache, MemcacheError, MemcacheProtocol};
use crate::testing::Simulation;
use crate::{Address, Deferred, Failure, Result};

pub(super) struct Cache {
    pub(super) world: World,
    pub(super) client: Memcache,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self::with(Simulation::new(), MemcacheProtocol::new())
    }

    pub(super) fn with(simulation: Simulation, protocol: MemcacheProtocol) -> Self {
        let client = protocol.client();
        let mut protocol = Some(protocol);
        // Who connects to whom makes no difference to what is said.
        let world = World::with(simulation, move |_: &Address| protocol.take().unwrap());
        world.pass(Duration::from_millis(10));
        Self { world, client }
    }

    /// The server says this, and it arrives.
    pub(super) fn says(&self, answer: impl AsRef<[u8]>) {
        self.world.send(answer);
    }

    /// What the client has sent.
    pub(super) fn heard(&self) -> String {
        self.world.pass(Duration::from_secs(1));
        self.world.received()
    }
}

/// The result that must be there.
#[track_caller]
pub(super) fn result<T: 'static>(deferred: Deferred<T>) -> Result<T> {
    deferred.try_take().expect("it has its result")
}

#[track_caller]
pub(super) fn error<T: 'static + std::fmt::Debug>(deferred: Deferred<T>) -> MemcacheError {
    let failure = result(deferred).unwrap_err();
    failure.trap().expect("all failures are of that type")
}

/// Why the connection has ended without an answer.
#[track_caller]
pub(super) fn ended<T: 'static + std::fmt::Debug>(deferred: Deferred<T>) -> Ended {
    match error(deferred) {
        MemcacheError::Ended { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// The text of a failure with its causes.
pub(super) fn text<T: 'static + std::fmt::Debug>(deferred: Deferred<T>) -> String {
    format!("{:#}", Failure::from(error(deferred)))
}
