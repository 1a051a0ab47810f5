//! An echo server of mio and nothing else: what no reactor can be faster than. REACTORS=N: so many loops.

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::thread;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::{Domain, Socket, Type};
use torsade_benches::machine::Result;
use torsade_benches::server;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    /// What could not be written at once.
    queue: Vec<u8>,
}

fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&server::address()?.into())?;
    socket.listen(1024)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn serve() -> Result<()> {
    let mut listener = listen()?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut all, mut buffer) = (Slab::new(), vec![0; 64 << 10]);
    loop {
        server::wait(&mut poll, &mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let entry = all.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry()
                        .register(&mut stream, Token(entry.key()), interest)?;
                    entry.insert(Connection {
                        stream,
                        queue: Vec::new(),
                    });
                }
                continue;
            }
            let key = event.token().0;
            let Some(connection) = all.get_mut(key) else {
                continue;
            };
            let lives = connection.turn(&mut buffer, event.is_read_closed());
            if !lives.unwrap_or(false) {
                all.remove(key);
            }
        }
    }
}

impl Connection {
    /// Whether it goes on. Nothing is read while something is to be written.
    fn turn(&mut self, buffer: &mut [u8], ended: bool) -> IoResult<bool> {
        loop {
            while !self.queue.is_empty() {
                match write(&mut self.stream, &self.queue)? {
                    0 => return Ok(true),
                    count => drop(self.queue.drain(..count)),
                }
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            };
            let written = write(&mut self.stream, &buffer[..count])?;
            self.queue.extend_from_slice(&buffer[written..count]);
            // A short read has emptied the socket.
            if self.queue.is_empty() && count < buffer.len() && !ended {
                return Ok(true);
            }
        }
    }
}

fn write(stream: &mut TcpStream, data: &[u8]) -> IoResult<usize> {
    match stream.write(data) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

fn main() -> Result<()> {
    for _ in 1..server::reactors() {
        thread::spawn(|| serve().map_err(|error| eprintln!("{error}")));
    }
    serve()
}
