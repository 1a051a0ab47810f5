//! The filters of one connection, the lowest next to the wire.

use std::any::Any;
use std::rc::Rc;

use super::buffers::Buffers;
use crate::{Address, Filter, Result};

/// Filters, driven as if they were one.
#[derive(Debug, Default)]
pub(super) struct FilterStack {
    filters: Vec<Box<dyn Filter>>,
    /// How many of them were started; a filter starts when the one below it is ready.
    started: usize,
    /// Whether they have said farewell.
    closed: bool,
}

impl FilterStack {
    /// Adds a filter on top; it is not started yet.
    pub(super) fn push(&mut self, filter: Box<dyn Filter>) {
        self.filters.push(filter);
    }

    pub(super) fn len(&self) -> usize {
        self.filters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether plain bytes can travel all the way.
    pub(super) fn is_ready(&self) -> bool {
        self.started == self.filters.len() && self.filters.iter().all(|filter| filter.is_ready())
    }

    /// Whether the peer has said farewell on some level; an error when that cuts off a level above.
    ///
    /// In TLS in TLS, the outer peer (a proxy) cannot pretend that the inner one has ended.
    pub(super) fn is_read_closed(&mut self) -> Result<bool> {
        let filters = &mut self.filters[..self.started];
        let Some(lowest) = filters.iter().position(|filter| filter.is_read_closed()) else {
            return Ok(false);
        };
        for filter in &mut filters[lowest + 1..] {
            filter.wire_closed()?;
        }
        Ok(true)
    }

    /// Whether [`close_write`](Self::close_write) was called.
    pub(super) fn is_write_closed(&self) -> bool {
        self.closed
    }

    /// Starts the filters whose turn has come.
    pub(super) fn start(&mut self, wire: &mut Vec<u8>, buffers: &Buffers) -> Result<()> {
        while self.started < self.filters.len() {
            let below = self.started;
            if below > 0 && !self.filters[below - 1].is_ready() {
                break;
            }
            self.started += 1;
            let mut output = buffers.take_work();
            let result = self.filters[below].start(&mut output);
            self.encode_below(below, &output, wire, buffers)?;
            buffers.give_work(output);
            result?;
        }
        Ok(())
    }

    /// Takes bytes from the wire through all filters, to `plain`.
    pub(super) fn decode(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
        buffers: &Buffers,
    ) -> Result<()> {
        if let [only] = &mut *self.filters {
            // By far the most frequent: nothing to hand on between filters.
            return only.decode(input, plain, wire);
        }
        let mut current = buffers.take_work();
        current.extend_from_slice(input);
        let mut level = 0;
        // One may start on the way, and what is left of the input is for that one.
        while level < self.started {
            let (mut decoded, mut answer) = (buffers.take_work(), buffers.take_work());
            let result = self.filters[level].decode(&mut current, &mut decoded, &mut answer);
            self.encode_below(level, &answer, wire, buffers)?;
            buffers.give_work(answer);
            buffers.give_work(std::mem::replace(&mut current, decoded));
            // What this level had decoded before is of no use without the levels above.
            result?;
            self.start(wire, buffers)?;
            level += 1;
        }
        plain.extend_from_slice(&current);
        buffers.give_work(current);
        Ok(())
    }

    /// Takes plain bytes through all filters, to the wire.
    pub(super) fn encode(
        &mut self,
        plain: &[u8],
        wire: &mut Vec<u8>,
        buffers: &Buffers,
    ) -> Result<()> {
        self.encode_below(self.filters.len(), plain, wire, buffers)
    }

    /// Takes what the filter at `level` has to say through the filters below it.
    fn encode_below(
        &mut self,
        level: usize,
        data: &[u8],
        wire: &mut Vec<u8>,
        buffers: &Buffers,
    ) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let Some((lowest, others)) = self.filters[..level].split_first_mut() else {
            wire.extend_from_slice(data);
            return Ok(());
        };
        if others.is_empty() {
            return lowest.encode(data, wire);
        }
        let mut current = buffers.take_work();
        current.extend_from_slice(data);
        for filter in others.iter_mut().rev() {
            let mut encoded = buffers.take_work();
            filter.encode(&current, &mut encoded)?;
            buffers.give_work(std::mem::replace(&mut current, encoded));
        }
        lowest.encode(&current, wire)?;
        buffers.give_work(current);
        Ok(())
    }

    /// Says farewell, from the top down. Done twice, it is harmless.
    pub(super) fn close_write(&mut self, wire: &mut Vec<u8>, buffers: &Buffers) -> Result<()> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        for level in (0..self.started).rev() {
            let mut farewell = buffers.take_work();
            self.filters[level].close_write(&mut farewell);
            self.encode_below(level, &farewell, wire, buffers)?;
            buffers.give_work(farewell);
        }
        Ok(())
    }

    /// The wire has ended; an error when that cuts one of them off.
    pub(super) fn wire_closed(&mut self) -> Result<()> {
        for filter in &mut self.filters[..self.started] {
            filter.wire_closed()?;
        }
        Ok(())
    }

    pub(super) fn has_farewell(&self) -> bool {
        self.filters.iter().any(|filter| filter.has_farewell())
    }

    /// What the topmost that knows says.
    pub(super) fn peer(&self) -> Option<Address> {
        self.filters.iter().rev().find_map(|filter| filter.peer())
    }

    pub(super) fn host(&self) -> Option<Address> {
        self.filters.iter().rev().find_map(|filter| filter.host())
    }

    pub(super) fn negotiated(&self) -> Option<Rc<dyn Any>> {
        self.filters
            .iter()
            .rev()
            .find_map(|filter| filter.negotiated())
    }
}
