//! The reactor's timers: a store that knows no clock and calls nobody.
//!
//! A hierarchical wheel: a slot of level 0 is one tick of 2^20 ns (about 1 ms) wide, a slot of each
//! further level 64 times as wide as one below it, and eight levels hold every `u64` of nanoseconds
//! (584 years), so nothing overflows. A timer hangs in the slot of the highest digit in which its
//! tick differs from the current one; when that slot's time comes, its timers fall one level or
//! more. That makes adding, cancelling and re-arming O(1) whatever is pending, and cancelling gives
//! value and place back at once.
//!
//! The wheel alone is only as exact as its tick. So the tick that has come is taken out of the
//! wheel and sorted (the *run*); what is added to it afterwards waits in a small tree (the *late*
//! ones). Together they give timers in the order of their deadlines to the nanosecond, equal
//! deadlines in the order they were made, and never one early.
//!
//! The reactor works in passes: [`Timers::start_pass`], then [`Timers::pop_due`] and the callback,
//! one by one. So a callback may cancel what is due after it, and what it makes or resets waits for
//! the next pass even if it is due already (the *held* ones).

#[cfg(test)]
mod tests;
mod wheel;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use wheel::{HELD, LEVEL_BITS, LEVELS, NIL, SLOTS, Slot, TICK_BITS};

/// Names one timer. Stays harmless when the timer is gone: its place's generation has moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

/// Values that fall due at a moment each.
pub(crate) struct Timers<T> {
    /// Time zero. A deadline before it counts as due at it.
    base: Instant,
    /// The last moment that was given, and how far from `base` it is: most timers are made at the
    /// moment at which others were made.
    last_moment: (Instant, u64),
    nodes: Vec<Node<T>>,
    /// The first node of the list of free ones, linked by `next`.
    free: u32,
    len: usize,
    /// The wheel's slots, level by level, and after them the one of the held timers.
    slots: Box<[Slot; SLOTS + 1]>,
    /// Which slots have timers: a bit a slot, a word a level, the last word for the held ones.
    occupied: [u64; LEVELS + 1],
    /// The tick up to which (inclusive) the wheel has been emptied into `run` and `late`.
    tick: u64,
    /// The timers taken out of the wheel when their tick came, in order. An entry whose timer was
    /// cancelled or reset stays until its turn: its timer is not in place `RUN` any more, and none
    /// comes there before the run is used up.
    run: Vec<Entry>,
    /// The first of the run that has not had its turn.
    run_next: usize,
    /// Timers for `tick` or before that were added after it had come, and so made after those in
    /// the run, by deadline and `late_sequence`.
    late: BTreeMap<(u64, u64), u32>,
    late_sequence: u64,
    /// Kept between uses by `take_list`, empty: at most as long as the longest slot was.
    list: Vec<u32>,
    /// The same, with the second half of a list while the first is taken.
    back_half: Vec<u32>,
    /// During a pass: one nanosecond after its moment. Otherwise 0.
    pass_end: u64,
}

/// One timer, or a free place.
struct Node<T> {
    /// Nanoseconds since `base`.
    deadline: u64,
    value: Option<T>,
    /// The neighbours in the list. In place `LATE`: the halves of the sequence number.
    next: u32,
    prev: u32,
    generation: u32,
    /// A slot's index, or `RUN`, `LATE` or `FREE`.
    place: u16,
}

/// A timer in the run.
#[derive(Clone, Copy)]
struct Entry {
    deadline: u64,
    key: TimerKey,
}

