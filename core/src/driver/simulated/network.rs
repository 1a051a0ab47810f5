//! The network in memory: what is under way, who listens, and who is owed an event.
//!
//! Whatever is sent is put down at once as an arrival some time later; there is nothing else under
//! way. An end knows its peer only by its number, and numbers are never used again, so what arrives
//! for an end that was closed is answered with a reset, as TCP does.

mod datagrams;
mod held;
mod names;
mod ports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::SimulationOptions;
use crate::Address;
use crate::driver::{Event, Readiness, Token};
use datagrams::{Datagram, Mailbox};
use held::Held;
use names::Names;
use ports::Port;

/// The number of an end or of a port; never used twice.
pub(super) type Id = u64;

/// Everything between the programs of a world.
pub(super) struct Network {
    options: SimulationOptions,
    now: Duration,
    last_id: Id,
    last_ephemeral: u16,
    pub(super) ends: BTreeMap<Id, End>,
    ports: BTreeMap<Id, Port>,
    /// The sockets for datagrams.
    mailboxes: BTreeMap<Id, Mailbox>,
    /// The UNIX sockets that are listened on.
    names: Names,
    /// The port numbers that listeners and clients have, and how many have each.
    taken: BTreeMap<u16, usize>,
    /// The addresses whose connections are held up.
    held: BTreeSet<SocketAddr>,
    /// Where somebody tried to connect to, the oldest first; `None` when nobody will ask.
    pub(super) attempts: Option<Vec<Address>>,
    /// What will arrive, by time and the order of sending.
    under_way: BTreeMap<(Duration, u64), Arrival>,
    last_sent: u64,
    /// The ends and ports that have events, in the order in which they got the first.
    signalled: VecDeque<Id>,
}

/// One end of a connection.
pub(super) struct End {
    source: Source,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// The other end; unknown to a client until the server has answered.
    peer: Option<Id>,
    pub(super) state: State,
    /// The error of a broken connection, until a read or write has given it, once.
    pub(super) error: Option<io::ErrorKind>,
    /// What has arrived and is not read.
    pub(super) received: VecDeque<u8>,
    /// What has come, but is held up.
    held: Held,
    /// Whether the peer has ended its direction and all of it has arrived.
    pub(super) read_closed: bool,
    /// Whether this end has ended its direction.
    pub(super) write_closed: bool,
    /// How many bytes the peer will take, as far as is known here.
    pub(super) window: usize,
    /// Whether a write was told to come again.
    pub(super) write_blocked: bool,
    pub(super) reset_on_close: bool,
    /// Whether `local`'s port number is its own, and not its listener's.
    owns_port: bool,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    /// The attempt failed, for this reason.
    Failed(io::ErrorKind),
    Connected,
    /// There was a reset.
    Broken,
}

/// Who gets the events, and which are due.
#[derive(Default)]
struct Source {
    /// None while nobody has accepted the connection.
    token: Option<Token>,
    due: Option<Readiness>,
}

/// What arrives. `from` is the end to which a reset goes if nobody is there any more.
enum Arrival {
    Attempt {
        from: Id,
        to: SocketAddr,
    },
    Accepted {
        to: Id,
        from: Id,
    },
    Failed {
        to: Id,
        why: io::ErrorKind,
    },
    Data {
        to: Id,
        from: Id,
        bytes: Vec<u8>,
    },
    Window {
        to: Id,
        bytes: usize,
    },
    End {
        to: Id,
    },
    Reset {
        to: Id,
    },
    /// A datagram, for whoever receives there.
    Datagram(Datagram),
    /// Nobody does.
    Undelivered {
        to: Id,
    },
}

const READABLE: Readiness = Readiness {
    readable: true,
    writable: false,
    read_closed: false,
};
const WRITABLE: Readiness = Readiness {
    readable: false,
    writable: true,
    read_closed: false,
};
const ENDED: Readiness = Readiness {
    readable: true,
    writable: false,
    read_closed: true,
};
const BROKEN: Readiness = Readiness {
    readable: true,
    writable: true,
    read_closed: true,
};

