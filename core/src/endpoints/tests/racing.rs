//! Host names, and the race between their addresses.

use std::io;

use super::{
    GOOD, GOOD_V6, NAME, PORT, REFUSED, REFUSED_TOO, SILENT, SILENT_TOO, SILENT_V6, UNREACHABLE,
    World, at, ms,
};
use crate::endpoints::{ClientEndpoint, ConnectOptions, HostnameClient};
use crate::{
    AllAttemptsFailed, Cancelled, ConnectError, ConnectStage, ConnectTimedOut, Failure,
    LookupError, LookupVerdict,
};

/// Connects in a world where the name has these addresses; tells which won, and when.
#[track_caller]
fn winner(addresses: &[&str]) -> (String, u64) {
    let world = World::new(addresses);
    let won = world.reactor.run_until(world.client().establish()).unwrap();
    let result = (won.peer().to_string(), world.elapsed().as_millis() as u64);
    assert_eq!(world.reactor.delayed_calls(), 0);
    drop(won);
    world.assert_clean();
    result
}

fn by(address: &str, milliseconds: u64) -> (String, u64) {
    (at(address).to_string(), milliseconds)
}

/// What an attempt failed with.
fn kind(failure: &Failure) -> io::ErrorKind {
    failure.check::<ConnectError>().unwrap().error.kind()
}

/// What the system said.
fn said(failure: &Failure) -> String {
    failure.check::<ConnectError>().unwrap().error.to_string()
}

#[test]
fn an_address_that_answers_is_taken_at_once() {
    // C119, R104
    assert_eq!(winner(&[GOOD]), by(GOOD, 2));
    assert_eq!(winner(&[GOOD_V6, GOOD]), by(GOOD_V6, 2));
}

#[test]
fn a_silent_address_costs_the_attempt_delay() {
    // C119, R104
    assert_eq!(winner(&[SILENT, GOOD]), by(GOOD, 252));
    assert_eq!(winner(&[SILENT, SILENT_TOO, GOOD]), by(GOOD, 502));
    assert_eq!(winner(&[SILENT_V6, GOOD]), by(GOOD, 252));
}

#[test]
fn the_families_take_turns() {
    // C119, R104: the second attempt goes to the other family.
    assert_eq!(winner(&[SILENT, SILENT_TOO, GOOD_V6]), by(GOOD_V6, 252));
}

#[test]
fn a_failure_starts_the_next_attempt_at_once() {
    // C120, R104
    assert_eq!(winner(&[REFUSED, GOOD]), by(GOOD, 4));
    assert_eq!(winner(&[UNREACHABLE, GOOD]), by(GOOD, 4));
    assert_eq!(winner(&[REFUSED, UNREACHABLE, GOOD]), by(GOOD, 6));
    // Also beside an attempt that still waits, and then the delay counts from there.
    assert_eq!(winner(&[SILENT, REFUSED, GOOD]), by(GOOD, 254));
    assert_eq!(winner(&[REFUSED, SILENT, GOOD]), by(GOOD, 254));
}

#[test]
fn only_one_wins_when_two_are_connected_at_the_same_moment() {
    // C119, R104
    let world = World::new(&[GOOD_V6, GOOD]);
    let client = world.client().attempt_delay(ms(0));
    let won = world.reactor.run_until(client.establish()).unwrap();
    assert_eq!(won.peer().to_string(), at(GOOD_V6).to_string());
    assert_eq!(world.elapsed(), ms(2));
    drop(won);
    world.assert_clean();
}

