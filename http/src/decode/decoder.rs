//! Decoding without sockets: coded bytes in, blocks of decoded ones out.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::sync::Arc;

use super::DecodeError;

/// A content coding that can be undone here (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "gzip")]
    Deflate,
    #[cfg(feature = "brotli")]
    Brotli,
    #[cfg(feature = "zstd")]
    Zstd,
}

/// More codings on one body than anybody means.
const MOST_CODINGS: usize = 4;

impl Coding {
    /// What goes into `Accept-Encoding`.
    pub(super) const OFFER: &str = match (
        cfg!(feature = "gzip"),
        cfg!(feature = "brotli"),
        cfg!(feature = "zstd"),
    ) {
        (true, true, true) => "gzip, deflate, br, zstd",
        (true, true, false) => "gzip, deflate, br",
        (true, false, true) => "gzip, deflate, zstd",
        (true, false, false) => "gzip, deflate",
        (false, true, true) => "br, zstd",
        (false, true, false) => "br",
        (false, false, true) => "zstd",
        (false, false, false) => "",
    };

    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            #[cfg(feature = "gzip")]
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            #[cfg(feature = "gzip")]
            b"deflate" => Some(Self::Deflate),
            #[cfg(feature = "brotli")]
            b"br" => Some(Self::Brotli),
            #[cfg(feature = "zstd")]
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "gzip")]
            Self::Deflate => "deflate",
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// What undoes it. Each reader gives an error where its coding is cut off.
    #[cfg_attr(
        not(any(feature = "gzip", feature = "brotli", feature = "zstd")),
        expect(unused_variables, reason = "there is no coding then")
    )]
    fn reader(self, input: Box<dyn BufRead>) -> io::Result<Box<dyn Read>> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Box::new(super::gzip::Members::new(input))),
            #[cfg(feature = "gzip")]
            Self::Deflate => Ok(Box::new(super::deflate::Inflate::new(input))),
            #[cfg(feature = "brotli")]
            Self::Brotli => Ok(Box::new(super::br::Brotli::new(input))),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                // 8 MiB, which every decoder has to have (RFC 8878, 3.1.1.1.2), and no more.
                decoder.window_log_max(23)?;
                Ok(Box::new(decoder))
            }
        }
    }
}

/// What a reader gives at the end of its coding, behind which there must be nothing.
#[cfg(any(feature = "gzip", feature = "brotli"))]
pub(super) fn nothing_behind(input: &mut impl BufRead) -> io::Result<usize> {
    match input.fill_buf()? {
        [] => Ok(0),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "there is more behind its end",
        )),
    }
}

/// Between two decoders.
const BUFFER: usize = 16 * 1024;

/// How much a body may grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) times: u64,
    free: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            times: 250,
            free: 64 * 1024 * 1024,
        }
    }
}

/// What has come and is not decoded yet.
#[derive(Default)]
struct Queue {
    bytes: RefCell<Vec<u8>>,
    has_ended: Cell<bool>,
}

/// The queue, as the first decoder reads it.
struct Feed {
    queue: Rc<Queue>,
    current: Vec<u8>,
    used: usize,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.current.len() {
            self.current = self.queue.bytes.take();
            self.used = 0;
            if self.current.is_empty() && !self.queue.has_ended.get() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        Ok(&self.current[self.used..])
    }

    fn consume(&mut self, count: usize) {
        self.used += count;
    }
}

/// Undoes the codings of one body.
pub(crate) struct Decoder {
    codings: Vec<Coding>,
    queue: Rc<Queue>,
    /// Made when the first byte comes: a body without any is in no coding.
    reader: Option<Box<dyn Read>>,
    bounds: Bounds,
    came: u64,
    became: u64,
}

/// What one look gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// So many bytes, at the front of the block.
    Bytes(usize),
    /// Nothing, before more comes.
    NeedsMore,
    /// All is decoded.
    End,
}

impl Decoder {
    /// Undoes these codings in their order; `None` for none.
    pub(super) fn new(codings: &[Coding], bounds: Bounds) -> Option<Self> {
        (!codings.is_empty()).then(|| Self {
            codings: codings.to_vec(),
            queue: Rc::default(),
            reader: None,
            bounds,
            came: 0,
            became: 0,
        })
    }

    /// Coded bytes come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.came += bytes.len() as u64;
        self.queue.bytes.borrow_mut().extend_from_slice(bytes);
    }

    /// No more come.
    pub(super) fn finish(&self) {
        self.queue.has_ended.set(true);
    }

    /// Decodes into `block`.
    pub(super) fn read(&mut self, block: &mut [u8]) -> Result<Decoded, DecodeError> {
        if self.came == 0 {
            return Ok(match self.queue.has_ended.get() {
                true => Decoded::End,
                false => Decoded::NeedsMore,
            });
        }
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.make_reader()?,
        };
        let result = self.reader.insert(reader).read(block);
        match result {
            Ok(0) => Ok(Decoded::End),
            Ok(count) => {
                self.became += count as u64;
                let most = self.came.saturating_mul(self.bounds.times);
                if self.became > self.bounds.free.max(most) {
                    return Err(DecodeError::TooMuch {
                        came: self.came,
                        became: self.became,
                    });
                }
                Ok(Decoded::Bytes(count))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(Decoded::NeedsMore),
                io::ErrorKind::Interrupted => Ok(Decoded::Bytes(0)),
                io::ErrorKind::UnexpectedEof => Err(DecodeError::CutOff {
                    codings: self.names(),
                }),
                _ => Err(DecodeError::Corrupt {
                    codings: self.names(),
                    source: Arc::new(error),
                }),
            },
        }
    }

    fn make_reader(&self) -> Result<Box<dyn Read>, DecodeError> {
        if self.codings.len() > MOST_CODINGS {
            return Err(DecodeError::TooManyCodings(self.codings.len()));
        }
        let mut input: Box<dyn BufRead> = Box::new(Feed {
            queue: Rc::clone(&self.queue),
            current: Vec::new(),
            used: 0,
        });
        for coding in &self.codings {
            let reader = coding.reader(input).map_err(|error| DecodeError::Corrupt {
                codings: self.names(),
                source: Arc::new(error),
            })?;
            input = Box::new(io::BufReader::with_capacity(BUFFER, reader));
        }
        Ok(Box::new(input))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.codings.iter().map(|coding| coding.name()).collect();
        names.join(", ")
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("codings", &self.codings)
            .field("came", &self.came)
            .field("became", &self.became)
            .finish_non_exhaustive()
    }
}
