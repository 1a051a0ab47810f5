//! Writing: from the protocol into the queue, and from there to the stream.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::{Connection, Phase};
use crate::net::write_queue::{SLICES, WriteQueue};
use crate::reactor::turn::Core;
use crate::{Failure, Stage, WriteQueueFull};

/// A piece of this size goes out at once, with all that is queued before it, instead of being
/// copied into the queue.
const LARGE: usize = 16 * 1024;

/// The most that goes through the filters before the stream is asked whether it takes more.
const ENCODED_AT_ONCE: usize = 64 * 1024;

/// The most that one connection writes in a turn.
const WRITTEN_A_TURN: usize = 1024 * 1024;

impl Connection {
    /// What the protocol wrote.
    pub(super) fn accept_write(&self, data: &[u8]) {
        if !self.may_write(data.len()) {
            return;
        }
        let Some(core) = self.core.upgrade() else {
            return;
        };
        if data.len() >= LARGE && self.writable.get() {
            self.write_through(&core, data);
        } else {
            self.queue_up(|queue| queue.push(data, &core.buffers));
        }
        self.written();
    }

    /// What the protocol wrote, to be shared.
    pub(super) fn accept_bytes(&self, data: Bytes) {
        if !self.may_write(data.len()) {
            return;
        }
        let Some(core) = self.core.upgrade() else {
            return;
        };
        if data.len() >= LARGE && self.writable.get() && self.queued_bytes() == 0 {
            let sent = self.write_through_bytes(&core, &data);
            if sent < data.len() {
                self.queue_up(|queue| queue.push_bytes(data.slice(sent..), &core.buffers));
            }
        } else {
            self.queue_up(|queue| queue.push_bytes(data, &core.buffers));
        }
        self.written();
    }

    fn may_write(&self, count: usize) -> bool {
        let open = !self.write_done.get()
            && match self.phase.get() {
                Phase::Open if !self.write_ending.get() => true,
                // A producer may finish.
                Phase::Open | Phase::Losing => self.has_producer(),
                _ => false,
            };
        if !open {
            log::debug!(target: "torsade", "{count} bytes for {} were written too late", self.peer);
        }
        open && count > 0
    }

    fn queue_up(&self, push: impl FnOnce(&mut WriteQueue)) {
        if self.write_done.get() {
            // The write that went before has failed.
        } else if self.has_filters() {
            self.with_extras(|extras| push(&mut extras.plain));
        } else {
            push(&mut self.queue.borrow_mut());
        }
    }

    /// After a write: what is left waits for the agenda, if it is not too much.
    fn written(&self) {
        let queued = self.queued_bytes();
        if self.is_limited.get()
            && let Some(limit) = self.with_extras(|extras| extras.max_queued)
            && queued > limit
        {
            return self.abort_now(WriteQueueFull { limit }.into());
        }
        let producer_waits = self.producer_sees_write();
        if queued > 0 || producer_waits || self.write_done.get() {
            self.schedule_self();
        }
    }

    pub(super) fn queued_bytes(&self) -> usize {
        let queued = self.queue.borrow().len();
        if self.is_filtered.get() {
            queued + self.with_extras(|extras| extras.plain.len())
        } else {
            queued
        }
    }

    /// Sends a large piece without copying it, as far as the stream takes it.
    fn write_through(&self, core: &Core, data: &[u8]) {
        let sent = if self.has_filters() {
            if self.queued_bytes() > 0 {
                0
            } else {
                self.encode_through(core, data)
            }
        } else {
            self.write_with_queue(core, data)
        };
        if sent < data.len() {
            self.queue_up(|queue| queue.push(&data[sent..], &core.buffers));
        }
    }

    fn write_through_bytes(&self, core: &Core, data: &[u8]) -> usize {
        if self.has_filters() {
            self.encode_through(core, data)
        } else {
            self.write_with_queue(core, data)
        }
    }

    /// Writes the queue and `data` behind it, in one call; gives back how much of `data` went.
    fn write_with_queue(&self, core: &Core, data: &[u8]) -> usize {
        let mut queue = self.queue.borrow_mut();
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = queue.peek(&mut slices[..SLICES - 1]);
        let in_slices: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        if in_slices < queue.len() {
            return 0;
        }
        slices[count] = IoSlice::new(data);
        let wrote = self.write_slices(&slices[..=count]);
        let from_queue = wrote.min(queue.len());
        queue.advance(from_queue, &core.buffers);
        wrote - from_queue
    }

    /// Whether something waits in plain, and filters and stream would take it.
    fn can_encode(&self) -> bool {
        self.writable.get()
            && self.if_extras(|extras| !extras.plain.is_empty() && extras.filters.is_ready())
                == Some(true)
    }

