//! The write queue: bytes that wait for the socket, in pieces.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::buffers::Buffers;

/// Bytes in order. Small writes gather in one buffer, large shared ones stay what they are.
///
/// Empty, it owns no memory.
#[derive(Default)]
pub(super) struct WriteQueue {
    /// What small writes gathered while nothing else was queued: nearly always all there is.
    first: Vec<u8>,
    /// How much of the first piece is gone already.
    sent: usize,
    /// What came after that: boxed, since every connection has a queue and few ever have this.
    rest: Option<Box<Rest>>,
}

#[derive(Default)]
struct Rest {
    pieces: VecDeque<Piece>,
    /// The length of all of them.
    len: usize,
}

enum Piece {
    Gathered(Vec<u8>),
    Shared(Bytes),
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Gathered(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// A shared piece shorter than this is copied: that is cheaper than a slice of its own.
const SHARED_MIN: usize = 4 * 1024;
/// Small writes gather in buffers of at most this size, so that one can go as soon as it is sent.
const GATHERED_MAX: usize = 64 * 1024;
/// The most pieces of one vectored write.
pub(super) const SLICES: usize = 16;

impl WriteQueue {
    pub(super) fn len(&self) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| rest.len);
        self.first.len() + rest - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a copy of `data`.
    pub(super) fn push(&mut self, data: &[u8], buffers: &Buffers) {
        if let Some(rest) = &mut self.rest {
            rest.len += data.len();
            match rest.pieces.back_mut() {
                Some(Piece::Gathered(bytes)) if bytes.len() + data.len() <= GATHERED_MAX => {
                    bytes.extend_from_slice(data);
                }
                _ => rest.pieces.push_back(Piece::Gathered(data.to_vec())),
            }
        } else if self.first.is_empty() {
            self.first = buffers.take_queue();
            self.first.extend_from_slice(data);
        } else if self.first.len() + data.len() <= GATHERED_MAX {
            self.first.extend_from_slice(data);
        } else {
            self.push_back(Piece::Gathered(data.to_vec()));
        }
    }

    fn push_back(&mut self, piece: Piece) {
        let rest = self.rest.get_or_insert_default();
        rest.len += piece.as_ref().len();
        rest.pieces.push_back(piece);
    }

    /// Appends `data`, sharing it when it is large.
    pub(super) fn push_bytes(&mut self, data: Bytes, buffers: &Buffers) {
        if data.len() < SHARED_MIN {
            return self.push(&data, buffers);
        }
        self.push_back(Piece::Shared(data));
    }

    /// Those after the first.
    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.rest.iter().flat_map(|rest| &rest.pieces)
    }

    /// The first pieces, as many as `slices` has room for; gives back how many.
    pub(super) fn peek<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let first = (!self.first.is_empty()).then_some(self.first.as_slice());
        let pieces = first.into_iter().chain(self.pieces().map(AsRef::as_ref));
        let mut count = 0;
        for (slot, piece) in slices.iter_mut().zip(pieces) {
            let skip = if count == 0 { self.sent } else { 0 };
            *slot = IoSlice::new(&piece[skip..]);
            count += 1;
        }
        count
    }

    /// Whether there is nothing but what small writes gathered.
    pub(super) fn is_one_piece(&self) -> bool {
        self.rest.is_none()
    }

    /// The first piece; empty when the queue is.
    pub(super) fn front(&self) -> &[u8] {
        let piece = match self.pieces().next() {
            Some(piece) if self.first.is_empty() => piece.as_ref(),
            _ => &self.first,
        };
        &piece[self.sent.min(piece.len())..]
    }

    /// Forgets the first `count` bytes: they were sent.
    pub(super) fn advance(&mut self, count: usize, buffers: &Buffers) {
        let mut sent = self.sent + count;
        if !self.first.is_empty() && sent >= self.first.len() {
            sent -= self.first.len();
            buffers.give_queue(std::mem::take(&mut self.first));
        }
        if self.first.is_empty()
            && let Some(rest) = &mut self.rest
        {
            while let Some(piece) = rest.pieces.front() {
                let len = piece.as_ref().len();
                if sent < len {
                    break;
                }
                sent -= len;
                rest.len -= len;
                rest.pieces.pop_front();
            }
            if rest.pieces.is_empty() {
                self.rest = None;
            }
        }
        self.sent = sent;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use proptest::prelude::*;

    use super::*;

    /// All that is queued, read through `peek` as a vectored write would.
    fn content(queue: &WriteQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let count = queue.peek(&mut slices);
        slices[..count]
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect()
    }

    #[test]
    fn an_empty_queue_owns_nothing() {
        let buffers = Buffers::default();
        let mut queue = WriteQueue::default();
        queue.push(b"small", &buffers);
        queue.push_bytes(Bytes::from(vec![7; 10_000]), &buffers);
        queue.push(b"small", &buffers);
        queue.advance(queue.len(), &buffers);
        assert!(queue.is_empty());
        assert!(queue.first.capacity() == 0 && queue.rest.is_none());
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..20_000, 0_usize..30_000), 1..40)
        ) {
            let buffers = Buffers::default();
            let (mut queue, mut model) = (WriteQueue::default(), Vec::new());
            let mut byte = 0_u8;
            for (shared, len, sent) in steps {
                let data: Vec<u8> = std::iter::repeat_with(|| { byte = byte.wrapping_add(1); byte })
                    .take(len)
                    .collect();
                model.extend_from_slice(&data);
                if shared { queue.push_bytes(data.into(), &buffers) } else { queue.push(&data, &buffers) }
                let sent = sent.min(queue.len());
                prop_assert!(model.starts_with(queue.front()));
                queue.advance(sent, &buffers);
                model.drain(..sent);
                prop_assert_eq!(queue.len(), model.len());
                prop_assert!(content(&queue) == model);
            }
        }
    }
}
