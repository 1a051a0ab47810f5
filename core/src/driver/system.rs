//! The driver of the real world: mio for readiness, the operating system's sockets and clock.

mod unix;

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Source as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Poll, Registry};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::{
    ConnectOptions, Driver, Event, ListenOptions, Listener, Lookup, Readiness, Stream, Token, Wait,
    Wake,
};
use crate::Address;

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
        let to = match to {
            Address::Tcp(to) => *to,
            Address::Unix(name) => return unix::connect(name, &self.registry, token),
            Address::Unnamed => return Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let stream = match options.bind_address {
            None => TcpStream::connect(to)?,
            Some(from) => bound_connect(from, to)?,
        };
        if options.no_delay {
            stream.set_nodelay(true)?;
        }
        Ok(Box::new(self.register(stream, token)?))
    }

    fn listen(
        &self,
        on: &Address,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Box<dyn Listener>> {
        let on = match on {
            Address::Tcp(on) => *on,
            Address::Unix(name) => return unix::listen(name, options, &self.registry, token),
            Address::Unnamed => return Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let socket = Socket::new(Domain::for_address(on), Type::STREAM, Some(Protocol::TCP))?;
        // Without it, a restarted server waits for the old one's connections to time out.
        socket.set_reuse_address(true)?;
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if on.is_ipv6() {
            socket.set_only_v6(options.only_v6)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&on.into())?;
        socket.listen(options.backlog)?;
        let mut listener = TcpListener::from_std(socket.into());
        listener.register(&self.registry, mio::Token(token.0), Interest::READABLE)?;
        Ok(Box::new(SystemListener {
            listener,
            registry: Rc::clone(&self.registry),
        }))
    }
}

impl System {
    fn register(&self, stream: TcpStream, token: Token) -> io::Result<SystemStream> {
        SystemStream::register(stream, &self.registry, token)
    }
}

/// Connects from a local address of one's own choice.
fn bound_connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.bind(&from.into())?;
    match socket.connect(&to.into()) {
        Err(error) if !connecting(&error) => return Err(error),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Whether a non-blocking connect has merely begun.
fn connecting(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::EINPROGRESS)
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

/// A TCP socket, registered once for reading and writing and never changed.
///
/// Closing the descriptor takes it out of epoll, so no call is spent on taking it out before.
struct SystemStream(TcpStream);

impl SystemStream {
    fn register(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.register(registry, mio::Token(token.0), both)?;
        Ok(Self(stream))
    }
}

impl Stream for SystemStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn has_input(&self) -> bool {
        let looked = self.0.peek(&mut [0]);
        !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // A plain send costs the kernel less than a vector of one.
            [one] => (&self.0).write(one),
            many => (&self.0).write_vectored(many),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&self) {
        // Should it fail, the close is an ordinary one; there is nothing better to do.
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }

    fn connected(&self) -> io::Result<bool> {
        if let Some(error) = self.0.take_error()? {
            return Err(error);
        }
        // Writable alone is not connected: only a peer's address is proof.
        match self.0.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || connecting(&error) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        self.0.local_addr().map(Address::from)
    }

    fn set_no_delay(&self, on: bool) -> io::Result<()> {
        self.0.set_nodelay(on)
    }

    fn set_keep_alive(&self, idle: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(&self.0);
        match idle {
            None => socket.set_keepalive(false),
            Some(idle) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle)),
        }
    }
}

struct SystemListener {
    listener: TcpListener,
    registry: Rc<Registry>,
}

impl Listener for SystemListener {
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)> {
        let (stream, peer) = self.listener.accept()?;
        let stream = SystemStream::register(stream, &self.registry, token)?;
        Ok((Box::new(stream), peer.into()))
    }

    fn local_address(&self) -> io::Result<Address> {
        self.listener.local_addr().map(Address::from)
    }
}
