//! Chains of callbacks.

use std::hint::black_box;

use torsade::{Deferred, Result};

const STAGES: u64 = 10;

pub(super) fn chains(times: u32) -> Result<()> {
    for _ in 0..times {
        let (resolver, deferred) = Deferred::new();
        let deferred = staged(deferred);
        resolver.callback(black_box(1));
        let _ = black_box(deferred.try_take());
    }
    Ok(())
}

pub(super) fn ready_chains(times: u32) -> Result<()> {
    for _ in 0..times {
        let _ = black_box(staged(Deferred::succeed(black_box(1))).try_take());
    }
    Ok(())
}

fn staged(mut deferred: Deferred<u64>) -> Deferred<u64> {
    for stage in 0..black_box(STAGES) {
        deferred = deferred.add_callback(move |number| Ok(number + stage));
    }
    deferred
}
