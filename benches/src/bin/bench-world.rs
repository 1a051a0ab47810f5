//! How fast a simulated world is: an echo between two hosts, and what passes of its time meanwhile.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade_core::protocols::wire::Echo;
use torsade_core::testing::World;
use torsade_core::{
    Address, ClientEndpoint, Deferred, HostnameClient, Protocol, Reactor, Resolver, Result,
    TcpServer, Transport,
};

const MESSAGE: [u8; 64] = [b'x'; 64];

/// Sends a message again whenever it has come back, so many times.
struct Asker {
    left: Rc<Cell<u64>>,
    done: Option<Resolver<()>>,
}

impl Protocol for Asker {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&MESSAGE);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.left.get() > 0 {
            transport.write(&MESSAGE);
        } else if let Some(done) = self.done.take() {
            done.callback(());
        }
        Ok(())
    }
}

/// So many connections between two hosts, and others that look at the clock every second.
fn echo(connections: u64, idle_hosts: u8, messages: u64) -> Result<()> {
    let world = World::new(1);
    let server = world.host("server", [[10, 0, 0, 1]]);
    let client = world.host("client", [[10, 0, 0, 2]]);
    let idle: Vec<Reactor> = (0..idle_hosts)
        .map(|number| world.host(&format!("idle{number}"), [[10, 0, 1, number]]))
        .collect();
    idle.iter().for_each(tick);
    TcpServer::new(&server, ([10, 0, 0, 1], 7).into()).listen(|_: &Address| Echo)?;
    let mut all = Vec::new();
    for _ in 0..connections {
        let (done, deferred) = Deferred::new();
        let left = Rc::new(Cell::new(messages / 2 / connections));
        let asker = Asker {
            left,
            done: Some(done),
        };
        drop(HostnameClient::new(&client, "server", 7).connect_protocol(asker));
        all.push(deferred);
    }
    let start = Instant::now();
    for deferred in all {
        client.run_until(deferred)?;
    }
    let real = start.elapsed().as_secs_f64();
    println!(
        "name=echo/{connections}/{idle_hosts} messages_a_second={:.0} simulated_seconds_a_second={:.0}",
        messages as f64 / real,
        world.elapsed().as_secs_f64() / real
    );
    Ok(())
}

fn tick(reactor: &Reactor) {
    let handle = reactor.clone();
    let _ = reactor.call_later(Duration::from_secs(1), move || tick(&handle));
}

/// Hosts that do nothing but to look at the clock every second.
fn clocks(hosts: u8) -> Result<()> {
    let world = World::new(1);
    let reactors: Vec<_> = (0..hosts)
        .map(|number| world.host(&format!("host{number}"), [[10, 0, 0, number]]))
        .collect();
    reactors.iter().for_each(tick);
    let start = Instant::now();
    let (done, deferred) = Deferred::new();
    let _ = reactors[0].call_later(Duration::from_secs(100_000), move || done.callback(()));
    reactors[0].run_until(deferred)?;
    let hours = world.elapsed().as_secs_f64() / 3600.0;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!(
        "name=clocks/{hosts} simulated_hours_a_minute={:.0}",
        hours / minutes
    );
    Ok(())
}

fn main() -> Result<()> {
    for (connections, idle_hosts) in [(1, 0), (1, 10), (64, 0)] {
        echo(connections, idle_hosts, 400_000)?;
    }
    clocks(2)?;
    clocks(10)
}
