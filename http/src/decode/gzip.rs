//! The codings `gzip`, of any number of members, and `deflate`, which servers understand in two
//! ways.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

/// Undoes `gzip`: all members (RFC 1952, section 2.2), and the zeros behind one with which some
/// programs fill up a block.
pub(super) struct Members<R> {
    /// `None` only for a moment, between two.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            member: Some(GzDecoder::new(input)),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let input = member.get_mut();
            match input.fill_buf()? {
                [] => break,
                [0, ..] => input.consume(1),
                _ => {
                    let ended = self.member.take();
                    self.member = ended.map(|ended| GzDecoder::new(ended.into_inner()));
                }
            }
        }
        Ok(0)
    }
}

/// Undoes `deflate`: the zlib format (RFC 1950), as it should be, or without that around it (RFC
/// 1951), as many a server sends it.
pub(super) struct Inflate<R> {
    input: R,
    /// The first two bytes, which tell them apart.
    first: Vec<u8>,
    inflater: Option<Decompress>,
    has_ended: bool,
}

impl<R: BufRead> Inflate<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            first: Vec::new(),
            inflater: None,
            has_ended: false,
        }
    }

    /// Reads the first two bytes, and so which format this is.
    fn begin(&mut self) -> io::Result<Decompress> {
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
        Ok(Decompress::new(is_zlib))
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
        let result = self.inflate(&mut inflater, out);
        self.inflater = Some(inflater);
        result
    }
}

impl<R: BufRead> Inflate<R> {
    fn inflate(&mut self, inflater: &mut Decompress, out: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended {
            let is_first = !self.first.is_empty();
            let input = match is_first {
                true => &self.first,
                false => self.input.fill_buf()?,
            };
            let (is_end, given) = (input.is_empty(), input.len());
            let (read, written) = (inflater.total_in(), inflater.total_out());
            let status = inflater
                .decompress(input, out, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let used = usize::try_from(inflater.total_in() - read).unwrap_or(given);
            match is_first {
                true => drop(self.first.drain(..used)),
                false => self.input.consume(used),
            }
            self.has_ended = status == Status::StreamEnd;
            let count = usize::try_from(inflater.total_out() - written).unwrap_or(out.len());
            if count > 0 {
                return Ok(count);
            }
            if is_end && !self.has_ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
