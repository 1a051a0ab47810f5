//! How a connection ends.

use super::*;
use crate::error::Cancelled;
use crate::{Failure, Protocol, Stage};

const BROKEN: Option<io::ErrorKind> = Some(io::ErrorKind::BrokenPipe);

/// A write has failed, and there is nothing to read.
fn with_failed_write() -> (Bench, Told) {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    bench.wire.borrow_mut().write_error = BROKEN;
    told.transport.write(b"x");
    bench.settle();
    (bench, told)
}

#[test]
fn a_write_that_fails_is_told_after_what_can_be_read() {
    // C93
    let (bench, told) = with_failed_write();
    assert_eq!(told.ending(), None);
    bench.comes(b"why");
    assert_eq!(told.ending(), None);
    bench.comes(b"");
    assert_eq!(told.probe.data(), b"why");
    let lost = Ending::Lost(Stage::Writing, io::ErrorKind::BrokenPipe);
    assert_eq!(told.ending(), Some(lost));
}

#[test]
fn a_write_that_fails_is_told_after_a_while_if_nothing_can_be_read() {
    let (bench, told) = with_failed_write();
    bench.pass(Duration::from_millis(2900));
    assert_eq!(told.ending(), None);
    bench.pass(Duration::from_millis(200));
    let lost = Ending::Lost(Stage::Writing, io::ErrorKind::BrokenPipe);
    assert_eq!(told.ending(), Some(lost));
    assert!(bench.wire.borrow().was_reset);
}

#[test]
fn a_write_that_fails_is_not_told_to_one_who_is_paused() {
    for is_paused_before in [true, false] {
        let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
        if is_paused_before {
            told.transport.pause_reading();
        }
        bench.wire.borrow_mut().write_error = BROKEN;
        told.transport.write(b"x");
        bench.pass(Duration::from_secs(1));
        told.transport.pause_reading();
        bench.pass(Duration::from_secs(60));
        assert_eq!(told.ending(), None);
        bench.comes(b"why");
        told.transport.resume_reading();
        bench.pass(Duration::from_secs(60));
        assert_eq!(told.probe.data(), b"why");
        let lost = Ending::Lost(Stage::Writing, io::ErrorKind::BrokenPipe);
        assert_eq!(told.ending(), Some(lost));
    }
}

#[test]
fn one_who_resumes_after_a_failed_write_has_three_seconds_to_read_why() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    told.transport.pause_reading();
    bench.wire.borrow_mut().write_error = BROKEN;
    told.transport.write(b"x");
    bench.pass(Duration::from_secs(2));
    told.transport.resume_reading();
    bench.pass(Duration::from_millis(2900));
    assert_eq!(told.ending(), None);
    bench.pass(Duration::from_millis(200));
    assert!(told.ending().is_some());
}

/// Builds nothing.
struct Refuses;

impl Factory for Refuses {
    type Protocol = AccumulatingProtocol;

    fn build_protocol(&mut self, _: &Address) -> Option<AccumulatingProtocol> {
        None
    }
}

#[test]
fn filters_say_farewell_to_who_gets_no_protocol() {
    let (bench, opened) = Bench::open(Wire::default(), [Courteous::default()], Refuses);
    assert!(bench.reactor.run_until(opened).is_err());
    assert_eq!(bench.written(), b"F");
    assert!(!bench.wire.borrow().was_reset);
    assert_eq!(bench.wire.borrow().shutdowns, 1, "a reset would destroy it");
}

#[test]
fn a_reactor_that_ends_sends_what_is_written_and_the_farewells() {
    for loses in [false, true] {
        for filter in [None, Some(Courteous::default())] {
            let has_filter = filter.is_some();
            let (bench, told) = Bench::opened(Wire::default(), filter);
            told.transport.write(b"bye");
            if loses {
                told.transport.lose_connection();
            }
            drop(bench.reactor);
            let expected: &[u8] = if has_filter { b"byeF" } else { b"bye" };
            assert_eq!(bench.wire.borrow().written, expected);
            let lost = Ending::Lost(Stage::ShuttingDown, io::ErrorKind::ConnectionAborted);
            assert_eq!(told.ending(), Some(lost));
        }
    }
}

#[test]
fn a_reactor_that_ends_says_no_farewell_in_a_handshake() {
    let filter = Courteous {
        waits_for_hello: true,
        ..Courteous::default()
    };
    let probe = AccumulatingProtocol::new();
    let (bench, opened) = Bench::open(Wire::default(), [filter], move |_: &Address| probe.clone());
    bench.settle();
    drop(bench.reactor);
    assert!(bench.wire.borrow().is_closed);
    assert_eq!(bench.wire.borrow().written, b"");
    assert!(matches!(opened.try_take(), Ok(Err(_))));
}

/// Cancels what waits for its connection as soon as that is made.
struct Regretful {
    wait: Rc<RefCell<Option<crate::Canceller>>>,
    probe: AccumulatingProtocol,
}

impl Protocol for Regretful {
    fn connection_made(&mut self, _: &Transport) {
        self.wait.borrow().as_ref().unwrap().cancel();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.probe.connection_lost(reason);
    }
}

#[test]
fn one_that_is_cancelled_while_it_is_made_is_aborted() {
    let probe = AccumulatingProtocol::new();
    let told = probe.clone();
    let wait = Rc::new(RefCell::new(None));
    let cancels = Rc::clone(&wait);
    let (bench, opened) = Bench::open(Wire::default(), NO_FILTER, move |_: &Address| Regretful {
        wait: Rc::clone(&cancels),
        probe: probe.clone(),
    });
    wait.replace(Some(opened.canceller()));
    let failure = bench.reactor.run_until(opened).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    bench.settle();
    assert!(bench.wire.borrow().is_closed && bench.wire.borrow().was_reset);
    assert_eq!(told.ending(), Some(Ending::Error(Cancelled.to_string())));
}

#[test]
fn one_that_is_lost_is_not_connected() {
    let (bench, told) = Bench::opened(full(), NO_FILTER);
    assert!(told.transport.is_connected());
    told.transport.write(b"waits");
    bench.settle();
    told.transport.lose_connection();
    assert!(!told.transport.is_connected());
}

#[test]
fn one_has_input_when_the_driver_or_the_stream_says_so() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    assert!(!told.transport.has_input());
    bench.wire.borrow_mut().input.push_back(Ok(b"x".to_vec()));
    assert!(told.transport.has_input(), "the driver has not told yet");
    bench.wire.borrow_mut().input.clear();
    told.transport.pause_reading();
    bench.tell(Readiness::READABLE);
    assert!(told.transport.has_input(), "it was told, and not read");
    told.transport.resume_reading();
    bench.settle();
    assert!(!told.transport.has_input());
}
