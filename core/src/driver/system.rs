//! The driver of the real world: mio for readiness, the operating system's sockets and clock.

mod datagrams;
mod descriptors;
mod options;
mod pipe;
mod tcp;
mod unix;

use std::cell::RefCell;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Source as _;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry};

use super::{
    ConnectOptions, DatagramSocket, Descriptors, Driver, Event, ListenOptions, Listener, Lookup,
    Readiness, Stream, Token, Wait, Wake,
};
use crate::Address;
use crate::datagram::DatagramOptions;

/// Readiness from mio, streams from the operating system.
pub(crate) struct System {
    poll: RefCell<Poll>,
    /// mio's own event buffer, reused by every poll.
    batch: RefCell<mio::Events>,
    /// For streams that register themselves after their accept.
    registry: Rc<Registry>,
    waker: Arc<Waker>,
    /// Both ends of the pipe that signals are written to; see [`Driver::watch_signals`].
    signals: RefCell<Option<(mio::net::UnixStream, UnixStream)>>,
}

/// The most events one turn takes from the system; the rest comes in the next.
const BATCH: usize = 1024;

/// Tokens of the driver itself, at the end of the range where no slot of the reactor's lies.
const WAKE: mio::Token = mio::Token(usize::MAX);
const SIGNAL: mio::Token = mio::Token(usize::MAX - 1);

impl System {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        Ok(Self {
            registry: Rc::new(poll.registry().try_clone()?),
            poll: RefCell::new(poll),
            batch: RefCell::new(mio::Events::with_capacity(BATCH)),
            waker: Arc::new(Waker(waker)),
            signals: RefCell::new(None),
        })
    }

    /// Empties the signal pipe, so that its next byte is an edge again.
    fn drain_signals(&self) {
        if let Some((pipe, _)) = &mut *self.signals.borrow_mut() {
            let mut bytes = [0; 64];
            while matches!(pipe.read(&mut bytes), Ok(n) if n > 0) {}
        }
    }
}

impl Driver for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn poll(&self, events: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        let timeout = match wait {
            Wait::No => Some(Duration::ZERO),
            // epoll counts in milliseconds; mio rounds up, so that no timer is woken for early.
            Wait::Until(moment) => Some(moment.saturating_duration_since(Instant::now())),
            Wait::Forever => None,
        };
        let mut batch = self.batch.borrow_mut();
        match self.poll.borrow_mut().poll(&mut batch, timeout) {
            // A signal came: the reactor looks what it was, and polls again with what time is left.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let mut signalled = false;
        for event in batch.iter() {
            match event.token() {
                WAKE => {}
                SIGNAL => signalled = true,
                token => events.push(Event {
                    token: Token(token.0),
                    readiness: readiness(event),
                }),
            }
        }
        if signalled {
            self.drain_signals();
        }
        Ok(())
    }

    fn has_events(&self) -> bool {
        false
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.waker) as Arc<dyn Wake>
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.poll.borrow().as_raw_fd())
    }

    fn threads_at_work(&self, _change: i32) {}

    fn watch_signals(&self) -> io::Result<Option<UnixStream>> {
        let mut signals = self.signals.borrow_mut();
        if let Some((_, writer)) = &*signals {
            return writer.try_clone().map(Some);
        }
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let mut reader = mio::net::UnixStream::from_std(reader);
        reader.register(&self.registry, SIGNAL, Interest::READABLE)?;
        let for_handlers = writer.try_clone()?;
        *signals = Some((reader, writer));
        Ok(Some(for_handlers))
    }

    fn lookup(&self, _host: &str) -> Lookup {
        Lookup::AskSystem
    }

    fn connect(
        &self,
        to: &Address,
        options: &ConnectOptions,
        token: Token,
    ) -> io::Result<Box<dyn Stream>> {
        match to {
            Address::Tcp(to) => tcp::connect(*to, options, &self.registry, token),
            Address::Unix(name) => unix::connect(name, &self.registry, token),
            Address::Udp(_) | Address::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    fn listen(
        &self,
        on: &Address,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Box<dyn Listener>> {
        match on {
            Address::Tcp(on) => tcp::listen(*on, options, &self.registry, token),
            Address::Unix(name) => unix::listen(name, options, &self.registry, token),
            Address::Udp(_) | Address::Unnamed => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    fn bind_datagrams(
        &self,
        on: &Address,
        options: &DatagramOptions,
        token: Token,
    ) -> io::Result<Box<dyn DatagramSocket>> {
        datagrams::bind(on, options, &self.registry, token)
    }

    fn pair(&self, tokens: [Token; 2]) -> io::Result<[Box<dyn Stream>; 2]> {
        unix::pair(&self.registry, tokens)
    }

    fn descriptors(&self) -> io::Result<&dyn Descriptors> {
        Ok(self)
    }
}

/// Translates; an error or hang-up is readable and writable (the next call tells what it was).
fn readiness(event: &mio::event::Event) -> Readiness {
    let broken = event.is_error();
    let read_closed = event.is_read_closed() || event.is_write_closed() || broken;
    Readiness {
        readable: event.is_readable() || read_closed,
        writable: event.is_writable() || event.is_write_closed() || broken,
        read_closed,
    }
}

struct Waker(mio::Waker);

impl Wake for Waker {
    fn wake(&self) {
        // It fails only when the reactor's descriptors are gone, and then nobody waits.
        let _ = self.0.wake();
    }
}

/// Takes a descriptor out of the queue that will not be closed by its owner's closing it, since
/// others have the same file or socket.
fn take_out(registry: &Registry, descriptor: &impl AsRawFd) {
    // It fails when it is not there, which is as well.
    let _ = registry.deregister(&mut SourceFd(&descriptor.as_raw_fd()));
}
