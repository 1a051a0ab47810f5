//! Datagrams between hosts.

use super::*;
use crate::datagram::{
    DatagramOption, DatagramOptions, DatagramPort, DatagramProtocol, MulticastInterface,
};

struct Receiving(Notes);

impl DatagramProtocol for Receiving {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
        let text = String::from_utf8_lossy(data);
        self.0.note(format!("{text} from {from}"));
        Ok(())
    }
}

fn open(two: &Two, reactor: &Reactor, on: SocketAddr) -> DatagramPort {
    let protocol = Receiving(two.notes.clone());
    reactor
        .listen_udp(on, protocol, &DatagramOptions::new())
        .unwrap()
}

/// Sends so many, one each millisecond, and gives what came.
fn send(two: &Two, count: usize) -> Vec<(Duration, usize)> {
    let receiver = open(two, &two.b, at(B, 53));
    let sender = open(two, &two.a, at(A, 53));
    let to = Address::Udp(at(B, 53));
    for number in 0..count {
        sender.send(number.to_string().as_bytes(), &to).unwrap();
        two.pass(ms(1));
    }
    two.pass(ms(1000));
    for port in [receiver, sender] {
        drop(port.stop_listening());
    }
    let number = |text: String| text.split(' ').next().unwrap().parse().unwrap();
    let came = two.notes.take();
    came.into_iter()
        .map(|(at, text)| (at, number(text)))
        .collect()
}

#[test]
fn they_arrive_from_the_address_of_their_host() {
    let two = Two::new();
    let _receiver = open(&two, &two.b, "0.0.0.0:53".parse().unwrap());
    let sender = open(&two, &two.a, "0.0.0.0:1000".parse().unwrap());
    sender.send(b"hello", &Address::Udp(at(B, 53))).unwrap();
    // For nobody, and for no host: nobody is told, as the socket is not connected.
    sender.send(b"hello", &Address::Udp(at(B, 54))).unwrap();
    sender
        .send(b"hello", &Address::Udp(at([10, 9, 9, 9], 53)))
        .unwrap();
    two.pass(ms(1000));
    assert_eq!(two.notes.text(), "10: hello from 10.0.0.1:1000");
}

#[test]
fn a_broadcast_reaches_every_host() {
    let two = Two::new();
    let c = two.world.host("c", [C]);
    let any = "0.0.0.0:53".parse().unwrap();
    let ports = [&two.a, &two.b, &c].map(|reactor| open(&two, reactor, any));
    ports[0]
        .set_option(DatagramOption::Broadcast(true))
        .unwrap();
    let all = Address::Udp("255.255.255.255:53".parse().unwrap());
    ports[0].send(b"all", &all).unwrap();
    two.pass(ms(1000));
    let times: Vec<_> = two.notes.take().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [Duration::from_micros(10), ms(1), ms(10)]);
}

#[test]
fn a_group_has_members_on_every_host() {
    let two = Two::new();
    let any = "0.0.0.0:53".parse().unwrap();
    let group = IpAddr::from([239, 255, 7, 7]);
    let ports = [&two.a, &two.b].map(|reactor| {
        let port = open(&two, reactor, any);
        let join = DatagramOption::Join(group, MulticastInterface::Any);
        port.set_option(join).unwrap();
        port
    });
    let all = Address::Udp(SocketAddr::new(group, 53));
    ports[0].send(b"all", &all).unwrap();
    two.pass(ms(100));
    assert_eq!(
        two.notes.text(),
        "0: all from 10.0.0.1:53, 10: all from 10.0.0.1:53"
    );
    // Without the loop, only the others get it.
    let no_loop = DatagramOption::MulticastLoop(false);
    ports[0].set_option(no_loop).unwrap();
    ports[0].send(b"all", &all).unwrap();
    two.pass(ms(100));
    assert_eq!(two.notes.text(), "110: all from 10.0.0.1:53");
}

#[test]
fn some_are_lost() {
    let two = Two::new();
    two.world.link("a", "b").loss(0.5);
    let came = send(&two, 200).len();
    assert!((70..130).contains(&came), "{came}");
    two.world.link("a", "b").loss(1.0);
    assert_eq!(send(&two, 10), []);
}

#[test]
fn some_come_twice() {
    let two = Two::new();
    two.world.link("a", "b").duplication(0.5);
    let came = send(&two, 200).len();
    assert!((270..330).contains(&came), "{came}");
}

#[test]
fn some_overtake_others_and_none_is_lost() {
    let two = Two::new();
    let in_order = send(&two, 50);
    assert!(in_order.is_sorted() && in_order.iter().map(|(_, number)| number).is_sorted());
    two.world.link("a", "b").reordering(0.3);
    let mut came: Vec<_> = send(&two, 50)
        .into_iter()
        .map(|(_, number)| number)
        .collect();
    assert!(!came.is_sorted());
    came.sort_unstable();
    assert_eq!(came, (0..50).collect::<Vec<_>>());
}

#[test]
fn jitter_alone_lets_none_overtake() {
    let two = Two::new();
    two.world.link("a", "b").jitter(ms(30));
    let came = send(&two, 50);
    assert!(came.iter().map(|(_, number)| number).is_sorted());
}

#[test]
fn a_full_queue_drops_them() {
    let two = Two::new();
    two.world.link("a", "b").bandwidth(1000).queue(300);
    let _receiver = open(&two, &two.b, at(B, 53));
    let sender = open(&two, &two.a, at(A, 53));
    for _ in 0..10 {
        // 100 bytes with their headers: a tenth of a second each.
        sender.send(&[b'x'; 72], &Address::Udp(at(B, 53))).unwrap();
    }
    two.pass(ms(5000));
    let times: Vec<_> = two.notes.take().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [110, 210, 310, 410].map(ms));
}

#[test]
fn none_gets_through_a_partition_or_to_a_crashed_host() {
    let two = Two::new();
    two.world.partition("a", "b");
    assert_eq!(send(&two, 3), []);
    two.world.heal("a", "b");
    assert_eq!(send(&two, 3).len(), 3);
    let sender = open(&two, &two.a, at(A, 54));
    two.world.crash("b");
    sender.send(b"lost", &Address::Udp(at(B, 53))).unwrap();
    let b = two.world.restart("b");
    let _receiver = open(&two, &b, at(B, 53));
    two.pass(ms(100));
    assert_eq!(two.notes.text(), "");
}
