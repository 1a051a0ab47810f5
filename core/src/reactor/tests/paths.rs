//! The path of a failure reads like a stack trace, whatever it came through.

use super::simulated;
use crate::deferred::gather;
use crate::task::defer_later;
use crate::{Deferred, Failure, Reactor, Result};

/// The steps of a failure's path, as they are written: each is a place in this file, and this many
/// lines behind `start`.
#[track_caller]
fn assert_path(failure: &Failure, start: u32, steps: &[(&str, u32)]) {
    let text = format!("{failure:?}");
    let written: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().split_once(" at "))
        .collect();
    let expected: Vec<_> = steps
        .iter()
        .map(|(step, line)| (*step, format!("{}:{}", file!(), start + line)))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(step, at)| (*step, &**at)).collect();
    assert_eq!(written, expected, "{text}");
}

#[test]
fn through_threads_and_callbacks() {
    let reactor = Reactor::new().unwrap();
    let start = line!();
    let job = || -> Result<u32> { Err(std::fmt::Error.into()) };
    let answer = reactor.defer_to_thread(job);
    let more = answer.map(|one| one + 1);
    let most = more.add_errback(|failure| -> Result<u32> { Err(failure) });
    let failure = reactor.run_until(most).unwrap_err();
    let steps = [("raised", 1), ("made", 2), ("passed", 3), ("passed", 4)];
    assert_path(&failure, start, &steps);
}

#[test]
fn through_awaits_and_gathers() {
    let reactor = simulated();
    let start = line!();
    let inner = async || -> Result<u32> {
        Deferred::fail(std::fmt::Error).await?;
        Ok(1)
    };
    let first = reactor.spawn(inner());
    let both = gather([first, Deferred::succeed(2)]);
    let outer = reactor.spawn(async move {
        let both = both.await?;
        Ok(both.len())
    });
    let failure = reactor.run_until(outer).unwrap_err();
    let steps = [
        ("raised", 2),
        ("made", 2),
        ("awaited", 2),
        ("passed", 5),
        ("made", 6),
        ("awaited", 8),
        ("passed", 7),
    ];
    assert_path(&failure, start, &steps);
}

#[test]
fn through_time() {
    let reactor = simulated();
    let start = line!();
    let fail = || -> Result<()> { Err(std::fmt::Error.into()) };
    let later = defer_later(&reactor, super::ms(5), fail);
    let failure = reactor.run_until(later).unwrap_err();
    assert_path(&failure, start, &[("raised", 1), ("passed", 2)]);
}
