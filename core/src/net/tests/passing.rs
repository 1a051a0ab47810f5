//! Descriptors over UNIX sockets, and who is at the other end.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use crate::testing::Simulation;
use crate::{
    Address, ConnectionDone, Deferred, DescriptorOverrun, Failure, Protocol, ProtocolRef, Reactor,
    Resolver, Result, Transport,
};

/// Keeps what it gets, in order, and fires at its end.
struct Keeps {
    got: Rc<RefCell<Vec<Got>>>,
    claims: bool,
    /// It does not close when its peer has ended its direction.
    stays: bool,
    lost: Option<Resolver<Failure>>,
}

enum Got {
    Descriptor(File),
    Bytes(usize),
}

impl Protocol for Keeps {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.got.borrow_mut().push(Got::Bytes(data.len()));
        Ok(())
    }

    fn descriptor_received(&mut self, _: &Transport, descriptor: OwnedFd) {
        if self.claims {
            self.got
                .borrow_mut()
                .push(Got::Descriptor(descriptor.into()));
        }
    }

    fn read_closed(&mut self, transport: &Transport) {
        if !self.stays {
            transport.lose_connection();
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Some(lost) = self.lost.take() {
            let is_done = reason.check::<ConnectionDone>().is_some();
            let failure = match reason.check::<DescriptorOverrun>() {
                Some(overrun) => Failure::from(*overrun),
                None if is_done => ConnectionDone.into(),
                None => std::io::Error::other(format!("{reason:#}")).into(),
            };
            lost.callback(failure);
        }
    }
}

struct End {
    handle: ProtocolRef<Keeps>,
    got: Rc<RefCell<Vec<Got>>>,
    lost: Deferred<Failure>,
}

fn open_pair(reactor: &Reactor, claims: bool) -> [End; 2] {
    reactor.pair().unwrap().map(|stream| {
        let got = Rc::<RefCell<Vec<Got>>>::default();
        let (resolver, lost) = Deferred::new();
        let (kept, lost_by) = (Rc::clone(&got), RefCell::new(Some(resolver)));
        let opened = stream.open(move |_: &Address| Keeps {
            got: Rc::clone(&kept),
            claims,
            stays: false,
            lost: lost_by.take(),
        });
        let handle = reactor.run_until(opened).unwrap();
        End { handle, got, lost }
    })
}

fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

#[test]
fn a_descriptor_comes_before_the_bytes_it_was_sent_with() {
    // C184
    let reactor = Reactor::new().unwrap();
    let [sender, receiver] = open_pair(&reactor, true);
    let transport = sender.handle.transport();
    for text in ["one", "two", "three"] {
        transport.send_descriptor(file(text).into()).unwrap();
    }
    transport.write(b"with them");
    // What follows is not lost behind the short read that descriptors make.
    transport.write(&[7; 300_000]);
    transport.lose_connection();
    reactor.run_until(receiver.lost).unwrap();
    let got = receiver.got.take();
    let texts: Vec<String> = got
        .iter()
        .take(3)
        .map(|got| match got {
            Got::Descriptor(file) => {
                let mut text = String::new();
                (&*file).read_to_string(&mut text).unwrap();
                text
            }
            Got::Bytes(count) => panic!("{count} bytes came before the descriptors"),
        })
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    let bytes = got.iter().map(|got| match got {
        Got::Bytes(count) => *count,
        Got::Descriptor(_) => 0,
    });
    assert_eq!(bytes.sum::<usize>(), 300_009);
}

#[test]
fn more_than_one_message_carries_go_all_the_same() {
    let reactor = Reactor::new().unwrap();
    let [sender, receiver] = open_pair(&reactor, true);
    let transport = sender.handle.transport();
    for _ in 0..150 {
        transport.send_descriptor(file("x").into()).unwrap();
        transport.write(b"y");
    }
    // All of that is one write.
    reactor.iterate(Some(std::time::Duration::ZERO)).unwrap();
    transport.write(b"a second");
    reactor.iterate(Some(std::time::Duration::ZERO)).unwrap();
    transport.write(b"a third");
    transport.lose_connection();
    reactor.run_until(receiver.lost).unwrap();
    let got = receiver.got.take();
    let is_descriptor = |got: &&Got| matches!(got, Got::Descriptor(_));
    assert_eq!(got.iter().filter(is_descriptor).count(), 150);
}

#[test]
fn one_that_nobody_claims_is_closed() {
    // C184
    let reactor = Reactor::new().unwrap();
    let [sender, receiver] = open_pair(&reactor, false);
    let (mut reader, writer) = std::io::pipe().unwrap();
    sender
        .handle
        .transport()
        .send_descriptor(writer.into())
        .unwrap();
    sender.handle.transport().write(b"!");
    sender.handle.transport().lose_connection();
    reactor.run_until(receiver.lost).unwrap();
    // An end, only if no copy of the writing end is left.
    rustix::io::ioctl_fionbio(&reader, true).unwrap();
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
fn one_that_no_byte_follows_is_an_overrun() {
    // C184
    let reactor = Reactor::new().unwrap();
    let [sender, _receiver] = open_pair(&reactor, true);
    let transport = sender.handle.transport();
    transport.send_descriptor(file("never").into()).unwrap();
    transport.lose_connection();
    let reason = reactor.run_until(sender.lost).unwrap();
    assert!(reason.check::<DescriptorOverrun>().is_some(), "{reason:#}");
    let late = sender
        .handle
        .transport()
        .send_descriptor(file("late").into());
    assert!(late.unwrap_err().check::<ConnectionDone>().is_some());
}

#[test]
fn the_peer_is_known_to_the_system() {
    let reactor = Reactor::new().unwrap();
    let [one, _other] = open_pair(&reactor, true);
    let peer = one.handle.transport().peer_credentials().unwrap();
    assert_eq!(peer.process, Some(std::process::id()));
    assert_eq!(peer.user, rustix::process::getuid().as_raw());

    let world = Simulation::new().reactor();
    let [one, _other] = open_pair(&world, true);
    let unknown = one.handle.transport().peer_credentials().unwrap_err();
    let kind = unknown.check::<std::io::Error>().unwrap().kind();
    assert_eq!(kind, std::io::ErrorKind::Unsupported);
}

#[test]
fn one_that_waits_for_bytes_is_not_lost_when_the_peer_ends_its_direction() {
    // Then a write of nothing asks whether the peer still reads.
    let reactor = Reactor::new().unwrap();
    let [sender, receiver] = open_pair(&reactor, true);
    sender.handle.with(|keeps, _| keeps.stays = true).unwrap();
    let transport = sender.handle.transport();
    transport.send_descriptor(file("kept").into()).unwrap();
    receiver.handle.transport().lose_write_connection();
    for _ in 0..5 {
        reactor.iterate(Some(std::time::Duration::ZERO)).unwrap();
    }
    transport.write(b"!");
    transport.lose_connection();
    reactor.run_until(receiver.lost).unwrap();
    assert!(matches!(
        receiver.got.take()[..],
        [Got::Descriptor(_), Got::Bytes(1)]
    ));
}
