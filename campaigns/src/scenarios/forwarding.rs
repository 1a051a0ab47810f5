//! An echo behind a forwarded port, and behind a SOCKS proxy.

use torsade::TcpClient;
use torsade::endpoints::{ClientEndpoint, HostnameClient};
use torsade::filter::Socks5;
use torsade::protocols::{PortForward, SocksServer};

use super::echo::{echo, play};
use crate::World;
use crate::world::{PROXY, SERVER, at};

pub(super) fn ports(world: &World) {
    world.serve(SERVER, 7, echo);
    world.serve(PROXY, 8, |world, proxy| {
        match world.choose(|random| random.chance(50)) {
            true => PortForward::to(TcpClient::new(proxy, at(SERVER, 7))),
            false => PortForward::to(HostnameClient::new(proxy, SERVER, 7)),
        }
    });
    let is_faulty = trouble(world, 8);
    play(world, &world.endpoint(PROXY, 8), is_faulty);
}

pub(super) fn socks(world: &World) {
    world.serve(SERVER, 7, echo);
    world.serve(PROXY, 1080, |_, proxy| {
        SocksServer::new(proxy, |_, port| port == 7)
    });
    let is_faulty = trouble(world, 1080);
    let proxy = world.endpoint(PROXY, 1080);
    let endpoint = proxy.filter(|| Ok(Socks5::connect(SERVER, 7)?));
    play(world, &endpoint, is_faulty);
}

/// On both ways.
fn trouble(world: &World, port: u16) -> bool {
    let first = world.trouble(PROXY, port);
    world.trouble(SERVER, 7) || first
}
