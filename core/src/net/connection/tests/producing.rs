//! When producers are asked.

use super::*;
use crate::{Producer, ProducerKind};

/// Notes what it is asked, and writes so much when it is to go on.
struct Noting {
    asked: Rc<RefCell<Vec<&'static str>>>,
    writes: usize,
}

impl Producer for Noting {
    fn resume_producing(&mut self, consumer: &Transport) {
        self.asked.borrow_mut().push("resume");
        consumer.write(&vec![7; self.writes]);
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.asked.borrow_mut().push("pause");
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.asked.borrow_mut().push("stop");
    }
}

/// Has a close wait for it, and never unregisters.
struct Waiting;

impl Producer for Waiting {
    fn resume_producing(&mut self, _: &Transport) {}
    fn pause_producing(&mut self, _: &Transport) {}
    fn stop_producing(&mut self, _: &Transport) {}
}

pub(super) fn waiting() -> impl Producer {
    Waiting
}

type Asked = Rc<RefCell<Vec<&'static str>>>;

fn register(transport: &Transport, kind: ProducerKind, writes: usize) -> Asked {
    let asked = Asked::default();
    let producer = Noting {
        asked: Rc::clone(&asked),
        writes,
    };
    transport.register_producer(producer, kind).unwrap();
    asked
}

#[test]
fn a_push_producer_is_paused_above_64_kib_and_resumed_at_16_kib() {
    // C98
    let (bench, told) = Bench::opened(full(), NO_FILTER);
    let asked = register(&told.transport, ProducerKind::Push, 0);
    told.transport.write(&[1; 64 * 1024]);
    bench.settle();
    assert!(asked.borrow().is_empty());
    told.transport.write(b"x");
    bench.settle();
    assert_eq!(asked.take(), ["pause"]);
    bench.takes(48 * 1024);
    assert_eq!(told.transport.queued(), 16 * 1024 + 1);
    assert!(asked.borrow().is_empty());
    bench.takes(1);
    assert_eq!(asked.take(), ["resume"]);
    bench.takes(1024);
    assert!(asked.borrow().is_empty());
}

#[test]
fn a_pull_producer_is_asked_when_nothing_is_queued() {
    // C99
    let (bench, told) = Bench::opened(full(), NO_FILTER);
    told.transport.write(b"before");
    let asked = register(&told.transport, ProducerKind::Pull, 10);
    bench.takes(5);
    assert!(asked.borrow().is_empty());
    bench.takes(1);
    assert_eq!(asked.take(), ["resume"]);
    // Two pieces at most find room, and the third waits.
    bench.takes(25);
    assert_eq!(asked.take(), ["resume", "resume"]);
    assert_eq!(told.transport.queued(), 5);
}

#[test]
fn a_pull_producer_that_writes_nothing_is_asked_once() {
    // C99
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    let asked = register(&told.transport, ProducerKind::Pull, 0);
    bench.settle();
    assert_eq!(asked.take(), ["resume"]);
}

#[test]
fn a_producer_that_comes_after_the_end_of_writing_is_stopped() {
    // C100
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    told.transport.lose_write_connection();
    bench.settle();
    let asked = register(&told.transport, ProducerKind::Push, 0);
    bench.settle();
    assert_eq!(asked.take(), ["stop"]);
    assert_eq!(told.ending(), None, "it still reads");
}
