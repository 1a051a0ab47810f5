//! Streams of descriptors that are no sockets: pipes, terminals and files, one for each direction.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::isatty;

use crate::driver::{Readiness, Stream, Token};
use crate::{Address, SocketOption};

/// See [`Descriptors::join`](crate::driver::Descriptors::join).
pub(super) fn join(
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<(Box<dyn Stream>, Readiness)> {
    let open = |descriptor: Option<OwnedFd>, interest| {
        let opened = descriptor.map(|it| Descriptor::new(it, registry, token, interest));
        opened.transpose()
    };
    let stream = PipeStream {
        from: RefCell::new(open(from, Interest::READABLE)?),
        to: RefCell::new(open(to, Interest::WRITABLE)?),
    };
    let from = stream.from.borrow();
    let is_file = from.as_ref().is_some_and(|from| !from.is_watched);
    // A terminal gives one line at a time, however many there are.
    let is_terminal = from.as_ref().is_some_and(|from| isatty(&from.descriptor));
    drop(from);
    let readiness = Readiness {
        readable: is_file,
        writable: true,
        // Then a short read is not the last; and no event will ever tell of a file's end.
        read_closed: is_file || is_terminal,
    };
    Ok((Box::new(stream), readiness))
}

struct PipeStream {
    from: RefCell<Option<Descriptor>>,
    to: RefCell<Option<Descriptor>>,
}

/// A descriptor that does not block while it is ours, and is watched.
struct Descriptor {
    descriptor: OwnedFd,
    /// To put back: the flag belongs to the open file, which others may share (a terminal, with the
    /// shell that started us).
    flags: OFlags,
    registry: Rc<Registry>,
    /// Files are always ready, and the system refuses to watch them.
    is_watched: bool,
}

impl Descriptor {
    fn new(
        descriptor: OwnedFd,
        registry: &Rc<Registry>,
        token: Token,
        interest: Interest,
    ) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&descriptor)?;
        rustix::fs::fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?;
        let raw = descriptor.as_raw_fd();
        let mut this = Self {
            descriptor,
            flags,
            registry: Rc::clone(registry),
            is_watched: true,
        };
        match registry.register(&mut SourceFd(&raw), mio::Token(token.0), interest) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                this.is_watched = false;
            }
            other => other?,
        }
        Ok(this)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.is_watched {
            super::take_out(&self.registry, &self.descriptor);
        }
        if !self.flags.contains(OFlags::NONBLOCK) {
            // If it fails then the file is gone, and nobody shares it.
            let _ = rustix::fs::fcntl_setfl(&self.descriptor, self.flags);
        }
    }
}

/// Whether a descriptor is ready for this right now.
fn is_ready(descriptor: &impl AsFd, events: PollFlags) -> bool {
    let mut polled = [PollFd::new(descriptor, events)];
    let now = Timespec::default();
    rustix::event::poll(&mut polled, Some(&now)).is_ok_and(|count| count > 0)
}

impl Stream for PipeStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(from) = &*self.from.borrow() {
            return match rustix::io::read(&from.descriptor, buffer) {
                // So a terminal says that nobody has its other side open any more.
                Err(Errno::IO) => Ok(0),
                other => Ok(other?),
            };
        }
        // All that can be heard here is that nobody reads at the other end: that is an error
        // condition, which is always polled for.
        match &*self.to.borrow() {
            Some(to) if !is_ready(&to.descriptor, PollFlags::empty()) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            _ => Ok(0),
        }
    }

    fn has_input(&self) -> bool {
        match &*self.from.borrow() {
            Some(from) => is_ready(&from.descriptor, PollFlags::IN),
            None => false,
        }
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.to.borrow() {
            Some(to) => Ok(rustix::io::writev(&to.descriptor, slices)?),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        drop(self.to.take());
        Ok(())
    }

    fn reset_on_close(&self) {
        // There is no such thing here: the peer sees an end.
    }

    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Unnamed)
    }

    fn set_option(&self, option: SocketOption) -> io::Result<()> {
        match option {
            SocketOption::NoDelay(_) | SocketOption::KeepAlive(_) => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn lingers(&self) -> bool {
        // What is unread may be for somebody else, who reads from the same terminal after us.
        false
    }
}
