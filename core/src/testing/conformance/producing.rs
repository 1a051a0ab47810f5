//! Producers, pushing and pulling.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::probe::Journal;
use super::{Ending, Event, Expect, Harness, Pair, QUIET, Script, Side, alone, pattern};
use crate::{AlreadyRegistered, Producer, ProducerKind, Transport};

/// What a producer can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Pause,
    Resume,
    Stop,
}

type Calls = Rc<RefCell<Vec<Call>>>;

/// A producer that writes down what it is asked, and on `Resume` does what it is given.
pub struct Recorder<F = fn(&Transport)> {
    calls: Calls,
    journal: Rc<Journal>,
    resume: F,
}

impl Recorder {
    pub fn new(calls: &Calls, journal: &Rc<Journal>) -> Self {
        Self::doing(calls, journal, |_| {})
    }
}

impl<F: FnMut(&Transport)> Recorder<F> {
    pub fn doing(calls: &Calls, journal: &Rc<Journal>, resume: F) -> Self {
        Self {
            calls: Rc::clone(calls),
            journal: Rc::clone(journal),
            resume,
        }
    }

    fn note(&self, call: Call) {
        self.calls.borrow_mut().push(call);
        self.journal.look();
    }
}

impl<F: FnMut(&Transport) + 'static> Producer for Recorder<F> {
    fn resume_producing(&mut self, consumer: &Transport) {
        alone(|| {
            (self.resume)(consumer);
            self.note(Call::Resume);
        });
    }

    fn pause_producing(&mut self, _: &Transport) {
        alone(|| self.note(Call::Pause));
    }

    fn stop_producing(&mut self, _: &Transport) {
        alone(|| self.note(Call::Stop));
    }
}

impl<F> std::fmt::Debug for Recorder<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.calls.fmt(f)
    }
}

fn paused() -> Script {
    Script::new().made(Transport::pause_reading)
}

/// Writes so many pieces of ten bytes, one each time it is asked, then unregisters.
fn pieces(count: usize) -> impl FnMut(&Transport) {
    let mut left = count;
    move |consumer| {
        left -= 1;
        consumer.write(&[left as u8; 10]);
        if left == 0 {
            consumer.unregister_producer();
        }
    }
}

fn all_pieces(count: usize) -> Vec<u8> {
    (0..count).rev().flat_map(|left| [left as u8; 10]).collect()
}

pub fn a_push_producer_is_paused_once_and_resumed_once(harness: &dyn Harness) -> Expect {
    // C98, C140
    let pair = Pair::open(harness, Script::new(), paused());
    let calls = Calls::default();
    let client = pair.client();
    let recorder = Recorder::new(&calls, &pair.journal);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Push),
        Ok(())
    );
    pair.settle();
    assert_eq!(*calls.borrow(), [], "it writes on its own");
    client.write(&vec![7; harness.flood()]);
    client.write(&vec![7; 100_000]);
    assert_eq!(*calls.borrow(), [], "not from inside the write");
    pair.settle();
    client.write(b"one more");
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Pause]);
    pair.server().resume_reading();
    pair.wait_received(Side::Server, harness.flood() + 100_008);
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Pause, Call::Resume]);
    QUIET
}

pub fn a_pull_producer_is_asked_once_for_each_drain(harness: &dyn Harness) -> Expect {
    // C99
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let recorder = Recorder::doing(&calls, &pair.journal, pieces(20));
    assert_eq!(
        pair.client()
            .register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    assert_eq!(*calls.borrow(), [], "not from inside the method");
    pair.wait_received(Side::Server, 200);
    pair.settle();
    assert_eq!(pair.received(Side::Server), all_pieces(20));
    assert_eq!(*calls.borrow(), [Call::Resume; 20]);
    QUIET
}

pub fn a_pull_producer_that_writes_nothing_is_left_alone(harness: &dyn Harness) -> Expect {
    // C99
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let client = pair.client();
    let recorder = Recorder::new(&calls, &pair.journal);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Resume]);
    // The connection has something to do, but not for the producer.
    client.pause_reading();
    client.resume_reading();
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Resume]);
    client.write(b"by somebody else");
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Resume; 2]);
    client.write(&[7; 40_000]);
    pair.wait_received(Side::Server, 40_016);
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Resume; 3]);
    client.unregister_producer();
    let again = Recorder::new(&calls, &pair.journal);
    assert_eq!(client.register_producer(again, ProducerKind::Pull), Ok(()));
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Resume; 4]);
    QUIET
}

