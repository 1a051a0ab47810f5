//! What arrives, and what comes of it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::datagrams::Datagram;
use super::held::Held;
use super::{HostId, Id, Network, State};
use crate::driver::Readiness;

/// What arrives. `from` is the end to which a reset goes if nobody is there any more.
#[derive(Clone)]
pub(super) enum Arrival {
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
        from: Id,
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
    /// What this end has sent since then was not answered for too long.
    GaveUp {
        end: Id,
        since: Duration,
    },
}

/// An arrival on its way from one host to another.
pub(super) struct Parcel {
    pub(super) from: HostId,
    pub(super) to: HostId,
    pub(super) arrival: Arrival,
}

impl Network {
    pub(in crate::driver::simulated) fn next_arrival(&self) -> Option<Duration> {
        self.under_way.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Lets arrive what should have by now.
    pub(in crate::driver::simulated) fn deliver(&mut self) {
        // What the arrivals set under way waits for the next call, else two ends without a delay
        // could keep each other busy for ever.
        let last = self.last_sent;
        while let Some(entry) = self.under_way.first_entry() {
            let (at, number) = *entry.key();
            if at > self.now || number > last {
                break;
            }
            let parcel = entry.remove();
            self.arrive(parcel);
        }
    }

    fn arrive(&mut self, parcel: Parcel) {
        self.note(&parcel.arrival);
        let Parcel {
            from: sender,
            to: host,
            arrival,
        } = parcel;
        let Some(arrival) = self.hold_up(arrival) else {
            return;
        };
        match arrival {
            Arrival::Attempt { from, to } => self.attempt(sender, host, from, to),
            Arrival::Accepted { to, from } => match self.ends.get_mut(&to) {
                Some(end) if end.state == State::Connecting => {
                    end.peer = Some(from);
                    end.state = State::Connected;
                    self.signal(to, Readiness::WRITABLE);
                }
                // Given up meanwhile.
                _ => self.send(host, sender, Arrival::Reset { to: from }),
            },
            Arrival::Failed { to, why } => {
                if let Some(end) = self.ends.get_mut(&to) {
                    end.state = State::Failed(why);
                    self.signal(to, Readiness::BROKEN);
                }
            }
            Arrival::Data { to, from, bytes } => match self.ends.get_mut(&to) {
                Some(end) if end.state == State::Connected => {
                    end.received.extend(bytes);
                    self.signal(to, Readiness::READABLE);
                }
                Some(end) if end.peer.is_some() => {}
                // It is gone, or has given its peer up.
                _ => self.send(host, sender, Arrival::Reset { to: from }),
            },
            Arrival::Window { to, bytes } => {
                if let Some(end) = self.ends.get_mut(&to) {
                    end.window += bytes;
                    if std::mem::take(&mut end.write_blocked) {
                        self.signal(to, Readiness::WRITABLE);
                    }
                }
            }
            Arrival::End { to, .. } => {
                if let Some(end) = self.ends.get_mut(&to)
                    && end.state == State::Connected
                {
                    end.read_closed = true;
                    self.signal(to, Readiness::ENDED);
                }
            }
            Arrival::Reset { to } => self.broken(to),
            Arrival::Datagram(datagram) => self.deliver_datagram(sender, host, &datagram),
            Arrival::Undelivered { to } => self.refuse(to),
            Arrival::GaveUp { end, since } => self.give_up(end, since),
        }
    }

    /// A reset has come. What had arrived before stays readable, as on Linux.
    pub(super) fn broken(&mut self, id: Id) {
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
            self.signal(id, Readiness::BROKEN);
        }
    }
}
