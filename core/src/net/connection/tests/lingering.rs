//! What becomes of a stream when its connection is over.

use super::*;

/// A stream that lingers.
fn lingering(wire: Wire) -> Bench {
    let (bench, told) = Bench::opened(wire, NO_FILTER);
    told.transport.lose_connection();
    bench.settle();
    assert_eq!(told.ending(), Some(Ending::Done));
    bench
}

fn pieces(count: usize) -> VecDeque<io::Result<Vec<u8>>> {
    (0..count).map(|_| Ok(b"x".to_vec())).collect()
}

#[test]
fn what_still_comes_is_dropped_some_in_each_turn_until_the_end() {
    let bench = lingering(Wire::default());
    assert_eq!(bench.wire.borrow().shutdowns, 1);
    bench.wire.borrow_mut().input = pieces(10);
    bench.wire.borrow_mut().reads = 0;
    bench.tell(Readiness::READABLE);
    assert_eq!(bench.wire.borrow().reads, 4, "others have their turn");
    bench.settle();
    assert_eq!(bench.wire.borrow().reads, 11);
    assert!(!bench.wire.borrow().is_closed);
    bench.comes(b"");
    let wire = bench.wire.borrow();
    assert!(wire.is_closed && !wire.was_reset);
}

#[test]
fn an_interrupted_read_does_not_end_the_lingering() {
    let bench = lingering(Wire::default());
    let interrupted = Err(io::ErrorKind::Interrupted.into());
    bench.wire.borrow_mut().input.push_back(interrupted);
    bench.comes(b"x");
    assert!(bench.wire.borrow().input.is_empty());
    assert!(!bench.wire.borrow().is_closed);
    let broken = Err(io::ErrorKind::ConnectionReset.into());
    bench.wire.borrow_mut().input.push_back(broken);
    bench.tell(Readiness::READABLE);
    assert!(bench.wire.borrow().is_closed);
}

#[test]
fn it_is_listed_and_takes_three_seconds_at_most() {
    let bench = lingering(Wire::default());
    bench.pass(Duration::from_millis(2900));
    let text = bench.reactor.pending().to_string();
    assert!(text.contains("a socket that lingers after its connection"));
    bench.pass(Duration::from_millis(200));
    assert!(bench.wire.borrow().is_closed);
    assert!(!bench.reactor.pending().to_string().contains("lingers"));
}

#[test]
fn one_that_was_closed_in_its_turn_is_not_read_any_more() {
    let bench = lingering(Wire::default());
    bench.wire.borrow_mut().input = pieces(6);
    bench.tell(Readiness::READABLE);
    assert_eq!(bench.wire.borrow().input.len(), 2);
    let core = bench.reactor.core().unwrap();
    let source = core.sources.borrow().get(bench.token).unwrap();
    source.shut_down(&core);
    bench.settle();
    assert_eq!(bench.wire.borrow().input.len(), 2);
    assert!(bench.wire.borrow().is_closed);
}

#[test]
fn a_stream_for_which_there_is_no_need_is_closed_at_once() {
    let wire = Wire {
        needs_no_lingering: true,
        ..Wire::default()
    };
    let bench = lingering(wire);
    let wire = bench.wire.borrow();
    assert!(wire.is_closed && wire.shutdowns == 0);
}

#[test]
fn a_stream_whose_peer_is_gone_is_closed_at_once() {
    let wire = Wire {
        shutdown_error: Some(io::ErrorKind::NotConnected),
        ..Wire::default()
    };
    assert!(lingering(wire).wire.borrow().is_closed);
}