pub fn a_second_producer_is_refused(harness: &dyn Harness) -> Expect {
    // C100
    let pair = Pair::open(harness, Script::new(), Script::new());
    let (first, second) = (Calls::default(), Calls::default());
    let client = pair.client();
    let recorder = Recorder::new(&first, &pair.journal);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Push),
        Ok(())
    );
    let recorder = Recorder::new(&second, &pair.journal);
    let refused = client.register_producer(recorder, ProducerKind::Pull);
    assert_eq!(refused, Err(AlreadyRegistered));
    client.abort_connection();
    pair.wait_lost();
    assert_eq!(
        (&**first.borrow(), &**second.borrow()),
        (&[Call::Stop][..], &[][..])
    );
    QUIET
}

pub fn a_producer_for_a_dead_transport_is_stopped(harness: &dyn Harness) -> Expect {
    // C100
    let pair = Pair::open(harness, Script::new(), Script::new());
    let (client, journal) = (pair.client(), Rc::clone(&pair.journal));
    client.abort_connection();
    let calls = Calls::default();
    let during = Recorder::new(&calls, &journal);
    // It has ended, though nobody was told yet; and later, when all is over.
    assert_eq!(client.register_producer(during, ProducerKind::Pull), Ok(()));
    pair.wait_lost();
    assert_eq!(*calls.borrow(), [Call::Stop]);
    let (late, inside) = (Recorder::new(&calls, &journal), Rc::clone(&calls));
    pair.reactor.call_soon(move || {
        alone(|| {
            assert_eq!(client.register_producer(late, ProducerKind::Push), Ok(()));
            assert_eq!(inside.borrow().len(), 1);
        });
    });
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Stop; 2]);
    QUIET
}

pub fn a_producer_is_stopped_once_when_the_connection_ends(harness: &dyn Harness) -> Expect {
    // C101
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let recorder = Recorder::new(&calls, &pair.journal);
    assert_eq!(
        pair.client()
            .register_producer(recorder, ProducerKind::Push),
        Ok(())
    );
    pair.server().abort_connection();
    pair.wait_lost();
    pair.client().unregister_producer();
    pair.settle();
    assert_eq!(*calls.borrow(), [Call::Stop]);
    QUIET
}

pub fn lose_waits_for_a_pull_producer(harness: &dyn Harness) -> Expect {
    // C80, C102, C141
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let client = pair.client();
    let recorder = Recorder::doing(&calls, &pair.journal, pieces(10));
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    client.lose_connection();
    pair.assert_both_done();
    assert_eq!(pair.received(Side::Server), all_pieces(10));
    assert_eq!(*calls.borrow(), [Call::Resume; 10]);
    QUIET
}

pub fn a_pull_producer_of_large_pieces_is_asked_again(harness: &dyn Harness) -> Expect {
    // C99: such a piece may go out at once, so that the queue is never anything but empty.
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let client = pair.client();
    let piece = pattern((harness.volume() / 10).clamp(10, 20_000));
    let (written, mut left) = (piece.clone(), 10);
    let write = move |consumer: &Transport| {
        left -= 1;
        consumer.write(&written);
        if left == 0 {
            consumer.unregister_producer();
        }
    };
    let recorder = Recorder::doing(&calls, &pair.journal, write);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    client.lose_connection();
    pair.assert_both_done();
    assert!(pair.received(Side::Server) == piece.repeat(10));
    assert_eq!(*calls.borrow(), [Call::Resume; 10]);
    QUIET
}

pub fn lose_waits_for_a_push_producer(harness: &dyn Harness) -> Expect {
    // C102, C141
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let client = pair.client();
    let recorder = Recorder::new(&calls, &pair.journal);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Push),
        Ok(())
    );
    client.lose_connection();
    pair.settle();
    assert_eq!(pair.journal.ending(Side::Client), None);
    let bytes = pattern(100_000);
    client.write(&bytes);
    client.unregister_producer();
    client.write(b"late");
    pair.assert_both_done();
    assert!(pair.received(Side::Server) == bytes);
    assert!(!calls.borrow().contains(&Call::Stop));
    QUIET
}

pub fn a_reset_ends_who_waits_for_a_producer(harness: &dyn Harness) -> Expect {
    // C102: nothing is read any more, and nothing written, so nothing else would tell.
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let recorder = Recorder::new(&calls, &pair.journal);
    let registered = pair
        .client()
        .register_producer(recorder, ProducerKind::Push);
    assert_eq!(registered, Ok(()));
    pair.client().lose_connection();
    pair.settle();
    assert_eq!(pair.journal.ending(Side::Client), None);
    pair.server().abort_connection();
    let (client, _) = pair.wait_lost();
    assert!(client.is_reset(), "{client:?}");
    assert_eq!(*calls.borrow(), [Call::Stop]);

    // Also when it had come before.
    let pair = Pair::open(harness, paused(), Script::new());
    let recorder = Recorder::new(&Calls::default(), &pair.journal);
    let registered = pair
        .client()
        .register_producer(recorder, ProducerKind::Push);
    assert_eq!(registered, Ok(()));
    pair.server().abort_connection();
    pair.settle();
    assert_eq!(pair.journal.ending(Side::Client), None);
    pair.client().lose_connection();
    let (client, _) = pair.wait_lost();
    assert!(client.is_reset(), "{client:?}");
    QUIET
}

