//! Datagrams, over the system's sockets and in the simulated world.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::testing::Simulation;
use crate::testing::log_capture::capture;
use crate::{CannotListen, ConnectionDone, Deferred, Failure, Reactor, Resolver, UnixName};

type Notes = Rc<RefCell<Vec<String>>>;

/// Who waits for so many notes.
type Waits = Rc<RefCell<Option<(usize, Resolver<()>)>>>;

/// Notes what it is told, and fires when there are so many notes.
#[derive(Default)]
struct Noting {
    notes: Notes,
    waits: Waits,
    answers: bool,
    panics: bool,
}

impl Noting {
    fn note(&self, note: String) {
        self.notes.borrow_mut().push(note);
        let is_enough =
            |(count, _): &mut (usize, Resolver<()>)| self.notes.borrow().len() >= *count;
        let due = self.waits.borrow_mut().take_if(is_enough);
        if let Some((_, resolver)) = due {
            resolver.callback(());
        }
    }
}

impl DatagramProtocol for Noting {
    fn start_protocol(&mut self, port: &DatagramPort) {
        assert!(port.is_open());
        self.note("start".to_owned());
    }

    fn datagram_received(
        &mut self,
        port: &DatagramPort,
        data: &[u8],
        from: &Address,
    ) -> Result<()> {
        let text = String::from_utf8_lossy(data);
        let shown = if data.len() > 100 {
            format!("{} bytes", data.len())
        } else {
            text.into_owned()
        };
        self.note(shown);
        assert!(!self.panics, "no more of this");
        if self.answers {
            port.send(data, from)?;
        }
        match data {
            b"bad" => Err(std::fmt::Error.into()),
            _ => Ok(()),
        }
    }

    fn connection_refused(&mut self, _: &DatagramPort) {
        self.note("refused".to_owned());
    }

    fn stop_protocol(&mut self) {
        self.note("stop".to_owned());
    }
}

/// A port, and what its protocol noted.
struct Opened {
    port: DatagramPort,
    notes: Notes,
    waits: Waits,
}

impl Opened {
    fn new(listen: impl FnOnce(Noting) -> Result<DatagramPort>, protocol: Noting) -> Self {
        let (notes, waits) = (protocol.notes.clone(), protocol.waits.clone());
        Self {
            port: listen(protocol).unwrap(),
            notes,
            waits,
        }
    }

    fn udp(reactor: &Reactor, address: &str, protocol: Noting) -> Self {
        let address = address.parse().unwrap();
        Self::new(
            |it| reactor.listen_udp(address, it, &DatagramOptions::new()),
            protocol,
        )
    }

    /// Runs until it has so many notes, and takes them.
    fn wait(&self, reactor: &Reactor, count: usize) -> Vec<String> {
        if self.notes.borrow().len() < count {
            let (resolver, deferred) = Deferred::new();
            *self.waits.borrow_mut() = Some((count, resolver));
            let limited = deferred.add_timeout(reactor, Duration::from_secs(20));
            if let Err(failure) = reactor.run_until(limited) {
                panic!("{failure}: {:?}", self.notes);
            }
        }
        self.notes.take()
    }
}

fn worlds() -> [Reactor; 2] {
    [Reactor::new().unwrap(), Simulation::new().reactor()]
}

#[test]
fn each_datagram_is_given_once_and_whole_with_its_sender() {
    // C181, C182
    for reactor in worlds() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let answers = Noting {
                answers: true,
                ..Noting::default()
            };
            let server = Opened::udp(&reactor, address, answers);
            let client = Opened::udp(&reactor, address, Noting::default());
            assert_eq!(client.wait(&reactor, 1), ["start"]);
            for text in ["one", "two", "", "three"] {
                client
                    .port
                    .send(text.as_bytes(), server.port.host())
                    .unwrap();
            }
            client.port.send(&[7; 60_000], server.port.host()).unwrap();
            let told = ["start", "one", "two", "", "three", "60000 bytes"];
            assert_eq!(server.wait(&reactor, 6), told);
            assert_eq!(client.wait(&reactor, 5), told[1..]);
        }
    }
}

