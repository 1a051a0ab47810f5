//! Faults that are put into a run on purpose: a check that finds none of them checks nothing.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use torsade::{Filter, Reactor, Result, Transport};

/// A fault, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// All is as it should be.
    #[default]
    None,
    /// A byte comes changed.
    ChangedByte,
    /// A byte is lost.
    LostByte,
    /// Bytes come twice.
    DoubledBytes,
    /// Two bytes have changed places.
    SwappedBytes,
    /// The end of a connection is told twice.
    ToldTwice,
    /// The end of a connection is not told.
    NotTold,
    /// Bytes come after the end was told.
    BytesAfterTheEnd,
    /// A connection is kept for ever.
    LeakedConnection,
    /// A timer is set again and again.
    LeakedTimer,
    /// A Deferred is kept that nobody fires.
    LeakedDeferred,
}

impl Plant {
    /// All that there are.
    pub const ALL: [Self; 10] = [
        Self::ChangedByte,
        Self::LostByte,
        Self::DoubledBytes,
        Self::SwappedBytes,
        Self::ToldTwice,
        Self::NotTold,
        Self::BytesAfterTheEnd,
        Self::LeakedConnection,
        Self::LeakedTimer,
        Self::LeakedDeferred,
    ];

    /// The filter that each connection of a server gets.
    pub(crate) fn filter(self) -> Spoiling {
        Spoiling {
            plant: self,
            seen: 0,
        }
    }

    /// What goes wrong when a connection is made.
    pub(crate) fn leak(self, transport: &Transport) {
        match self {
            Self::LeakedConnection => {
                // It waits for bytes that are never read.
                transport.pause_reading();
                let _ = transport.register_producer(Stuck, torsade::ProducerKind::Push);
            }
            Self::LeakedTimer => tick(&transport.reactor()),
            Self::LeakedDeferred => {
                let (resolver, deferred) = torsade::Deferred::<()>::new();
                KEPT.with(|kept| kept.set(Some(resolver)));
                deferred.map(|()| ());
            }
            _ => {}
        }
    }
}

thread_local! {
    static KEPT: Cell<Option<torsade::Resolver<()>>> = const { Cell::new(None) };
}

/// Lets go of what a leak has kept.
pub(crate) fn clean_up() {
    KEPT.with(|kept| drop(kept.take()));
}

fn tick(reactor: &Reactor) {
    let again = reactor.clone();
    let _ = reactor.call_later(Duration::from_secs(60), move || tick(&again));
}

struct Stuck;

impl torsade::Producer for Stuck {
    fn resume_producing(&mut self, _: &Transport) {}

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

/// Passes bytes on, and spoils them once in a while.
pub(crate) struct Spoiling {
    plant: Plant,
    seen: usize,
}

impl Spoiling {
    /// Whether this piece is the one: after some that were good.
    fn is_due(&mut self, count: usize) -> bool {
        let before = self.seen;
        self.seen += count;
        before > 100 && count > 1
    }
}

impl Filter for Spoiling {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        let is_due = self.is_due(input.len());
        match self.plant {
            Plant::ChangedByte if is_due => input[0] ^= 1,
            Plant::SwappedBytes if is_due => input.swap(0, 1),
            Plant::DoubledBytes if is_due => plain.extend_from_slice(input),
            Plant::LostByte if is_due => {
                plain.extend_from_slice(&input[1..]);
                return Ok(());
            }
            _ => {}
        }
        plain.extend_from_slice(input);
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn has_farewell(&self) -> bool {
        false
    }
}

impl fmt::Debug for Spoiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spoiling({:?})", self.plant)
    }
}
