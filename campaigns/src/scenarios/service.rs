//! A service that keeps its connection, to a server that comes and goes.

use std::time::Duration;

use torsade::endpoints::{ClientService, TcpClient};
use torsade::protocols::wire::{Discard, Echo};
use torsade::{Address, TcpServer};

use super::echo::{PLAYTIME, listen};
use crate::World;
use crate::watched::Watched;
use crate::world::HOST;

pub(super) fn play(world: &World) {
    let endpoint = TcpClient::new(&world.reactor, (HOST, 9).into());
    let (checks, plant) = (world.checks.clone(), world.plant);
    let client = move |_: &Address| Watched::new(Discard, "a service's connection", &checks, plant);
    let service = ClientService::new(&world.reactor, endpoint, client);
    service.start();
    world.break_at_times((HOST, 9).into(), PLAYTIME);
    let rounds = world.choose(|random| random.below(4));
    for _ in 0..rounds {
        let (away, here) = world.choose(|random| (random.time(PLAYTIME), random.time(PLAYTIME)));
        world.pass(away);
        let port = listen(
            world,
            TcpServer::new(&world.reactor, (HOST, 9).into()),
            server(world),
        );
        world.pass(here);
        world.wait(port.stop_listening(), "the port to close");
    }
    let port = listen(
        world,
        TcpServer::new(&world.reactor, (HOST, 9).into()),
        server(world),
    );
    // However long it was away: the pauses between attempts are bounded.
    world.pass(Duration::from_secs(2 * 3600));
    world.checks.holds(service.is_connected(), || {
        "the service has not come back to a server that is there".into()
    });
    let when = service.when_connected();
    world.checks.holds(when.is_fired(), || {
        "it is connected, and does not say so".into()
    });
    drop(world.wait(when, "the connection"));
    world.wait(service.stop(), "the service to stop");
    world.wait(port.stop_listening(), "the port to close");
}

/// One that hangs up at some time, or never.
fn server(world: &World) -> impl torsade::Factory {
    let (checks, plant) = (world.checks.clone(), world.plant);
    move |_: &Address| Watched::new(Echo, "a server", &checks, plant)
}