#[test]
fn a_port_stops_once_and_its_address_is_free_again() {
    // C181
    for reactor in worlds() {
        let first = Opened::udp(&reactor, "127.0.0.1:0", Noting::default());
        let address = first.port.socket_addr().unwrap();
        let refused = reactor.listen_udp(address, Noting::default(), &DatagramOptions::new());
        let failure = refused.unwrap_err();
        let error = failure.check::<CannotListen>().unwrap();
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(error.address, Address::Udp(address));

        let listed = reactor.pending().to_string();
        assert!(
            listed.contains("a port for datagrams on 127.0.0.1:"),
            "{listed}"
        );
        let stopped = [first.port.stop_listening(), first.port.stop_listening()];
        reactor
            .run_until(crate::gather(stopped.into_iter()))
            .unwrap();
        assert_eq!(first.notes.take(), ["start", "stop"]);
        assert!(!first.port.is_open());
        let late = first
            .port
            .send(b"late", &Address::Udp(address))
            .unwrap_err();
        assert!(late.check::<ConnectionDone>().is_some());

        let again = Opened::udp(&reactor, &address.to_string(), Noting::default());
        assert_eq!(again.port.host(), &Address::Udp(address));
        again.port.send(b"to itself", again.port.host()).unwrap();
        assert_eq!(again.wait(&reactor, 2), ["start", "to itself"]);
    }
}

#[test]
fn an_error_is_logged_and_the_port_lives_on() {
    // C182
    for panics in [false, true] {
        let (records, ()) = capture(|| {
            for reactor in worlds() {
                let protocol = Noting {
                    panics,
                    ..Noting::default()
                };
                let port = Opened::udp(&reactor, "127.0.0.1:0", protocol);
                port.port.send(b"bad", port.port.host()).unwrap();
                port.port.send(b"good", port.port.host()).unwrap();
                assert_eq!(port.wait(&reactor, 3), ["start", "bad", "good"]);
            }
        });
        let level = if panics {
            log::Level::Error
        } else {
            log::Level::Warn
        };
        let logged = records
            .iter()
            .filter(|record| record.level == level)
            .count();
        assert_eq!(logged, if panics { 4 } else { 2 });
    }
}

#[test]
fn what_cannot_be_sent_is_a_typed_error() {
    // C182
    for reactor in worlds() {
        let port = Opened::udp(&reactor, "127.0.0.1:0", Noting::default()).port;
        let too_long = port.send(&[0; 66_000], port.host()).unwrap_err();
        assert_eq!(too_long.check(), Some(&MessageTooLong { len: 66_000 }));
        let v6 = Address::Udp("[::1]:9".parse().unwrap());
        for address in [
            v6.clone(),
            Address::Tcp(([127, 0, 0, 1], 9).into()),
            Address::Unnamed,
        ] {
            let wrong = port.send(b"x", &address).unwrap_err();
            let host = port.host().clone();
            assert_eq!(wrong.check(), Some(&InvalidAddress { host, address }));
        }
        assert!(
            port.connect(&v6)
                .unwrap_err()
                .check::<InvalidAddress>()
                .is_some()
        );
        let nowhere = port.write(b"x").unwrap_err();
        assert_eq!(
            nowhere.check::<io::Error>().unwrap().kind(),
            io::ErrorKind::NotConnected
        );
    }
}

#[test]
fn only_a_connected_port_hears_that_its_peer_refuses() {
    // C182
    for reactor in worlds() {
        let gone = Opened::udp(&reactor, "127.0.0.1:0", Noting::default());
        let address = gone.port.host().clone();
        reactor.run_until(gone.port.stop_listening()).unwrap();

        let port = Opened::udp(&reactor, "127.0.0.1:0", Noting::default());
        port.port.send(b"is anybody there?", &address).unwrap();
        port.port.send(b"to itself", port.port.host()).unwrap();
        assert_eq!(port.wait(&reactor, 2), ["start", "to itself"]);

        port.port.connect(&address).unwrap();
        port.port.write(b"is anybody there?").unwrap();
        assert_eq!(port.wait(&reactor, 1), ["refused"]);
        // It may come into being.
        let host = address.socket_addr().unwrap().to_string();
        let server = Opened::udp(&reactor, &host, Noting::default());
        port.port.write(b"and now?").unwrap();
        assert_eq!(server.wait(&reactor, 2), ["start", "and now?"]);
    }
}

#[test]
fn a_connected_port_hears_nobody_else() {
    for reactor in worlds() {
        let [one, peer, other] = [(); 3].map(|()| {
            let port = Opened::udp(&reactor, "127.0.0.1:0", Noting::default());
            port.wait(&reactor, 1);
            port
        });
        one.port.connect(peer.port.host()).unwrap();
        other.port.send(b"psst", one.port.host()).unwrap();
        peer.port.send(b"hello", one.port.host()).unwrap();
        assert_eq!(one.wait(&reactor, 1), ["hello"]);
    }
}

