//! The driver: the seam between the reactor and what moves it.
//!
//! A driver gives time, readiness, byte streams and datagrams. There are two: [`system`] (mio and the
//! operating system's sockets) and [`simulated`] (a virtual clock and a network in memory).
//! Everything above this module is the same code over both, so what is promised here is what
//! both must keep:
//!
//! - Time is monotonic. It moves only inside [`Driver::poll`] in the simulated world.
//! - Events are edge-triggered: one is given when a state *becomes* true, and again only after
//!   the owner has seen `WouldBlock` (or a short read or write) and it became true once more.
//!   A spurious event is allowed, a missing one is not.
//! - An event names a token. The reactor puts a generation into it and drops what is stale.
//! - Dropping a stream or listener closes it: no further event for it is guaranteed *not* to come,
//!   within the batch that was already collected.

pub(crate) mod simulated;
pub(crate) mod system;

use std::io::{self, IoSlice};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::datagram::{DatagramOption, DatagramOptions};
use crate::{Address, Credentials, LookupVerdict, SocketOption};

/// What identifies a source to its driver: slot and generation, see `reactor::sources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) usize);

/// What became possible for one source.
///
/// An error or a hang-up shows as both readable and writable: the next read or write tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// A read (or accept) may give something.
    pub(crate) readable: bool,
    /// A write may take something, or a connection attempt is decided.
    pub(crate) writable: bool,
    /// The peer has closed its writing side, or the connection broke: read on to the end, even
    /// after a short read.
    pub(crate) read_closed: bool,
}

impl Readiness {
    /// A read may give something.
    pub(crate) const READABLE: Self = Self {
        readable: true,
        writable: false,
        read_closed: false,
    };
    /// A write may take something.
    pub(crate) const WRITABLE: Self = Self {
        readable: false,
        writable: true,
        read_closed: false,
    };
    /// The peer has ended its side.
    pub(crate) const ENDED: Self = Self {
        read_closed: true,
        ..Self::READABLE
    };
    /// The connection broke.
    pub(crate) const BROKEN: Self = Self {
        readable: true,
        writable: true,
        read_closed: true,
    };
}

/// One event of a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: Token,
    pub(crate) readiness: Readiness,
}

/// How long [`Driver::poll`] may wait for the first event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all: there is work to do.
    No,
    /// Until this moment at the latest; never less.
    Until(Instant),
    /// For ever.
    Forever,
}

/// Makes a waiting [`Driver::poll`] return, from any thread; cheap to call twice.
pub(crate) trait Wake: Send + Sync {
    fn wake(&self);
}

/// Gives a piece of work to a thread, with what is dropped when it is done.
pub(crate) type Start = Box<dyn FnOnce(Option<Box<dyn Send>>)>;

/// The verdict on a host name that the driver itself knows of.
pub(crate) enum Lookup {
    /// Ask the system's resolver, on a thread.
    AskSystem,
    /// It knows what there is to say, and says so after a while.
    Known {
        /// The addresses, never empty, or why there are none.
        verdict: Result<Vec<std::net::IpAddr>, LookupVerdict>,
        delay: Duration,
    },
}

/// What a client connection is made with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectOptions {
    /// The local address to bind first.
    pub(crate) bind_address: Option<std::net::SocketAddr>,
    /// Sends small segments at once (TCP_NODELAY).
    pub(crate) no_delay: bool,
}

/// What a listening port is made with.
#[derive(Clone, Debug)]
pub(crate) struct ListenOptions {
    /// The length of the queue of connections that wait to be accepted.
    pub(crate) backlog: i32,
    /// Lets several listeners share one port (SO_REUSEPORT).
    pub(crate) reuse_port: bool,
    /// Only for IPv6 addresses: refuse IPv4-mapped peers.
    pub(crate) only_v6: bool,
    /// The permissions of a UNIX socket's file.
    pub(crate) mode: Option<u32>,
    /// Has the connections send small segments at once (TCP_NODELAY).
    pub(crate) no_delay: bool,
}

/// Moves a reactor.
pub(crate) trait Driver {
    /// The monotonic time.
    fn now(&self) -> Instant;

    /// The time of day, which may jump.
    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Appends the events that came; waits for the first as long as `wait` says.
    ///
    /// # Errors
    /// Interruption by a signal is not one: it returns without events. In the simulated world:
    /// when nothing can ever happen any more.
    fn poll(&self, events: &mut Vec<Event>, wait: Wait) -> io::Result<()>;

    /// Whether a [`poll`](Self::poll) would give events without waiting, as far as can be known
    /// without asking the system.
    fn has_events(&self) -> bool;

    /// A handle that ends a [`poll`](Self::poll) from any thread.
    fn waker(&self) -> Arc<dyn Wake>;

    /// The descriptor that becomes readable when there are events, if there is one.
    fn descriptor(&self) -> Option<std::os::fd::RawFd>;

    /// Has `start` called, which gives a piece of work to a thread: at once, or in a simulated world
    /// when its turn has come. What it is given is dropped when the work is done.
    fn start_work(&self, start: Start) {
        start(None);
    }

    /// Tells that a thread works for this reactor and will wake it (`+1`), or has (`-1`): while
    /// any does, a simulated world waits for it in real time, and its own time stands still.
    fn threads_at_work(&self, change: i32);

    /// Opens a pipe that ends a [`poll`](Self::poll) when something is written to its end given
    /// here, for signal handlers; `None` where no signal can come (in a simulated world).
    fn watch_signals(&self) -> io::Result<Option<std::os::unix::net::UnixStream>>;

