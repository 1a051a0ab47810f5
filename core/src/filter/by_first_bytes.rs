//! A filter that the first bytes of a connection decide on.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::{Address, Filter, Result};

/// What the first bytes of a connection say of it.
///
/// ```
/// use torsade_core::filter::{ByFirstBytes, FirstBytes, ProxyHeader};
/// use torsade_core::{Filter, Result};
///
/// /// With a header of the PROXY protocol, or without it.
/// fn decide(bytes: &[u8]) -> Result<FirstBytes> {
///     Ok(match bytes {
///         _ if bytes.starts_with(b"PROXY ") => FirstBytes::Filter(Box::new(ProxyHeader::new())),
///         _ if b"PROXY ".starts_with(bytes) => FirstBytes::More,
///         _ => FirstBytes::Plain,
///     })
/// }
///
/// let (mut filter, mut plain, mut wire) = (ByFirstBytes::new(decide), Vec::new(), Vec::new());
/// filter.decode(&mut b"PRO".to_vec(), &mut plain, &mut wire)?;
/// assert!(!filter.is_ready());
/// filter.decode(&mut b"BLEM".to_vec(), &mut plain, &mut wire)?;
/// assert_eq!(plain, b"PROBLEM");
/// # Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub enum FirstBytes {
    /// Too little: more have to come.
    More,
    /// There is nothing to do: they are the protocol's.
    Plain,
    /// This filter understands them.
    Filter(Box<dyn Filter>),
}

/// A filter that looks at what comes first, and then is another one, or nothing.
///
/// So one port takes connections with TLS and without it:
///
/// ```
/// use torsade_core::filter::{ByFirstBytes, FirstBytes};
/// # use torsade_core::{Filter, Result};
/// # fn tls() -> Result<Box<dyn Filter>> { Ok(Box::new(torsade_core::filter::ProxyHeader::new())) }
///
/// // A record of a TLS handshake begins with 22.
/// let mut filter = ByFirstBytes::new(|bytes| match bytes.first() {
///     None => Ok(FirstBytes::More),
///     Some(22) => Ok(FirstBytes::Filter(tls()?)),
///     Some(_) => Ok(FirstBytes::Plain),
/// });
/// let mut plain = Vec::new();
/// filter.decode(&mut b"GET / HTTP/1.1\r\n".to_vec(), &mut plain, &mut Vec::new())?;
/// assert_eq!(plain, b"GET / HTTP/1.1\r\n");
/// # Result::<()>::Ok(())
/// ```
///
/// It is for the side that is spoken to: while nothing comes, nothing can be sent. How long that may
/// take is the listener's time limit for handshakes.
pub struct ByFirstBytes {
    state: State,
}

type Decide = Box<dyn FnMut(&[u8]) -> Result<FirstBytes>>;

enum State {
    Undecided { begun: Vec<u8>, decide: Decide },
    Plain,
    Filter(Box<dyn Filter>),
}

/// So many bytes must be enough to decide.
const MOST: usize = 4096;

/// The first bytes of a connection did not say what it is.
///
/// ```
/// use torsade_core::Filter;
/// use torsade_core::filter::{ByFirstBytes, FirstBytes, UndecidedError};
///
/// let mut filter = ByFirstBytes::new(|bytes| match bytes.len() {
///     ..8 => Ok(FirstBytes::More),
///     _ => Ok(FirstBytes::Plain),
/// });
/// filter.decode(&mut b"GET".to_vec(), &mut Vec::new(), &mut Vec::new())?;
/// // The peer goes before it has said enough.
/// let error = filter.wire_closed().unwrap_err().trap::<UndecidedError>()?;
/// assert_eq!((error.bytes, error.is_cut_off), (3, true));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndecidedError {
    /// How many bytes had come.
    pub bytes: usize,
    /// Whether there will be no more.
    pub is_cut_off: bool,
}

impl fmt::Display for UndecidedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, is_cut_off } = self;
        match is_cut_off {
            true => write!(
                f,
                "the connection ended after {bytes} bytes, too soon to say what it was"
            ),
            false => write!(
                f,
                "the first {bytes} bytes of the connection do not say what it is"
            ),
        }
    }
}

impl Error for UndecidedError {}

impl ByFirstBytes {
    /// Asks `decide` with all that has come, as long as it wants more: at most 4096 bytes.
    pub fn new(decide: impl FnMut(&[u8]) -> Result<FirstBytes> + 'static) -> Self {
        Self {
            state: State::Undecided {
                begun: Vec::new(),
                decide: Box::new(decide),
            },
        }
    }

    fn chosen(&self) -> Option<&dyn Filter> {
        match &self.state {
            State::Filter(filter) => Some(&**filter),
            _ => None,
        }
    }
}

