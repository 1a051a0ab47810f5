//! What crossed the network, as packets: each is noted when it arrives.
//!
//! There are no packets in the simulated network, so their headers are made up: sequence numbers
//! count from 0 for each side, and what is acknowledged is what the program has read, or all of it
//! when its side ends. What stays within a host's UNIX sockets and pairs is not noted.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::names::is_hidden;
use super::{Arrival, End, Id, Network};
use crate::driver::simulated::pcap::{ACK, FIN, PSH, RST, SYN, Segment, tcp, to_pcap, udp};

/// The packets so far.
#[derive(Default)]
pub(super) struct Trace {
    packets: Vec<(Duration, Vec<u8>)>,
    flows: Vec<Flow>,
    /// Which end is on which side of which flow; the client's is 0.
    sides: BTreeMap<Id, (usize, usize)>,
}

/// A connection.
struct Flow {
    addresses: [SocketAddr; 2],
    /// The next sequence number of each side.
    next: [u32; 2],
    /// Which one of the other's each side has said it waits for.
    acknowledged: [u32; 2],
}

impl Network {
    /// Notes all that arrives from now on.
    pub(crate) fn start_trace(&mut self) {
        self.trace.get_or_insert_default();
    }

    /// What was noted so far, as a file in the format of pcap; empty if nothing was wanted.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let packets = self.trace.as_ref().map(|trace| &trace.packets[..]);
        to_pcap(packets.unwrap_or_default())
    }

    pub(super) fn note(&mut self, arrival: &Arrival) {
        if let Some(trace) = &mut self.trace {
            trace.note(self.now, arrival, &self.ends);
        }
    }
}

impl Trace {
    fn note(&mut self, now: Duration, arrival: &Arrival, ends: &BTreeMap<Id, End>) {
        match arrival {
            Arrival::Attempt { from, .. } => {
                if let Some(client) = ends.get(from).filter(|end| !is_hidden(end.remote)) {
                    self.sides.insert(*from, (self.flows.len(), 0));
                    self.flows.push(Flow {
                        addresses: [client.local, client.remote],
                        next: [0, 0],
                        acknowledged: [0, 0],
                    });
                    self.add(now, self.side(*from), SYN, &[]);
                }
            }
            Arrival::Accepted { to, from } => {
                if let Some((flow, client)) = self.side(*to) {
                    self.sides.insert(*from, (flow, 1 - client));
                    self.flows[flow].acknowledged = [1, 1];
                    self.add(now, self.side(*from), SYN | ACK, &[]);
                    self.add(now, self.side(*to), ACK, &[]);
                }
            }
            Arrival::Failed { to, why } => {
                if *why == io::ErrorKind::ConnectionRefused {
                    self.add(now, self.other_side(*to), RST | ACK, &[]);
                }
            }
            Arrival::Data { from, bytes, .. } => {
                for bytes in bytes.chunks(LONGEST) {
                    self.add(now, self.side(*from), PSH | ACK, bytes);
                }
            }
            Arrival::Window { to, bytes } => {
                if let Some((flow, side)) = self.other_side(*to) {
                    let Flow {
                        next, acknowledged, ..
                    } = &mut self.flows[flow];
                    // Who has ended its side has acknowledged what it reads only now.
                    let rest = next[1 - side].wrapping_sub(acknowledged[side]);
                    let read = rest.min(*bytes as u32);
                    acknowledged[side] = acknowledged[side].wrapping_add(read);
                    self.add(now, Some((flow, side)), ACK, &[]);
                }
            }
            Arrival::End { from, .. } => self.add(now, self.side(*from), FIN | ACK, &[]),
            Arrival::Reset { to } => self.add(now, self.other_side(*to), RST | ACK, &[]),
            Arrival::Datagram(datagram) => {
                let (from, to) = (datagram.sender, datagram.to);
                if !is_hidden(from) && !is_hidden(to) {
                    let packet = udp(from, to, &datagram.bytes);
                    self.packets.push((now, packet));
                }
            }
            Arrival::Undelivered { .. } | Arrival::GaveUp { .. } => {}
        }
    }

    fn side(&self, end: Id) -> Option<(usize, usize)> {
        self.sides.get(&end).copied()
    }

    fn other_side(&self, end: Id) -> Option<(usize, usize)> {
        self.side(end).map(|(flow, side)| (flow, 1 - side))
    }

    /// Adds a packet that this side of a connection has sent.
    fn add(&mut self, now: Duration, side: Option<(usize, usize)>, flags: u8, bytes: &[u8]) {
        let Some((flow, side)) = side else { return };
        let flow = &mut self.flows[flow];
        if flags & (FIN | RST) != 0 {
            flow.acknowledged[side] = flow.next[1 - side];
        }
        let segment = Segment {
            sequence: flow.next[side],
            acknowledged: flow.acknowledged[side],
            flags,
            bytes,
        };
        let (from, to) = (flow.addresses[side], flow.addresses[1 - side]);
        self.packets.push((now, tcp(from, to, &segment)));
        let counts = bytes.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        flow.next[side] = flow.next[side].wrapping_add(counts);
    }
}

/// The most bytes of a packet, well below what its header can tell.
const LONGEST: usize = 65_000;
