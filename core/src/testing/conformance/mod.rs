//! What every stream transport has to do, as one suite of tests that runs over each kind.
//!
//! A [`Harness`] says how to come by a connection of its kind;
//! [`connection_conformance!`](crate::connection_conformance) makes a test of each behaviour.

pub mod closing;
pub mod ending;
pub mod failing;
pub mod filtering;
pub mod order;
mod pair;
pub mod pausing;
mod probe;
pub mod producing;
mod toy_filter;

pub use super::{Ending, Side};
pub use pair::Pair;
pub use probe::{Event, Probe, Script, alone, assert_nothing_nested};

use super::log_capture::capture;
use crate::endpoints::{ClientEndpoint, Established, ServerEndpoint, TcpClient, TcpServer};
use crate::{Address, Deferred, Reactor};

/// How to come by connections of one kind.
pub trait Harness {
    fn reactor(&self) -> Reactor;

    /// Whether time is virtual, so that waiting costs nothing.
    fn is_virtual(&self) -> bool {
        true
    }

    /// Whether closing takes an answer of the peer, as with TLS.
    fn has_farewell(&self) -> bool {
        false
    }

    /// A number of bytes that is much for this kind, but does not take it long.
    fn volume(&self) -> usize;

    /// More than all buffers on the way to a peer that does not read.
    fn flood(&self) -> usize;

    /// Whether a peer is told of an abort as such, and not of a mere end.
    fn has_reset(&self) -> bool {
        true
    }

    /// Where to listen.
    fn server(&self, reactor: &Reactor) -> ServerEndpoint {
        ServerEndpoint::Tcp(TcpServer::new(reactor, ([127, 0, 0, 1], 0).into()))
    }

    /// Connects to where the server listens.
    fn establish(&self, reactor: &Reactor, address: &Address) -> Deferred<Established> {
        let address = address.socket_addr().expect("a TCP address");
        TcpClient::new(reactor, address).establish()
    }
}

/// Runs one behaviour. What is logged as an error is one, unless the behaviour expects it.
pub fn run(harness: &dyn Harness, behaviour: fn(&dyn Harness) -> Expect) {
    let (records, expected) = capture(|| {
        let expected = behaviour(harness);
        assert_nothing_nested();
        expected
    });
    let mut errors = records
        .iter()
        .filter(|record| record.level == log::Level::Error)
        .map(|record| record.text.clone())
        .collect::<Vec<_>>();
    for text in expected.0 {
        match errors.iter().position(|error| error.contains(text)) {
            Some(index) => drop(errors.remove(index)),
            None => panic!("{text:?} was not logged; there are {errors:?}"),
        }
    }
    assert!(errors.is_empty(), "logged: {errors:?}");
}

/// What a behaviour expects to be logged as errors.
#[must_use]
#[derive(Debug)]
pub struct Expect(&'static [&'static str]);

/// Nothing is to be logged.
pub const QUIET: Expect = Expect(&[]);

