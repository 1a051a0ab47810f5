//! A connection: a stream, its filters, its write queue and its protocol.
//!
//! ```text
//!  Fresh
//!     |  the agenda
//!     v      filters ready          lose_connection          sent, farewell answered
//!  Opening ----------------> Open --------------------> Losing ---------------------> Lost
//!     |  build_protocol,       |                           |                           |
//!     |  connection_made       | error, abort              | error, abort, linger over | connection_lost,
//!     '------------------------'---------------------------'-------------------------->'  then forgotten
//! ```
//!
//! Without filters, `Opening` is passed at once. Whatever calls the protocol is called by the
//! reactor: from an event ([`read`]), or from the agenda ([`Source::attend`]), never from inside a
//! method of the transport. Those only change state and put the connection on the agenda.

mod closing;
mod lingering;
mod link;
mod metering;
mod peer;
mod producing;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use peer::Peer;
use producing::{ProducerState, Producing};

use super::filter_stack::FilterStack;
use super::write_queue::WriteQueue;
use crate::driver::{Readiness, Stream, Token};
use crate::reactor::Statistics;
use crate::reactor::sources::Source;
use crate::reactor::turn::{Core, call_at};
use crate::watch::Place;
use crate::{
    Address, ConnectionLost, DelayedCall, Failure, NoProtocol, Panicked, Protocol, Resolver, Stage,
    Traffic, Transport,
};

/// See the module.
pub(super) struct Connection {
    core: Weak<Core>,
    /// The strong reference to this is the reactor's.
    this: Weak<Self>,
    token: Token,
    peer: Peer,
    wire: RefCell<Wire>,
    /// What goes to the wire as it is.
    queue: RefCell<WriteQueue>,
    owner: Cell<Owner>,
    /// What most connections do without. What each event has to look at is not there but below:
    /// with many connections, each look into another piece of memory costs.
    extras: RefCell<Option<Box<Extras>>>,
    /// Whether the extras have filters.
    is_filtered: Cell<bool>,
    /// Whether the extras hold bytes for the protocol.
    holds_bytes: Cell<bool>,
    /// Whether the extras have a limit for what is queued.
    is_limited: Cell<bool>,
    producer: Cell<ProducerState>,
    /// Apart from the extras: what reads no faster than it writes has a producer and little else.
    producing: OnceCell<Box<Producing>>,
    /// Whether bytes have moved since the linger timer was set.
    has_progressed: Cell<bool>,
    /// The type of the protocol, for people.
    protocol_name: fn() -> &'static str,
    phase: Cell<Phase>,
    on_agenda: Cell<bool>,
    /// The stream may hold bytes that we have not read.
    may_read: Cell<bool>,
    /// The driver has seen the peer's end: read on to it, even after a short read.
    end_seen: Cell<bool>,
    /// The stream would take a write.
    writable: Cell<bool>,
    /// The protocol does not want to be given anything.
    paused: Cell<bool>,
    /// The peer's direction has ended in an orderly way.
    read_done: Cell<bool>,
    /// That was dealt with. While the protocol is paused, it waits.
    end_told: Cell<bool>,
    /// It has read its share in this turn, so the agenda leaves the rest to the next.
    gives_way: Cell<bool>,
    /// Our direction is to end when all is sent.
    write_ending: Cell<bool>,
    /// Our direction has ended.
    write_done: Cell<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not yet attended to.
    Fresh,
    /// Filters shake hands.
    Opening,
    Open,
    /// `lose_connection` was called: nothing is received or written any more.
    Losing,
    Lost,
}

/// What it is over.
enum Wire {
    Open(Box<dyn Stream>),
    /// It is lost, and why, until `connection_lost` is told.
    Lost(Option<Failure>),
}

impl Wire {
    fn stream(&self) -> Option<&dyn Stream> {
        match self {
            Self::Open(stream) => Some(&**stream),
            Self::Lost(_) => None,
        }
    }
}

/// Whose connection it is.
#[derive(Default)]
enum Owner {
    /// Somebody waits for it to open.
    Opener(Rc<dyn Opener>),
    Protocol(Rc<RefCell<dyn Protocol>>),
    /// It is over, or about to be opened.
    #[default]
    Nobody,
}

/// What only some connections have.
#[derive(Default)]
struct Extras {
    filters: FilterStack,
    /// What waits to go through the filters.
    plain: WriteQueue,
    /// What came while the protocol was paused, or more than it is given at once.
    held: Vec<u8>,
    /// Who waits for a filter that was started in mid-stream.
    starting: Vec<Resolver<()>>,
    /// Who waits for the end.
    ending: Option<Resolver<()>>,
    max_queued: Option<usize>,
    traffic: Option<Traffic>,
    /// Ends the wait for a handshake, or for the peer's farewell.
    timer: Option<DelayedCall>,
    /// A write failed; told when the peer's last words have been read.
    write_error: Option<Arc<io::Error>>,
}

