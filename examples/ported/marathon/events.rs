//! Server-Sent Events: lines of `FIELD: VALUE`, and an empty one behind each event.

use std::error::Error;
use std::fmt;

use torsade::Result;

/// The longest event that is taken, in bytes.
const MOST: usize = 1024 * 1024;

/// Finds the events in what comes.
#[derive(Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// Whether the last line ended with CR: an LF next to it is of the same end.
    after_cr: bool,
    kind: Option<String>,
    data: Option<String>,
}

impl Events {
    /// Takes the next bytes, and tells kind and data of each event that is complete.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut tell: impl FnMut(&str, &str) -> Result<()>,
    ) -> Result<()> {
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    self.take_line(std::str::from_utf8(&line)?, &mut tell)?;
                }
                _ if self.size() >= MOST => return Err(TooLong.into()),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.line.len() + self.data.as_ref().map_or(0, String::len)
    }

    fn take_line(
        &mut self,
        line: &str,
        tell: &mut impl FnMut(&str, &str) -> Result<()>,
    ) -> Result<()> {
        if line.is_empty() {
            let (kind, data) = (self.kind.take(), self.data.take());
            return match data {
                None => Ok(()),
                Some(data) => tell(kind.as_deref().unwrap_or("message"), &data),
            };
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.kind = Some(value.to_owned()),
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => data.extend(["\n", value]),
            },
            // `id`, `retry`, and comments, which begin with the colon.
            _ => {}
        }
        Ok(())
    }
}

/// An event is too long.
#[derive(Debug)]
pub(crate) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event is longer than {MOST} bytes")
    }
}

impl Error for TooLong {}
