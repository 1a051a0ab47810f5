//! Connections over a stream whose every answer is the test's.

mod ending;
mod lingering;
mod producing;
mod reading;
mod writing;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use crate::driver::{Readiness, Stream, Token};
use crate::net::connector::keep;
use crate::testing::{AccumulatingProtocol, Ending, Simulation};
use crate::{
    Address, Deferred, Factory, Filter, ProtocolRef, Reactor, Result, SocketOption, Transport,
};

/// What the stream answers, and what was done with it.
#[derive(Default)]
struct Wire {
    /// What reads give; when that is used up, they would block.
    input: VecDeque<io::Result<Vec<u8>>>,
    /// How many reads there were.
    reads: usize,
    /// How many bytes it takes before writes would block; any number, if none.
    room: Option<usize>,
    /// What the next write fails with.
    write_error: Option<io::ErrorKind>,
    written: Vec<u8>,
    /// How many writes there were.
    writes: usize,
    shutdown_error: Option<io::ErrorKind>,
    /// How often our direction was ended.
    shutdowns: usize,
    has_unsent_descriptors: bool,
    /// What comes with the next read.
    descriptors: Vec<OwnedFd>,
    /// It may be closed with unread input.
    needs_no_lingering: bool,
    was_reset: bool,
    is_closed: bool,
}

/// The stream of a [`Wire`].
struct Scripted(Rc<RefCell<Wire>>);

impl Stream for Scripted {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.reads += 1;
        let Some(next) = wire.input.pop_front() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let mut bytes = next?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        if count < bytes.len() {
            wire.input.push_front(Ok(bytes.split_off(count)));
        }
        Ok(count)
    }

    fn has_input(&self) -> bool {
        !self.0.borrow().input.is_empty()
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.writes += 1;
        if let Some(kind) = wire.write_error.take() {
            return Err(kind.into());
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let count = bytes.len().min(wire.room.unwrap_or(usize::MAX));
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.room = wire.room.map(|room| room - count);
        wire.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        wire.shutdowns += 1;
        wire.shutdown_error.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn reset_on_close(&self) {
        self.0.borrow_mut().was_reset = true;
    }

    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Unnamed)
    }

    fn set_option(&self, _: SocketOption) -> io::Result<()> {
        Ok(())
    }

    fn has_unsent_descriptors(&self) -> bool {
        self.0.borrow().has_unsent_descriptors
    }

    fn take_descriptors(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.0.borrow_mut().descriptors)
    }

    fn lingers(&self) -> bool {
        !self.0.borrow().needs_no_lingering
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.borrow_mut().is_closed = true;
    }
}

/// Changes nothing on the way. It is ready when it has read `H`, if it waits for that, and its
/// farewell is `F` in both directions.
#[derive(Debug, Default)]
struct Courteous {
    waits_for_hello: bool,
    is_read_closed: bool,
}

impl Filter for Courteous {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        for &mut byte in input {
            match byte {
                b'H' if self.waits_for_hello => self.waits_for_hello = false,
                b'F' => self.is_read_closed = true,
                other => plain.push(other),
            }
        }
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn close_write(&mut self, wire: &mut Vec<u8>) {
        wire.push(b'F');
    }

    fn wire_closed(&mut self) -> Result<()> {
        match self.is_read_closed {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    fn is_ready(&self) -> bool {
        !self.waits_for_hello
    }

    fn is_read_closed(&self) -> bool {
        self.is_read_closed
    }
}

/// A reactor in virtual time, and one connection.
struct Bench {
    reactor: Reactor,
    wire: Rc<RefCell<Wire>>,
    token: Token,
}

impl Bench {
    /// Opens a connection. It begins when the reactor runs.
    fn open<F: Factory>(
        wire: Wire,
        filters: impl IntoIterator<Item = impl Filter>,
        factory: F,
    ) -> (Self, Deferred<ProtocolRef<F::Protocol>>) {
        let reactor = Simulation::new().reactor();
        let core = reactor.core().unwrap();
        let token = core.sources.borrow_mut().reserve();
        let wire = Rc::new(RefCell::new(wire));
        let stream = Box::new(Scripted(Rc::clone(&wire)));
        let mut stream = keep(&core, token, stream, Address::Unnamed, Readiness::default());
        for filter in filters {
            stream = stream.with_filter(filter);
        }
        let opened = stream.open(factory);
        let bench = Self {
            reactor,
            wire,
            token,
        };
        (bench, opened)
    }

    /// A connection that is open, with a protocol that only keeps what it is told.
    fn opened(wire: Wire, filters: impl IntoIterator<Item = Courteous>) -> (Self, Told) {
        let probe = AccumulatingProtocol::new();
        let kept = probe.clone();
        let (bench, opened) = Self::open(wire, filters, move |_: &Address| kept.clone());
        drop(bench.reactor.run_until(opened).expect("it opens"));
        let transport = probe.transport().expect("it was made");
        (bench, Told { probe, transport })
    }

    /// Lets all happen that is due at once.
    fn settle(&self) {
        self.pass(Duration::ZERO);
    }

    fn pass(&self, time: Duration) {
        self.reactor.advance(time).unwrap();
    }

    /// The driver tells of something.
    fn tell(&self, readiness: Readiness) {
        let core = self.reactor.core().unwrap();
        let source = core.sources.borrow().get(self.token);
        source.expect("it is there").ready(&core, readiness);
    }

    /// These bytes come, and the driver tells so.
    fn comes(&self, bytes: &[u8]) {
        self.wire.borrow_mut().input.push_back(Ok(bytes.to_vec()));
        self.tell(Readiness::READABLE);
        self.settle();
    }

    /// There is room for so many bytes, and the driver tells so.
    fn takes(&self, room: usize) {
        self.wire.borrow_mut().room = Some(room);
        self.tell(Readiness::WRITABLE);
        self.settle();
    }

    fn written(&self) -> Vec<u8> {
        self.wire.borrow().written.clone()
    }
}

/// What the protocol was told, and its transport.
struct Told {
    probe: AccumulatingProtocol,
    transport: Transport,
}

impl Told {
    fn ending(&self) -> Option<Ending> {
        self.probe.ending()
    }
}

/// Nothing more can be written for now.
fn full() -> Wire {
    Wire {
        room: Some(0),
        ..Wire::default()
    }
}

const NO_FILTER: Option<Courteous> = None;