    /// Encodes and writes, piece by piece and behind what is queued, while the stream takes it all;
    /// gives back how much was encoded.
    fn encode_through(&self, core: &Core, data: &[u8]) -> usize {
        let mut done = 0;
        while done < data.len() && self.writable.get() {
            let piece = &data[done..data.len().min(done + ENCODED_AT_ONCE)];
            let mut wire = core.buffers.take_work();
            let encoded = self.with_extras(|extras| {
                if !extras.filters.is_ready() {
                    return Ok(false);
                }
                extras
                    .filters
                    .encode(piece, &mut wire, &core.buffers)
                    .map(|()| true)
            });
            let may_go_on = match encoded {
                Ok(true) => {
                    let wrote = self.write_with_queue(core, &wire);
                    if wrote < wire.len() {
                        self.queue.borrow_mut().push(&wire[wrote..], &core.buffers);
                    }
                    done += piece.len();
                    true
                }
                Ok(false) => false,
                Err(failure) => {
                    self.abort_now(failure);
                    false
                }
            };
            core.buffers.give_work(wire);
            if !may_go_on {
                break;
            }
        }
        done
    }

    /// One write to the stream. What it does not take, or fails on, is for later.
    fn write_slices(&self, slices: &[IoSlice<'_>]) -> usize {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        loop {
            let wrote = match self.wire.borrow().stream() {
                Some(stream) => stream.write_vectored(slices),
                None => {
                    // Lost; whoever writes in a loop is to stop.
                    self.writable.set(false);
                    return 0;
                }
            };
            match wrote {
                Ok(count) => {
                    if count < total {
                        // The driver tells when there is room again.
                        self.writable.set(false);
                    }
                    self.has_progressed.set(true);
                    return count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable.set(false);
                    return 0;
                }
                Err(error) => {
                    self.write_failed(error);
                    return 0;
                }
            }
        }
    }

    /// The peer takes nothing any more. What it said before is still read: it may say why (an
    /// early answer to an upload). The failure is told after that.
    fn write_failed(&self, error: io::Error) {
        self.write_done.set(true);
        self.writable.set(false);
        self.may_read.set(true);
        self.end_seen.set(true);
        self.with_extras(|extras| {
            extras.write_error = Some(Arc::new(error));
            extras.plain.clear();
        });
        self.schedule_self();
    }

    pub(super) fn take_write_error(&self) -> Option<Failure> {
        let error = self
            .if_extras(|extras| extras.write_error.take())
            .flatten()?;
        Some(self.lost(Stage::Writing, error))
    }

    /// What a filter has to say to its peer.
    pub(super) fn queue_wire(self: &Rc<Self>, core: &Core, wire: &[u8]) {
        if !wire.is_empty() {
            self.queue.borrow_mut().push(wire, &core.buffers);
            self.schedule(core);
        }
    }

    /// Writes what is queued, until the stream takes no more. Gives back whether nothing is left.
    pub(super) fn flush(self: &Rc<Self>, core: &Rc<Core>) -> bool {
        if !self.has_filters() {
            return self.flush_queue(core);
        }
        let (mut budget, mut queued) = (WRITTEN_A_TURN, self.queued_bytes());
        while queued > 0 {
            // What waits in plain goes out together with what a filter had to say before it.
            if !self.can_encode() || !self.encode_queued(core) {
                return self.flush_queue(core) && self.queued_bytes() == 0;
            }
            let before = std::mem::replace(&mut queued, self.queued_bytes());
            budget = budget.saturating_sub(before.saturating_sub(queued));
            if budget == 0 && queued > 0 {
                self.schedule(core);
                return false;
            }
        }
        true
    }

    /// Writes what has passed the filters. Gives back whether nothing of that is left.
    pub(super) fn flush_queue(&self, core: &Core) -> bool {
        loop {
            let mut queue = self.queue.borrow_mut();
            if self.write_done.get() {
                queue.clear();
            }
            if queue.is_empty() {
                return true;
            }
            if !self.writable.get() {
                return false;
            }
            let wrote = if queue.is_one_piece() {
                self.write_slices(&[IoSlice::new(queue.front())])
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = queue.peek(&mut slices);
                self.write_slices(&slices[..count])
            };
            queue.advance(wrote, &core.buffers);
        }
    }

    /// Takes all that is queued in plain through the filters. Gives back whether it could.
    pub(super) fn flush_plain(&self, core: &Core) -> bool {
        self.with_extras(|extras| {
            let mut wire = core.buffers.take_work();
            while !extras.plain.is_empty() {
                let front = extras.plain.front();
                let count = front.len();
                if !extras.filters.is_ready()
                    || extras
                        .filters
                        .encode(front, &mut wire, &core.buffers)
                        .is_err()
                {
                    return false;
                }
                extras.plain.advance(count, &core.buffers);
            }
            self.queue.borrow_mut().push(&wire, &core.buffers);
            core.buffers.give_work(wire);
            true
        })
    }

    /// Takes the next plain piece through the filters and writes it. Gives back whether it could.
    fn encode_queued(&self, core: &Core) -> bool {
        let next = self.with_extras(|extras| {
            let front = extras.plain.front();
            let mut piece = core.buffers.take_work();
            piece.extend_from_slice(&front[..front.len().min(ENCODED_AT_ONCE)]);
            piece
        });
        let done = self.encode_through(core, &next);
        self.with_extras(|extras| {
            extras
                .plain
                .advance(done.min(extras.plain.len()), &core.buffers);
        });
        core.buffers.give_work(next);
        done > 0
    }
}
