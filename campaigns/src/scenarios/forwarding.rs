//! An echo behind a forwarded port, and behind a SOCKS proxy.

use torsade::endpoints::ClientEndpoint;
use torsade::filter::Socks5;
use torsade::protocols::wire::Echo;
use torsade::protocols::{PortForward, SocksServer};
use torsade::{Address, TcpClient};

use super::echo::{PLAYTIME, listen, play, server};
use crate::World;
use crate::watched::Watched;
use crate::world::HOST;

fn echo(world: &World) -> torsade::endpoints::ListeningPort {
    let (checks, plant) = (world.checks.clone(), world.plant);
    let echo = move |_: &Address| Watched::new(Echo, "an echo", &checks, plant);
    listen(world, server(world, 7), echo)
}

pub(super) fn ports(world: &World) {
    let echo = echo(world);
    let tcp = |port| TcpClient::new(&world.reactor, (HOST, port).into());
    let forward = listen(world, server(world, 8), PortForward::to(tcp(7)));
    let address = world.choose(|random| random.one_of(&[7, 8]));
    let is_faulty = world.break_at_times((HOST, address).into(), PLAYTIME);
    play(world, &tcp(8), is_faulty);
    world.wait(forward.stop_listening(), "the port to close");
    world.wait(echo.stop_listening(), "the port to close");
}

pub(super) fn socks(world: &World) {
    let echo = echo(world);
    let allowed = SocksServer::new(&world.reactor, |_, port| port == 7);
    let socks = listen(world, server(world, 1080), allowed);
    let address = world.choose(|random| random.one_of(&[7, 1080]));
    let is_faulty = world.break_at_times((HOST, address).into(), PLAYTIME);
    let proxy = TcpClient::new(&world.reactor, (HOST, 1080).into());
    let endpoint = proxy.filter(|| Ok(Socks5::connect("server.test", 7)?));
    play(world, &endpoint, is_faulty);
    world.wait(socks.stop_listening(), "the port to close");
    world.wait(echo.stop_listening(), "the port to close");
}
