//! How a connection writes.

use super::*;
use crate::error::WriteQueueFull;
use crate::net::write_queue::SLICES;
use crate::testing::log_capture::capture;

const LARGE: usize = 16 * 1024;

/// From this size on a piece is shared, and none goes into another.
const SHARED: usize = 4 * 1024;

/// Bytes of which no piece looks like its neighbour.
fn pattern(len: usize) -> Vec<u8> {
    crate::testing::conformance::pattern(len)
}

#[test]
fn a_large_piece_goes_out_at_once_and_a_smaller_one_later() {
    for (shares, has_filter) in [(false, false), (false, true), (true, false), (true, true)] {
        let filter = has_filter.then(Courteous::default);
        let (bench, told) = Bench::opened(Wire::default(), filter);
        let write = |len: usize| match shares {
            true => told.transport.write_bytes(pattern(len)),
            false => told.transport.write(&pattern(len)),
        };
        write(LARGE);
        assert_eq!(bench.wire.borrow().writes, 1);
        assert_eq!(told.transport.queued(), 0);
        write(LARGE - 1);
        assert_eq!(bench.wire.borrow().writes, 1);
        assert_eq!(told.transport.queued(), LARGE - 1);
        bench.settle();
        assert_eq!(bench.wire.borrow().writes, 2);
        assert_eq!(told.transport.queued(), 0);
    }
}

#[test]
fn what_is_written_too_late_is_dropped_with_a_word_in_the_log() {
    // C80
    let (_bench, told) = Bench::opened(full(), NO_FILTER);
    let too_late = |write: &dyn Fn()| {
        let (records, ()) = capture(write);
        let texts = records.iter().map(|record| record.text.as_str());
        texts.filter(|text| text.contains("too late")).count()
    };
    assert_eq!(too_late(&|| told.transport.write(b"in time")), 0);
    told.transport.lose_connection();
    assert_eq!(too_late(&|| told.transport.write(b"late")), 1);
    assert_eq!(told.transport.queued(), 7);
}

#[test]
fn what_a_large_piece_finds_no_room_for_waits_in_its_place() {
    for shares in [false, true] {
        for filter in [None, Some(Courteous::default())] {
            let wire = Wire {
                room: Some(20_000),
                ..Wire::default()
            };
            let (bench, told) = Bench::opened(wire, filter);
            let bytes = pattern(100_000);
            told.transport.write(&bytes[..10]);
            match shares {
                true => told.transport.write_bytes(bytes[10..90_000].to_vec()),
                false => told.transport.write(&bytes[10..90_000]),
            }
            told.transport.write(&bytes[90_000..]);
            bench.settle();
            assert_eq!(told.transport.queued(), 80_000);
            for _ in 0..8 {
                bench.takes(10_000);
            }
            assert_eq!(told.transport.queued(), 0);
            assert!(bench.written() == bytes);
        }
    }
}

#[test]
fn a_large_piece_goes_behind_any_number_of_others() {
    for count in SLICES - 2..=SLICES + 1 {
        let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
        let bytes = pattern(count * SHARED + LARGE);
        let (shared, large) = bytes.split_at(count * SHARED);
        for piece in shared.chunks(SHARED) {
            told.transport.write_bytes(piece.to_vec());
        }
        told.transport.write(large);
        bench.settle();
        assert!(bench.written() == bytes);
    }
}

#[test]
fn a_large_piece_waits_for_a_handshake() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    let filter = Courteous {
        waits_for_hello: true,
        ..Courteous::default()
    };
    drop(told.transport.start_filter(filter));
    told.transport.write(&pattern(LARGE));
    bench.settle();
    assert_eq!(bench.written(), b"");
    bench.comes(b"H");
    assert!(bench.written() == pattern(LARGE));
}

#[test]
fn an_interrupted_write_is_repeated_and_one_that_would_block_waits() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    bench.wire.borrow_mut().write_error = Some(io::ErrorKind::Interrupted);
    told.transport.write(b"one");
    bench.settle();
    assert_eq!(bench.written(), b"one");
    bench.wire.borrow_mut().write_error = Some(io::ErrorKind::WouldBlock);
    told.transport.write(b"two");
    bench.settle();
    let writes = bench.wire.borrow().writes;
    told.transport.write(&pattern(LARGE));
    bench.settle();
    assert_eq!(bench.wire.borrow().writes, writes, "the driver will tell");
    bench.tell(Readiness::WRITABLE);
    bench.settle();
    assert_eq!(bench.written().len(), 6 + LARGE);
    assert_eq!(told.ending(), None);
}

#[test]
fn after_a_write_that_took_less_the_driver_tells_when_there_is_room() {
    let wire = Wire {
        room: Some(5),
        ..Wire::default()
    };
    let (bench, told) = Bench::opened(wire, NO_FILTER);
    told.transport.write(b"0123456789");
    bench.settle();
    assert_eq!(bench.wire.borrow().writes, 1);
    bench.takes(5);
    assert_eq!(bench.wire.borrow().writes, 2);
    assert_eq!(bench.written(), b"0123456789");
}

#[test]
fn as_much_may_be_queued_as_is_allowed_and_not_a_byte_more() {
    for filter in [None, Some(Courteous::default())] {
        let (bench, told) = Bench::opened(full(), filter);
        told.transport.set_max_queued(Some(10));
        told.transport.write(b"0123456789");
        bench.settle();
        assert_eq!(told.ending(), None);
        told.transport.write(b"x");
        bench.settle();
        let full = WriteQueueFull { limit: 10 };
        assert_eq!(told.ending(), Some(Ending::Error(full.to_string())));
    }
}

#[test]
fn what_goes_through_filters_is_written_a_mebibyte_in_a_turn() {
    let (bench, told) = Bench::opened(full(), [Courteous::default()]);
    let bytes = pattern(3 * 1024 * 1024);
    told.transport.write_bytes(bytes.clone());
    bench.settle();
    assert_eq!(bench.written(), b"");
    bench.wire.borrow_mut().room = None;
    bench.tell(Readiness::WRITABLE);
    let core = bench.reactor.core().unwrap();
    for turn in 1..=3 {
        core.turn().unwrap();
        assert_eq!(bench.written().len(), turn * 1024 * 1024);
    }
    assert_eq!(told.transport.queued(), 0);
    // In pieces of 64 KiB. The first found no room, and goes with the second.
    assert_eq!(bench.wire.borrow().writes, 48);
    assert!(bench.written() == bytes);
}

#[test]
fn what_was_queued_before_a_filter_goes_out_without_it() {
    let (bench, told) = Bench::opened(full(), [Courteous::default()]);
    told.transport.write(b"before");
    assert_eq!(told.transport.filters(), 1);
    drop(told.transport.start_filter(Courteous::default()));
    assert_eq!(told.transport.filters(), 2);
    told.transport.write(b"after");
    bench.settle();
    assert_eq!(told.transport.queued(), 11);
    bench.takes(11);
    assert_eq!(bench.written(), b"beforeafter");
    told.transport.lose_connection();
    bench.takes(2);
    assert_eq!(bench.written(), b"beforeafterFF");
}
