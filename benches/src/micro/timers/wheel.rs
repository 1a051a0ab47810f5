//! A wheel of a millisecond a tick and nothing around it: what timers can cost at least.

use super::{MILLISECOND, Timers};

type Call = Box<dyn FnOnce(&mut u64)>;

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
const NONE: usize = usize::MAX;

/// One timer, in the list of its slot, or in that of the free ones.
struct Node {
    tick: u64,
    generation: u64,
    next: usize,
    previous: usize,
    slot: usize,
    call: Option<Call>,
}

pub(super) struct Wheel {
    nodes: Vec<Node>,
    free: usize,
    /// The first node of each slot, level by level; each level's slots are as wide as all of the one below.
    first: [usize; LEVELS * SLOTS],
    /// Which slots of a level have some: a bit for each.
    occupied: [u64; LEVELS],
    tick: u64,
    fired: u64,
}

impl Wheel {
    /// Into the slot of the highest digit in which its tick differs from now.
    fn link(&mut self, index: usize) {
        let tick = self.nodes[index].tick.max(self.tick);
        let digits = 63 - ((tick ^ self.tick) | 1).leading_zeros();
        let level = ((digits / BITS) as usize).min(LEVELS - 1);
        let digit = (tick >> (BITS * level as u32)) as usize % SLOTS;
        let slot = level * SLOTS + digit;
        let next = std::mem::replace(&mut self.first[slot], index);
        if next != NONE {
            self.nodes[next].previous = index;
        }
        let node = &mut self.nodes[index];
        (node.slot, node.next, node.previous) = (slot, next, NONE);
        self.occupied[level] |= 1 << digit;
    }

    fn unlink(&mut self, index: usize) {
        let Node {
            next,
            previous,
            slot,
            ..
        } = self.nodes[index];
        if next != NONE {
            self.nodes[next].previous = previous;
        }
        if previous != NONE {
            self.nodes[previous].next = next;
            return;
        }
        self.first[slot] = next;
        if next == NONE {
            self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
        }
    }

    fn release(&mut self, index: usize) -> Option<Call> {
        let node = &mut self.nodes[index];
        node.generation += 1;
        node.next = std::mem::replace(&mut self.free, index);
        node.call.take()
    }

    /// The next slot that has some, and the tick at which its time comes.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let shift = BITS * level as u32;
        let now = self.tick >> shift;
        let ahead = self.occupied[level]
            .rotate_right((now % SLOTS as u64) as u32)
            .trailing_zeros();
        let digit = now + u64::from(ahead);
        let slot = level * SLOTS + (digit % SLOTS as u64) as usize;
        Some((slot, (digit << shift).max(self.tick)))
    }
}

impl Timers for Wheel {
    type Key = (usize, u64);

    fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free: NONE,
            first: [NONE; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            tick: 0,
            fired: 0,
        }
    }

    fn add(&mut self, at: u64) -> Self::Key {
        let (tick, one) = (at.div_ceil(MILLISECOND), std::hint::black_box(1));
        let call: Option<Call> = Some(Box::new(move |fired| *fired += one));
        let index = self.free;
        let index = if index == NONE {
            let node = Node {
                tick,
                generation: 0,
                next: NONE,
                previous: NONE,
                slot: 0,
                call,
            };
            self.nodes.push(node);
            self.nodes.len() - 1
        } else {
            let node = &mut self.nodes[index];
            self.free = node.next;
            (node.tick, node.call) = (tick, call);
            index
        };
        self.link(index);
        (index, self.nodes[index].generation)
    }

    fn cancel(&mut self, (index, generation): Self::Key) {
        if self.nodes[index].generation == generation {
            self.unlink(index);
            drop(self.release(index));
        }
    }

    fn pass(&mut self, until: u64) {
        let until = until / MILLISECOND;
        while let Some((slot, tick)) = self.next_slot().filter(|(_, tick)| *tick <= until) {
            self.tick = tick;
            let mut index = std::mem::replace(&mut self.first[slot], NONE);
            self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
            while index != NONE {
                let next = self.nodes[index].next;
                if self.nodes[index].tick <= tick {
                    if let Some(call) = self.release(index) {
                        call(&mut self.fired);
                    }
                } else {
                    self.link(index);
                }
                index = next;
            }
        }
        self.tick = self.tick.max(until);
    }

    fn fired(&self) -> u64 {
        self.fired
    }
}