    /// What this driver knows about a host name.
    fn lookup(&self, host: &str) -> Lookup;

    /// Starts to connect. Decided when the stream becomes writable: see [`Stream::connected`].
    fn connect(
        &self,
        to: &Address,
        options: &ConnectOptions,
        token: Token,
    ) -> io::Result<Box<dyn Stream>>;

    /// Opens a listening port.
    fn listen(
        &self,
        on: &Address,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Box<dyn Listener>>;

    /// Opens a socket for datagrams.
    fn bind_datagrams(
        &self,
        on: &Address,
        options: &DatagramOptions,
        token: Token,
    ) -> io::Result<Box<dyn DatagramSocket>>;

    /// Two streams that are connected with each other.
    fn pair(&self, tokens: [Token; 2]) -> io::Result<[Box<dyn Stream>; 2]>;

    /// What it can do with descriptors of the operating system.
    ///
    /// # Errors
    /// `Unsupported` in a simulated world, which has none.
    fn descriptors(&self) -> io::Result<&dyn Descriptors>;
}

/// What a driver does with descriptors that others made.
pub(crate) trait Descriptors {
    /// A stream of a connected socket, and its peer.
    fn adopt_stream(&self, socket: OwnedFd, token: Token)
    -> io::Result<(Box<dyn Stream>, Address)>;

    /// A listener of a socket that listens.
    fn adopt_listener(&self, socket: OwnedFd, token: Token) -> io::Result<Box<dyn Listener>>;

    /// A stream that reads from one descriptor and writes to another (pipes, terminals, files), and
    /// what it is ready for from the beginning.
    fn join(
        &self,
        from: Option<OwnedFd>,
        to: Option<OwnedFd>,
        token: Token,
    ) -> io::Result<(Box<dyn Stream>, Readiness)>;

    /// Has events of a descriptor reported from now on, or again although it was ready before.
    fn watch(&self, descriptor: BorrowedFd<'_>, interest: Interest, token: Token)
    -> io::Result<()>;

    /// Has them reported no more. The descriptor may have been closed.
    fn unwatch(&self, descriptor: BorrowedFd<'_>);
}

/// Which events of a descriptor are of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// A non-blocking stream of bytes, both ways. Dropping it closes it.
pub(crate) trait Stream {
    /// Reads; `Ok(0)` is the end (for a buffer that is not empty).
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether a read would give something now: bytes, the end or an error.
    fn has_input(&self) -> bool;

    /// Writes from several slices at once.
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends our direction: the peer reads to the end.
    fn shutdown_write(&self) -> io::Result<()>;

    /// Makes the coming close a reset (RST): the peer sees an error, nothing lingers.
    fn reset_on_close(&self);

    /// Whether a connection attempt is decided: `Ok(false)` while it is still under way.
    ///
    /// # Errors
    /// Why it failed.
    fn connected(&self) -> io::Result<bool>;

    fn local_address(&self) -> io::Result<Address>;

    fn set_option(&self, option: SocketOption) -> io::Result<()>;

    /// Sends a descriptor with the next bytes that are written.
    fn send_descriptor(&self, _descriptor: OwnedFd) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether no bytes came to carry one.
    fn has_unsent_descriptors(&self) -> bool {
        false
    }

    /// The descriptors that came with what was read last. If there are any then a short read was
    /// not the last.
    fn take_descriptors(&self) -> Vec<OwnedFd> {
        Vec::new()
    }

    /// Who is at the other end.
    fn peer_credentials(&self) -> io::Result<Credentials> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether a close with unread input destroys what was sent before: then it is read on for a
    /// while, and dropped.
    fn lingers(&self) -> bool {
        true
    }
}

/// The most datagrams that are taken at once.
pub(crate) const MOST_DATAGRAMS: usize = 64;

/// A socket that sends and receives datagrams. Dropping it closes it.
pub(crate) trait DatagramSocket {
    /// Takes one from the queue, and who sent it. One that is longer than the buffer fills it.
    ///
    /// # Errors
    /// `WouldBlock` when the queue is empty; `ConnectionRefused` when one that was sent before did
    /// not find anybody.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Address)>;

    /// Takes several, each into the next `slot` bytes of the buffer; one that is longer fills its
    /// slot. `received` is empty, and has them all afterwards.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), and then there are none.
    fn receive_many(
        &self,
        buffer: &mut [u8],
        slot: usize,
        received: &mut Vec<(usize, Address)>,
    ) -> io::Result<()> {
        for piece in buffer.chunks_exact_mut(slot).take(MOST_DATAGRAMS) {
            match self.receive(piece) {
                Ok(one) => received.push(one),
                Err(error) if received.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Sends one, wholly or not at all; without an address to where it is connected.
    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()>;

    /// From now on it speaks with this peer only.
    fn connect(&self, to: &Address) -> io::Result<()>;

    fn local_address(&self) -> io::Result<Address>;

    fn set_option(&self, option: DatagramOption) -> io::Result<()>;
}

/// A listening port. Dropping it closes it.
pub(crate) trait Listener {
    /// Takes one connection from the queue; its events will carry `token`.
    ///
    /// # Errors
    /// `WouldBlock` when the queue is empty; what the system says otherwise (it may be out of
    /// descriptors, in which case the connection stays in the queue and *no event comes again*).
    fn accept(&self, token: Token) -> io::Result<(Box<dyn Stream>, Address)>;

    fn local_address(&self) -> io::Result<Address>;
}
