//! The coding `deflate`, which servers understand in two ways, and what `gzip` has in common with it.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::decoder::nothing_behind;

/// Inflates, and hands out all that it can before it asks for more.
pub(super) struct Inflater {
    inflater: Decompress,
    /// The last block was filled, so that there may be more without further input.
    has_more: bool,
    has_ended: bool,
}

impl Inflater {
    /// Of the zlib format (RFC 1950), or without that around it (RFC 1951).
    pub(super) fn new(is_zlib: bool) -> Self {
        Self {
            inflater: Decompress::new(is_zlib),
            has_more: false,
            has_ended: false,
        }
    }

    /// So many bytes, at least one, are at the front of `out`, which must have room; `None` at the
    /// end.
    pub(super) fn read(
        &mut self,
        input: &mut impl BufRead,
        out: &mut [u8],
    ) -> io::Result<Option<usize>> {
        while !self.has_ended {
            let is_asked = !self.has_more;
            let bytes = match is_asked {
                true => input.fill_buf()?,
                false => &[],
            };
            let (is_end, given) = (is_asked && bytes.is_empty(), bytes.len());
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self
                .inflater
                .decompress(bytes, out, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let used = usize::try_from(self.inflater.total_in() - read).unwrap_or(given);
            input.consume(used);
            self.has_ended = status == Status::StreamEnd;
            let count = usize::try_from(self.inflater.total_out() - written).unwrap_or(out.len());
            self.has_more = count == out.len();
            if count > 0 {
                return Ok(Some(count));
            }
            if is_end && !self.has_ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(None)
    }
}

/// Undoes `deflate`: the zlib format (RFC 1950), as it should be, or without that around it (RFC
/// 1951), as many a server sends it.
pub(super) struct Inflate<R> {
    input: R,
    /// What has come of the first two bytes, which tell them apart, and is not used yet.
    first: Vec<u8>,
    inflater: Option<Inflater>,
}

impl<R: BufRead> Inflate<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            first: Vec::new(),
            inflater: None,
        }
    }

    /// Reads the first two bytes, and so which format this is.
    fn begin(&mut self) -> io::Result<Inflater> {
        while self.first.len() < 2 {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                break;
            };
            self.first.push(byte);
            self.input.consume(1);
        }
        // RFC 1950, section 2.2: method 8, and both as one number a multiple of 31.
        let is_zlib = matches!(*self.first, [method, flags]
            if method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31));
        Ok(Inflater::new(is_zlib))
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let mut inflater = match self.inflater.take() {
            Some(inflater) => inflater,
            None => self.begin()?,
        };
        let mut input = self.first.as_slice().chain(&mut self.input);
        let result = match inflater.read(&mut input, out) {
            Ok(Some(count)) => Ok(count),
            Ok(None) => nothing_behind(&mut input),
            Err(error) => Err(error),
        };
        let left = input.get_ref().0.len();
        self.first.drain(..self.first.len() - left);
        self.inflater = Some(inflater);
        result
    }
}
