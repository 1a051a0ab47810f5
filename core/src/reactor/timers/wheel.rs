//! The wheel's slots: which one a tick belongs to, and the lists in them.

use super::Timers;

/// A list of timers in the order they were made. It stays so without a number in each timer: what
/// falls from a wider slot does so before anything can be added to the narrower one directly.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// Not later than any deadline in the list. Exact until the earliest timer leaves; kept so,
    /// because looking for the new earliest would make cancelling O(n).
    pub(super) earliest: u64,
    head: u32,
    tail: u32,
}

impl Slot {
    pub(super) const EMPTY: Self = Self {
        earliest: 0,
        head: NIL,
        tail: NIL,
    };
}

pub(super) const TICK_BITS: u32 = 20;
pub(super) const LEVEL_BITS: u32 = 6;
/// Enough for the 44 bits of a tick number.
pub(super) const LEVELS: usize = 8;
pub(super) const SLOTS: usize = LEVELS << LEVEL_BITS;
pub(super) const HELD: usize = SLOTS;
/// No node.
pub(super) const NIL: u32 = u32::MAX;

impl<T> Timers<T> {
    /// The level and index of the wheel's first slot that has timers. Those of a lower level always
    /// come before those of a higher one, and all lie after the current tick.
    pub(super) fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.occupied[..LEVELS]
            .iter()
            .position(|&slots| slots != 0)?;
        let slot = (level << LEVEL_BITS) + self.occupied[level].trailing_zeros() as usize;
        Some((level, slot))
    }

    /// The slot for a tick that has not come.
    pub(super) fn wheel_slot(&self, tick: u64) -> Option<usize> {
        if tick <= self.tick {
            return None;
        }
        let level = (tick ^ self.tick).ilog2() / LEVEL_BITS;
        let digit = (tick >> (LEVEL_BITS * level)) as usize & 63;
        Some(((level as usize) << LEVEL_BITS) + digit)
    }

    pub(super) fn link(&mut self, index: u32, slot: usize) {
        let Slot {
            earliest,
            head,
            tail,
        } = self.slots[slot];
        let node = &mut self.nodes[index as usize];
        node.place = slot as u16;
        node.next = NIL;
        if head == NIL {
            node.prev = NIL;
            self.slots[slot] = Slot {
                earliest: node.deadline,
                head: index,
                tail: index,
            };
            self.occupied[slot >> LEVEL_BITS] |= 1 << (slot & 63);
        } else {
            node.prev = tail;
            let earliest = earliest.min(node.deadline);
            self.slots[slot] = Slot {
                earliest,
                head,
                tail: index,
            };
            self.nodes[tail as usize].next = index;
        }
    }

    pub(super) fn unlink(&mut self, index: u32, slot: usize) {
        let node = &self.nodes[index as usize];
        let (prev, next) = (node.prev, node.next);
        if next == NIL {
            self.slots[slot].tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
        if prev != NIL {
            self.nodes[prev as usize].next = next;
        } else {
            self.slots[slot].head = next;
            if next == NIL {
                self.occupied[slot >> LEVEL_BITS] &= !(1 << (slot & 63));
            }
        }
    }

    /// Empties a slot; gives what was its list. The vector goes back to `list` after use.
    ///
    /// Walks from both ends at once, and the caller then knows all nodes beforehand: what is slow
    /// here is waiting for memory, and this way the processor need not wait for one node after the
    /// other.
    pub(super) fn take_list(&mut self, slot: usize) -> Vec<u32> {
        let mut list = std::mem::take(&mut self.list);
        if self.occupied[slot >> LEVEL_BITS] & 1 << (slot & 63) == 0 {
            return list;
        }
        self.occupied[slot >> LEVEL_BITS] &= !(1 << (slot & 63));
        let Slot {
            head: mut front,
            tail: mut back,
            ..
        } = self.slots[slot];
        self.slots[slot] = Slot::EMPTY;
        while front != back {
            list.push(front);
            self.back_half.push(back);
            let next = self.nodes[front as usize].next;
            if next == back {
                front = NIL;
                break;
            }
            (front, back) = (next, self.nodes[back as usize].prev);
        }
        if front != NIL {
            list.push(front);
        }
        list.extend(self.back_half.drain(..).rev());
        list
    }
}