impl Network {
    pub(super) fn new(options: SimulationOptions) -> Self {
        Self {
            options,
            now: Duration::ZERO,
            last_id: 0,
            last_ephemeral: u16::MAX,
            ends: BTreeMap::new(),
            ports: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            names: Names::default(),
            taken: BTreeMap::new(),
            held: BTreeSet::new(),
            attempts: None,
            under_way: BTreeMap::new(),
            last_sent: 0,
            signalled: VecDeque::new(),
        }
    }

    pub(super) fn options(&self) -> &SimulationOptions {
        &self.options
    }

    /// The time since the world began.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }

    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.under_way.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Whether somebody is owed an event, or something should have arrived.
    pub(super) fn has_events(&self) -> bool {
        !self.signalled.is_empty() || self.next_arrival().is_some_and(|at| at <= self.now)
    }

    /// Lets arrive what should have by now.
    pub(super) fn deliver(&mut self) {
        // What the arrivals set under way waits for the next call, else two ends without a delay
        // could keep each other busy for ever.
        let last = self.last_sent;
        while let Some(entry) = self.under_way.first_entry() {
            let (at, number) = *entry.key();
            if at > self.now || number > last {
                break;
            }
            let arrival = entry.remove();
            self.arrive(arrival);
        }
    }

    pub(super) fn take_events(&mut self, events: &mut Vec<Event>) {
        while let Some(id) = self.signalled.pop_front() {
            // Or it was closed meanwhile.
            let Some(source) = self.source(id) else {
                continue;
            };
            if let (Some(token), Some(readiness)) = (source.token, source.due.take()) {
                events.push(Event { token, readiness });
            }
        }
    }

