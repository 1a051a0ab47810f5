//! The server for TFTP, with files in a folder of the test.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tempfile::TempDir;
use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::testing::Simulation;
use torsade::{Address, Reactor, Result};

use super::tftp::{Folder, Message, Server};

/// A client: what came, and from where.
struct Client(Rc<RefCell<VecDeque<(Message, Address)>>>);

impl DatagramProtocol for Client {
    fn datagram_received(&mut self, _: &DatagramPort, data: &[u8], from: &Address) -> Result<()> {
        let message = Message::parse(data).unwrap();
        self.0.borrow_mut().push_back((message, from.clone()));
        Ok(())
    }
}

struct World {
    reactor: Reactor,
    folder: TempDir,
    server: Address,
    port: DatagramPort,
    came: Rc<RefCell<VecDeque<(Message, Address)>>>,
}

impl World {
    fn new() -> Self {
        let reactor = Simulation::new().reactor();
        let folder = tempfile::tempdir().unwrap();
        let address: SocketAddr = "127.0.0.1:69".parse().unwrap();
        let server = Server::new(Folder::new(&reactor, folder.path()));
        let options = DatagramOptions::new();
        reactor.listen_udp(address, server, &options).unwrap();
        let came = Rc::default();
        let client = Client(Rc::clone(&came));
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let port = reactor.listen_udp(anywhere, client, &options).unwrap();
        Self {
            reactor,
            folder,
            server: Address::Udp(address),
            port,
            came,
        }
    }

    fn say(&self, message: &Message, to: &Address) {
        self.port.send(&message.to_bytes(), to).unwrap();
    }

    /// The next message, which comes within a second.
    fn next(&self) -> Option<(Message, Address)> {
        self.reactor.advance(Duration::from_secs(1)).unwrap();
        self.came.borrow_mut().pop_front()
    }

    fn read(&self, name: &str, mode: &str) -> Option<(Message, Address)> {
        let (name, mode) = (name.to_owned(), mode.to_owned());
        self.say(&Message::Read { name, mode }, &self.server);
        self.next()
    }

    fn write(&self, name: &str, mode: &str) -> Option<(Message, Address)> {
        let (name, mode) = (name.to_owned(), mode.to_owned());
        self.say(&Message::Write { name, mode }, &self.server);
        self.next()
    }

    /// All of a file, whose every block is acknowledged.
    fn all_of(&self, name: &str, mode: &str) -> Vec<u8> {
        let mut all = Vec::new();
        let mut next = self.read(name, mode);
        for number in 1.. {
            let Some((Message::Data { block, data }, from)) = next else {
                panic!("{next:?}")
            };
            assert_eq!(block, number);
            all.extend_from_slice(&data);
            self.say(&Message::Ack { block }, &from);
            next = self.next();
            if data.len() < 512 {
                break;
            }
        }
        assert!(next.is_none(), "{next:?}");
        // The server's port and ours.
        assert_eq!(self.reactor.open_sources(), 2, "{}", self.reactor.pending());
        all
    }
}

#[test]
fn files_are_read_whatever_their_length() {
    let world = World::new();
    for length in [0, 1, 511, 512, 513, 20_000] {
        let content: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
        std::fs::write(world.folder.path().join("file"), &content).unwrap();
        assert_eq!(world.all_of("file", "octet"), content);
    }
    std::fs::write(world.folder.path().join("text"), "a\nb\rc").unwrap();
    assert_eq!(world.all_of("text", "NetASCII"), b"a\r\nb\r\0c");
}

#[test]
fn a_block_is_sent_three_times_and_then_given_up() {
    let world = World::new();
    std::fs::write(world.folder.path().join("file"), "hello").unwrap();
    let (first, _) = world.read("file", "octet").unwrap();
    assert!(world.next().is_none());
    world.reactor.advance(Duration::from_secs(7)).unwrap();
    let again: Vec<_> = world
        .came
        .take()
        .into_iter()
        .map(|(message, _)| message)
        .collect();
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|message| *message == first));
    assert_eq!(world.reactor.open_sources(), 3);
    world.reactor.advance(Duration::from_secs(10)).unwrap();
    assert!(world.came.borrow().is_empty());
    assert_eq!(
        world.reactor.open_sources(),
        2,
        "{}",
        world.reactor.pending()
    );
}

#[test]
fn files_are_written_and_are_there_when_they_are_whole() {
    let world = World::new();
    let (ack, session) = world.write("new", "octet").unwrap();
    assert_eq!(ack, Message::Ack { block: 0 });
    let file = world.folder.path().join("new");
    for (block, length) in [(1, 512), (1, 512), (2, 512), (3, 5)] {
        assert!(!file.exists());
        world.say(
            &Message::Data {
                block,
                data: vec![block as u8; length],
            },
            &session,
        );
        assert_eq!(world.next().unwrap().0, Message::Ack { block });
    }
    let written = std::fs::read(&file).unwrap();
    assert_eq!(written, [vec![1; 512], vec![2; 512], vec![3; 5]].concat());
    // The last answer may have been lost.
    world.say(
        &Message::Data {
            block: 3,
            data: vec![3; 5],
        },
        &session,
    );
    assert_eq!(world.next().unwrap().0, Message::Ack { block: 3 });
    world.reactor.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(
        world.reactor.open_sources(),
        2,
        "{}",
        world.reactor.pending()
    );

    let (_, session) = world.write("text", "netascii").unwrap();
    world.say(
        &Message::Data {
            block: 1,
            data: b"a\r\nb\r\0c\r".to_vec(),
        },
        &session,
    );
    world.next();
    assert_eq!(
        std::fs::read(world.folder.path().join("text")).unwrap(),
        b"a\nb\rc\r"
    );
}

#[test]
fn what_is_refused_is_told_and_why() {
    let world = World::new();
    std::fs::write(world.folder.path().join("old"), "hello").unwrap();
    let code = |answer: Option<(Message, Address)>| match answer {
        Some((Message::Error { code, .. }, _)) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(world.read("none", "octet")), 1);
    assert_eq!(code(world.read("../old", "octet")), 2);
    assert_eq!(code(world.read("/etc/passwd", "octet")), 2);
    assert_eq!(code(world.write("old", "octet")), 6);
    assert_eq!(code(world.read("old", "mail")), 4);
    world.say(&Message::Ack { block: 1 }, &world.server);
    assert_eq!(code(world.next()), 4);
    // A client that gives up.
    let (_, session) = world.write("new", "octet").unwrap();
    world.say(
        &Message::Error {
            code: 0,
            text: "no more".to_owned(),
        },
        &session,
    );
    assert!(world.next().is_none());
    assert_eq!(
        world.reactor.open_sources(),
        2,
        "{}",
        world.reactor.pending()
    );
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 1);
}