/// `len` bytes of which no piece looks like its neighbour.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// Makes a test of each behaviour, over one [`Harness`](testing::conformance::Harness).
#[doc(hidden)]
#[macro_export]
macro_rules! connection_conformance {
    ($harness:expr) => {
        $crate::connection_conformance!(@each $harness;
            order made_then_data_then_lost_once;
            order addresses_name_both_ends;
            order small_writes_of_one_turn_arrive_together;
            order every_kind_of_write_keeps_its_place;
            order much_goes_both_ways_at_once;
            order a_protocol_is_reached_from_outside_until_it_is_gone;
            order opening_a_stream_inside_a_callback_calls_nobody_yet;
            order a_factory_that_builds_nothing_closes_the_connection;
            closing lose_sends_all_that_was_written_before;
            closing what_is_written_after_lose_is_dropped;
            closing nothing_is_received_after_lose;
            closing a_connection_may_be_lost_before_it_was_used;
            closing half_a_close_leaves_the_other_half_open;
            closing the_peers_end_closes_after_what_was_answered;
            closing half_a_close_twice_is_one_and_ends_writing;
            closing two_halves_make_a_whole_close;
            closing lose_after_half_a_close_ends_it;
            closing calls_after_the_end_are_harmless;
            closing a_peer_that_never_reads_does_not_keep_us;
            closing a_peer_that_talks_and_never_reads_does_not_keep_us;
            closing a_peer_that_never_closes_does_not_keep_us;
            closing a_slow_peer_gets_all_of_it;
            ending abort_drops_the_queue_and_resets_the_peer;
            ending abort_may_follow_lose_and_itself;
            ending abort_takes_a_reason;
            ending abort_while_receiving_delivers_no_more;
            ending abort_beside_queued_bytes_while_reading_on;
            ending a_reset_keeps_its_cause;
            ending a_reset_while_losing_is_no_clean_end;
            ending what_came_before_a_reset_is_received;
            ending a_reset_is_noticed_after_the_peers_end;
            ending more_queued_than_allowed_aborts;
            ending a_stopping_reactor_tells_both;
            pausing a_pause_when_made_keeps_all_back;
            pausing the_end_waits_for_resume;
            pausing a_reset_waits_for_resume;
            pausing a_paused_connection_can_be_lost;
            pausing a_paused_connection_can_be_aborted;
            pausing pausing_at_each_piece_loses_nothing;
            pausing pauses_do_not_nest;
            pausing resume_after_lose_delivers_nothing;
            pausing a_paused_reader_holds_its_peer_back;
            pausing a_write_that_fails_while_paused_stops_the_producer;
            producing a_push_producer_is_paused_once_and_resumed_once;
            producing a_pull_producer_is_asked_once_for_each_drain;
            producing a_pull_producer_that_writes_nothing_is_left_alone;
            producing a_second_producer_is_refused;
            producing a_producer_for_a_dead_transport_is_stopped;
            producing a_producer_is_stopped_once_when_the_connection_ends;
            producing lose_waits_for_a_pull_producer;
            producing a_pull_producer_of_large_pieces_is_asked_again;
            producing lose_waits_for_a_push_producer;
            producing a_reset_ends_who_waits_for_a_producer;
            producing half_a_close_waits_for_a_producer;
            producing a_producer_does_not_lengthen_the_linger;
            producing a_producer_that_panics_ends_the_connection;
            producing a_transport_is_a_producer;
            producing a_close_does_not_wait_for_a_transport_as_producer;
            failing an_error_from_data_received_ends_the_connection;
            failing a_panic_in_data_received_ends_the_connection;
            failing a_panic_in_connection_made_ends_both;
            failing a_panic_in_build_protocol_fails_connect;
            failing a_panic_in_read_closed_ends_the_connection;
            failing a_panic_in_write_closed_ends_the_connection;
            failing a_panic_in_connection_lost_is_logged;
            filtering a_filter_starts_in_mid_stream;
            filtering what_is_written_during_the_handshake_waits_for_it;
            filtering a_filter_stands_on_a_filter;
            filtering an_inner_filter_hears_what_came_with_the_outer_handshake;
            filtering held_bytes_refuse_a_filter;
            filtering bytes_beside_the_handshake_refuse_a_filter;
            filtering an_end_waits_for_held_bytes;
            filtering a_filter_that_fails_ends_the_connection_with_its_error;
            filtering a_filter_that_fails_at_once_fails_connect_with_its_error;
            filtering a_handshake_that_never_ends_times_out;
            filtering lose_in_a_handshake_ends_at_once;
            filtering half_a_close_in_a_handshake_waits_for_it;
            filtering a_stream_that_ends_in_a_handshake_fails_connect;
            filtering a_stream_cut_off_is_told_as_such;
            filtering an_outer_farewell_is_not_the_inner_one;
            filtering a_filter_after_the_peers_end_is_refused;
        );
    };
    (@each $harness:expr; $($group:ident $name:ident;)*) => {
        $(
            #[test]
            fn $name() {
                use $crate::testing::conformance;
                conformance::run(&$harness, conformance::$group::$name);
            }
        )*
    };
}
