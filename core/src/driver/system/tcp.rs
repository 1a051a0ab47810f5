//! TCP sockets of the operating system.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use mio::event::Source as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::options;
use crate::driver::{ConnectOptions, ListenOptions, Listener, Stream, Token};
use crate::{Address, SocketOption};

pub(super) fn connect(
    to: SocketAddr,
    options: &ConnectOptions,
    registry: &Registry,
    token: Token,
) -> io::Result<Box<dyn Stream>> {
    let stream = match options.bind_address {
        None => TcpStream::connect(to)?,
        Some(from) => bound_connect(from, to)?,
    };
    if options.no_delay {
        stream.set_nodelay(true)?;
    }
    Ok(Box::new(SystemStream::register(stream, registry, token)?))
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

pub(super) fn listen(
    on: SocketAddr,
    options: &ListenOptions,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<Box<dyn Listener>> {
    listener(listening(on, options)?, registry, token, false)
}

fn listening(on: SocketAddr, options: &ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(on), Type::STREAM, Some(Protocol::TCP))?;
    // Without it, a restarted server waits for the old one's connections to time out.
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if on.is_ipv6() {
        socket.set_only_v6(options.only_v6)?;
    }
    // Accepted sockets inherit it, which spares a call for each.
    socket.set_tcp_nodelay(options.no_delay)?;
    socket.set_nonblocking(true)?;
    socket.bind(&on.into())?;
    socket.listen(options.backlog)?;
    Ok(socket)
}

/// A stream of somebody else's socket, which is connected and does not block.
pub(super) fn adopt_stream(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::from_std(socket.into());
    let mut stream = SystemStream::register(stream, registry, token)?;
    stream.shared = Some(Rc::clone(registry));
    Ok(Box::new(stream))
}

/// A listener of somebody else's socket, which listens and does not block.
pub(super) fn adopt_listener(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
) -> io::Result<Box<dyn Listener>> {
    listener(socket, registry, token, true)
}

fn listener(
    socket: Socket,
    registry: &Rc<Registry>,
    token: Token,
    is_shared: bool,
) -> io::Result<Box<dyn Listener>> {
    let mut listener = TcpListener::from_std(socket.into());
    listener.register(registry, mio::Token(token.0), Interest::READABLE)?;
    Ok(Box::new(SystemListener {
        listener,
        registry: Rc::clone(registry),
        is_shared,
    }))
}

/// A TCP socket, registered once for reading and writing and never changed.
///
/// Closing the descriptor takes it out of epoll, so no call is spent on taking it out before;
/// unless others may have the same socket.
struct SystemStream {
    stream: TcpStream,
    shared: Option<Rc<Registry>>,
}

impl SystemStream {
    fn register(mut stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Self> {
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.register(registry, mio::Token(token.0), both)?;
        let shared = None;
        Ok(Self { stream, shared })
    }
}

impl Drop for SystemStream {
    fn drop(&mut self) {
        if let Some(registry) = &self.shared {
            super::take_out(registry, &self.stream);
        }
    }
}

impl Stream for SystemStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }

    fn has_input(&self) -> bool {
        let looked = self.stream.peek(&mut [0]);
        !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // A plain send costs the kernel less than a vector of one.
            [one] => (&self.stream).write(one),
            many => (&self.stream).write_vectored(many),
        }
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&self) {
        // Should it fail, the close is an ordinary one; there is nothing better to do.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    fn connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        // Writable alone is not connected: only a peer's address is proof.
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || connecting(&error) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        self.stream.local_addr().map(Address::from)
    }

    fn set_option(&self, option: SocketOption) -> io::Result<()> {
        let is_v6 = self.stream.local_addr()?.is_ipv6();
        options::set_tcp(&SockRef::from(&self.stream), is_v6, option)
    }
}

struct SystemListener {
    listener: TcpListener,
    registry: Rc<Registry>,
    /// Others may have the same socket.
    is_shared: bool,
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

impl Drop for SystemListener {
    fn drop(&mut self) {
        if self.is_shared {
            super::take_out(&self.registry, &self.listener);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_send_at_once_on_both_sides_unless_told_otherwise() {
        for no_delay in [true, false] {
            let options = ListenOptions {
                backlog: 1,
                reuse_port: false,
                only_v6: false,
                mode: None,
                no_delay,
            };
            let socket = listening("127.0.0.1:0".parse().unwrap(), &options).unwrap();
            let address = socket.local_addr().unwrap().as_socket().unwrap();
            socket.set_nonblocking(false).unwrap();
            let _client = std::net::TcpStream::connect(address).unwrap();
            let (accepted, _) = socket.accept().unwrap();
            assert_eq!(accepted.tcp_nodelay().unwrap(), no_delay);
        }
    }
}
