use super::*;
use crate::error::Cancelled;

// C13
#[test]
fn pauses_nest() {
    for fire_first in [true, false] {
        let (resolver, mut deferred) = Deferred::new();
        let mut resolver = Some(resolver);
        if fire_first {
            resolver.take().unwrap().callback(1);
        }
        let one = deferred.pause();
        let two = deferred.pause();
        let deferred = deferred.map(|n| n + 1);
        if let Some(resolver) = resolver {
            resolver.callback(1);
        }
        one.unpause();
        assert!(!deferred.is_fired());
        drop(two);
        assert_eq!(value_of(deferred), 2);
    }
}

// C13
#[test]
fn unpausing_before_the_result_lets_it_pass() {
    let (resolver, mut deferred) = Deferred::<u32>::new();
    deferred.pause().unpause();
    resolver.errback(Oops("a"));
    assert_eq!(error_of::<Oops>(deferred), Oops("a"));
}

// C13
#[test]
fn a_paused_inner_deferred_holds_the_outer() {
    let mut inner = Deferred::succeed(1);
    let pause = inner.pause();
    let outer = Deferred::succeed(())
        .add_callback(move |()| inner)
        .map(|n| n + 1);
    assert!(!outer.is_fired());
    pause.unpause();
    assert_eq!(value_of(outer), 2);
}

#[test]
fn a_cancel_goes_up_through_a_pause_and_comes_down_when_it_ends() {
    let (resolver, mut deferred) = Deferred::<u32>::new();
    let pause = deferred.pause();
    deferred.cancel();
    assert!(resolver.is_cancelled());
    assert!(!deferred.is_fired());
    pause.unpause();
    assert_eq!(error_of::<Cancelled>(deferred), Cancelled);
}

// C14
#[test]
fn a_failure_that_waits_at_a_pause_is_logged_when_nobody_can_take_it() {
    let (records, ()) = crate::testing::log_capture::capture(|| {
        let mut deferred = Deferred::<u32>::fail(Oops("held"));
        let pause = deferred.pause();
        drop(deferred);
        drop(pause);
    });
    assert_eq!(records.len(), 1);
    assert!(records[0].text.contains("oops held"));
}
