//! The producer of a connection, paused and resumed by the length of the queue.

use super::Connection;
use crate::reactor::turn::{call_at, run_call};
use crate::watch::Place;
use crate::{AlreadyRegistered, Producer, ProducerKind};

/// More than this many queued bytes pause a push producer.
pub(super) const HIGH_WATER: usize = 64 * 1024;
/// No more than this many resume it.
pub(super) const LOW_WATER: usize = 16 * 1024;

/// The producer, while there is one.
#[derive(Default)]
pub(super) struct Producing {
    registered: Option<Registered>,
    /// Whether it was taken out to be called, and is still wanted back.
    is_running: bool,
    /// Whether a pull producer is owed a call: it has registered, or something was written
    /// since it was last asked. One that writes nothing when asked is not asked for ever.
    is_owed: bool,
}

/// What each event has to know of the producer; kept in the connection itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ProducerState {
    #[default]
    None,
    /// It is being called just now.
    Running,
    /// A push producer that is not paused.
    Free,
    Paused,
    Pull,
}

struct Registered {
    producer: Box<dyn Producer>,
    kind: ProducerKind,
    is_paused: bool,
    /// Whether it has said that a close waits for it.
    is_waited_for: bool,
}

/// What a producer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Pause,
    Resume,
}

impl Producing {
    fn is_on(&self) -> bool {
        self.state() != ProducerState::None
    }

    fn state(&self) -> ProducerState {
        match &self.registered {
            Some(registered) if registered.kind == ProducerKind::Pull => ProducerState::Pull,
            Some(registered) if registered.is_paused => ProducerState::Paused,
            Some(_) => ProducerState::Free,
            None if self.is_running => ProducerState::Running,
            None => ProducerState::None,
        }
    }

    /// Whether it has to be asked for more when the queue is short enough.
    fn waits(&self) -> bool {
        matches!(self.state(), ProducerState::Paused | ProducerState::Pull)
    }

    /// Whether it is to be asked for more once the queue is empty.
    fn is_owed(&self) -> bool {
        self.is_owed && self.waits()
    }

    pub(super) fn register(
        &mut self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered> {
        if self.is_on() {
            return Err(AlreadyRegistered);
        }
        self.registered = Some(Registered {
            producer,
            kind,
            is_paused: false,
            is_waited_for: false,
        });
        self.is_owed = true;
        Ok(())
    }

    /// What is written is sent at some time, and then the queue is empty anew.
    pub(super) fn consumer_was_written(&mut self) {
        self.is_owed = true;
    }

    /// The producer is given back, unless it is being called just now.
    pub(super) fn unregister(&mut self) -> Option<Box<dyn Producer>> {
        self.is_running = false;
        self.registered.take().map(|registered| registered.producer)
    }

    /// What the producer is to be asked now, with so much queued; it is taken out for that.
    fn next(&mut self, queued: usize) -> Option<(Ask, Registered)> {
        let registered = self.registered.as_mut()?;
        let ask = match registered.kind {
            ProducerKind::Push if queued > HIGH_WATER && !registered.is_paused => Ask::Pause,
            ProducerKind::Push if queued <= LOW_WATER && registered.is_paused => Ask::Resume,
            ProducerKind::Pull if queued == 0 && self.is_owed => Ask::Resume,
            _ => return None,
        };
        self.is_owed = false;
        registered.is_paused = ask == Ask::Pause;
        self.is_running = true;
        self.registered.take().map(|registered| (ask, registered))
    }

    /// Takes it out, to be asked whether a close waits for it, unless it has said so.
    fn take_unsure(&mut self) -> Option<Registered> {
        let unsure = self
            .registered
            .take_if(|registered| !registered.is_waited_for);
        self.is_running |= unsure.is_some();
        unsure
    }

    /// Takes it back after its call; if it was unregistered there, it is given back once more.
    fn put_back(&mut self, registered: Registered) -> Option<Registered> {
        if self.is_running && self.registered.is_none() {
            self.is_running = false;
            self.registered = Some(registered);
            return None;
        }
        Some(registered)
    }
}

impl Connection {
    pub(super) fn has_producer(&self) -> bool {
        self.producer.get() != ProducerState::None
    }

    /// Changes something about the producer.
    pub(super) fn with_producing<R>(&self, f: impl FnOnce(&mut Producing) -> R) -> R {
        self.with_extras(|extras| {
            let result = f(&mut extras.producing);
            self.producer.set(extras.producing.state());
            result
        })
    }

    /// The producer, if there is one, unless it is being called just now: there is none any more.
    pub(super) fn take_producer(&self) -> Option<Box<dyn Producer>> {
        if self.has_producer() {
            self.with_producing(Producing::unregister)
        } else {
            None
        }
    }

    /// Pauses or resumes the producer, if it is time for that.
    pub(super) fn ask_producer(&self) {
        let queued = self.queued_bytes();
        if self.producer.get() == ProducerState::Free && queued <= HIGH_WATER {
            return;
        }
        let next = self.with_producing(|producing| producing.next(queued));
        let Some((ask, registered)) = next else {
            return;
        };
        let transport = &self.transport();
        self.call_producer(registered, |registered| match ask {
            Ask::Pause => registered.producer.pause_producing(transport),
            Ask::Resume => registered.producer.resume_producing(transport),
        });
        if self.with_producing(|producing| producing.is_owed()) {
            // What it wrote may have been sent at once, and then nothing else comes back to it.
            self.schedule_self();
        }
    }

    /// Stops a producer that a close does not wait for.
    pub(super) fn stop_endless_producer(&self) {
        let Some(registered) = self.with_producing(Producing::take_unsure) else {
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
            Ok(result) => {
                let dropped = self.with_producing(|producing| producing.put_back(registered));
                (dropped, Some(result))
            }
            Err(panicked) => {
                // What it would still have written is missing, so the connection is of no use.
                self.with_producing(|producing| producing.is_running = false);
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
