//! Names of hosts and of UNIX sockets.

use super::*;
use crate::{LookupError, LookupVerdict, UnixClient, UnixServer};

fn look_up(two: &Two, name: &str) -> Result<Vec<IpAddr>, LookupVerdict> {
    let found = two.a.run_until(two.a.look_up(name));
    found.map_err(|failure| failure.check::<LookupError>().unwrap().verdict.clone())
}

#[test]
fn hosts_have_names_everywhere() {
    let two = Two::new();
    let b = vec![IpAddr::from(B)];
    assert_eq!(look_up(&two, "B"), Ok(b.clone()));
    assert_eq!(look_up(&two, "www.b.test"), Err(LookupVerdict::NoSuchName));
    two.world.name("WWW.b.test", [B]);
    assert_eq!(look_up(&two, "www.b.test"), Ok(b));
    assert_eq!(two.world.elapsed(), Duration::ZERO);
}

#[test]
fn look_ups_fail_and_are_slow_when_they_are_told_to() {
    let two = Two::new();
    two.world.names_fail("b", LookupVerdict::TryAgain);
    assert_eq!(look_up(&two, "b"), Err(LookupVerdict::TryAgain));
    two.world.names_slow("b", ms(4000));
    assert_eq!(look_up(&two, "b"), Err(LookupVerdict::TryAgain));
    assert_eq!(two.world.elapsed(), ms(4000));
    two.world.names_slow("a", ms(500));
    assert_eq!(look_up(&two, "a"), Ok(vec![IpAddr::from(A)]));
    assert_eq!(two.world.elapsed(), ms(4500));
    two.world.names_heal("b");
    assert_eq!(look_up(&two, "b"), Ok(vec![IpAddr::from(B)]));
    assert_eq!(two.world.elapsed(), ms(4500));
}

#[test]
fn unix_sockets_are_seen_on_their_own_host_only() {
    let two = Two::new();
    for reactor in [&two.a, &two.b] {
        UnixServer::new(reactor, "/run/echo")
            .listen(|_: &Address| Echo)
            .unwrap();
    }
    let c = two.world.host("c", [C]);
    let connect = |reactor: &Reactor| {
        let endpoint = UnixClient::new(reactor, "/run/echo");
        reactor
            .run_until(endpoint.connect_protocol(two.noting("client")))
            .map(|_| ())
    };
    connect(&two.a).unwrap();
    connect(&two.b).unwrap();
    assert!(connect(&c).is_err());
}
