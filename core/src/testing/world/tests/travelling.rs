//! Addresses, and how long it takes from one to another.

use std::io::ErrorKind;

use super::*;
use crate::CannotListen;

#[test]
fn bytes_arrive_when_latency_and_bandwidth_let_them() {
    let two = Two::new();
    // 1500 bytes, which is a segment with its headers, in 10 ms.
    two.world.link("a", "b").latency(ms(20)).bandwidth(150_000);
    let client = two.connect();
    // Each of the two packets takes its own length, rounded up to the nanosecond, and the latency.
    let packet = Duration::from_nanos((40_u64 * 1_000_000_000).div_ceil(150_000));
    assert_eq!(two.world.elapsed(), 2 * (ms(20) + packet));
    let sent = two.world.elapsed();
    client.transport().write(&[7; 3 * 1460 + 710]);
    two.pass(ms(1000));
    let arrived = two.notes.take();
    let times: Vec<_> = arrived.iter().map(|(at, _)| *at - sent).collect();
    assert_eq!(times, [ms(30), ms(40), ms(50), ms(55)]);
    assert_eq!(arrived[3].1, "b 710 bytes");
    // What is written later does not wait for a queue that is empty again.
    let sent = two.world.elapsed();
    client.transport().write(&[7; 1460]);
    two.pass(ms(1000));
    assert_eq!(two.notes.take()[0].0 - sent, ms(30));
}

#[test]
fn jitter_is_bounded_and_changes_no_order() {
    let two = Two::new();
    two.world.link("a", "b").segment_size(1);
    let client = two.connect();
    two.world.link("a", "b").jitter(ms(5));
    let sent = two.world.elapsed();
    client.transport().write(b"0123456789");
    two.pass(ms(100));
    let arrived = two.notes.take();
    let in_time = |at: Duration| (ms(10)..=ms(15)).contains(&(at - sent));
    assert!(
        arrived.len() > 1 && arrived.iter().all(|(at, _)| in_time(*at)),
        "{arrived:?}"
    );
    let bytes: String = arrived
        .iter()
        .map(|(_, what)| what[2..].to_owned())
        .collect();
    assert_eq!(bytes, "0123456789");
}

#[test]
fn addresses_belong_to_hosts() {
    let two = Two::new();
    let listen = |reactor: &Reactor, on: &str| {
        let server = TcpServer::new(reactor, on.parse().unwrap());
        let port = server.listen(|_: &Address| Echo);
        port.map_err(|failure| failure.check::<CannotListen>().unwrap().error.kind())
    };
    for foreign in ["10.0.0.1:80", "10.0.0.9:80", "[2001:db8::1]:80"] {
        assert_eq!(
            listen(&two.b, foreign).unwrap_err(),
            ErrorKind::AddrNotAvailable
        );
    }
    assert_eq!(
        listen(&two.b, "10.0.0.2:80").unwrap_err(),
        ErrorKind::AddrInUse
    );
    // The same port on each, and loopback is each one's own.
    listen(&two.a, "10.0.0.1:80").unwrap();
    listen(&two.b, "127.0.0.1:7").unwrap();
    let kind = |failure: Failure| failure.check::<ConnectError>().unwrap().error.kind();
    let refused = two.failure("127.0.0.1:7".parse().unwrap());
    assert_eq!(kind(refused), ErrorKind::ConnectionRefused);
    // To itself it takes no time to speak of.
    let before = two.world.elapsed();
    let endpoint = TcpClient::new(&two.b, "127.0.0.1:7".parse().unwrap());
    let client = two
        .b
        .run_until(endpoint.connect_protocol(two.noting("b")))
        .unwrap();
    assert_eq!(
        client.transport().host().to_string().split(':').next(),
        Some("127.0.0.1")
    );
    assert_eq!(two.world.elapsed() - before, Duration::from_micros(20));
    // Between hosts, each sees the other's own address.
    let client = two.connect();
    let host = client.transport().host().socket_addr().unwrap();
    assert_eq!(host.ip(), IpAddr::from(A));
    // A host without an address of the family has no way at all.
    let nowhere = two.failure("[2001:db8::1]:80".parse().unwrap());
    assert_eq!(kind(nowhere), ErrorKind::NetworkUnreachable);
}

#[test]
fn what_cannot_be_reached_is_unreachable_or_silent() {
    let two = Two::new();
    let kind = |failure: Failure| failure.check::<ConnectError>().map(|it| it.error.kind());
    let unreachable = Some(ErrorKind::HostUnreachable);
    assert_eq!(kind(two.failure(at([10, 9, 9, 9], 80))), unreachable);
    two.world.unreachable(B);
    assert_eq!(kind(two.failure(at(B, 80))), unreachable);
    two.world.reachable(B);
    for silent in [[10, 9, 9, 9], B] {
        two.world.silent(silent);
        let failure = two.failure(at(silent, 80));
        assert!(failure.check::<ConnectTimedOut>().is_some(), "{failure:#}");
    }
    two.world.reachable(B);
    two.connect();
    let refused = two.failure(at(B, 81));
    assert_eq!(kind(refused), Some(ErrorKind::ConnectionRefused));
}

#[test]
#[should_panic(expected = "another host than c has 10.0.0.1")]
fn an_address_has_one_host() {
    let two = Two::new();
    let _ = two.world.host("c", [A]);
}

#[test]
#[should_panic(expected = "there is no host named x")]
fn a_link_needs_its_hosts() {
    let two = Two::new();
    let _ = two.world.link("a", "x");
}