impl Filter for ByFirstBytes {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, wire: &mut Vec<u8>) -> Result<()> {
        let (begun, decide) = match &mut self.state {
            State::Plain => {
                plain.extend_from_slice(input);
                return Ok(());
            }
            State::Filter(filter) => return filter.decode(input, plain, wire),
            State::Undecided { begun, decide } => (begun, decide),
        };
        begun.extend_from_slice(input);
        match decide(begun)? {
            FirstBytes::More if begun.len() > MOST => Err(UndecidedError {
                bytes: begun.len(),
                is_cut_off: false,
            }
            .into()),
            FirstBytes::More => Ok(()),
            FirstBytes::Plain => {
                plain.append(begun);
                self.state = State::Plain;
                Ok(())
            }
            FirstBytes::Filter(mut filter) => {
                let mut begun = std::mem::take(begun);
                filter.start(wire)?;
                let decoded = filter.decode(&mut begun, plain, wire);
                self.state = State::Filter(filter);
                decoded
            }
        }
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        match &mut self.state {
            State::Filter(filter) => filter.encode(plain, wire),
            _ => {
                wire.extend_from_slice(plain);
                Ok(())
            }
        }
    }

    fn close_write(&mut self, wire: &mut Vec<u8>) {
        if let State::Filter(filter) = &mut self.state {
            filter.close_write(wire);
        }
    }

    fn wire_closed(&mut self) -> Result<()> {
        match &mut self.state {
            State::Filter(filter) => filter.wire_closed(),
            State::Plain => Ok(()),
            State::Undecided { begun, .. } => Err(UndecidedError {
                bytes: begun.len(),
                is_cut_off: true,
            }
            .into()),
        }
    }

    fn is_ready(&self) -> bool {
        match &self.state {
            State::Undecided { .. } => false,
            State::Plain => true,
            State::Filter(filter) => filter.is_ready(),
        }
    }

    fn is_read_closed(&self) -> bool {
        self.chosen().is_some_and(Filter::is_read_closed)
    }

    fn has_farewell(&self) -> bool {
        self.chosen().is_some_and(Filter::has_farewell)
    }

    fn peer(&self) -> Option<Address> {
        self.chosen()?.peer()
    }

    fn host(&self) -> Option<Address> {
        self.chosen()?.host()
    }

    fn negotiated(&self) -> Option<Rc<dyn Any>> {
        self.chosen()?.negotiated()
    }
}

impl fmt::Debug for ByFirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            State::Undecided { begun, .. } => write!(f, "ByFirstBytes({} bytes)", begun.len()),
            State::Plain => f.write_str("ByFirstBytes(plain)"),
            State::Filter(filter) => write!(f, "ByFirstBytes({filter:?})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::ProxyHeader;

    /// A header of the PROXY protocol, or not.
    fn optional_header() -> ByFirstBytes {
        ByFirstBytes::new(|bytes| {
            let start = b"PROXY ";
            Ok(
                match bytes.len() < start.len() && start.starts_with(bytes) {
                    true => FirstBytes::More,
                    false if bytes.starts_with(start) => {
                        FirstBytes::Filter(Box::new(ProxyHeader::new()))
                    }
                    false => FirstBytes::Plain,
                },
            )
        })
    }

    fn decoded(pieces: &[&[u8]]) -> (Result<Vec<u8>>, ByFirstBytes) {
        let (mut filter, mut plain) = (optional_header(), Vec::new());
        for piece in pieces {
            if let Err(failure) = filter.decode(&mut piece.to_vec(), &mut plain, &mut Vec::new()) {
                return (Err(failure), filter);
            }
        }
        (Ok(plain), filter)
    }

    #[test]
    fn wherever_the_bytes_are_cut_they_decide_the_same() {
        let with = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhello";
        for cut in 0..with.len() {
            let (plain, filter) = decoded(&[&with[..cut], &with[cut..]]);
            assert_eq!(plain.unwrap(), b"hello", "cut at {cut}");
            assert_eq!(filter.peer().unwrap().to_string(), "192.0.2.1:1");
        }
        let without = b"PROXIES are polite";
        for cut in 0..without.len() {
            let (plain, filter) = decoded(&[&without[..cut], &without[cut..]]);
            assert_eq!(plain.unwrap(), without, "cut at {cut}");
            assert!(filter.is_ready() && filter.peer().is_none());
        }
    }

    #[test]
    fn what_never_decides_is_an_error_in_the_end() {
        let mut filter = ByFirstBytes::new(|_| Ok(FirstBytes::More));
        let (mut plain, mut wire) = (Vec::new(), Vec::new());
        filter
            .decode(&mut [0; MOST], &mut plain, &mut wire)
            .unwrap();
        assert!(!filter.is_ready());
        let failure = filter.decode(&mut [0], &mut plain, &mut wire).unwrap_err();
        let error = failure.check::<UndecidedError>().unwrap();
        assert_eq!((error.bytes, error.is_cut_off), (MOST + 1, false));

        let mut filter = optional_header();
        filter
            .decode(&mut b"PRO".to_vec(), &mut plain, &mut wire)
            .unwrap();
        let failure = filter.wire_closed().unwrap_err();
        assert!(failure.check::<UndecidedError>().unwrap().is_cut_off);
    }
}
