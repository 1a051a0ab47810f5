//! Connections that are held up: what has come to their ends stands before them, until it is let on.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::{Arrival, End, Id, Network, State};
use crate::Address;
use crate::driver::Readiness;

/// What stands before an end, in this order.
#[derive(Default)]
pub(super) struct Held {
    pub(super) bytes: VecDeque<u8>,
    pub(super) end: bool,
    pub(super) reset: bool,
}

impl Held {
    /// The end of the direction, and a reset, count as the bytes do.
    fn steps(&self) -> usize {
        self.bytes.len() + usize::from(self.end) + usize::from(self.reset)
    }
}

impl Network {
    /// Holds up the connections that have an end at this address, now and later.
    pub(in crate::driver::simulated) fn hold(&mut self, address: SocketAddr) {
        self.held.insert(address);
    }

    /// Puts aside what comes to an end that is held up; gives back anything else.
    pub(super) fn hold_up(&mut self, arrival: Arrival) -> Option<Arrival> {
        let (Arrival::Data { to, .. } | Arrival::End { to, .. } | Arrival::Reset { to }) = &arrival
        else {
            return Some(arrival);
        };
        let is_held = |end: &End| {
            let is_at = self.held.contains(&end.local) || self.held.contains(&end.remote);
            is_at && end.state == State::Connected
        };
        let Some(end) = self.ends.get_mut(to).filter(|end| is_held(end)) else {
            return Some(arrival);
        };
        match arrival {
            Arrival::Data { bytes, .. } => end.held.bytes.extend(bytes),
            Arrival::End { .. } => end.held.end = true,
            _ => end.held.reset = true,
        }
        None
    }

    /// How many steps stand before the ends at this address.
    pub(in crate::driver::simulated) fn held_steps(&self, to: SocketAddr) -> usize {
        let ends = self.ends.values().filter(|end| end.local == to);
        ends.map(|end| end.held.steps()).sum()
    }

    /// Lets so many steps on, to the ends at this address. Gives back how many there were.
    pub(in crate::driver::simulated) fn release(&mut self, to: SocketAddr, most: usize) -> usize {
        let at_address = |end: &End| end.local == to && end.held.steps() > 0;
        let ends = self.ends.iter().filter(|(_, end)| at_address(end));
        let ids: Vec<Id> = ends.map(|(id, _)| *id).collect();
        let mut left = most;
        for id in ids {
            left -= self.release_to(id, left);
        }
        most - left
    }

    fn release_to(&mut self, id: Id, most: usize) -> usize {
        let Some(end) = self.ends.get_mut(&id) else {
            return 0;
        };
        if end.state != State::Connected {
            return 0;
        }
        let bytes = most.min(end.held.bytes.len());
        end.received.extend(end.held.bytes.drain(..bytes));
        let mut steps = bytes;
        let has_ended = steps < most && std::mem::take(&mut end.held.end);
        steps += usize::from(has_ended);
        let is_reset = steps < most && std::mem::take(&mut end.held.reset);
        steps += usize::from(is_reset);
        end.read_closed |= has_ended;
        if bytes > 0 {
            self.signal(id, Readiness::READABLE);
        }
        if has_ended {
            self.signal(id, Readiness::ENDED);
        }
        if is_reset {
            self.broken(id);
        }
        steps
    }

    /// The addresses of the two ends that were made last.
    pub(in crate::driver::simulated) fn newest_ends(&self) -> Option<[SocketAddr; 2]> {
        let mut newest = self.ends.values().rev().map(|end| end.local);
        let (second, first) = (newest.next()?, newest.next()?);
        Some([first, second])
    }

    /// The addresses that somebody listens on.
    pub(in crate::driver::simulated) fn listening(&self) -> Vec<Address> {
        let ports = self
            .ports
            .keys()
            .filter_map(|port| self.port_address(*port));
        ports.map(|address| self.shown(address)).collect()
    }
}