#[test]
fn when_all_fail_all_failures_are_told_without_an_extra_wait() {
    // C120, R103, R104
    let world = World::new(&[REFUSED, UNREACHABLE, REFUSED_TOO]);
    let result = world.reactor.run_until(world.client().establish());
    let failed = result.unwrap_err().trap::<AllAttemptsFailed>().unwrap();
    assert_eq!(world.elapsed(), ms(6));
    assert_eq!((failed.host.as_str(), failed.port), (NAME, PORT));
    let attempts = failed.attempts.iter();
    let told = attempts.map(|(address, failure)| (*address, kind(failure)));
    let expected = [
        (at(REFUSED), io::ErrorKind::ConnectionRefused),
        (at(UNREACHABLE), io::ErrorKind::HostUnreachable),
        (at(REFUSED_TOO), io::ErrorKind::ConnectionRefused),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    world.assert_clean();
    // Each fact once: whom, where, and what the system said.
    let [refused, unreachable] = [0, 1].map(|number| said(&failed.attempts[number].1));
    assert_eq!(
        failed.to_string(),
        format!(
            "cannot connect to {NAME} at {}: {refused}, nor at {}: {unreachable}, nor at {}: {refused}",
            at(REFUSED),
            at(UNREACHABLE),
            at(REFUSED_TOO)
        )
    );
}

#[test]
fn no_address_is_tried_twice() {
    // R104
    let world = World::new(&[REFUSED, REFUSED]);
    let result = world.reactor.run_until(world.client().establish());
    let failed = result.unwrap_err().trap::<AllAttemptsFailed>().unwrap();
    assert_eq!(failed.attempts.len(), 1);
    assert_eq!(world.elapsed(), ms(2));
}

#[test]
fn names_that_do_not_exist_or_are_none_fail_through_the_deferred() {
    // C76, C121, R103
    let world = World::new(&[GOOD]);
    for (name, verdict) in [
        ("nobody.test", Some(LookupVerdict::NoSuchName)),
        ("b\u{fc}cher.test", None),
        ("", None),
        ("a..b", None),
    ] {
        let client = HostnameClient::new(&world.reactor, name, PORT);
        let result = world.reactor.run_until(client.establish());
        let error = result.unwrap_err().trap::<LookupError>().unwrap();
        assert_eq!(error.host, name);
        match verdict {
            Some(verdict) => assert_eq!(error.verdict, verdict),
            None => assert!(matches!(error.verdict, LookupVerdict::BadName(_))),
        }
    }
    world.assert_clean();
}

#[test]
fn literals_and_names_in_capitals_are_understood() {
    // R102
    for name in [GOOD, GOOD_V6, "[2001:db8::10]", "HOST.Test"] {
        let world = World::new(&[GOOD]);
        let client = HostnameClient::new(&world.reactor, name, PORT);
        drop(world.reactor.run_until(client.establish()).unwrap());
        assert_eq!(world.elapsed(), ms(2));
    }
}

#[test]
fn the_time_limit_covers_the_whole_race() {
    // C76, R103
    for addresses in [
        &[SILENT][..],
        &[SILENT, SILENT_TOO, REFUSED],
        &[REFUSED, SILENT],
    ] {
        let world = World::new(addresses);
        let result = world.reactor.run_until(world.client().establish());
        let timed_out = result.unwrap_err().trap::<ConnectTimedOut>().unwrap();
        assert_eq!(world.elapsed(), ms(30_000));
        assert_eq!(timed_out.after, ms(30_000));
        assert_eq!(timed_out.stage, ConnectStage::Tcp);
        assert_eq!(timed_out.peer, "host.test:80");
        world.assert_clean();
    }
}

#[test]
fn a_time_limit_beyond_the_clock_is_none() {
    // C62
    let world = World::new(&[SILENT, GOOD]);
    let client = world
        .client()
        .options(ConnectOptions::new().timeout(std::time::Duration::MAX));
    drop(world.reactor.run_until(client.establish()).unwrap());
    world.assert_clean();
}

#[test]
fn a_cancel_at_any_moment_ends_all_attempts() {
    // C117, C122, R107
    for addresses in [
        &[SILENT, GOOD][..],
        &[REFUSED, SILENT, GOOD_V6],
        &[GOOD, GOOD_V6],
    ] {
        for moment in [0, 1, 2, 3, 4, 5, 100, 249, 250, 251, 252, 253, 254, 260] {
            let world = World::new(addresses);
            match world.cancel_after(ms(moment), world.client().establish()) {
                Ok(connected) => {
                    assert!(world.elapsed() <= ms(moment));
                    drop(connected);
                    // The call that would have cancelled.
                    world.pass(ms(300));
                }
                Err(failure) => {
                    assert!(failure.check::<Cancelled>().is_some(), "{failure:?}");
                    assert_eq!(world.elapsed(), ms(moment));
                }
            }
            world.assert_clean();
        }
    }
}

#[test]
fn a_cancel_before_anything_happened_ends_it() {
    // C117
    let world = World::new(&[SILENT, GOOD]);
    let connecting = world.client().establish();
    assert_eq!(world.reactor.open_sources(), 3);
    connecting.cancel();
    let failure = connecting.try_take().unwrap().unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    assert_eq!(world.reactor.open_sources(), 2);
    world.assert_clean();
}

#[test]
fn a_stop_in_a_race_fails_it_and_starts_no_attempt() {
    // C57
    let world = World::new(&[SILENT, SILENT_TOO, GOOD]);
    let connecting = world.client().establish();
    let stop = world.reactor.clone();
    let _ = world
        .reactor
        .call_later(ms(300), move || stop.stop().unwrap());
    world.reactor.run().unwrap();
    let failure = connecting.try_take().unwrap().unwrap_err();
    let failed = failure.trap::<AllAttemptsFailed>().unwrap();
    assert_eq!(failed.attempts.len(), 3);
    assert_eq!(world.reactor.open_sources(), 0);
}
