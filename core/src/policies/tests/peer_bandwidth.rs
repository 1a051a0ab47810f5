use super::{
    Client, Flood, Noticing, connect_from, listen, millis, noting, pass, seconds_since, secs,
};
use crate::policies::Throttling;
use crate::policies::peer_bandwidth::PeerBandwidths;
use crate::testing::Simulation;
use crate::{Address, Bandwidth, Factory, Reactor};

const FIRST: [u8; 4] = [127, 0, 0, 2];
const SECOND: [u8; 4] = [127, 0, 0, 3];

/// A server that sends so many bytes to everybody, to each address no faster than `make` says.
fn flooding(bytes: usize, make: impl Fn(&Reactor) -> Bandwidth + 'static) -> Reactor {
    let reactor = Simulation::new().reactor();
    let weak = reactor.clone();
    let policy = Throttling::new().write_limit_of_each_peer(move || make(&weak));
    listen(&reactor, (move |_: &Address| Flood(bytes)).policy(policy));
    reactor
}

fn received(client: &Client) -> usize {
    client.received.borrow().len()
}

// C111
#[test]
fn a_burst_goes_at_once_and_the_rest_as_slowly_as_it_may() {
    let reactor = flooding(20_000, |reactor| {
        Bandwidth::new(reactor, 1_000).burst(10_000)
    });
    let begun = reactor.now();
    let (client, _) = connect_from(&reactor, FIRST);
    pass(&reactor, millis(10));
    let first = received(&client);
    assert!((10_000..=10_100).contains(&first), "{first}");
    while !client.ended.get() {
        assert!(seconds_since(&reactor, begun) < 60.0);
        pass(&reactor, millis(50));
    }
    let time = seconds_since(&reactor, begun);
    assert!((9.8..10.3).contains(&time), "{time}");
}

#[test]
fn the_connections_of_one_address_share_its_bandwidth() {
    let reactor = flooding(20_000, |reactor| Bandwidth::new(reactor, 2_000));
    let one = connect_from(&reactor, FIRST).0;
    let two = connect_from(&reactor, FIRST).0;
    let alone = connect_from(&reactor, SECOND).0;
    pass(&reactor, secs(5));
    let together = received(&one) + received(&two);
    assert!((9_800..=10_400).contains(&together), "{together}");
    assert!((9_800..=10_400).contains(&received(&alone)));
}

#[test]
fn a_burst_comes_back_with_time_and_not_with_another_connection() {
    let reactor = flooding(10_000, |reactor| {
        Bandwidth::new(reactor, 1_000).burst(10_000)
    });
    let at_once = || {
        let client = connect_from(&reactor, FIRST).0;
        pass(&reactor, millis(10));
        received(&client)
    };
    assert_eq!(at_once(), 10_000);
    assert!(at_once() < 200);
    pass(&reactor, secs(60));
    assert_eq!(at_once(), 10_000);
}

#[test]
fn reading_is_limited_by_address_as_well() {
    let reactor = Simulation::new().window(1_000).reactor();
    let weak = reactor.clone();
    let policy = Throttling::new().read_limit_of_each_peer(move || Bandwidth::new(&weak, 1_000));
    let (factory, _): (Noticing, _) = noting();
    listen(&reactor, factory.policy(policy));
    let (client, peer) = connect_from(&reactor, FIRST);
    peer.transport().write(&[0; 50_000]);
    pass(&reactor, secs(5));
    let echoed = received(&client);
    assert!((4_800..=5_200).contains(&echoed), "{echoed}");
}

#[test]
fn addresses_that_are_gone_are_forgotten_once_their_bandwidth_is_whole_again() {
    let reactor = Simulation::new().reactor();
    let weak = reactor.clone();
    let peers = PeerBandwidths::new(move || Bandwidth::new(&weak, 1_000));
    let come_and_go = || {
        for number in 0..10_000_u32 {
            let address = Address::Tcp((std::net::Ipv4Addr::from(number), 1).into());
            let (bandwidth, _place) = peers.of(&address);
            bandwidth.take(50);
        }
    };
    come_and_go();
    assert_eq!(peers.len(), 10_000, "each would be slowed down");
    pass(&reactor, secs(1));
    for number in 0..10_000_u32 {
        let address = Address::Tcp((std::net::Ipv4Addr::from(number), 2).into());
        let (_bandwidth, _place) = peers.of(&address);
    }
    // What was there before is let go when there is no room for more.
    let mut most = 0;
    for number in 20_000..60_000_u32 {
        let address = Address::Tcp((std::net::Ipv4Addr::from(number), 1).into());
        let (_bandwidth, _place) = peers.of(&address);
        most = most.max(peers.len());
    }
    assert!(most < 20_000, "{most}");
}

#[test]
fn who_does_not_come_by_ip_is_one() {
    let reactor = Simulation::new().reactor();
    let peers = PeerBandwidths::new(move || Bandwidth::new(&reactor, 1));
    let (_, _place) = peers.of(&Address::Unnamed);
    let (_, _other) = peers.of(&Address::Unix("/run/socket".into()));
    assert_eq!(peers.len(), 1);
}
