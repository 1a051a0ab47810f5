//! Tests of the reactor, by topic, with what they share.
//!
//! Most run in a simulated world, where time costs nothing and the course is the same every time.

mod calls;
mod cancelling;
mod coroutines;
mod crossing;
mod descriptors;
mod embedding;
mod leaks;
mod paths;
mod pending;
mod signals;
mod statistics;
mod stopping;
mod threads;
mod timers;
mod triggers;
mod turns;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::task::defer_later;
use crate::testing::Simulation;
use crate::testing::log_capture::Captured;
use crate::{Address, Failure, Protocol, Reactor, Result, Transport};

/// Notes what happens, in order; on any thread.
#[derive(Clone, Default)]
struct Journal {
    entries: Arc<Mutex<Vec<String>>>,
}

impl Journal {
    fn note(&self, entry: impl Into<String>) {
        self.entries.lock().unwrap().push(entry.into());
    }

    /// A function that notes `entry` when it is called.
    fn noting(&self, entry: &'static str) -> impl FnOnce() + Send + 'static {
        let journal = self.clone();
        move || journal.note(entry)
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.entries.lock().unwrap()).join(" ")
    }
}

/// Notes when it is dropped.
struct NotesDrop(Journal, &'static str);

impl Drop for NotesDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

fn simulated() -> Reactor {
    Simulation::new().reactor()
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Lets the reactor run for so long.
fn run_for(reactor: &Reactor, time: Duration) {
    reactor
        .run_until(defer_later(reactor, time, || ()))
        .expect("the reactor runs");
}

/// Runs until the call that this makes has stopped it.
fn run_and_stop(reactor: &Reactor) {
    let stop = reactor.clone();
    reactor.call_soon(move || stop.stop().unwrap());
    reactor.run().unwrap();
}

/// The errors among what was logged.
fn errors(records: &[Captured]) -> Vec<&str> {
    records
        .iter()
        .filter(|record| record.level == log::Level::Error)
        .map(|record| record.text.as_str())
        .collect()
}

/// A protocol that notes what it is told.
struct Noting(Journal);

impl Protocol for Noting {
    fn connection_made(&mut self, _: &Transport) {
        self.0.note("made");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.note(String::from_utf8_lossy(data));
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let why = if reason.check::<crate::ConnectionLost>().is_some() {
            "lost"
        } else {
            "done"
        };
        self.0.note(why);
    }
}

/// A factory of [`Noting`].
fn noting(journal: &Journal) -> impl FnMut(&Address) -> Noting + 'static {
    let journal = journal.clone();
    move |_| Noting(journal.clone())
}
