//! An echo server of mio and rustls and nothing else: what no TLS layer on rustls' buffers can be faster than.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};
use slab::Slab;
use torsade_benches::machine::Result;
use torsade_benches::server;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    tls: ServerConnection,
}

fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<Connection> {
    stream.set_nodelay(true)?;
    let mut tls = ServerConnection::new(Arc::clone(config))?;
    tls.set_buffer_limit(None);
    Ok(Connection { stream, tls })
}

fn main() -> Result<()> {
    let config = server::rustls()?;
    let mut listener = TcpListener::bind(server::address()?)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut all, mut buffer, mut plain) = (Slab::new(), vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        server::wait(&mut poll, &mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    let mut connection = accept(stream, &config)?;
                    let entry = all.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    let token = Token(entry.key());
                    poll.registry()
                        .register(&mut connection.stream, token, interest)?;
                    entry.insert(connection);
                }
                continue;
            }
            let key = event.token().0;
            let Some(connection) = all.get_mut(key) else {
                continue;
            };
            let lives = connection.turn(&mut buffer, &mut plain, event.is_read_closed());
            if !lives.unwrap_or(false) {
                all.remove(key);
            }
        }
    }
}

impl Connection {
    /// Whether it goes on. Nothing is read while something is to be written.
    fn turn(&mut self, buffer: &mut [u8], plain: &mut [u8], ended: bool) -> Result<bool> {
        loop {
            if !self.flush()? {
                return Ok(true);
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            if !self.echo(&buffer[..count], plain)? {
                self.flush()?;
                return Ok(false);
            }
            // A short read has emptied the socket.
            if count < buffer.len() && !ended {
                self.flush()?;
                return Ok(true);
            }
        }
    }

    /// Whether the peer may send more.
    fn echo(&mut self, mut data: &[u8], plain: &mut [u8]) -> Result<bool, Box<dyn Error>> {
        while !data.is_empty() {
            self.tls.read_tls(&mut data)?;
            self.tls.process_new_packets()?;
            loop {
                match self.tls.reader().read(plain) {
                    Ok(0) => return Ok(false),
                    Ok(count) => self.tls.writer().write_all(&plain[..count])?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(true)
    }

    /// Whether all is written.
    fn flush(&mut self) -> Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}
