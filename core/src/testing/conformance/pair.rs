//! Two connected protocols.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::probe::{Condition, Journal};
use super::{Ending, Event, Harness, Probe, Script, Side, alone};
use crate::task::defer_later;
use crate::{Address, Deferred, Failure, ProtocolRef, Reactor, Stage, Transport};

/// A client and a server of one kind, connected, and the reactor that moves them.
pub struct Pair<'a> {
    harness: &'a dyn Harness,
    pub reactor: Reactor,
    /// What the client's `connect` gave.
    pub connected: Result<ProtocolRef<Probe>, Failure>,
    pub journal: Rc<Journal>,
}

impl<'a> Pair<'a> {
    /// Connects two protocols, and waits until both were told.
    pub fn open(harness: &'a dyn Harness, client: Script, server: Script) -> Self {
        let pair = Self::connect(harness, client, server);
        pair.connected.as_ref().expect("the client connects");
        pair
    }

    /// The same, when connecting may fail.
    pub fn connect(harness: &'a dyn Harness, client: Script, server: Script) -> Self {
        let reactor = harness.reactor();
        reactor.handle_signals(false);
        let journal = Rc::new(Journal::default());
        let address = listen(harness, &reactor, &journal, server);
        let mut factory = factory(Side::Client, &journal, client);
        let connected = harness
            .establish(&reactor, &address)
            .add_callback(move |stream| {
                // As in a program's own callback: nothing of the user's may run in `open`.
                alone(|| stream.open(move |peer: &Address| factory(peer)))
            });
        let mut pair = Self {
            harness,
            connected: Err(crate::Cancelled.into()),
            journal,
            reactor,
        };
        pair.connected = pair.run(connected);
        let has_failed = pair.connected.is_err();
        // One that panics when it is made has nothing but its end to tell.
        pair.wait(move |journal| has_failed || !journal.events(Side::Server).is_empty());
        pair
    }

    /// The client's handle, whatever has become of its connection.
    pub fn client(&self) -> Transport {
        self.transport(Side::Client)
    }

    pub fn server(&self) -> Transport {
        self.transport(Side::Server)
    }

    fn transport(&self, side: Side) -> Transport {
        let transport = self.journal.transports.borrow()[side as usize].clone();
        transport.expect("its connection was made")
    }

    /// A limit for what would never come.
    fn run<T: 'static>(&self, deferred: Deferred<T>) -> Result<T, Failure> {
        let limit = Duration::from_secs(if self.harness.is_virtual() {
            1_000_000
        } else {
            30
        });
        self.reactor
            .run_until(deferred.add_timeout(&self.reactor, limit))
    }

    /// Runs until the condition holds.
    #[track_caller]
    pub fn wait(&self, condition: impl Fn(&Journal) -> bool + 'static) {
        if condition(&self.journal) {
            return;
        }
        let (resolver, deferred) = Deferred::new();
        let condition: Condition = Box::new(condition);
        self.journal.watch(condition, resolver);
        if let Err(failure) = self.run(deferred) {
            panic!("{failure} after {:?}", self.journal);
        }
    }

    /// Runs until one side has received so many bytes.
    #[track_caller]
    pub fn wait_received(&self, side: Side, count: usize) {
        self.wait(move |journal| journal.received_len(side) >= count);
    }

    /// Its peer was aborted, and it has been told so, as far as its kind can tell.
    #[track_caller]
    pub fn assert_reset(&self, ending: &Ending) {
        let is_mere_end = !self.harness.has_reset() && *ending == Ending::Done;
        assert!(ending.is_reset() || is_mere_end, "{ending:?}");
    }

    /// The same, when it was reading.
    #[track_caller]
    pub fn assert_reset_while_reading(&self, ending: &Ending) {
        self.assert_reset(ending);
        let is_mere_end = *ending == Ending::Done;
        let (stage, kind) = (Stage::Reading, std::io::ErrorKind::ConnectionReset);
        assert!(
            is_mere_end || *ending == Ending::Lost(stage, kind),
            "{ending:?}"
        );
    }

    /// Runs until both have been told of the end.
    #[track_caller]
    pub fn wait_lost(&self) -> (Ending, Ending) {
        (
            self.wait_ending(Side::Client),
            self.wait_ending(Side::Server),
        )
    }

    #[track_caller]
    pub fn wait_ending(&self, side: Side) -> Ending {
        self.wait(move |journal| journal.ending(side).is_some());
        self.journal.ending(side).expect("it was waited for")
    }

    #[track_caller]
    pub fn assert_both_done(&self) {
        assert_eq!(
            self.wait_lost(),
            (Ending::Done, Ending::Done),
            "{:?}",
            self.journal
        );
    }

    /// Lets happen whatever still can.
    pub fn settle(&self) {
        if self.harness.is_virtual() {
            self.pass(Duration::from_secs(20));
            return;
        }
        for _ in 0..100 {
            let (resolver, deferred) = Deferred::new();
            self.reactor.call_soon(move || resolver.callback(()));
            self.run(deferred).expect("a call comes");
        }
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.run(defer_later(&self.reactor, time, || ()))
            .expect("time passes");
    }

    pub fn received(&self, side: Side) -> Vec<u8> {
        self.journal.received(side)
    }

    pub fn events(&self, side: Side) -> Vec<Event> {
        self.journal.events(side)
    }
}

/// When the reactor is gone, each was told its story in order and to its end.
impl Drop for Pair<'_> {
    fn drop(&mut self) {
        self.reactor = self.harness.reactor();
        if std::thread::panicking() {
            return;
        }
        for side in [Side::Client, Side::Server] {
            let events = self.journal.events(side);
            if events.is_empty() {
                continue;
            }
            let lost = events
                .iter()
                .filter(|event| matches!(event, Event::Lost(_)));
            let made = events.iter().filter(|event| **event == Event::Made);
            // One that panicked in its connection_made has written nothing down.
            assert!(
                made.count() <= 1 && lost.count() == 1,
                "{side:?}: {events:?}"
            );
            assert!(
                matches!(events.last(), Some(Event::Lost(_))),
                "{side:?}: {events:?}"
            );
            assert!(!events[1..].contains(&Event::Made), "{side:?}: {events:?}");
        }
    }
}

impl std::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.journal.fmt(f)
    }
}

fn factory(
    side: Side,
    journal: &Rc<Journal>,
    script: Script,
) -> impl FnMut(&Address) -> Probe + 'static {
    let (journal, mut script) = (Rc::clone(journal), Some(script));
    move |_| alone(|| Probe::new(side, &journal, script.take().unwrap_or_default()))
}

fn listen(
    harness: &dyn Harness,
    reactor: &Reactor,
    journal: &Rc<Journal>,
    script: Script,
) -> Address {
    let factory = RefCell::new(factory(Side::Server, journal, script));
    listen_with(harness, reactor, move |peer: &Address| {
        (factory.borrow_mut())(peer)
    })
}

/// Listens, and gives the address to connect to.
pub(super) fn listen_with<F: crate::Factory>(
    harness: &dyn Harness,
    reactor: &Reactor,
    factory: F,
) -> Address {
    let port = harness.server(reactor).listen(factory);
    port.expect("the address is free").address().clone()
}
