//! Servers that answer wrongly, and connections that end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Cache, ended, error, result, text};
use crate::protocols::memcache::{Ended, Memcache, MemcacheError, MemcacheProtocol, ReplyError};
use crate::testing::Simulation;
use crate::{Deferred, Failure};

/// What a request fails with when it is answered so; the one behind it fails, too, with the same
/// reason, and the connection is gone.
fn answered(request: impl Fn(&Memcache) -> Deferred<()>, answer: impl AsRef<[u8]>) -> ReplyError {
    let protocol = MemcacheProtocol::new().max_value(100);
    let cache = Cache::with(Simulation::new(), protocol);
    let (first, second) = (request(&cache.client), cache.client.version());
    cache.says(answer);
    let reason = |ended| match ended {
        Ended::Reply(error) => error,
        other => panic!("{other:?}"),
    };
    let error = reason(ended(first));
    assert_eq!(reason(ended(second)), error);
    assert!(cache.world.is_over.get(), "it is closed");
    // And later ones are told so.
    assert_eq!(reason(ended(cache.client.get("k"))), error);
    error
}

fn get(client: &Memcache) -> Deferred<()> {
    client.get("k").map(drop)
}

fn get_two(client: &Memcache) -> Deferred<()> {
    client.get_multiple(["k", "l"]).map(drop)
}

#[test]
fn an_answer_to_something_else_ends_the_connection() {
    let set = |c: &Memcache| c.set("k", "v").map(drop);
    let incr = |c: &Memcache| c.increment("k", 1).map(drop);
    let gets = |c: &Memcache| c.gets("k").map(drop);
    type Request = fn(&Memcache) -> Deferred<()>;
    let cases: [(Request, &str); 17] = [
        (get, "STORED\r\n"),
        (get, "17\r\n"),
        (get, "VALUE other 0 1\r\nv\r\nEND\r\n"),
        (get, "VALUE k 0 1\r\nv\r\nVALUE k 0 1\r\nv\r\nEND\r\n"),
        (get, "VALUE k 0 1 5\r\nv\r\nEND\r\n"),
        (get_two, "VALUE k 0 1\r\nv\r\nSTORED\r\n"),
        (get_two, "VALUE k 0 1\r\nv\r\nSTAT a b\r\n"),
        (get_two, "VALUE m 0 1\r\nv\r\nEND\r\n"),
        (gets, "VALUE k 0 1\r\nv\r\nEND\r\n"),
        (set, "EXISTS\r\n"),
        (set, "VALUE k 0 1\r\nv\r\nEND\r\n"),
        (set, "END\r\n"),
        (incr, "STORED\r\n"),
        (|c| c.delete("k").map(drop), "STORED\r\n"),
        (|c| c.touch("k", None).map(drop), "DELETED\r\n"),
        (|c| c.flush_all(), "STORED\r\n"),
        (|c| c.stats().map(drop), "STAT a b\r\nSTORED\r\n"),
    ];
    for (request, answer) in cases {
        let error = answered(request, answer);
        let is_unexpected = matches!(
            error,
            ReplyError::Unexpected {
                command: Some(_),
                ..
            }
        );
        assert!(is_unexpected, "{answer:?}: {error:?}");
    }
}

#[test]
fn what_no_memcached_says_ends_the_connection() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        " END\r\n",
        "END \r\n",
        "end\r\n",
        "-1\r\n",
        "+1\r\n",
        "18446744073709551616\r\n",
        "VALUE\r\n",
        "VALUE k\r\n",
        "VALUE k 0\r\n",
        "VALUE  0 1\r\nv\r\n",
        "VALUE k 0 -1\r\n",
        "VALUE k 0 1x\r\nv\r\n",
        "VALUE k 4294967296 1\r\nv\r\n",
        "VALUE k 0 99999999999999999999\r\n",
        "VALUE k 0 1 2 3\r\nv\r\n",
        "VALUE k 0  1\r\nv\r\n",
    ] {
        let error = answered(get, answer);
        let is_malformed = matches!(error, ReplyError::Malformed { .. });
        assert!(is_malformed, "{answer:?}: {error:?}");
    }
}