#[test]
fn a_group_receives_what_is_sent_to_it_until_it_is_left() {
    let group = IpAddr::from([239, 255, 7, 7]);
    let interface = MulticastInterface::Address([127, 0, 0, 1].into());
    for reactor in worlds() {
        let options = DatagramOptions::new().reuse_address(true);
        let mut port = 0;
        let members = [(); 2].map(|()| {
            let address = SocketAddr::from(([0, 0, 0, 0], port));
            let listen = |it| reactor.listen_udp(address, it, &options);
            let member = Opened::new(listen, Noting::default());
            member
                .port
                .set_option(DatagramOption::Join(group, interface))
                .unwrap();
            port = member.port.host().port().unwrap();
            member
        });
        let sender = Opened::udp(&reactor, "127.0.0.1:0", Noting::default()).port;
        sender
            .set_option(DatagramOption::Outgoing(interface))
            .unwrap();
        sender
            .set_option(DatagramOption::MulticastTimeToLive(1))
            .unwrap();
        let to = Address::Udp(SocketAddr::new(group, port));
        sender.send(b"to all", &to).unwrap();
        for member in &members {
            assert_eq!(member.wait(&reactor, 2), ["start", "to all"]);
        }
        members[0]
            .port
            .set_option(DatagramOption::Leave(group, interface))
            .unwrap();
        sender.send(b"to the rest", &to).unwrap();
        assert_eq!(members[1].wait(&reactor, 1), ["to the rest"]);
        // The system's loopback interface brings back whatever is sent there.
        if reactor.poll_descriptor().is_none() {
            let quietly = DatagramOption::MulticastLoop(false);
            sender.set_option(quietly).unwrap();
            sender.send(b"not to this host", &to).unwrap();
        }
        let direct = Address::Udp(SocketAddr::from(([127, 0, 0, 1], port)));
        sender.send(b"direct", &direct).unwrap();
        let told = [members[0].notes.clone(), members[1].notes.clone()];
        let is_told = || {
            told.iter()
                .any(|notes| notes.borrow().contains(&"direct".to_owned()))
        };
        while !is_told() {
            reactor.iterate(Some(Duration::from_secs(1))).unwrap();
        }
        let all = [told[0].take(), told[1].take()].concat();
        assert_eq!(all, ["direct"]);
    }
}

#[test]
fn a_broadcast_has_to_be_allowed() {
    let everybody = Address::Udp("255.255.255.255:9".parse().unwrap());
    for reactor in worlds() {
        let port = Opened::udp(&reactor, "0.0.0.0:0", Noting::default()).port;
        let refused = port.send(b"x", &everybody).unwrap_err();
        let kind = refused.check::<io::Error>().unwrap().kind();
        assert_eq!(kind, io::ErrorKind::PermissionDenied);
        port.set_option(DatagramOption::Broadcast(true)).unwrap();
    }
    let world = Simulation::new().reactor();
    let receiver = Opened::udp(&world, "0.0.0.0:9", Noting::default());
    let sender = Opened::udp(&world, "0.0.0.0:0", Noting::default()).port;
    sender.set_option(DatagramOption::Broadcast(true)).unwrap();
    sender.send(b"to everybody", &everybody).unwrap();
    assert_eq!(receiver.wait(&world, 2), ["start", "to everybody"]);
}

#[test]
fn options_are_what_the_system_has() {
    let reactor = Reactor::new().unwrap();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let port = Opened::udp(&reactor, address, Noting::default()).port;
        for option in [
            DatagramOption::TimeToLive(9),
            DatagramOption::TypeOfService(0x10),
            DatagramOption::MulticastTimeToLive(3),
            DatagramOption::MulticastLoop(false),
            DatagramOption::Outgoing(MulticastInterface::Any),
            DatagramOption::SendBuffer(40_000),
            DatagramOption::ReceiveBuffer(40_000),
        ] {
            port.set_option(option).unwrap();
        }
        let wrong = match address {
            "[::1]:0" => MulticastInterface::Address([127, 0, 0, 1].into()),
            _ => MulticastInterface::Index(1),
        };
        assert!(port.set_option(DatagramOption::Outgoing(wrong)).is_err());
    }
}

#[test]
fn unix_sockets_send_datagrams_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let abstract_name = format!("torsade-datagrams-{}", std::process::id());
    let names: [UnixName; 2] = [
        path.as_path().into(),
        UnixName::Abstract(abstract_name.into_bytes()),
    ];
    for reactor in worlds() {
        for name in &names {
            let options = DatagramOptions::new();
            let listen = |name: UnixName| {
                let reactor = &reactor;
                let options = &options;
                move |it: Noting| reactor.listen_unix_datagrams(name, it, options)
            };
            let server = Opened::new(listen(name.clone()), Noting::default());
            let asker = Opened::new(listen(UnixName::Unnamed), Noting::default());
            asker
                .port
                .send(b"a question", &Address::Unix(name.clone()))
                .unwrap();
            asker.port.connect(server.port.host()).unwrap();
            asker.port.write(b"another").unwrap();
            assert_eq!(server.wait(&reactor, 3), ["start", "a question", "another"]);
            let unnamed = Address::Unix(UnixName::Unnamed);
            assert_eq!(asker.port.host(), &unnamed);
            assert!(server.port.send(b"x", &unnamed).is_err());
            reactor.run_until(server.port.stop_listening()).unwrap();
            assert!(!path.exists(), "its file goes with it");
            assert!(
                asker
                    .port
                    .send(b"gone", &Address::Unix(name.clone()))
                    .is_err()
            );
            reactor.run_until(asker.port.stop_listening()).unwrap();
        }
    }
}

