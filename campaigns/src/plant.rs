//! Faults that are put into a run on purpose: a check that finds none of them checks nothing.

use std::cell::Cell;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::{Address, Filter, Reactor, Result, Transport};

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
    /// A port is open for ever.
    LeakedPort,
    /// A timer is set again and again.
    LeakedTimer,
    /// A Deferred is kept that nobody fires.
    LeakedDeferred,
    /// Memory is kept that nobody knows of.
    LeakedMemory,
}

impl Plant {
    /// All that there are.
    pub const ALL: [Self; 11] = [
        Self::ChangedByte,
        Self::LostByte,
        Self::DoubledBytes,
        Self::SwappedBytes,
        Self::ToldTwice,
        Self::NotTold,
        Self::BytesAfterTheEnd,
        Self::LeakedPort,
        Self::LeakedTimer,
        Self::LeakedDeferred,
        Self::LeakedMemory,
    ];

    /// The filter that each connection of a server gets.
    pub(crate) fn filter(self) -> Spoiling {
        Spoiling {
            plant: self,
            seen: 0,
        }
    }

    /// Whether it spoils this one: each tenth.
    pub(crate) fn spoils(self, number: usize) -> bool {
        self != Self::None && number % 10 == 9
    }

    /// What goes wrong when a connection is made.
    pub(crate) fn leak(self, transport: &Transport) {
        match self {
            Self::LeakedPort => {
                let any = (Ipv4Addr::UNSPECIFIED, 0).into();
                let _ = transport
                    .reactor()
                    .listen_udp(any, Deaf, &DatagramOptions::new());
            }
            Self::LeakedMemory => std::mem::forget(vec![0_u8; 1000]),
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

struct Deaf;

impl DatagramProtocol for Deaf {
    fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
        Ok(())
    }
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