pub fn half_a_close_waits_for_a_producer(harness: &dyn Harness) -> Expect {
    // C90, C102
    let server = Script::new().read_closed(|_| {});
    let pair = Pair::open(harness, Script::new(), server);
    let calls = Calls::default();
    let client = pair.client();
    let recorder = Recorder::doing(&calls, &pair.journal, pieces(10));
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    client.lose_write_connection();
    pair.wait(|journal| journal.has(Side::Server, &Event::ReadClosed));
    assert_eq!(pair.received(Side::Server), all_pieces(10));
    QUIET
}

pub fn a_producer_does_not_lengthen_the_linger(harness: &dyn Harness) -> Expect {
    // C136, R75
    if !harness.is_virtual() {
        return QUIET;
    }
    let pair = Pair::open(harness, Script::new(), paused());
    let calls = Calls::default();
    let (client, start) = (pair.client(), pair.reactor.now());
    let recorder = Recorder::new(&calls, &pair.journal);
    assert_eq!(
        client.register_producer(recorder, ProducerKind::Push),
        Ok(())
    );
    client.write(&vec![7; harness.flood()]);
    client.lose_connection();
    let ending = pair.wait_ending(Side::Client);
    assert!(
        matches!(ending, Ending::Lost(crate::Stage::Closing, _)),
        "{ending:?}"
    );
    assert!(pair.reactor.now() - start < Duration::from_secs(8));
    assert_eq!(*calls.borrow(), [Call::Pause, Call::Stop]);
    QUIET
}

pub fn a_producer_that_panics_ends_the_connection(harness: &dyn Harness) -> Expect {
    // C141
    let pair = Pair::open(harness, Script::new(), Script::new());
    let calls = Calls::default();
    let recorder = Recorder::doing(&calls, &pair.journal, |_| panic!("out of ideas"));
    assert_eq!(
        pair.client()
            .register_producer(recorder, ProducerKind::Pull),
        Ok(())
    );
    let (client, server) = pair.wait_lost();
    assert!(
        matches!(&client, Ending::Error(text) if text.contains("out of ideas")),
        "{client:?}"
    );
    pair.assert_reset(&server);
    assert_eq!(*calls.borrow(), []);
    Expect(&["a producer panicked"])
}

pub fn a_transport_is_a_producer(harness: &dyn Harness) -> Expect {
    // C140: an echo that reads no faster than it can write.
    let most = Rc::new(Cell::new(0));
    let seen = Rc::clone(&most);
    let server = Script::new()
        .made(|transport| {
            let registered = transport.register_producer(transport.clone(), ProducerKind::Push);
            assert_eq!(registered, Ok(()));
        })
        .data(move |transport, data| {
            transport.write(data);
            seen.set(seen.get().max(transport.queued()));
        })
        .read_closed(|transport| {
            transport.unregister_producer();
            transport.lose_connection();
        });
    let bytes = pattern(harness.flood());
    let pair = Pair::open(harness, paused(), server);
    pair.client().write(&bytes);
    pair.settle();
    pair.client().resume_reading();
    pair.client().lose_write_connection();
    pair.assert_both_done();
    assert!(pair.received(Side::Client) == bytes);
    // The mark, and what is read in a turn before the pause comes.
    assert!(
        most.get() <= 3 * 64 * 1024,
        "{} bytes were queued",
        most.get()
    );
    QUIET
}

pub fn a_close_does_not_wait_for_a_transport_as_producer(harness: &dyn Harness) -> Expect {
    // C102: an echo that does not know of its producer's end.
    let server = Script::new()
        .made(|transport| {
            let registered = transport.register_producer(transport.clone(), ProducerKind::Push);
            assert_eq!(registered, Ok(()));
        })
        .data(Transport::write)
        .read_closed(Transport::lose_connection);
    let bytes = pattern(harness.volume());
    let pair = Pair::open(harness, Script::new(), server);
    pair.client().write(&bytes);
    pair.client().lose_write_connection();
    pair.assert_both_done();
    assert!(pair.received(Side::Client) == bytes);
    QUIET
}