#[test]
fn a_count_that_is_wrong_ends_the_connection() {
    for answer in [
        "VALUE k 0 3\r\nvalue\r\nEND\r\n",
        "VALUE k 0 6\r\nvalue\r\nEND\r\n",
        "VALUE k 0 5\r\nvalue\nEND\r\n",
    ] {
        assert_eq!(answered(get, answer), ReplyError::NoLineEnd, "{answer:?}");
    }
    let long = ReplyError::ValueTooLong {
        length: 101,
        limit: 100,
    };
    // Before any of it has come.
    assert_eq!(answered(get, "VALUE k 0 101\r\n"), long);
}

#[test]
fn a_line_without_an_end_ends_the_connection() {
    let error = ReplyError::LineTooLong { limit: 2048 };
    assert_eq!(answered(get, "E".repeat(2050)), error);
    assert_eq!(answered(get, "VALUE ".repeat(400)), error);
    let cache = Cache::new();
    let version = cache.client.version();
    let longest = "9".repeat(2048 - "VERSION ".len());
    cache.says(format!("VERSION {longest}\r\n"));
    assert_eq!(result(version).unwrap(), longest);
}

#[test]
fn statistics_without_end_end_the_connection() {
    let cache = Cache::new();
    let stats = cache.client.stats();
    let lines: String = (0..70_000).map(|n| format!("STAT {n} \r\n")).collect();
    cache.world.peer.transport().write(lines.as_bytes());
    cache.world.pass(Duration::from_secs(30));
    let Ended::Reply(ReplyError::TooManyStatistics { .. }) = ended(stats) else {
        panic!("there are too many");
    };
}

#[test]
fn an_answer_that_nobody_waits_for_ends_the_connection() {
    let cache = Cache::new();
    cache.says("SERVER_ERROR out of connections\r\n");
    assert!(cache.world.is_over.get());
    assert_eq!(
        text(cache.client.get("k")),
        "the connection to memcached has ended, without an answer to `get`: no answer of memcached: \
         \"SERVER_ERROR out of connections\", and nothing was asked"
    );
    let cache = Cache::new();
    let version = cache.client.version();
    cache.says("VERSION 1\r\nVERSION 2\r\n");
    assert_eq!(result(version).unwrap(), "1");
    assert!(cache.world.is_over.get());
}

#[test]
fn the_end_of_the_connection_fails_all_that_wait_in_order() {
    let cache = Cache::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    for number in 0..3 {
        let order = Rc::clone(&order);
        let value = cache.client.get("k");
        drop(value.add_errback(move |failure: Failure| {
            let error = failure.trap::<MemcacheError>()?;
            order.borrow_mut().push((number, error));
            Ok(None)
        }));
    }
    cache.says("VALUE k 0 5\r\nva");
    cache.world.peer.transport().lose_connection();
    cache.world.pass(Duration::from_secs(1));
    assert_eq!(order.borrow().len(), 3);
    for (expected, (number, error)) in order.take().into_iter().enumerate() {
        assert_eq!(expected, number);
        let is_closed = matches!(
            error,
            MemcacheError::Ended {
                command: "get",
                reason: Ended::Closed
            }
        );
        assert!(is_closed, "{error:?}");
    }
    assert_eq!(cache.client.waiting(), 0);
}

#[test]
fn a_reset_is_told_from_a_close() {
    let cache = Cache::new();
    let value = cache.client.get("k");
    cache.world.peer.transport().abort_connection();
    cache.world.pass(Duration::from_secs(1));
    let Ended::Lost(_) = ended(value) else {
        panic!("it was reset");
    };
}

#[test]
fn what_is_asked_after_our_own_close_fails() {
    let cache = Cache::new();
    let before = cache.client.get("k");
    cache.client.close();
    let behind = cache.client.get("k");
    cache.world.pass(Duration::from_secs(5));
    for value in [before, behind, cache.client.get("k")] {
        assert!(matches!(ended(value), Ended::Closed));
    }
    assert_eq!(cache.heard(), "get k\r\n");
}

#[test]
fn without_a_connection_nothing_is_sent() {
    let client = MemcacheProtocol::new().client();
    assert!(matches!(
        error(client.get("k")),
        MemcacheError::NotConnected
    ));
    client.close();
}
