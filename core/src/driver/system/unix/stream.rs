//! A connected UNIX socket: bytes, and descriptors beside them.

use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use mio::event::Source as _;
use mio::net::UnixStream;
use mio::{Interest, Registry};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use socket2::SockRef;

use super::our_name;
use crate::driver::system::{options, take_out};
use crate::driver::{Stream, Token};
use crate::{Address, Credentials, SocketOption};

/// The most descriptors that one message brings or takes.
const DESCRIPTORS: usize = 64;

/// A UNIX socket, registered once for reading and writing and never changed.
pub(super) struct SystemUnixStream {
    stream: UnixStream,
    /// Where to take it out, if others may have the same socket.
    shared: Option<Rc<Registry>>,
    /// What most connections never have.
    passed: RefCell<Option<Box<Passed>>>,
}

/// Descriptors that go beside the bytes.
#[derive(Default)]
struct Passed {
    /// They go with the next bytes.
    to_send: Vec<OwnedFd>,
    /// They came with the last bytes.
    received: Vec<OwnedFd>,
}

impl SystemUnixStream {
    pub(super) fn register(
        mut stream: UnixStream,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.register(registry, mio::Token(token.0), both)?;
        Ok(Self {
            stream,
            shared: None,
            passed: RefCell::default(),
        })
    }

    /// One that others may have as well.
    pub(super) fn adopt(
        stream: UnixStream,
        registry: &Rc<Registry>,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = Self::register(stream, registry, token)?;
        stream.shared = Some(Rc::clone(registry));
        Ok(stream)
    }

    pub(super) fn peer_address(&self) -> io::Result<Address> {
        Ok(our_name(&self.stream.peer_addr()?).into())
    }

    fn write_with_descriptors(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut passed = self.passed.borrow_mut();
        let to_send = passed.as_mut().map(|passed| &mut passed.to_send);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let count = to_send.as_ref().map_or(0, |all| all.len().min(DESCRIPTORS));
        let some: Vec<_> = to_send
            .iter()
            .flat_map(|all| &all[..count])
            .map(AsFd::as_fd)
            .collect();
        if !some.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&some));
        }
        let sent = rustix::net::sendmsg(&self.stream, slices, &mut control, SendFlags::NOSIGNAL)?;
        // Without a byte that carries them, they have not gone.
        if sent > 0
            && let Some(to_send) = to_send
        {
            to_send.drain(..count);
        }
        Ok(sent)
    }
}

impl Drop for SystemUnixStream {
    fn drop(&mut self) {
        if let Some(registry) = &self.shared {
            take_out(registry, &self.stream);
        }
    }
}

impl Stream for SystemUnixStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // Those that nobody has taken since the last read are closed: a peer must not fill our table
        // of descriptors.
        drop(self.take_descriptors());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(buffer)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = rustix::net::recvmsg(&self.stream, &mut slices, &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                let mut passed = self.passed.borrow_mut();
                passed.get_or_insert_default().received.extend(descriptors);
            }
        }
        Ok(message.bytes)
    }

    fn has_input(&self) -> bool {
        let looked = SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]);
        !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let has_some = |passed: &Passed| !passed.to_send.is_empty();
        match slices {
            _ if self.passed.borrow().as_deref().is_some_and(has_some) => {
                self.write_with_descriptors(slices)
            }
            // Not `write`, which never asks the socket when there is nothing to write.
            [one] => Ok(rustix::net::send(&self.stream, one, SendFlags::NOSIGNAL)?),
            _ => self.write_with_descriptors(slices),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&self) {
        // There is no such thing here: the peer sees an end.
    }

    fn connected(&self) -> io::Result<bool> {
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(true),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(our_name(&self.stream.local_addr()?).into())
    }

    fn set_option(&self, option: SocketOption) -> io::Result<()> {
        options::set_unix(&SockRef::from(&self.stream), option)
    }

    fn send_descriptor(&self, descriptor: OwnedFd) -> io::Result<()> {
        let mut passed = self.passed.borrow_mut();
        passed.get_or_insert_default().to_send.push(descriptor);
        Ok(())
    }

    fn has_unsent_descriptors(&self) -> bool {
        let passed = self.passed.borrow();
        passed
            .as_ref()
            .is_some_and(|passed| !passed.to_send.is_empty())
    }

    fn take_descriptors(&self) -> Vec<OwnedFd> {
        match &mut *self.passed.borrow_mut() {
            Some(passed) => std::mem::take(&mut passed.received),
            None => Vec::new(),
        }
    }

    fn peer_credentials(&self) -> io::Result<Credentials> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream)?;
        Ok(Credentials {
            process: u32::try_from(peer.pid.as_raw_nonzero().get()).ok(),
            user: peer.uid.as_raw(),
            group: peer.gid.as_raw(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, pipe};

    use super::*;

    #[test]
    fn descriptors_that_nobody_takes_are_closed_by_the_next_read() {
        let poll = mio::Poll::new().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let register = |stream| SystemUnixStream::register(stream, poll.registry(), Token(0));
        let (ours, theirs) = (register(ours).unwrap(), register(theirs).unwrap());
        let (mut pipe, end) = pipe().unwrap();
        theirs.send_descriptor(end.into()).unwrap();
        assert_eq!(theirs.write_vectored(&[IoSlice::new(b"one")]).unwrap(), 3);
        assert_eq!(theirs.write_vectored(&[IoSlice::new(b"two")]).unwrap(), 3);
        let mut buffer = [0; 10];
        assert_eq!(ours.read(&mut buffer).unwrap(), 3);
        assert_eq!(ours.read(&mut buffer).unwrap(), 3);
        // An end, only if no copy of the writing end is left.
        rustix::io::ioctl_fionbio(&pipe, true).unwrap();
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
        assert!(ours.take_descriptors().is_empty());
    }
}
