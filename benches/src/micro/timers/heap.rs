//! A binary heap, in which what is cancelled stays until it is half of all: Twisted's way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

use super::Timers;

type Call = Box<dyn FnOnce(&mut u64)>;

pub(super) struct Heap {
    /// Deadline, place and the number that the place had then.
    heap: BinaryHeap<Reverse<(u64, usize, u64)>>,
    calls: Slab<(u64, Call)>,
    made: u64,
    cancelled: usize,
    fired: u64,
}

impl Timers for Heap {
    type Key = (usize, u64);

    fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            calls: Slab::new(),
            made: 0,
            cancelled: 0,
            fired: 0,
        }
    }

    fn add(&mut self, at: u64) -> Self::Key {
        self.made += 1;
        let one = std::hint::black_box(1);
        let place = self
            .calls
            .insert((self.made, Box::new(move |fired| *fired += one)));
        self.heap.push(Reverse((at, place, self.made)));
        (place, self.made)
    }

    fn cancel(&mut self, (place, number): Self::Key) {
        if self.calls.get(place).is_none_or(|call| call.0 != number) {
            return;
        }
        drop(self.calls.remove(place));
        self.cancelled += 1;
        if self.cancelled > 50 && self.cancelled > self.heap.len() / 2 {
            let calls = &self.calls;
            self.heap.retain(|Reverse((_, place, number))| {
                calls.get(*place).is_some_and(|call| call.0 == *number)
            });
            self.cancelled = 0;
        }
    }

    fn pass(&mut self, until: u64) {
        while let Some(Reverse((at, place, number))) = self.heap.peek().copied() {
            if at > until {
                break;
            }
            self.heap.pop();
            if self.calls.get(place).is_some_and(|call| call.0 == number) {
                (self.calls.remove(place).1)(&mut self.fired);
            }
        }
    }

    fn fired(&self) -> u64 {
        self.fired
    }
}