const RUN: u16 = SLOTS as u16 + 1;
const LATE: u16 = SLOTS as u16 + 2;
const FREE: u16 = SLOTS as u16 + 3;
impl<T> Timers<T> {
    /// No timers, with a clock that starts at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            base: now,
            last_moment: (now, 0),
            nodes: Vec::new(),
            free: NIL,
            len: 0,
            slots: Box::new([Slot::EMPTY; SLOTS + 1]),
            occupied: [0; LEVELS + 1],
            tick: 0,
            run: Vec::new(),
            run_next: 0,
            late: BTreeMap::new(),
            late_sequence: 0,
            list: Vec::new(),
            back_half: Vec::new(),
            pass_end: 0,
        }
    }

    /// Adds a timer, due `delay` after `moment`. A deadline that has passed is due in the next pass.
    ///
    /// A deadline more than 584 years away counts as that far away.
    pub(crate) fn add(&mut self, moment: Instant, delay: Duration, value: T) -> TimerKey {
        let deadline = self.nanos_after(moment, delay);
        let index = if self.free == NIL {
            let index = u32::try_from(self.nodes.len()).expect("memory ends before 2^32 timers");
            self.nodes.push(Node {
                deadline,
                value: Some(value),
                next: NIL,
                prev: NIL,
                generation: 0,
                place: FREE,
            });
            index
        } else {
            let index = self.free;
            let node = &mut self.nodes[index as usize];
            self.free = node.next;
            node.deadline = deadline;
            node.value = Some(value);
            index
        };
        self.len += 1;
        self.attach(index, self.place(deadline));
        TimerKey {
            index,
            generation: self.nodes[index as usize].generation,
        }
    }

    /// Cancels a timer and gives its value back; `None` if it has fired or is cancelled already.
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        self.pending(key)?;
        self.detach(key.index);
        Some(self.release(key.index))
    }

    /// Moves a pending timer to `delay` after `moment`, as if made anew; `false` if it is not pending.
    pub(crate) fn reset(&mut self, key: TimerKey, moment: Instant, delay: Duration) -> bool {
        if self.pending(key).is_none() {
            return false;
        }
        let deadline = self.nanos_after(moment, delay);
        self.detach(key.index);
        self.nodes[key.index as usize].deadline = deadline;
        self.attach(key.index, self.place(deadline));
        true
    }

    /// When a pending timer is due.
    pub(crate) fn deadline(&self, key: TimerKey) -> Option<Instant> {
        self.pending(key).map(|node| self.instant(node.deadline))
    }

    /// How many timers are pending.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// When the next pass is worth making, if ever: not later than the earliest deadline.
    ///
    /// # Notes
    /// It may be earlier only when the earliest timer of a slot was cancelled or reset. A pass made
    /// then yields nothing, but takes that slot's timers down a level, or into the exact run. So
    /// there are never more than eight such passes before a timer fires, however often it was reset.
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        // What is in the wheel is later than what is in front; a held one may stand anywhere.
        let front = self.front().map(|(deadline, _)| deadline);
        let first = || self.first_slot().map(|(_, slot)| self.slots[slot].earliest);
        let held = (self.occupied[LEVELS] != 0).then(|| self.slots[HELD].earliest);
        let next = front.or_else(first).into_iter().chain(held).min();
        next.map(|nanos| self.instant(nanos))
    }

    /// Starts to give out what is due at `now`, of the timers that are pending at this moment.
    ///
    /// A pass that was not taken to its end is given up: what it had left is in this one.
    pub(crate) fn start_pass(&mut self, now: Instant) {
        self.end_pass();
        self.pass_end = self.nanos_after(now, Duration::ZERO).saturating_add(1);
    }

    /// The pass's next timer, in the order of deadlines, equal ones in the order they were made.
    ///
    /// `None` ends the pass.
    pub(crate) fn pop_due(&mut self) -> Option<T> {
        let now = self.pass_end.checked_sub(1)?;
        loop {
            if let Some((deadline, index)) = self.front() {
                if deadline > now {
                    break;
                }
                if self.nodes[index as usize].place == RUN {
                    self.run_next += 1;
                } else {
                    self.late.pop_first();
                }
                return Some(self.release(index));
            }
            if !self.open_first(now >> TICK_BITS) {
                break;
            }
        }
        self.tick = self.tick.max(now >> TICK_BITS);
        self.end_pass();
        None
    }

    /// Takes all timers out, in no order that means anything; every key is stale afterwards.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        let pending = (0..self.nodes.len() as u32)
            .filter(|&index| self.nodes[index as usize].place != FREE)
            .collect::<Vec<_>>();
        self.run.clear();
        self.run_next = 0;
        self.late.clear();
        self.occupied = [0; LEVELS + 1];
        self.slots.fill(Slot::EMPTY);
        pending
            .into_iter()
            .map(|index| self.release(index))
            .collect()
    }

    /// The pending ones, in no order, with their deadlines.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Instant, &T)> {
        self.nodes.iter().filter_map(|node| {
            let value = node.value.as_ref()?;
            Some((self.base + Duration::from_nanos(node.deadline), value))
        })
    }

    fn pending(&self, key: TimerKey) -> Option<&Node<T>> {
        self.nodes
            .get(key.index as usize)
            .filter(|node| node.generation == key.generation && node.place != FREE)
    }

    /// Lets go the timers held back during the pass.
    fn end_pass(&mut self) {
        self.pass_end = 0;
        if self.occupied[LEVELS] == 0 {
            return;
        }
        let mut list = self.take_list(HELD);
        // A run is cheaper than the tree, but must not be mixed with what was made before.
        let as_run = self.front().is_none();
        for index in list.drain(..) {
            match self.place(self.nodes[index as usize].deadline) {
                LATE if as_run => self.push_run(index),
                place => self.attach(index, place),
            }
        }
        self.list = list;
        if as_run {
            self.sort_run();
        }
    }

    /// Deadline and index of the earliest of the timers whose tick has come.
    fn front(&mut self) -> Option<(u64, u32)> {
        let run = loop {
            let Some(entry) = self.run.get(self.run_next) else {
                self.run.clear();
                self.run_next = 0;
                break None;
            };
            let node = &self.nodes[entry.key.index as usize];
            if node.place == RUN && node.generation == entry.key.generation {
                break Some((entry.deadline, entry.key.index));
            }
            self.run_next += 1;
        };
        let late = self
            .late
            .first_key_value()
            .map(|(&(deadline, _), &index)| (deadline, index));
        match (run, late) {
            (Some(run), Some(late)) => Some(if late.0 < run.0 { late } else { run }),
            (one, other) => one.or(other),
        }
    }

    /// Moves the wheel on to its first slot, if that begins by the tick `last`, and empties the slot
    /// into the run and the levels below. Only when nothing is in front: the run then is in order.
    fn open_first(&mut self, last: u64) -> bool {
        let Some((level, slot)) = self.first_slot() else {
            return false;
        };
        let shift = LEVEL_BITS * level as u32;
        let above = self.tick >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS);
        let start = above | ((slot as u64 & 63) << shift);
        if start > last {
            return false;
        }
        self.tick = start;
        let mut list = self.take_list(slot);
        for index in list.drain(..) {
            match self.wheel_slot(self.nodes[index as usize].deadline >> TICK_BITS) {
                Some(slot) => self.link(index, slot),
                None => self.push_run(index),
            }
        }
        self.list = list;
        self.sort_run();
        true
    }

    /// Where a timer made now belongs.
    fn place(&self, deadline: u64) -> u16 {
        if deadline < self.pass_end {
            return HELD as u16;
        }
        self.wheel_slot(deadline >> TICK_BITS)
            .map_or(LATE, |slot| slot as u16)
    }

    fn attach(&mut self, index: u32, place: u16) {
        if place == LATE {
            let node = &mut self.nodes[index as usize];
            let sequence = self.late_sequence;
            self.late_sequence += 1;
            node.place = LATE;
            (node.prev, node.next) = ((sequence >> 32) as u32, sequence as u32);
            self.late.insert((node.deadline, sequence), index);
        } else {
            self.link(index, usize::from(place));
        }
    }

    /// Takes a timer out of its place. Its entry in the run may stay.
    fn detach(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
        match node.place {
            LATE => {
                let sequence = u64::from(node.prev) << 32 | u64::from(node.next);
                self.late.remove(&(node.deadline, sequence));
            }
            RUN | FREE => {}
            slot => self.unlink(index, usize::from(slot)),
        }
    }

    fn push_run(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        node.place = RUN;
        let key = TimerKey {
            index,
            generation: node.generation,
        };
        self.run.push(Entry {
            deadline: node.deadline,
            key,
        });
    }

    /// A stable sort: equal deadlines stay in the order they were made.
    fn sort_run(&mut self) {
        self.run.sort_by_key(|entry| entry.deadline);
    }

    /// Frees the place of a timer that hangs nowhere any more.
    fn release(&mut self, index: u32) -> T {
        let node = &mut self.nodes[index as usize];
        node.generation = node.generation.wrapping_add(1);
        node.place = FREE;
        node.next = self.free;
        self.free = index;
        self.len -= 1;
        node.value
            .take()
            .expect("only a free place has no value, and it was not free")
    }

    fn nanos_after(&mut self, moment: Instant, delay: Duration) -> u64 {
        if moment != self.last_moment.0 {
            let since = moment.saturating_duration_since(self.base);
            self.last_moment = (moment, nanos_in(since));
        }
        self.last_moment.1.saturating_add(nanos_in(delay))
    }

    /// Cannot overflow: every platform counts the seconds of an `Instant` in 64 bits.
    fn instant(&self, nanos: u64) -> Instant {
        self.base + Duration::from_nanos(nanos)
    }
}

fn nanos_in(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<T> fmt::Debug for Timers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
