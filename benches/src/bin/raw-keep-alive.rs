//! The same as `bench-keep-alive` on mio, whose timers are a queue: all wait equally long, so what is armed last is
//! due last. No store of timers can be cheaper.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use torsade_benches::machine::Result;
use torsade_benches::server;

const LISTENER: Token = Token(usize::MAX);
const SECOND: Duration = Duration::from_secs(1);

struct Connection {
    stream: TcpStream,
    seen: u64,
}

impl Connection {
    fn turn(&mut self, buffer: &mut [u8]) -> bool {
        self.seen += 1;
        match self.stream.read(buffer) {
            Ok(0) => false,
            Ok(count) => self.stream.write_all(&buffer[..count]).is_ok(),
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn main() -> Result<()> {
    let mut listener = TcpListener::bind(server::address()?)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut all, mut buffer) = (Slab::new(), vec![0; 64 << 10]);
    let mut timers = VecDeque::new();
    loop {
        let next = timers.front().map(|(due, _): &(Instant, usize)| *due);
        let wait = next.map(|due| due.saturating_duration_since(Instant::now()));
        server::wait(&mut poll, &mut events, wait)?;
        let now = Instant::now();
        while let Some((_, key)) = timers.pop_front_if(|(due, _)| *due <= now) {
            let connection: Option<&mut Connection> = all.get_mut(key);
            if let Some(connection) = connection {
                connection.seen = 0;
                timers.push_back((now + SECOND, key));
            }
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let entry = all.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry()
                        .register(&mut stream, Token(entry.key()), interest)?;
                    timers.push_back((now + SECOND, entry.key()));
                    entry.insert(Connection { stream, seen: 0 });
                }
                continue;
            }
            let key = event.token().0;
            if all
                .get_mut(key)
                .is_some_and(|connection| !connection.turn(&mut buffer))
            {
                all.remove(key);
            }
        }
    }
}
