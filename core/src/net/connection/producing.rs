//! The producer of a connection, paused and resumed by the length of the queue.

use std::cell::Cell;

use super::Connection;
use crate::reactor::turn::{call_at, run_call};
use crate::watch::Place;
use crate::{AlreadyRegistered, Producer, ProducerKind};

/// More than this many queued bytes pause a push producer.
pub(super) const HIGH_WATER: usize = 64 * 1024;
/// No more than this many resume it.
pub(super) const LOW_WATER: usize = 16 * 1024;

/// What a connection keeps that has, or had, a producer.
#[derive(Default)]
pub(super) struct Producing {
    /// Not there while it is called.
    producer: Cell<Option<Box<dyn Producer>>>,
    /// Whether it has said that a close waits for it.
    is_waited_for: Cell<bool>,
    /// Whether a pull producer is owed a call: it has registered, or something was written
    /// since it was last asked. One that writes nothing when asked is not asked for ever.
    is_owed: Cell<bool>,
}

/// What each event has to know of the producer; kept in the connection itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ProducerState {
    #[default]
    None,
    /// It was taken out to be called just now, and is still wanted back.
    Running,
    /// A push producer that is not paused.
    Free,
    Paused,
    Pull,
}

/// A producer that was taken out to be called, and what it is afterwards.
struct Registered {
    producer: Box<dyn Producer>,
    state: ProducerState,
    is_waited_for: bool,
}

/// What a producer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Pause,
    Resume,
}

impl Connection {
    pub(super) fn has_producer(&self) -> bool {
        self.producer.get() != ProducerState::None
    }

    pub(super) fn add_producer(
        &self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        if self.has_producer() {
            return Err(AlreadyRegistered);
        }
        let producing = self.producing.get_or_init(Box::default);
        producing.producer.set(Some(producer));
        producing.is_waited_for.set(false);
        producing.is_owed.set(true);
        self.producer.set(match kind {
            ProducerKind::Push => ProducerState::Free,
            ProducerKind::Pull => ProducerState::Pull,
        });
        Ok(())
    }

    /// The producer, if there is one, unless it is being called just now: there is none any more.
    pub(super) fn take_producer(&self) -> Option<Box<dyn Producer>> {
        self.producer.set(ProducerState::None);
        self.producing.get()?.producer.take()
    }

    /// Something was written; gives back whether that is of interest to the producer.
    pub(super) fn producer_sees_write(&self) -> bool {
        let state = self.producer.get();
        // One that is asked just now may pull: then what it writes counts.
        if matches!(state, ProducerState::Pull | ProducerState::Running) {
            // It is sent at some time, and then the queue is empty anew.
            self.owe_call(true);
        }
        matches!(state, ProducerState::Pull | ProducerState::Paused)
    }

    fn owe_call(&self, is_owed: bool) {
        if let Some(producing) = self.producing.get() {
            producing.is_owed.set(is_owed);
        }
    }

    fn owes_call(&self) -> bool {
        self.producing
            .get()
            .is_some_and(|producing| producing.is_owed.get())
    }

    /// What the producer is to be asked now, and what it is afterwards.
    fn next_ask(&self, queued: usize) -> Option<(Ask, ProducerState)> {
        match self.producer.get() {
            ProducerState::Free if queued > HIGH_WATER => Some((Ask::Pause, ProducerState::Paused)),
            ProducerState::Paused if queued <= LOW_WATER => {
                Some((Ask::Resume, ProducerState::Free))
            }
            ProducerState::Pull if queued == 0 && self.owes_call() => {
                Some((Ask::Resume, ProducerState::Pull))
            }
            _ => None,
        }
    }

    /// Takes the producer out, to be called.
    fn take_out(&self, state: ProducerState) -> Option<Registered> {
        let producing = self.producing.get()?;
        let producer = producing.producer.take()?;
        self.producer.set(ProducerState::Running);
        Some(Registered {
            producer,
            state,
            is_waited_for: producing.is_waited_for.get(),
        })
    }

    /// Takes it back after its call; if it was unregistered there, it is given back once more.
    fn put_back(&self, registered: Registered) -> Option<Registered> {
        let Some(producing) = self.producing.get() else {
            return Some(registered);
        };
        if self.producer.get() != ProducerState::Running {
            return Some(registered);
        }
        self.producer.set(registered.state);
        producing.is_waited_for.set(registered.is_waited_for);
        producing.producer.set(Some(registered.producer));
        None
    }

    /// Pauses or resumes the producer, if it is time for that.
    pub(super) fn ask_producer(&self) {
        let Some((ask, state)) = self.next_ask(self.queued_bytes()) else {
            return;
        };
        self.owe_call(false);
        let Some(registered) = self.take_out(state) else {
            return;
        };
        let transport = &self.transport();
        self.call_producer(registered, |registered| match ask {
            Ask::Pause => registered.producer.pause_producing(transport),
            Ask::Resume => registered.producer.resume_producing(transport),
        });
        let state = self.producer.get();
        if matches!(state, ProducerState::Paused | ProducerState::Pull) && self.owes_call() {
            // What it wrote may have been sent at once, and then nothing else comes back to it.
            self.schedule_self();
        }
    }

    /// Stops a producer that a close does not wait for.
    pub(super) fn stop_endless_producer(&self) {
        let producing = self.producing.get();
        if producing.is_none_or(|producing| producing.is_waited_for.get()) {
            return;
        }
        let Some(registered) = self.take_out(self.producer.get()) else {
            return;
        };
        let is_waited_for = self.call_producer(registered, |registered| {
            registered.is_waited_for = registered.producer.is_waited_for();
            registered.is_waited_for
        });
        if is_waited_for == Some(false) {
            self.stop_producer();
        }
    }

    /// Calls a producer that was taken out, and takes it back, if it is still wanted.
    fn call_producer<R>(
        &self,
        mut registered: Registered,
        f: impl FnOnce(&mut Registered) -> R,
    ) -> Option<R> {
        let called = call_at(|| Place::Some("a producer"), || f(&mut registered));
        let (dropped, result) = match called {
            Ok(result) => (self.put_back(registered), Some(result)),
            Err(panicked) => {
                // What it would still have written is missing, so the connection is of no use.
                if self.producer.get() == ProducerState::Running {
                    self.producer.set(ProducerState::None);
                }
                self.abort_now(panicked);
                (Some(registered), None)
            }
        };
        if let Some(dropped) = dropped {
            run_call("dropping a producer", move || drop(dropped));
        }
        result
    }

    /// Tells the producer, if there is one, that nothing will be sent any more: once, and last.
    pub(super) fn stop_producer(&self) {
        if let Some(mut producer) = self.take_producer() {
            let transport = self.transport();
            run_call("stop_producing", || producer.stop_producing(&transport));
            run_call("dropping a producer", move || drop(producer));
        }
    }
}
