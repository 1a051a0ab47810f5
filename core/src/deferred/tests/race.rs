use super::deep::{WAITERS, on_a_small_stack};
use super::*;
use crate::error::{Cancelled, FailureGroup, NoDeferreds};
use crate::race;
use crate::testing::log_capture::capture;

// C26
#[test]
fn the_first_value_wins_with_its_index_and_the_others_are_cancelled() {
    let (mut resolvers, deferreds) = pairs(3);
    let first = race(deferreds);
    resolvers[1].take().unwrap().callback("won");
    assert_eq!(value_of(first), (1, "won"));
    assert!(resolvers[0].as_ref().unwrap().is_cancelled());
    assert!(resolvers[2].as_ref().unwrap().is_cancelled());
}

// C26
#[test]
fn the_losers_are_cancelled_before_the_winner_is_told() {
    let journal = Journal::default();
    let (cancels, tells) = (journal.clone(), journal.clone());
    let (_loser, lost) = Deferred::<u32>::with_canceller(move || cancels.note("cancelled"));
    let (winner, won) = Deferred::new();
    drop(race([lost, won]).map(move |won| tells.note(format!("{won:?}"))));
    winner.callback(5);
    assert_eq!(journal.take(), "cancelled (1, 5)");
}

// C26
#[test]
fn what_the_losers_say_is_ignored() {
    let (mut resolvers, mut deferreds) = pairs::<u32>(3);
    let (_stubborn, says_a_value) = Deferred::<u32>::new();
    deferreds.push(says_a_value.add_errback(|_| Ok(9)));
    let (_wordy, says_an_error) = Deferred::<u32>::new();
    deferreds.push(says_an_error.add_errback(|_| Err(Oops("loser").into())));
    let (records, won) = capture(|| {
        let first = race(deferreds);
        resolvers[0].take().unwrap().errback(Oops("early"));
        resolvers[2].take().unwrap().callback(2);
        resolvers[1].take().unwrap().errback(Oops("late"));
        value_of(first)
    });
    assert_eq!(won, (2, 2));
    assert!(records.is_empty(), "{records:?}");
}

// C26
#[test]
fn one_that_has_won_already_cancels_those_behind_it() {
    let (before, first) = Deferred::<u32>::new();
    let (behind, last) = Deferred::<u32>::new();
    let (records, won) = capture(|| {
        value_of(race([
            first,
            Deferred::succeed(1),
            last,
            Deferred::succeed(3),
        ]))
    });
    assert_eq!(won, (1, 1));
    assert!(before.is_cancelled());
    assert!(behind.is_cancelled());
    assert!(records.is_empty(), "{records:?}");
}

// C27
#[test]
fn when_all_fail_their_failures_come_in_the_order_given() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let first = race(deferreds);
    resolvers[2].take().unwrap().errback(Oops("c"));
    resolvers[0].take().unwrap().errback(Oops("a"));
    assert!(!first.is_fired());
    resolvers[1].take().unwrap().errback(Oops("b"));
    let group = error_of::<FailureGroup>(first);
    let text = group.to_string();
    assert_eq!(text, "all 3 Deferreds failed; oops a; oops b; oops c");
    let errors: Vec<_> = group
        .failures
        .into_iter()
        .map(|failure| failure.trap::<Oops>().unwrap().0)
        .collect();
    assert_eq!(errors, ["a", "b", "c"]);
}

// C27
#[test]
fn a_cancel_cancels_all_and_shows_as_just_that() {
    let (mut resolvers, deferreds) = pairs::<u32>(3);
    let (records, first) = capture(|| {
        let first = race(deferreds);
        resolvers[0].take().unwrap().errback(Oops("a"));
        first.cancel();
        first
    });
    assert!(records.is_empty(), "{records:?}");
    assert!(resolvers.iter().flatten().all(Resolver::is_cancelled));
    assert_eq!(error_of::<Cancelled>(first), Cancelled);
}

// C27, C16
#[test]
fn a_value_that_a_cancelled_one_gives_wins() {
    let (_resolver, deferred) = Deferred::<u32>::new();
    let (other, loses) = Deferred::<u32>::new();
    let first = race([loses, deferred.add_errback(|_| Ok(3))]);
    first.cancel();
    assert_eq!(value_of(first), (1, 3));
    assert!(other.is_cancelled());
}

// C27
#[test]
fn a_race_of_none_is_an_error_and_does_not_hang() {
    let none: [Deferred<u32>; 0] = [];
    assert_eq!(error_of::<NoDeferreds>(race(none)), NoDeferreds);
}

// R105
#[test]
fn many_runners_take_no_stack() {
    on_a_small_stack(|| {
        let (mut resolvers, deferreds) = pairs::<u32>(WAITERS as usize);
        let first = race(deferreds);
        resolvers.pop().flatten().unwrap().callback(7);
        assert!(resolvers.iter().flatten().all(Resolver::is_cancelled));
        assert_eq!(value_of(first), (WAITERS as usize - 1, 7));

        let (resolver, mut deferred) = Deferred::<u32>::new();
        for _ in 0..WAITERS {
            deferred = race([deferred]).map(|(_, value)| value);
        }
        resolver.callback(7);
        assert_eq!(value_of(deferred), 7);
    });
}
