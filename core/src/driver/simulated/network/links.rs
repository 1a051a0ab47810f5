//! The ways from host to host: how long something takes, and what becomes of it where there is none.
//!
//! Each direction is a queue, so what is sent over it comes in the order of sending; only datagrams
//! may overtake one another. What cannot get through now is lost, or, where TCP would send it
//! again, is held and sent when it can.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Arrival, HostId, Id, Network, Parcel};
use crate::driver::simulated::{LinkOptions, Random};

/// One direction between two hosts.
pub(super) struct Path {
    pub(super) options: LinkOptions,
    /// When the last that was sent will have left.
    busy_until: Duration,
    /// When the last that was sent will arrive.
    last_arrival: Duration,
    pub(super) is_cut: bool,
    /// What waits until there is a way.
    pub(super) kept: VecDeque<Arrival>,
}

impl Network {
    /// The way from one host to another, or to itself.
    pub(super) fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        let is_loopback = from == to && !self.is_alone(from);
        let options = || match is_loopback {
            true => LinkOptions::loopback(),
            false => self.options.link.clone(),
        };
        self.paths.entry((from, to)).or_insert_with(|| Path {
            options: options(),
            busy_until: Duration::ZERO,
            last_arrival: Duration::ZERO,
            is_cut: false,
            kept: VecDeque::new(),
        })
    }

    pub(super) fn send(&mut self, from: HostId, to: HostId, arrival: Arrival) {
        if self.is_blocked(to, from) {
            self.await_answer(&arrival);
        }
        if self.is_blocked(from, to) {
            return self.keep_back(from, to, arrival);
        }
        self.path(from, to);
        let Some(path) = self.paths.get_mut(&(from, to)) else {
            return;
        };
        let [first, second] = path.carry(self.now, &arrival, &mut self.random);
        if let Some(at) = second {
            self.put_under_way(at, from, to, arrival.clone());
        }
        if let Some(at) = first {
            self.put_under_way(at, from, to, arrival);
        }
    }

    pub(super) fn put_under_way(&mut self, at: Duration, from: HostId, to: HostId, it: Arrival) {
        self.last_sent += 1;
        let parcel = Parcel {
            from,
            to,
            arrival: it,
        };
        self.under_way.insert((at, self.last_sent), parcel);
    }

    /// Whether nothing gets there now.
    pub(super) fn is_blocked(&self, from: HostId, to: HostId) -> bool {
        let is_down = |host: &HostId| self.hosts.get(*host).is_some_and(|host| !host.is_up);
        let path = self.paths.get(&(from, to));
        from != to && (path.is_some_and(|path| path.is_cut) || is_down(&to))
    }

    /// Keeps what TCP would send again until it is answered. The rest is lost.
    pub(super) fn keep_back(&mut self, from: HostId, to: HostId, arrival: Arrival) {
        match arrival {
            Arrival::Accepted { .. }
            | Arrival::Data { .. }
            | Arrival::Window { .. }
            | Arrival::End { .. } => {
                self.await_answer(&arrival);
                self.path(from, to).kept.push_back(arrival);
            }
            _ => {}
        }
    }

    /// Has the sender's end give up some time from now, unless the way is open before that.
    fn await_answer(&mut self, arrival: &Arrival) {
        let Some(id) = arrival.sending_end() else {
            return;
        };
        let since = self.now;
        if let Some(end) = self.ends.get_mut(&id)
            && end.unanswered_since.is_none()
        {
            end.unanswered_since = Some(since);
            let host = end.source.host;
            let at = since.saturating_add(self.options.retransmission_limit);
            self.put_under_way(at, host, host, Arrival::GaveUp { end: id, since });
        }
    }
}

impl Path {
    /// When something that is sent now arrives, and when once more; not at all if it is lost.
    fn carry(
        &mut self,
        now: Duration,
        arrival: &Arrival,
        random: &mut Random,
    ) -> [Option<Duration>; 2] {
        let options = &self.options;
        let (size, may_be_lost) = arrival.size();
        let mut leaves = self.busy_until.max(now);
        if may_be_lost {
            let bandwidth = options.bandwidth.unwrap_or(0);
            let waiting = (leaves - now).as_nanos() * u128::from(bandwidth) / NANOS;
            if waiting > options.queue as u128 || random.happens(options.loss) {
                return [None, None];
            }
        }
        if let Some(bandwidth) = options.bandwidth {
            let nanos = (size as u128 * NANOS).div_ceil(u128::from(bandwidth.max(1)));
            leaves += Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.busy_until = leaves;
        }
        let at = leaves + options.latency + random.up_to(options.jitter);
        let in_order = at.max(self.last_arrival);
        let detour = options.latency.max(Duration::from_millis(1));
        let first = if may_be_lost && random.happens(options.reordering) {
            in_order + random.up_to(detour)
        } else {
            self.last_arrival = in_order;
            in_order
        };
        let twice = may_be_lost && random.happens(options.duplication);
        let second = twice.then(|| in_order + random.up_to(detour));
        [Some(first), second]
    }
}

const NANOS: u128 = 1_000_000_000;

impl Arrival {
    /// The bytes that it has on the wire, with the headers of IPv4, and whether it may be lost.
    fn size(&self) -> (usize, bool) {
        match self {
            Self::Datagram(datagram) => (28 + datagram.bytes.len(), true),
            Self::Undelivered { .. } => (56, true),
            Self::Data { bytes, .. } => (40 + bytes.len(), false),
            _ => (40, false),
        }
    }

    /// The end that sends it until it is answered.
    pub(super) fn sending_end(&self) -> Option<Id> {
        match *self {
            Self::Data { from, .. } | Self::End { from, .. } => Some(from),
            _ => None,
        }
    }
}
