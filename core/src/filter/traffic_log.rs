//! Shows what goes over a connection.

use std::fmt;
use std::fmt::Write;

use crate::{Filter, Result};

/// Which way bytes go.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use torsade_core::filter::{Direction, TrafficLog};
/// # use torsade_core::protocols::wire::{Discard, Echo};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let seen = Rc::new(RefCell::new(Vec::new()));
/// let note = seen.clone();
/// let endpoint = TcpClient::new(&reactor, address).filter(move || {
///     let note = note.clone();
///     Ok(TrafficLog::new(move |direction, data| note.borrow_mut().push((direction, data.len()))))
/// });
/// let client = reactor.run_until(endpoint.connect_protocol(Discard))?;
/// client.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(*seen.borrow(), [(Direction::Sent, 5), (Direction::Received, 5)]);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// They came from the peer.
    Received,
    /// They go to the peer.
    Sent,
}

/// A filter that passes everything on, and shows it to a function.
///
/// Where it is put says what it shows: above TLS plain text, below it what is on the wire. What a peer
/// sends may hold secrets.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use torsade_core::filter::TrafficLog;
/// # use torsade_core::protocols::wire::{Discard, Echo};
/// # use torsade_core::testing::Simulation;
/// use torsade_core::{Address, ClientEndpoint, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// // To the log:
/// let server = TcpServer::new(&reactor, address).filter(|| Ok(TrafficLog::hex()));
/// server.listen(|_: &Address| Echo)?;
/// // Or to a function:
/// let bytes = Rc::new(Cell::new(0));
/// let count = bytes.clone();
/// let client = TcpClient::new(&reactor, address).filter(move || {
///     let count = count.clone();
///     Ok(TrafficLog::new(move |_, data| count.set(count.get() + data.len())))
/// });
/// let client = reactor.run_until(client.connect_protocol(Discard))?;
/// client.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(bytes.get(), 10);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "TrafficLoggingFactory")]
#[doc(alias = "TrafficLoggingProtocol")]
#[doc(alias = "SpewingFactory")]
#[doc(alias = "SpewingProtocol")]
pub struct TrafficLog {
    show: Box<Show>,
}

type Show = dyn FnMut(Direction, &[u8]);

impl TrafficLog {
    /// Shows it to `show`.
    pub fn new(show: impl FnMut(Direction, &[u8]) + 'static) -> Self {
        Self {
            show: Box::new(show),
        }
    }

    /// Shows it to the log, target `torsade::traffic` and level `trace`: sixteen bytes a line, in
    /// hexadecimal and as text.
    pub fn hex() -> Self {
        Self::new(|direction, data| {
            if !log::log_enabled!(target: "torsade::traffic", log::Level::Trace) {
                return;
            }
            let arrow = match direction {
                Direction::Received => '<',
                Direction::Sent => '>',
            };
            for (index, line) in data.chunks(16).enumerate() {
                log::trace!(target: "torsade::traffic", "{arrow} {}", hex_line(index * 16, line));
            }
        })
    }
}

/// A line of a hex dump: offset, bytes, and what of them can be printed.
fn hex_line(offset: usize, bytes: &[u8]) -> String {
    let mut line = format!("{offset:06x} ");
    for byte in bytes {
        // A String takes all.
        let _ = write!(line, " {byte:02x}");
    }
    let text = bytes.iter().map(|&byte| match byte {
        b' '..=b'~' => char::from(byte),
        _ => '.',
    });
    format!("{line:<55}  {}", text.collect::<String>())
}

impl Filter for TrafficLog {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        (self.show)(Direction::Received, input);
        plain.extend_from_slice(input);
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        (self.show)(Direction::Sent, plain);
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn has_farewell(&self) -> bool {
        false
    }
}

impl fmt::Debug for TrafficLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficLog")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_bytes_and_text_in_columns() {
        assert_eq!(
            hex_line(16, b"GET /\r\n"),
            "000010  47 45 54 20 2f 0d 0a                             GET /.."
        );
        assert!(hex_line(0, &[b'x'; 16]).ends_with("78 78  xxxxxxxxxxxxxxxx"));
    }
}
