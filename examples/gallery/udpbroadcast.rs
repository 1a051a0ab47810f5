//! Sends a PING to everybody each second, and answers all of them with a PONG. Twisted's
//! `docs/core/examples/udpbroadcast.py`.
//!
//! How many of these run on the local network can be told by the number of `RECV PONG`.
//!
//! ```text
//! RUST_LOG=info cargo run --example udpbroadcast
//! ```

use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::time::Duration;

use torsade::datagram::{DatagramOption, DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::task::LoopingCall;
use torsade::{Address, Reactor, Result};

const PORT: u16 = 8555;

struct PingPong;

fn broadcast(udp: &DatagramPort, message: &[u8]) -> Result<()> {
    udp.send(message, &Address::Udp((Ipv4Addr::BROADCAST, PORT).into()))
}

impl DatagramProtocol for PingPong {
    fn datagram_received(&mut self, udp: &DatagramPort, data: &[u8], _: &Address) -> Result<()> {
        if data.starts_with(b"PING") || data.starts_with(b"PONG") {
            log::info!("RECV {}", data.escape_ascii());
        }
        match data.strip_prefix(b"PING") {
            Some(id) => broadcast(udp, &[b"PONG", id].concat()),
            None => Ok(()),
        }
    }
}

fn send_ping(udp: &DatagramPort) -> Result<()> {
    let random = RandomState::new();
    let ping = format!(
        "PING {:016x}{:016x}",
        random.hash_one(0),
        random.hash_one(1)
    );
    log::info!("SEND {ping}");
    broadcast(udp, ping.as_bytes())
}

fn main() -> Result<()> {
    env_logger::init();
    let reactor = Reactor::new()?;
    let any = (Ipv4Addr::UNSPECIFIED, PORT).into();
    let udp = reactor.listen_udp(any, PingPong, &DatagramOptions::new())?;
    udp.set_option(DatagramOption::Broadcast(true))?;
    let pings = LoopingCall::new(&reactor, move |_| send_ping(&udp));
    drop(pings.start(Duration::from_secs(1)));
    reactor.run()
}
