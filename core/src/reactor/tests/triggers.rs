//! Shutdown triggers, phase by phase.

use super::{Journal, errors, ms, run_and_stop, simulated};
use crate::reactor::Phase;
use crate::task::defer_later;
use crate::testing::log_capture::capture;
use crate::{Deferred, Failure, ReactorError, Result};

#[test]
fn a_stop_returns_before_any_trigger_runs() {
    // C52
    let reactor = simulated();
    let journal = Journal::default();
    for phase in [Phase::After, Phase::During, Phase::Before] {
        let noted = journal.clone();
        reactor.on_shutdown(phase, move || noted.note(format!("{phase:?}")));
    }
    let (stop, noted) = (reactor.clone(), journal.clone());
    reactor.call_soon(move || {
        stop.stop().unwrap();
        noted.note("stopped");
    });
    reactor.run().unwrap();
    assert_eq!(journal.take(), "stopped Before During After");
}

#[test]
fn the_deferreds_of_all_before_triggers_are_waited_for() {
    // C53
    let reactor = simulated();
    let journal = Journal::default();
    let start = reactor.now();
    for (name, delay) in [("slow", 20), ("fast", 10)] {
        let (noted, later) = (journal.clone(), reactor.clone());
        reactor.on_shutdown(Phase::Before, move || {
            noted.note(name);
            defer_later(&later, ms(delay), move || {
                noted.note(format!("{name}'s end"));
            })
        });
    }
    let (_resolver, never) = Deferred::<()>::new();
    reactor.on_shutdown(Phase::During, move || never);
    reactor.on_shutdown(Phase::After, journal.noting("after"));
    run_and_stop(&reactor);
    assert_eq!(journal.take(), "slow fast fast's end slow's end after");
    assert_eq!(reactor.now() - start, ms(20));
}

#[test]
fn a_trigger_that_fails_is_logged_and_the_others_run_once() {
    // C54
    let reactor = simulated();
    let journal = Journal::default();
    let later = reactor.clone();
    reactor.on_shutdown(Phase::Before, || -> Result<()> { panic!("first") });
    reactor.on_shutdown(Phase::Before, || Err(Failure::from(std::fmt::Error)));
    reactor.on_shutdown(Phase::Before, move || {
        defer_later(&later, ms(1), || Err(Failure::from(ReactorError::Gone)))
    });
    reactor.on_shutdown(Phase::Before, journal.noting("before"));
    reactor.on_shutdown(Phase::During, || -> Result<()> { panic!("second") });
    reactor.on_shutdown(Phase::During, journal.noting("during"));
    let (records, ()) = capture(|| run_and_stop(&reactor));
    drop(reactor);
    assert_eq!(journal.take(), "before during");
    assert_eq!(errors(&records).len(), 4, "{records:?}");
}

#[test]
fn a_trigger_can_be_taken_back_once() {
    // C54
    let reactor = simulated();
    let journal = Journal::default();
    let id = reactor.on_shutdown(Phase::Before, journal.noting("taken back"));
    let by_trigger = reactor.on_shutdown(Phase::During, journal.noting("also"));
    let handle = reactor.clone();
    reactor.on_shutdown(Phase::Before, move || {
        assert!(handle.remove_shutdown_trigger(by_trigger));
    });
    assert!(reactor.remove_shutdown_trigger(id));
    assert!(!reactor.remove_shutdown_trigger(id));
    assert!(!reactor.remove_shutdown_trigger(Default::default()));
    let (records, ()) = capture(|| run_and_stop(&reactor));
    assert!(errors(&records).is_empty());
    assert_eq!(journal.take(), "");
}

#[test]
fn a_trigger_that_is_added_while_others_are_waited_for_runs_as_well() {
    // C53
    let reactor = simulated();
    let journal = Journal::default();
    let (later, noted) = (reactor.clone(), journal.clone());
    reactor.on_shutdown(Phase::Before, move || {
        let adds = later.clone();
        defer_later(&later, ms(5), move || {
            let (later, late) = (adds.clone(), noted.clone());
            adds.on_shutdown(Phase::Before, move || {
                late.note("added");
                defer_later(&later, ms(5), move || late.note("added one's end"))
            });
            adds.on_shutdown(Phase::During, noted.noting("during"));
            noted.note("first's end");
        })
    });
    run_and_stop(&reactor);
    assert_eq!(journal.take(), "first's end added added one's end during");
}

#[test]
fn a_shutdown_that_can_never_finish_ends_all_the_same() {
    // C53
    let reactor = simulated();
    let journal = Journal::default();
    let (_resolver, never) = Deferred::<()>::new();
    reactor.on_shutdown(Phase::Before, move || never);
    reactor.on_shutdown(Phase::After, journal.noting("after"));
    let stop = reactor.clone();
    reactor.call_soon(move || stop.stop().unwrap());
    let failure = reactor.run().unwrap_err();
    assert!(failure.to_string().contains("nothing can ever happen"));
    assert_eq!(journal.take(), "after");
    assert!(reactor.has_stopped());
}
