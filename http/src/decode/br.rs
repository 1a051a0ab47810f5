//! The coding `br` (RFC 7932).

use std::io::{self, BufRead, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::decoder::nothing_behind;

/// Undoes `br`. The crate's own reader would allow the windows of up to 1 GiB that are no part of the
/// RFC, and notices bytes behind the end or not, as they come.
pub(super) struct Brotli<R> {
    input: R,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    total_out: usize,
    /// The last block was filled, so that there may be more without further input.
    has_more: bool,
    has_ended: bool,
}

impl<R: BufRead> Brotli<R> {
    pub(super) fn new(input: R) -> Self {
        let alloc = StandardAlloc::default;
        Self {
            input,
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            total_out: 0,
            has_more: false,
            has_ended: false,
        }
    }
}

impl<R: BufRead> Read for Brotli<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while !self.has_ended {
            let is_asked = !self.has_more;
            let input = match is_asked {
                true => self.input.fill_buf()?,
                false => &[],
            };
            let is_end = is_asked && input.is_empty();
            let (mut used, mut written) = (0, 0);
            let result = BrotliDecompressStream(
                &mut input.len(),
                &mut used,
                input,
                &mut out.len(),
                &mut written,
                out,
                &mut self.total_out,
                &mut self.state,
            );
            self.input.consume(used);
            self.has_more = written == out.len();
            match result {
                BrotliResult::ResultSuccess => self.has_ended = true,
                BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
                BrotliResult::NeedsMoreInput if is_end && written == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
            }
            if written > 0 {
                return Ok(written);
            }
        }
        nothing_behind(&mut self.input)
    }
}
