//! The buffers that all connections of a reactor use, one after another.
//!
//! A connection holds one only while it works, so an idle connection owns none.

use std::cell::{Cell, RefCell};

/// See the module.
#[derive(Default)]
pub(crate) struct Buffers {
    /// What the driver reads into.
    read: Cell<Vec<u8>>,
    /// What filters work in, while one decodes or encodes.
    work: RefCell<Vec<Vec<u8>>>,
    /// Buffers for what small writes gather until the turn's end.
    queues: RefCell<Vec<Vec<u8>>>,
    /// How large those are together.
    queued: Cell<usize>,
}

/// The most that is read at once, and so the most that one protocol gets in a turn: 64 KiB, and what
/// comes with so much (a head, the headers of records). With less room, a message of that size would
/// need a second read, and a turn for it.
pub(crate) const READ_SIZE: usize = 68 * 1024;

/// How many buffers are kept for the next who needs one, how large they may be, and how large all of
/// them together: many connections that wrote much at once must not leave their memory behind.
const KEPT: usize = 1024;
const KEPT_SIZE: usize = 16 * 1024;
const KEPT_BYTES: usize = 512 * 1024;
/// Buffers of filters are few (two for each level of filters) and may hold all that was read.
const WORK_SIZE: usize = 4 * READ_SIZE;

impl Buffers {
    /// The read buffer, [`READ_SIZE`] long. Give it [back](Self::give_read).
    pub(crate) fn take_read(&self) -> Vec<u8> {
        let mut buffer = self.read.take();
        if buffer.len() != READ_SIZE {
            buffer.resize(READ_SIZE, 0);
        }
        buffer
    }

    pub(crate) fn give_read(&self, buffer: Vec<u8>) {
        self.read.set(buffer);
    }

    /// An empty buffer for a filter to write into.
    pub(crate) fn take_work(&self) -> Vec<u8> {
        self.work.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_work(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= WORK_SIZE {
            buffer.clear();
            self.work.borrow_mut().push(buffer);
        }
    }

    /// An empty buffer for a write queue.
    pub(crate) fn take_queue(&self) -> Vec<u8> {
        let buffer = self.queues.borrow_mut().pop().unwrap_or_default();
        self.queued.set(self.queued.get() - buffer.capacity());
        buffer
    }

    pub(crate) fn give_queue(&self, mut buffer: Vec<u8>) {
        let size = buffer.capacity();
        let total = self.queued.get() + size;
        let mut queues = self.queues.borrow_mut();
        if (1..=KEPT_SIZE).contains(&size) && total <= KEPT_BYTES && queues.len() < KEPT {
            buffer.clear();
            queues.push(buffer);
            self.queued.set(total);
        }
    }
}
