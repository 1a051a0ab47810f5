use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;
use std::time::Duration;

use super::World;
use crate::protocols::{FileSender, SendingStopped, Sent};
use crate::{Address, AlreadyRegistered, Cancelled, Deferred, Protocol, Result, Transport};

/// Keeps its transport for the test.
struct Keeping(Rc<RefCell<Option<Transport>>>);

impl Protocol for Keeping {
    fn connection_made(&mut self, transport: &Transport) {
        *self.0.borrow_mut() = Some(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn world() -> (World, Transport) {
    let kept: Rc<RefCell<Option<Transport>>> = Rc::default();
    let keeping = Rc::clone(&kept);
    let world = World::new(move |_: &Address| Keeping(Rc::clone(&keeping)));
    world.pass(Duration::from_secs(1));
    let transport = kept.borrow().clone().unwrap();
    (world, transport)
}

fn contents(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn a_file_is_sent_whole_and_its_last_byte_told() {
    // C108
    for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 500_000] {
        let (world, transport) = world();
        let file = contents(size);
        let sender = FileSender::new(Cursor::new(file.clone()));
        let sent = sender.begin(&transport).unwrap();
        let expected = Sent {
            bytes: size as u64,
            last: file.last().copied(),
        };
        assert_eq!(world.reactor.run_until(sent).unwrap(), expected);
        world.pass(Duration::from_secs(5));
        assert!(*world.received.borrow() == file, "{size}");
        // It is no producer any more.
        let again = FileSender::new(Cursor::new("again"));
        world
            .reactor
            .run_until(again.begin(&transport).unwrap())
            .unwrap();
    }
}

#[test]
fn no_more_than_a_chunk_waits_for_a_peer_that_does_not_read() {
    // C108
    let (world, transport) = world();
    world.peer.transport().pause_reading();
    let sender = FileSender::new(io::repeat(b'x').take(10_000_000));
    let sent = sender.begin(&transport).unwrap();
    world.pass(Duration::from_secs(10));
    assert!(transport.queued() <= 16 * 1024, "{}", transport.queued());
    world.peer.transport().resume_reading();
    assert_eq!(world.reactor.run_until(sent).unwrap().bytes, 10_000_000);
}

#[test]
fn each_chunk_may_be_changed_also_into_nothing() {
    // C108
    let (world, transport) = world();
    let mut count = 0;
    let sender = FileSender::new(Cursor::new(contents(50_000))).transform(move |chunk| {
        count += 1;
        match count {
            2 => chunk.clear(),
            _ => *chunk = format!("[{}]", chunk.len()).into_bytes(),
        }
    });
    let sent = world.reactor.run_until(sender.begin(&transport).unwrap());
    assert_eq!(sent.unwrap().last, Some(b']'));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.received(), "[16384][16384][848]");
}

/// The failure of sending, when something else happens meanwhile.
fn failure_when(
    happens: impl FnOnce(&World, &Transport, &Deferred<Sent>),
    reader: impl Read + 'static,
) -> crate::Failure {
    let (world, transport) = world();
    world.peer.transport().pause_reading();
    let sent = FileSender::new(reader).begin(&transport).unwrap();
    world.pass(Duration::from_secs(1));
    happens(&world, &transport, &sent);
    let failure = world.reactor.run_until(sent).unwrap_err();
    world.peer.transport().resume_reading();
    world.pass(Duration::from_secs(10));
    failure
}

#[test]
fn a_connection_that_ends_before_stops_it() {
    // C108
    let failure = failure_when(
        |_, transport, _| transport.abort_connection(),
        io::repeat(b'x').take(10_000_000),
    );
    let stopped = failure.check::<SendingStopped>().unwrap();
    assert!(stopped.bytes > 0 && stopped.bytes < 10_000_000);
}

#[test]
fn a_cancel_stops_it_and_the_connection_lives_on() {
    let failure = failure_when(
        |_, transport, sent| {
            sent.cancel();
            assert!(transport.is_open());
            let again = FileSender::new(io::empty()).begin(transport);
            assert!(again.is_ok(), "there is no producer any more");
        },
        io::repeat(b'x').take(10_000_000),
    );
    assert!(failure.check::<Cancelled>().is_some(), "{failure}");
}

/// Fails after some bytes.
struct Failing(u64);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.min(buffer.len() as u64);
        self.0 -= count;
        if count == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        Ok(count as usize)
    }
}

#[test]
fn an_error_of_reading_is_told() {
    let (world, transport) = world();
    let sent = FileSender::new(Failing(100_000)).begin(&transport).unwrap();
    let failure = world.reactor.run_until(sent).unwrap_err();
    assert_eq!(failure.to_string(), "the disk is gone");
    assert!(transport.is_open());
}

#[test]
fn a_transport_takes_one_at_a_time() {
    let (world, transport) = world();
    world.peer.transport().pause_reading();
    let first = FileSender::new(io::repeat(b'x').take(1_000_000))
        .begin(&transport)
        .unwrap();
    let second = FileSender::new(io::empty()).begin(&transport);
    assert_eq!(second.err(), Some(AlreadyRegistered));
    world.peer.transport().resume_reading();
    world.reactor.run_until(first).unwrap();
}
