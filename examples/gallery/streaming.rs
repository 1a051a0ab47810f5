//! Asks how many random integers are wanted, and sends them as fast as they are read. Twisted's
//! `docs/core/examples/streaming.py`.
//!
//! There it is a push producer, which is paused in the middle of its own `write`. Here nothing calls it
//! while it writes, so it is a pull producer, which is asked for one piece after the other.
//!
//! ```text
//! cargo run --example streaming
//! ```

use std::hash::{BuildHasher, RandomState};

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Failure, Producer, ProducerKind, Reactor, Result, TcpServer, Transport};

/// Sends the requested number of random integers.
struct Integers {
    left: u64,
}

impl Producer for Integers {
    fn resume_producing(&mut self, consumer: &Transport) {
        for _ in 0..self.left.min(1000) {
            let next = RandomState::new().hash_one(self.left) % 10_000;
            consumer.write(format!("{next}\r\n").as_bytes());
            self.left -= 1;
        }
        if self.left == 0 {
            consumer.unregister_producer();
            consumer.lose_connection();
        }
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

struct ServeRandom;

impl LineProtocol for ServeRandom {
    fn connection_made(&mut self, lines: &LineControl) {
        println!("Connection made from {}", lines.transport().peer());
        lines.send_line("How many random integers do you want?");
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let left = str::from_utf8(line)?.trim().parse()?;
        println!("Client requested {left} random integers!");
        lines
            .transport()
            .register_producer(Integers { left }, ProducerKind::Pull)?;
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        println!("Connection lost: {reason:#}");
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let server = TcpServer::new(&reactor, "0.0.0.0:1234".parse()?);
    server.listen(|_: &Address| LineReceiver::new(ServeRandom))?;
    reactor.run()
}
