//! Descriptors that others made.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use mio::unix::SourceFd;
use socket2::{Domain, Socket, Type};

use super::{System, pipe, tcp, unix};
use crate::Address;
use crate::driver::{Descriptors, Interest, Listener, Readiness, Stream, Token};

impl Descriptors for System {
    fn adopt_stream(
        &self,
        socket: OwnedFd,
        token: Token,
    ) -> io::Result<(Box<dyn Stream>, Address)> {
        let socket = own(socket)?;
        if socket.domain()? == Domain::UNIX {
            return unix::adopt_stream(socket, &self.registry, token);
        }
        let peer: Option<SocketAddr> = socket.peer_addr()?.as_socket();
        let peer = peer.ok_or(io::ErrorKind::Unsupported)?;
        let stream = tcp::adopt_stream(socket, &self.registry, token)?;
        Ok((stream, peer.into()))
    }

    fn adopt_listener(&self, socket: OwnedFd, token: Token) -> io::Result<Box<dyn Listener>> {
        let socket = own(socket)?;
        if !socket.is_listener()? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the socket does not listen",
            ));
        }
        match socket.domain()? {
            Domain::UNIX => unix::adopt_listener(socket, &self.registry, token),
            Domain::IPV4 | Domain::IPV6 => tcp::adopt_listener(socket, &self.registry, token),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn join(
        &self,
        from: Option<OwnedFd>,
        to: Option<OwnedFd>,
        token: Token,
    ) -> io::Result<(Box<dyn Stream>, Readiness)> {
        pipe::join(from, to, &self.registry, token)
    }

    fn watch(
        &self,
        descriptor: BorrowedFd<'_>,
        interest: Interest,
        token: Token,
    ) -> io::Result<()> {
        let raw = descriptor.as_raw_fd();
        let interest = match interest {
            Interest {
                read: true,
                write: false,
            } => mio::Interest::READABLE,
            Interest {
                read: false,
                write: true,
            } => mio::Interest::WRITABLE,
            _ => mio::Interest::READABLE | mio::Interest::WRITABLE,
        };
        let token = mio::Token(token.0);
        let again = self
            .registry
            .reregister(&mut SourceFd(&raw), token, interest);
        match again {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.registry.register(&mut SourceFd(&raw), token, interest)
            }
            other => other,
        }
    }

    fn unwatch(&self, descriptor: BorrowedFd<'_>) {
        super::take_out(&self.registry, &descriptor);
    }
}

/// A stream socket, made ours.
fn own(socket: OwnedFd) -> io::Result<Socket> {
    let socket = Socket::from(socket);
    if socket.r#type()? != Type::STREAM {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a stream socket",
        ));
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
