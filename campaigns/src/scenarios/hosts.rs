//! An echo between two hosts, each with a reactor of its own, over a link with moods.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use torsade::policies::Timeouts;
use torsade::protocols::wire::Echo;
use torsade::task::defer_later;
use torsade::testing::World as Hosts;
use torsade::{Address, ClientEndpoint, Factory, HostnameClient, Reactor, TcpServer};

use super::echo::{Caller, PLAYTIME};
use crate::World;
use crate::watched::Watched;

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

pub(super) fn play(world: &World) {
    let hosts = Hosts::new(world.choose(|random| random.number()));
    let (server, client) = (
        hosts.host("server", [SERVER]),
        hosts.host("client", [CLIENT]),
    );
    let link = hosts.link("server", "client");
    let (latency, jitter) = world.choose(|random| {
        let latency = random.time(Duration::from_millis(300));
        (latency, random.time(Duration::from_millis(100)))
    });
    let link = link.latency(latency).jitter(jitter);
    if world.choose(|random| random.chance(50)) {
        link.bandwidth(world.choose(|random| 20_000 + random.size(10_000_000)) as u64);
    }

    let (checks, plant) = (world.checks.clone(), world.plant);
    let echo = move |_: &Address| Watched::new(Echo, "an echo", &checks, plant);
    let address = SocketAddr::from((SERVER, 7));
    // The end of a connection can be lost on the way: without this, it would be there for ever.
    let echo = echo.policy(Timeouts::new().idle(Duration::from_secs(1800)));
    let listening = TcpServer::new(&server, address).listen(echo);
    let listening = listening.unwrap_or_else(|failure| panic!("{failure:#}"));

    let is_faulty = trouble(world, &hosts, &client, address);
    for _ in 0..1 + world.choose(|random| random.below(4)) {
        let caller = world.watch(Caller::new(world, is_faulty), "a caller");
        let endpoint = HostnameClient::new(&client, "server", 7);
        let begin = world.choose(|random| random.time(PLAYTIME / 4));
        let _ = client.call_later(begin, move || {
            endpoint.connect_protocol(caller).add_both(|_| Ok(()));
        });
    }
    pass(world, &client, PLAYTIME + Duration::from_secs(2 * 3600));
    listening.stop_listening().add_both(|_| Ok(()));
    pass(world, &client, Duration::from_secs(3600));
    for (name, reactor) in [("server", &server), ("client", &client)] {
        let left = (reactor.open_sources(), reactor.delayed_calls());
        world.checks.holds(left == (0, 0), || {
            format!(
                "{left:?} sources and calls are left at the {name}: {}",
                reactor.pending()
            )
        });
    }
}

/// Resets, and times in which nothing gets through. Gives whether anything may break of it: what is
/// held back comes in the end.
fn trouble(world: &World, hosts: &Hosts, client: &Reactor, address: SocketAddr) -> bool {
    let mut breaks = false;
    for _ in 0..world.choose(|random| random.below(4)) {
        let (at, time, is_reset) = world.choose(|random| {
            (
                random.time(PLAYTIME),
                random.time(Duration::from_secs(60)),
                random.chance(30),
            )
        });
        let hosts = hosts.clone();
        // Attempts to connect are lost in such a time.
        breaks = true;
        let reactor = client.clone();
        let _ = client.call_later(at, move || match is_reset {
            true => hosts.reset(address),
            false => {
                hosts.partition("server", "client");
                let _ = reactor.call_later(time, move || hosts.heal("server", "client"));
            }
        });
    }
    breaks
}

/// Lets time pass, on both.
fn pass(world: &World, reactor: &Reactor, time: Duration) {
    if let Err(failure) = reactor.run_until(defer_later(reactor, time, || ())) {
        world
            .checks
            .violated(format!("time does not pass: {failure:#}"));
    }
}