#[test]
fn a_name_that_a_dead_socket_left_behind_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
    assert!(path.exists());
    let reactor = Reactor::new().unwrap();
    let options = DatagramOptions::new().mode(0o600);
    let listen = |it| reactor.listen_unix_datagrams(path.as_path(), it, &options);
    let port = Opened::new(listen, Noting::default());
    let again = reactor.listen_unix_datagrams(path.as_path(), Noting::default(), &options);
    let failure: Failure = again.unwrap_err();
    let kind = failure.check::<CannotListen>().unwrap().error.kind();
    assert_eq!(kind, io::ErrorKind::AddrInUse);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(port.port.is_open());
}

#[test]
fn a_unix_datagram_that_is_too_long_is_dropped_and_told() {
    let reactor = Reactor::new().unwrap();
    let (records, ()) = capture(|| {
        let name = format!("torsade-long-{}", std::process::id());
        let name = UnixName::Abstract(name.into_bytes());
        let options = DatagramOptions::new();
        let listen = |it| reactor.listen_unix_datagrams(name.clone(), it, &options);
        let port = Opened::new(listen, Noting::default());
        port.port.send(&[1; 70_000], port.port.host()).unwrap();
        port.port.send(b"short", port.port.host()).unwrap();
        assert_eq!(port.wait(&reactor, 2), ["start", "short"]);
    });
    assert!(
        records
            .iter()
            .any(|record| record.text.contains("and dropped"))
    );
}

#[test]
fn a_stopping_reactor_stops_its_ports() {
    let reactor = Reactor::new().unwrap();
    let port = Opened::udp(&reactor, "127.0.0.1:0", Noting::default());
    let stop = reactor.clone();
    reactor.call_soon(move || stop.stop().unwrap());
    reactor.run().unwrap();
    assert_eq!(port.notes.take(), ["start", "stop"]);
}

#[test]
fn many_that_come_at_once_are_given_in_order_and_leave_others_their_turn() {
    let world = Simulation::new().reactor();
    let port = Opened::udp(&world, "127.0.0.1:0", Noting::default());
    for number in 0..500 {
        port.port
            .send(format!("{number}").as_bytes(), port.port.host())
            .unwrap();
    }
    let notes = Rc::clone(&port.notes);
    while notes.borrow().len() < 2 {
        world.iterate(None).unwrap();
    }
    assert!(notes.borrow().len() < 200, "one turn gives a share");
    let told = port.wait(&world, 501);
    let expected: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(told[1..], expected);
}

#[test]
fn several_are_received_at_once_when_they_are_short() {
    // C182
    let (records, ()) = capture(|| {
        for reactor in worlds() {
            for (address, longest) in [("127.0.0.1:0", 100), ("[::1]:0", 1_400)] {
                let options = DatagramOptions::new().longest(longest);
                let address = address.parse().unwrap();
                let listen = |it| reactor.listen_udp(address, it, &options);
                let answers = Noting {
                    answers: true,
                    ..Noting::default()
                };
                let server = Opened::new(listen, answers);
                let client = Opened::udp(&reactor, &address.to_string(), Noting::default());
                for number in 0..150 {
                    let text = format!("{number}");
                    client
                        .port
                        .send(text.as_bytes(), server.port.host())
                        .unwrap();
                }
                let room = vec![b'x'; longest + 1];
                client.port.send(&room, server.port.host()).unwrap();
                client.port.send(&room[1..], server.port.host()).unwrap();
                let told = server.wait(&reactor, 152);
                let expected: Vec<String> = (0..150).map(|number| number.to_string()).collect();
                assert_eq!(told[1..151], expected);
                assert!(
                    told[151].len() == 100 || told[151] == "1400 bytes",
                    "{}",
                    told[151]
                );
                // Each was from the client, which has them back.
                assert_eq!(client.wait(&reactor, 152)[1..151], expected);
            }
        }
    });
    let dropped = records
        .iter()
        .filter(|record| record.text.contains("and dropped"));
    assert_eq!(dropped.count(), 4);
}
