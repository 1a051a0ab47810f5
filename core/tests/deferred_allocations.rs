//! What Deferreds allocate: it is what their speed stands on, so it is pinned.

use std::cell::Cell;
use std::rc::Rc;

use allocation_counter::AllocationInfo;
use torsade_core::deferred::set_debugging;
use torsade_core::{Deferred, Resolver, gather};

/// What `f` allocates, without the notes that debug builds take of Deferreds.
fn measure(f: impl FnOnce()) -> AllocationInfo {
    set_debugging(false);
    allocation_counter::measure(f)
}

/// A chain of so many stages, each with a closure that captures something.
fn chain(stages: u64) -> (Resolver<u64>, Deferred<u64>) {
    let (resolver, mut deferred) = Deferred::new();
    for stage in 0..stages {
        deferred = deferred.add_callback(move |n| Ok(n + stage));
    }
    (resolver, deferred)
}

#[test]
fn a_chain_allocates_once_a_stage_and_once_for_its_source() {
    for stages in [0, 1, 10, 1000] {
        let info = measure(|| {
            let (resolver, deferred) = chain(stages);
            resolver.callback(0);
            assert!(deferred.try_take().is_ok());
        });
        assert_eq!(info.count_total, stages + 1);
        assert_eq!(info.count_current, 0, "all is freed");
    }
}

#[test]
fn a_stage_is_freed_when_it_has_run() {
    let (resolver, deferred) = chain(1000);
    let info = measure(|| resolver.callback(0));
    assert_eq!(info.count_total, 0);
    // All but the last, which has the result, and the source, which the Deferred holds.
    assert_eq!(info.count_current, -999);
    drop(deferred);
}

#[test]
fn a_deferred_with_its_result_allocates_nothing() {
    let info = measure(|| {
        let deferred = Deferred::succeed(1)
            .add_callback(|n| Ok(n + 1))
            .add_callback(|n| Deferred::succeed(n + 1))
            .map(|n| n + 1);
        assert_eq!(deferred.try_take().unwrap().unwrap(), 4);
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_fired_deferred_that_a_callback_returns_allocates_nothing_more() {
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(|n: u64| Deferred::succeed(n + 1));
    let info = measure(|| resolver.callback(1));
    assert_eq!(info.count_total, 0);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 2);
}

#[test]
fn waiting_for_an_inner_deferred_allocates_nothing_more() {
    let (inner_resolver, inner) = Deferred::<u64>::new();
    let (resolver, deferred) = Deferred::new();
    let deferred = deferred.add_callback(move |()| inner);
    let info = measure(|| {
        resolver.callback(());
        inner_resolver.callback(2);
    });
    assert_eq!(info.count_total, 0);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 2);
}

#[test]
fn an_input_of_a_gather_that_has_its_result_leaves_no_more_than_its_value() {
    let (resolvers, inputs): (Vec<Resolver<u64>>, Vec<Deferred<u64>>) =
        (0..100).map(|_| Deferred::new()).unzip();
    let (last, waits) = Deferred::new();
    let gathered = gather(inputs.into_iter().chain([waits]));
    let resolvers = resolvers.into_iter();
    let info = measure(|| resolvers.for_each(|resolver| resolver.callback(1)));
    // The source and the stage of each input, and the row of the resolvers.
    assert_eq!(info.count_current, -201);
    last.callback(1);
    assert_eq!(gathered.try_take().unwrap().unwrap().len(), 101);
}

/// A loop whose rounds return the Deferred of the next; each puts its Resolver there.
fn round(next: Rc<Cell<Option<Resolver<bool>>>>) -> Deferred<u64> {
    let (resolver, deferred) = Deferred::new();
    next.set(Some(resolver));
    deferred.add_callback(move |goes_on| match goes_on {
        true => round(next),
        false => Deferred::succeed(7),
    })
}

// C11
#[test]
fn a_loop_whose_rounds_wait_keeps_nothing_of_the_rounds_before() {
    let next = Rc::new(Cell::new(None::<Resolver<bool>>));
    let deferred = round(next.clone());
    next.take().unwrap().callback(true);
    next.take().unwrap().callback(true);
    let info = measure(|| {
        for _ in 0..100 {
            next.take().unwrap().callback(true);
        }
    });
    assert_eq!(info.count_current, 0);
    next.take().unwrap().callback(false);
    assert_eq!(deferred.try_take().unwrap().unwrap(), 7);
}

#[test]
fn whatever_becomes_of_a_chain_nothing_is_left() {
    let info = measure(|| {
        let (resolver, deferred) = chain(100);
        drop(deferred);
        resolver.callback(1);

        let (resolver, deferred) = chain(100);
        drop(resolver);
        drop(deferred.add_errback(|_| Ok(0)));

        let (resolver, deferred) = chain(100);
        deferred.cancel();
        drop((resolver, deferred.add_errback(|_| Ok(0))));

        let (resolver, mut deferred) = chain(100);
        let pause = deferred.pause();
        drop(deferred);
        resolver.callback(1);
        drop(pause);

        let (resolver, deferred) = chain(100);
        let (outer_resolver, outer) = Deferred::new();
        let outer = outer.add_callback(move |()| deferred);
        let canceller = outer.canceller();
        outer_resolver.callback(());
        drop(outer);
        drop(resolver);
        canceller.cancel();
    });
    assert_eq!(info.count_current, 0);
}