/// Who has a connection made, and builds its protocol once it is ready.
pub(super) trait Opener {
    /// The type of the protocol, for people.
    fn protocol_name(&self) -> fn() -> &'static str;

    /// Builds the protocol; a user function.
    fn build(&self, peer: &Address, transport: &Transport) -> Option<Rc<RefCell<dyn Protocol>>>;

    /// `connection_made` has returned.
    fn opened(&self);

    /// It did not come to that.
    fn failed(&self, peer: &Address, failure: Failure);
}

impl Connection {
    /// Puts a connection on a connected stream whose token is registered already.
    ///
    /// It begins from the agenda: whoever calls this may be a user function, and its protocol's
    /// are not to run inside that. `readiness` is what the driver has told about the stream.
    pub(super) fn open(
        core: &Rc<Core>,
        token: Token,
        stream: Box<dyn Stream>,
        peer: Address,
        readiness: Readiness,
        filters: FilterStack,
        opener: Rc<dyn Opener>,
    ) -> Rc<Self> {
        let connection = Rc::new_cyclic(|this: &Weak<Self>| Self {
            core: Rc::downgrade(core),
            this: this.clone(),
            token,
            peer: Peer::new(peer),
            wire: RefCell::new(Wire::Open(stream)),
            queue: RefCell::default(),
            extras: RefCell::default(),
            is_filtered: Cell::new(!filters.is_empty()),
            holds_bytes: Cell::new(false),
            is_limited: Cell::new(false),
            producer: Cell::default(),
            producing: OnceCell::new(),
            has_progressed: Cell::new(false),
            protocol_name: opener.protocol_name(),
            owner: Cell::new(Owner::Opener(opener)),
            phase: Cell::new(Phase::Fresh),
            on_agenda: Cell::new(false),
            may_read: Cell::new(readiness.readable || readiness.read_closed),
            end_seen: Cell::new(readiness.read_closed),
            writable: Cell::new(true),
            paused: Cell::new(false),
            read_done: Cell::new(false),
            end_told: Cell::new(false),
            gives_way: Cell::new(false),
            write_ending: Cell::new(false),
            write_done: Cell::new(false),
        });
        core.sources
            .borrow_mut()
            .fill(token, Rc::<Self>::clone(&connection));
        core.connections_made.update(|count| count + 1);
        if !filters.is_empty() {
            connection.with_extras(|extras| extras.filters = filters);
        }
        connection.schedule(core);
        connection
    }

    fn begin(self: &Rc<Self>, core: &Rc<Core>) {
        self.phase.set(Phase::Opening);
        if self.has_filters() {
            self.start_filters(core);
        } else {
            self.become_open();
        }
    }

    /// Bounds the time that its filters may take; then it fails with what `error` gives.
    pub(super) fn open_within(
        self: &Rc<Self>,
        core: &Rc<Core>,
        time: std::time::Duration,
        error: impl FnOnce() -> Failure + 'static,
    ) {
        if !self.has_filters() {
            return;
        }
        let this = Rc::downgrade(self);
        let timer = core.handle().call_later(time, move || {
            if let Some(this) = this.upgrade() {
                this.abort_now(error());
            }
        });
        self.with_extras(|extras| extras.timer = Some(timer));
    }

    /// The canceller of `connect`: nobody will know of the connection, even if it was made just now.
    pub(super) fn give_up_opening(&self) {
        self.abort_now(crate::Cancelled.into());
    }

    fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        f(self.extras.borrow_mut().get_or_insert_default())
    }

    /// As [`with_extras`](Self::with_extras), without making them; `None` when there are none.
    fn if_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        self.extras.borrow_mut().as_deref_mut().map(f)
    }

    /// Whether closing takes an answer of the peer.
    fn has_farewell(&self) -> bool {
        self.if_extras(|extras| extras.filters.has_farewell()) == Some(true)
    }

    /// The peer, as the filters know it.
    fn known_peer(&self) -> Address {
        let known = self.if_extras(|extras| extras.filters.peer()).flatten();
        known.unwrap_or_else(|| self.peer.address())
    }

    fn has_filters(&self) -> bool {
        self.is_filtered.get()
    }

    fn schedule(self: &Rc<Self>, core: &Core) {
        if !self.on_agenda.replace(true) {
            core.put_on_agenda(Rc::<Self>::clone(self));
        }
    }

    /// For methods of the transport, which have no reactor at hand.
    fn schedule_self(&self) {
        if self.on_agenda.get() {
            return;
        }
        if let (Some(core), Some(this)) = (self.core.upgrade(), self.this.upgrade()) {
            this.schedule(&core);
        }
    }

    /// The handle that the protocol is given; it is made each time, since one kept would be a part
    /// of each idle connection.
    fn transport(&self) -> Transport {
        Transport::new(Weak::<Self>::clone(&self.this))
    }

    fn take_opener(&self) -> Option<Rc<dyn Opener>> {
        match self.owner.take() {
            Owner::Opener(opener) => Some(opener),
            other => {
                self.owner.set(other);
                None
            }
        }
    }

    /// The protocol's turn begins: it is built and told.
    fn become_open(self: &Rc<Self>) {
        let Some(opener) = self.take_opener() else {
            return;
        };
        let transport = self.transport();
        self.if_extras(|extras| extras.timer.take().map(|timer| timer.cancel()));
        let place = |method| move || Place::Method((self.protocol_name)(), method);
        let built = call_at(place("build_protocol"), || {
            opener.build(&self.known_peer(), &transport)
        });
        let failure = match built {
            Ok(Some(protocol)) => {
                self.owner.set(Owner::Protocol(Rc::clone(&protocol)));
                self.phase.set(Phase::Open);
                let made = call_at(place("connection_made"), || {
                    protocol.borrow_mut().connection_made(&transport);
                });
                match made {
                    Ok(()) => opener.opened(),
                    Err(panicked) => {
                        let for_opener = panicked.check::<Panicked>().cloned();
                        self.abort_now(panicked);
                        if let Some(panicked) = for_opener {
                            opener.failed(&self.peer.address(), panicked.into());
                        }
                    }
                }
                return;
            }
            Ok(None) => NoProtocol {
                peer: self.peer.address(),
            }
            .into(),
            Err(panicked) => panicked,
        };
        self.lose_unused();
        opener.failed(&self.peer.address(), failure);
    }

    /// Calls the protocol, if there is still one; a panic ends the connection.
    fn call_protocol<R>(
        &self,
        method: &'static str,
        call: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        let owner = self.owner.take();
        let protocol = match &owner {
            Owner::Protocol(protocol) => Some(Rc::clone(protocol)),
            Owner::Opener(_) | Owner::Nobody => None,
        };
        self.owner.set(owner);
        let protocol = protocol?;
        let transport = self.transport();
        let place = || Place::Method((self.protocol_name)(), method);
        let called = call_at(place, || call(&mut *protocol.borrow_mut(), &transport));
        called.map_err(|panicked| self.abort_now(panicked)).ok()
    }

    fn lost(&self, stage: Stage, error: Arc<io::Error>) -> Failure {
        let host = self
            .wire
            .borrow()
            .stream()
            .and_then(|stream| stream.local_address().ok());
        ConnectionLost {
            stage,
            host: host.unwrap_or(Address::Unnamed),
            peer: self.peer.address(),
            error,
        }
        .into()
    }
}

/// How the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionEnd {
    /// In an orderly way.
    Closed,
    /// Our direction is ended; what the peer still sends is read and dropped for a while.
    Drained,
    /// By a reset.
    Reset,
}

impl Source for Connection {
    fn ready(self: Rc<Self>, core: &Rc<Core>, readiness: Readiness) {
        if readiness.writable && !self.writable.replace(true) {
            self.schedule(core);
        }
        if readiness.read_closed {
            self.end_seen.set(true);
            match self.phase.get() {
                _ if self.read_done.get() => self.probe(),
                // It may be a reset, and nobody reads any more.
                Phase::Losing => self.schedule(core),
                _ => {}
            }
        }
        if readiness.readable {
            self.may_read.set(true);
            self.read(core);
            self.gives_way.set(self.wants_to_read());
        }
    }

    fn attend(self: Rc<Self>, core: &Rc<Core>) {
        self.on_agenda.set(false);
        if self.phase.get() == Phase::Fresh {
            self.begin(core);
        }
        if self.gives_way.take() {
            self.schedule(core);
        } else {
            self.go_on_reading(core);
        }
        if self.phase.get() != Phase::Lost {
            self.work_off(core);
        }
        if self.phase.get() == Phase::Lost {
            self.tell_lost();
        }
    }

    fn shut_down(self: Rc<Self>, core: &Rc<Core>) {
        self.end_with_reactor(core);
    }

    fn describe(&self) -> String {
        let (name, phase) = ((self.protocol_name)(), self.phase.get());
        let waits = match phase == Phase::Losing && self.has_producer() {
            true => " until its producer is unregistered",
            false => "",
        };
        format!(
            "a connection with {}, of {name}, {phase:?}{waits}",
            self.peer
        )
    }

    fn count_in(&self, statistics: &mut Statistics) {
        statistics.connections += 1;
        statistics.queued_bytes += self.queued_bytes();
    }
}