    /// Sends as much of the slices as the window allows; `None` if that is nothing.
    pub(super) fn write(&mut self, from: Id, slices: &[io::IoSlice<'_>]) -> Option<usize> {
        let end = self.ends.get_mut(&from)?;
        let total = slices.iter().map(|slice| slice.len()).sum::<usize>();
        let taken = total.min(end.window);
        end.window -= taken;
        end.write_blocked = taken < total;
        let to = end.peer?;
        if taken == 0 && total > 0 {
            return None;
        }
        let mut bytes = Vec::with_capacity(taken);
        for slice in slices {
            let rest = taken - bytes.len();
            bytes.extend_from_slice(&slice[..slice.len().min(rest)]);
        }
        for segment in bytes.chunks(self.options.segment_size.max(1)) {
            self.send(Arrival::Data {
                to,
                from,
                bytes: segment.to_vec(),
            });
        }
        Some(taken)
    }

    /// Tells the writer that the reader has made room.
    pub(super) fn open_window(&mut self, reader: Id, bytes: usize) {
        if let Some(to) = self.ends.get(&reader).and_then(|end| end.peer) {
            self.send(Arrival::Window { to, bytes });
        }
    }

    pub(super) fn end_direction(&mut self, id: Id) {
        if let Some(end) = self.ends.get_mut(&id)
            && !std::mem::replace(&mut end.write_closed, true)
            && let Some(to) = end.peer
        {
            self.send(Arrival::End { to });
        }
    }

    /// Closes an end. As in TCP, unread data makes it a reset: the peer must learn that what it
    /// sent was lost.
    pub(super) fn close(&mut self, id: Id) {
        let Some(end) = self.ends.remove(&id) else {
            return;
        };
        if end.owns_port {
            self.free_port(end.local.port());
        }
        if let (State::Connected, Some(to)) = (end.state, end.peer) {
            if end.reset_on_close || !end.received.is_empty() {
                self.send(Arrival::Reset { to });
            } else if !end.write_closed {
                self.send(Arrival::End { to });
            }
            if !end.held.bytes.is_empty() {
                // They are still to come, and will find nobody.
                self.send(Arrival::Reset { to });
            }
        }
    }

    pub(super) fn reset(&mut self, address: SocketAddr) {
        let hit = |end: &End| end.local == address || end.remote == address;
        let ids = self
            .ends
            .iter()
            .filter(|(_, end)| hit(end))
            .map(|(&id, _)| id);
        for id in ids.collect::<BTreeSet<_>>() {
            self.broken(id);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let Some(arrival) = self.hold_up(arrival) else {
            return;
        };
        match arrival {
            Arrival::Attempt { from, to } => self.attempt(from, to),
            Arrival::Accepted { to, from } => match self.ends.get_mut(&to) {
                Some(end) if end.state == State::Connecting => {
                    end.peer = Some(from);
                    end.state = State::Connected;
                    self.signal(to, WRITABLE);
                }
                // Given up meanwhile.
                _ => self.send(Arrival::Reset { to: from }),
            },
            Arrival::Failed { to, why } => {
                if let Some(end) = self.ends.get_mut(&to) {
                    end.state = State::Failed(why);
                    self.signal(to, BROKEN);
                }
            }
            Arrival::Data { to, from, bytes } => match self.ends.get_mut(&to) {
                Some(end) if end.state == State::Connected => {
                    end.received.extend(bytes);
                    self.signal(to, READABLE);
                }
                Some(_) => {}
                None => self.send(Arrival::Reset { to: from }),
            },
            Arrival::Window { to, bytes } => {
                if let Some(end) = self.ends.get_mut(&to) {
                    end.window += bytes;
                    if std::mem::take(&mut end.write_blocked) {
                        self.signal(to, WRITABLE);
                    }
                }
            }
            Arrival::End { to } => {
                if let Some(end) = self.ends.get_mut(&to)
                    && end.state == State::Connected
                {
                    end.read_closed = true;
                    self.signal(to, ENDED);
                }
            }
            Arrival::Reset { to } => self.broken(to),
            Arrival::Datagram(datagram) => self.deliver_datagram(&datagram),
            Arrival::Undelivered { to } => self.refuse(to),
        }
    }

    /// A reset has come. What had arrived before stays readable, as on Linux.
    fn broken(&mut self, id: Id) {
        if let Some(end) = self.ends.get_mut(&id) {
            match end.state {
                State::Connecting => end.state = State::Failed(io::ErrorKind::ConnectionReset),
                State::Connected => {
                    end.state = State::Broken;
                    end.held = Held::default();
                    // After the peer's end there is nothing more to read, only to write.
                    end.error = Some(if end.read_closed {
                        io::ErrorKind::BrokenPipe
                    } else {
                        io::ErrorKind::ConnectionReset
                    });
                }
                State::Failed(_) | State::Broken => return,
            }
            self.signal(id, BROKEN);
        }
    }

    fn send(&mut self, arrival: Arrival) {
        self.last_sent += 1;
        let at = self.now + self.options.delay;
        self.under_way.insert((at, self.last_sent), arrival);
    }

    fn signal(&mut self, id: Id, readiness: Readiness) {
        let Some(source) = self.source(id) else {
            return;
        };
        if source.token.is_none() {
            return;
        }
        match &mut source.due {
            Some(due) => {
                due.readable |= readiness.readable;
                due.writable |= readiness.writable;
                due.read_closed |= readiness.read_closed;
            }
            none => {
                *none = Some(readiness);
                self.signalled.push_back(id);
            }
        }
    }

    fn source(&mut self, id: Id) -> Option<&mut Source> {
        let end = self.ends.get_mut(&id).map(|end| &mut end.source);
        let port = self.ports.get_mut(&id).map(|port| &mut port.source);
        let mailbox = self
            .mailboxes
            .get_mut(&id)
            .map(|mailbox| &mut mailbox.source);
        end.or(port).or(mailbox)
    }

    fn next_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }
}

impl End {
    fn new(local: SocketAddr, remote: SocketAddr, window: usize) -> Self {
        Self {
            source: Source::default(),
            local,
            remote,
            peer: None,
            state: State::Connecting,
            error: None,
            received: VecDeque::new(),
            held: Held::default(),
            read_closed: false,
            write_closed: false,
            window: window.max(1),
            write_blocked: false,
            reset_on_close: false,
            owns_port: false,
        }
    }
}
