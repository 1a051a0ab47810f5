//! A service that keeps its connection, to a server that comes and goes.

use torsade::endpoints::ClientService;
use torsade::protocols::wire::Discard;
use torsade::{Address, Factory, Reactor};

use crate::World;
use crate::watched::Watched;
use crate::world::{PATIENCE, PLAYTIME, SERVER};

pub(super) fn play(world: &World) {
    let (checks, plant) = (world.checks.clone(), world.plant);
    let client = move |_: &Address| Watched::new(Discard, "a service's connection", &checks, plant);
    let service = ClientService::new(&world.client, world.endpoint(SERVER, 9), client);
    service.start();
    world.trouble(SERVER, 9);
    let rounds = world.choose(|random| random.below(4));
    for _ in 0..rounds {
        let (away, here) = world.choose(|random| (random.time(PLAYTIME), random.time(PLAYTIME)));
        world.pass(away);
        world.serve(SERVER, 9, server);
        world.pass(here);
        world.stop_serving(SERVER, 9);
    }
    world.serve(SERVER, 9, server);
    // However long it was away: the pauses between attempts are bounded. The server gives up those who
    // say nothing, so look when it has not just done that.
    world.pass(2 * PATIENCE);
    let again = world.wait(service.when_connected(), "a connection, once more");
    world.checks.holds(again.is_some(), || {
        "the service has not come back to a server that is there".into()
    });
    world.checks.holds(service.is_connected(), || {
        "it says that it is connected, and is not".into()
    });
    let when = service.when_connected();
    world.checks.holds(when.is_fired(), || {
        "it is connected, and does not say so".into()
    });
    drop(world.wait(when, "the connection"));
    world.wait(service.stop(), "the service to stop");
}

/// One that is silent.
fn server(world: &World, _: &Reactor) -> impl Factory + use<> {
    let (checks, plant) = (world.checks.clone(), world.plant);
    move |_: &Address| Watched::new(Discard, "a server", &checks, plant)
}
