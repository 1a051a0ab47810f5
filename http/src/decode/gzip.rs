//! The coding `gzip`, of any number of members (RFC 1952).

use std::io::{self, BufRead, Read};

use flate2::Crc;

use super::deflate::Inflater;

/// Undoes `gzip`: all members (RFC 1952, section 2.2), and the zeros behind one with which some
/// programs fill up a block.
///
/// The crate's own reader would keep back what it has decoded until more comes.
pub(super) struct Members<R> {
    input: R,
    state: State,
}

enum State {
    Header(Header),
    Body(Inflater, Crc),
    /// What the sum and the length at the end have to be, and how many of their bytes have come.
    Trailer([u8; 8], usize),
    Between,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            state: State::Header(Header::default()),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            self.state = match &mut self.state {
                State::Header(header) => {
                    if !header.take(next_byte(&mut self.input)?)? {
                        continue;
                    }
                    State::Body(Inflater::new(false), Crc::new())
                }
                State::Body(inflater, crc) => {
                    if let Some(count) = inflater.read(&mut self.input, out)? {
                        crc.update(&out[..count]);
                        return Ok(count);
                    }
                    let (sum, length) = (crc.sum().to_le_bytes(), crc.amount().to_le_bytes());
                    let mut awaited = [0; 8];
                    awaited[..4].copy_from_slice(&sum);
                    awaited[4..].copy_from_slice(&length);
                    State::Trailer(awaited, 0)
                }
                State::Trailer(awaited, at) => {
                    if next_byte(&mut self.input)? != awaited[*at] {
                        return Err(corrupt("its sum or length is wrong"));
                    }
                    *at += 1;
                    if *at < awaited.len() {
                        continue;
                    }
                    State::Between
                }
                State::Between => match self.input.fill_buf()? {
                    [] => return Ok(0),
                    [0, ..] => {
                        self.input.consume(1);
                        continue;
                    }
                    _ => State::Header(Header::default()),
                },
            };
        }
    }
}

/// What comes before a member, of which nothing is kept.
#[derive(Default)]
struct Header {
    part: Part,
    /// How many bytes of that part have come.
    at: usize,
    flags: u8,
    extra: usize,
    crc: Crc,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Sum,
    End,
}

impl Header {
    /// Takes one byte; whether it was the last.
    fn take(&mut self, byte: u8) -> io::Result<bool> {
        let sum = self.crc.sum().to_le_bytes();
        let at = self.at;
        self.at += 1;
        let is_over = match self.part {
            Part::Fixed => {
                let is_right = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    // The one method that there is.
                    2 => byte == 8,
                    // Those that are reserved must be unset.
                    3 => byte & 0xe0 == 0,
                    _ => true,
                };
                if !is_right {
                    return Err(corrupt("it does not begin as gzip"));
                }
                if at == 3 {
                    self.flags = byte;
                }
                at == 9
            }
            Part::ExtraLength => {
                self.extra |= usize::from(byte) << (8 * at);
                at == 1
            }
            Part::Extra => self.at == self.extra,
            Part::Name | Part::Comment => byte == 0,
            Part::Sum => {
                if byte != sum[at] {
                    return Err(corrupt("the sum of its header is wrong"));
                }
                // It is not part of itself.
                if at == 1 {
                    self.part = Part::End;
                }
                return Ok(at == 1);
            }
            Part::End => true,
        };
        self.crc.update(&[byte]);
        if is_over {
            self.part = self.next_part();
            self.at = 0;
        }
        Ok(self.part == Part::End)
    }

    fn next_part(&self) -> Part {
        let has = |flag: u8| self.flags & flag != 0;
        let behind = |part: Part| match part {
            Part::Fixed if has(4) => Part::ExtraLength,
            Part::ExtraLength if self.extra > 0 => Part::Extra,
            Part::Fixed | Part::ExtraLength | Part::Extra if has(8) => Part::Name,
            Part::Fixed | Part::ExtraLength | Part::Extra | Part::Name if has(16) => Part::Comment,
            Part::Sum | Part::End => Part::End,
            _ if has(2) => Part::Sum,
            _ => Part::End,
        };
        behind(self.part)
    }
}

fn next_byte(input: &mut impl BufRead) -> io::Result<u8> {
    let Some(&byte) = input.fill_buf()?.first() else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    input.consume(1);
    Ok(byte)
}

fn corrupt(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
