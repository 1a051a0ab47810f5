//! A server that says nothing.

use std::time::Duration;

use super::{Cache, ended, result};
use crate::TimedOut;
use crate::protocols::memcache::{Ended, MemcacheProtocol};
use crate::testing::Simulation;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cache() -> Cache {
    let protocol = MemcacheProtocol::new().timeout(Some(secs(10)));
    Cache::with(Simulation::new(), protocol)
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    // C110
    let cache = cache();
    let (first, second) = (cache.client.get("a"), cache.client.get("b"));
    cache.world.pass(secs(9));
    assert!(!cache.world.is_over.get());
    cache.world.pass(secs(2));
    assert!(cache.world.is_over.get());
    for value in [first, second] {
        let Ended::TimedOut(TimedOut { after }) = ended(value) else {
            panic!("it was silent");
        };
        assert_eq!(after, secs(10));
    }
    assert_eq!(cache.world.reactor.delayed_calls(), 0);
}

#[test]
fn each_answer_puts_it_off() {
    let cache = cache();
    let values: Vec<_> = (0..5).map(|_| cache.client.get("k")).collect();
    for value in values {
        cache.world.pass(secs(8));
        cache.says("END\r\n");
        assert_eq!(result(value).unwrap(), None);
    }
    assert!(!cache.world.is_over.get());
}

#[test]
fn bytes_that_are_no_answer_do_not_put_it_off() {
    let cache = cache();
    let value = cache.client.get("k");
    cache.says("VALUE k 0 100\r\n");
    for _ in 0..10 {
        // A second each.
        cache.says("x");
    }
    assert!(cache.world.is_over.get());
    assert!(matches!(ended(value), Ended::TimedOut(_)));
}

#[test]
fn nobody_is_left_who_was_not_asked() {
    let cache = cache();
    cache.world.pass(secs(100));
    let value = cache.client.get("k");
    cache.world.pass(secs(5));
    cache.says("END\r\n");
    assert_eq!(result(value).unwrap(), None);
    assert_eq!(cache.world.reactor.delayed_calls(), 0);
    cache.world.pass(secs(100));
    assert!(!cache.world.is_over.get());
}

#[test]
fn a_cancelled_request_still_has_to_be_answered() {
    let cache = cache();
    cache.client.get("k").cancel();
    cache.world.pass(secs(11));
    assert!(cache.world.is_over.get());
}

#[test]
fn without_a_limit_an_answer_may_take_for_ever() {
    let protocol = MemcacheProtocol::new().timeout(None);
    let cache = Cache::with(Simulation::new(), protocol);
    let value = cache.client.get("k");
    cache.world.pass(secs(100_000));
    cache.says("END\r\n");
    assert_eq!(result(value).unwrap(), None);
}
