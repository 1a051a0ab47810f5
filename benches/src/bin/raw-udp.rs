//! An echo of datagrams on mio and nothing else, or with BLOCKING=1 on a plain socket.

use std::io::{ErrorKind, Result as IoResult};
use std::{env, net};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use torsade_benches::machine::Result;
use torsade_benches::server;

fn blocking(socket: &net::UdpSocket) -> IoResult<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (count, from) = socket.recv_from(&mut buffer)?;
        socket.send_to(&buffer[..count], from)?;
    }
}

fn main() -> Result<()> {
    let address = server::address()?;
    if env::var_os("BLOCKING").is_some() {
        return Ok(blocking(&net::UdpSocket::bind(address)?)?);
    }
    let (mut socket, mut buffer) = (UdpSocket::bind(address)?, vec![0; 64 << 10]);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(16));
    poll.registry()
        .register(&mut socket, Token(0), Interest::READABLE)?;
    loop {
        server::wait(&mut poll, &mut events, None)?;
        loop {
            match socket.recv_from(&mut buffer) {
                // One that cannot be sent just now is lost, as datagrams are.
                Ok((count, from)) => drop(socket.send_to(&buffer[..count], from)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
