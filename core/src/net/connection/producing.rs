//! The producer of a connection, paused and resumed by the length of the queue.

use std::rc::Rc;

use super::{Connection, Phase};
use crate::deferred::run_queue;
use crate::reactor::turn::{Core, run_call};
use crate::{AlreadyRegistered, Producer, ProducerKind, Transport};

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
}

struct Registered {
    producer: Box<dyn Producer>,
    kind: ProducerKind,
    is_paused: bool,
}

/// What a producer is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Pause,
    Resume,
}

impl Producing {
    pub(super) fn is_on(&self) -> bool {
        self.registered.is_some() || self.is_running
    }

    /// Whether it has to be asked for more when the queue is short enough.
    pub(super) fn waits(&self) -> bool {
        self.registered
            .as_ref()
            .is_some_and(|registered| registered.is_paused || registered.kind == ProducerKind::Pull)
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
        });
        Ok(())
    }

    /// The producer is given back, unless it is being called just now.
    pub(super) fn unregister(&mut self) -> Option<Box<dyn Producer>> {
        self.is_running = false;
        self.registered.take().map(|registered| registered.producer)
    }

    /// The connection is over: told once, and last.
    pub(super) fn stop(&mut self, transport: &Transport) {
        if let Some(mut registered) = self.registered.take() {
            run_call("stop_producing", move || {
                registered.producer.stop_producing(transport);
            });
        }
    }

    /// What the producer is to be asked now, with so much queued; it is taken out for that.
    fn next(&mut self, queued: usize) -> Option<(Ask, Registered)> {
        let registered = self.registered.as_mut()?;
        let ask = match registered.kind {
            ProducerKind::Push if queued > HIGH_WATER && !registered.is_paused => Ask::Pause,
            ProducerKind::Push if queued <= LOW_WATER && registered.is_paused => Ask::Resume,
            ProducerKind::Pull if queued == 0 => Ask::Resume,
            _ => return None,
        };
        registered.is_paused = ask == Ask::Pause;
        self.is_running = true;
        self.registered.take().map(|registered| (ask, registered))
    }

    /// Takes it back after its call, unless it was unregistered there.
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
    /// Pauses or resumes the producer, if it is time for that.
    pub(super) fn ask_producer(self: &Rc<Self>, core: &Rc<Core>) {
        let queued = self.queued_bytes();
        let Some((ask, mut registered)) = self.with_extras(|extras| extras.producing.next(queued))
        else {
            return;
        };
        let (producer, transport) = (&mut registered.producer, &self.transport);
        let asked = run_queue::call_user(|| match ask {
            Ask::Pause => producer.pause_producing(transport),
            Ask::Resume => producer.resume_producing(transport),
        });
        match asked {
            Ok(()) => {
                let is_pull = registered.kind == ProducerKind::Pull;
                let dropped = self.with_extras(|extras| extras.producing.put_back(registered));
                if let Some(dropped) = dropped {
                    run_call("dropping a producer", move || drop(dropped));
                } else if is_pull && self.phase.get() != Phase::Lost {
                    // If it wrote nothing, it is asked again in the next turn.
                    self.schedule(core);
                }
            }
            Err(panicked) => {
                // It is not asked again, and what it would still have written is missing.
                log::error!(target: "torsade", "a producer panicked: {panicked:?}");
                self.with_extras(|extras| extras.producing.unregister());
                self.abort_now(panicked);
            }
        }
    }
}
