//! Connections on which nothing happens any more.

use std::any::Any;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::{Security, Target};
use crate::machine::{Result, memory_kb};

/// They stay open while this lives.
pub struct Idle {
    _connections: Vec<Box<dyn Any>>,
    /// What each takes in the server, from the first tenth to the last, so that what the server has anyway,
    /// and its first growth, are not in it.
    pub bytes_each: f64,
    pub server_kb: f64,
}

/// Opens so many, one after the other, each with an echo of a byte.
pub fn open_idle(target: Target, count: usize, security: Security) -> Result<Idle> {
    let config = security.config()?;
    let (mut all, mut first) = (Vec::<Box<dyn Any>>::new(), 0.0);
    for index in 0..count {
        let mut stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        match &config {
            None => {
                greet(&mut stream)?;
                all.push(Box::new(stream));
            }
            Some(config) => {
                let tls =
                    ClientConnection::new(config.clone(), ServerName::try_from("localhost")?)?;
                let mut stream = StreamOwned::new(tls, stream);
                greet(&mut stream)?;
                all.push(Box::new(stream));
            }
        }
        if index + 1 == count / 10 {
            first = memory_kb(target.pid, "VmRSS");
        }
    }
    thread::sleep(Duration::from_millis(200));
    let server_kb = memory_kb(target.pid, "VmRSS");
    let counted = (count - count / 10).max(1) as f64;
    let bytes_each = (server_kb - first).max(0.0) * 1024.0 / counted;
    Ok(Idle {
        _connections: all,
        bytes_each,
        server_kb,
    })
}

fn greet(stream: &mut (impl Read + Write)) -> Result<()> {
    stream.write_all(b"x")?;
    Ok(stream.read_exact(&mut [0])?)
}
