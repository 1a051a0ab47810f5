//! What is sent, and what its answers mean.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Cache, error, result, text};
use crate::protocols::Decoder;
use crate::protocols::memcache::{
    CheckAndSet, Item, KeyFault, Memcache, MemcacheError, MemcacheProtocol, RefusalKind, Reply,
    ReplyFraming, Value,
};
use crate::testing::Simulation;
use crate::{Cancelled, Deferred};

/// A request, what it sends, an answer and what it gives.
#[track_caller]
fn check<T: Debug + PartialEq + 'static>(
    request: impl Fn(&Memcache) -> Deferred<T>,
    sent: &str,
    answers: &[(&str, T)],
) {
    for (answer, expected) in answers {
        for segment in [1, 3, 1460] {
            let cache = Cache::with(
                Simulation::new().segment_size(segment),
                MemcacheProtocol::new(),
            );
            let given = request(&cache.client);
            assert_eq!(cache.heard(), sent);
            cache.says(answer);
            assert_eq!(result(given).unwrap(), *expected, "{answer:?}");
            assert_eq!(cache.client.waiting(), 0);
            assert!(!cache.world.is_over.get());
        }
    }
}

fn value(data: &str, flags: u32, cas: Option<u64>) -> Value {
    let data = data.to_owned().into();
    Value { data, flags, cas }
}

#[test]
fn each_way_to_store_says_whether_it_did() {
    let stored = [("STORED\r\n", true), ("NOT_STORED\r\n", false)];
    check(|c| c.set("k", "v"), "set k 0 0 1\r\nv\r\n", &stored);
    let item = Item::new("a\r\nb")
        .flags(7)
        .expires_after(Duration::from_secs(60));
    let add = move |c: &Memcache| c.add("k", item.clone());
    check(add, "add k 7 60 4\r\na\r\nb\r\n", &stored);
    check(
        |c| c.replace("k", vec![]),
        "replace k 0 0 0\r\n\r\n",
        &stored,
    );
    check(|c| c.append("k", "v"), "append k 0 0 1\r\nv\r\n", &stored);
    check(|c| c.prepend("k", "v"), "prepend k 0 0 1\r\nv\r\n", &stored);
    check(
        |c| c.check_and_set("k", "v", u64::MAX),
        "cas k 0 0 1 18446744073709551615\r\nv\r\n",
        &[
            ("STORED\r\n", CheckAndSet::Stored),
            ("EXISTS\r\n", CheckAndSet::Exists),
            ("NOT_FOUND\r\n", CheckAndSet::NotFound),
        ],
    );
}

#[test]
fn values_come_with_their_flags_and_versions() {
    check(
        |c| c.get("k"),
        "get k\r\n",
        &[
            ("END\r\n", None),
            ("VALUE k 0 0\r\n\r\nEND\r\n", Some(value("", 0, None))),
            (
                "VALUE k 4294967295 7\r\nEND\r\nab\r\nEND\r\n",
                Some(value("END\r\nab", u32::MAX, None)),
            ),
        ],
    );
    check(
        |c| c.gets("k"),
        "gets k\r\n",
        &[(
            "VALUE k 1 1 18446744073709551615\r\nv\r\nEND\r\n",
            Some(value("v", 1, Some(u64::MAX))),
        )],
    );
    check(
        |c| c.get_multiple(["a", "b", "a", "c"]),
        "get a b c\r\n",
        &[(
            // In any order.
            "VALUE c 0 1\r\nC\r\nVALUE a 0 1\r\nA\r\nEND\r\n",
            [("a", "A"), ("c", "C")]
                .map(|(key, data)| (key.as_bytes().to_vec(), value(data, 0, None)))
                .into(),
        )],
    );
    check(
        |c| c.gets_multiple(["a"]),
        "gets a\r\n",
        &[("END\r\n", [].into())],
    );
    let cache = Cache::new();
    let nothing = cache.client.get_multiple(Vec::<String>::new());
    assert_eq!(result(nothing).unwrap(), [].into());
    assert_eq!(cache.heard(), "");
}

#[test]
fn the_other_requests_have_their_answers() {
    let counted = [
        ("18446744073709551615\r\n", Some(u64::MAX)),
        ("NOT_FOUND\r\n", None),
    ];
    check(|c| c.increment("k", 5), "incr k 5\r\n", &counted);
    check(|c| c.decrement("k", 5), "decr k 5\r\n", &counted);
    check(
        |c| c.delete("k"),
        "delete k\r\n",
        &[("DELETED\r\n", true), ("NOT_FOUND\r\n", false)],
    );
    let touched = [("TOUCHED\r\n", true), ("NOT_FOUND\r\n", false)];
    check(|c| c.touch("k", None), "touch k 0\r\n", &touched);
    let minute = Some(Duration::from_secs(60));
    check(move |c| c.touch("k", minute), "touch k 60\r\n", &touched);
    check(
        Memcache::version,
        "version\r\n",
        &[("VERSION 1.6.18\r\n", "1.6.18".to_owned())],
    );
    check(Memcache::flush_all, "flush_all\r\n", &[("OK\r\n", ())]);
    let pairs = [("pid", "12"), ("rusage", "0.1 s"), ("empty", "")];
    let map = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    check(
        Memcache::stats,
        "stats\r\n",
        &[(
            "STAT pid 12\r\nSTAT rusage 0.1 s\r\nSTAT empty\r\nEND\r\n",
            map.into(),
        )],
    );
    check(
        |c| c.stats_of("cachedump 1 10"),
        "stats cachedump 1 10\r\n",
        &[("END\r\n", [].into())],
    );
    check(
        |c| c.stats_of("reset"),
        "stats reset\r\n",
        &[("RESET\r\n", [].into())],
    );
}

#[test]
fn what_cannot_be_a_key_is_refused_before_anything_is_sent() {
    let cache = Cache::new();
    let longest = "k".repeat(250);
    for (key, expected) in [
        (String::new(), KeyFault::Empty),
        ("k".repeat(251), KeyFault::TooLong { length: 251 }),
        ("a b".to_owned(), KeyFault::Forbidden { byte: b' ', at: 1 }),
        (
            "k\r\nflush_all".to_owned(),
            KeyFault::Forbidden { byte: 13, at: 1 },
        ),
        (
            "k\x7f".to_owned(),
            KeyFault::Forbidden { byte: 0x7f, at: 1 },
        ),
        ("\0".to_owned(), KeyFault::Forbidden { byte: 0, at: 0 }),
    ] {
        let c = &cache.client;
        let errors = [
            error(c.get(&key)),
            error(c.gets(&key)),
            error(c.get_multiple([longest.as_str(), &key])),
            error(c.set(&key, "v")),
            error(c.check_and_set(&key, "v", 1)),
            error(c.append(&key, "v")),
            error(c.delete(&key)),
            error(c.increment(&key, 1)),
            error(c.touch(&key, None)),
        ];
        for error in errors {
            assert!(
                matches!(error, MemcacheError::Key(fault) if fault == expected),
                "{error:?}"
            );
        }
    }
    for kind in ["", "items\r\nflush_all", "a  b"] {
        assert!(matches!(
            error(cache.client.stats_of(kind)),
            MemcacheError::Key(_)
        ));
    }
    assert_eq!(cache.heard(), "");
    let bytes = [b"\x80\xff".as_slice(), longest.as_bytes()];
    drop(cache.client.get_multiple(bytes));
    assert!(cache.heard().ends_with(&format!(" {longest}\r\n")));
}

#[test]
fn a_value_that_is_too_long_is_not_sent() {
    let protocol = MemcacheProtocol::new().max_value(4);
    let cache = Cache::with(Simulation::new(), protocol);
    let refused = error(cache.client.set("k", "12345"));
    let MemcacheError::ValueTooLong {
        length: 5,
        limit: 4,
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(cache.heard(), "");
    let stored = cache.client.set("k", "1234");
    cache.says("STORED\r\n");
    assert!(result(stored).unwrap());
}

#[test]
fn a_refusal_fails_one_request_and_the_others_go_on() {
    let cache = Cache::new();
    let c = &cache.client;
    let requests = [
        c.increment("a", 1).map(drop),
        c.set("b", "1").map(drop),
        c.version().map(drop),
        // An item came, and then the server had no memory left.
        c.get_multiple(["c", "d"]).map(drop),
    ];
    let last = c.get("e");
    cache.says(
        "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n\
         SERVER_ERROR out of memory storing object\r\nERROR\r\n\
         VALUE c 0 1\r\nC\r\nSERVER_ERROR out of memory\r\nEND\r\n",
    );
    let expected = [
        (RefusalKind::Client, "incr"),
        (RefusalKind::Server, "set"),
        (RefusalKind::NoSuchCommand, "version"),
        (RefusalKind::Server, "get"),
    ];
    for (request, (kind, asked)) in requests.into_iter().zip(expected) {
        let MemcacheError::Refused { command, refusal } = error(request) else {
            panic!("it was refused");
        };
        assert_eq!((refusal.kind, command), (kind, asked));
    }
    assert_eq!(result(last).unwrap(), None);
    let refused = c.increment("a", 1);
    cache.says("CLIENT_ERROR no\x07\r\n");
    assert_eq!(
        text(refused),
        "memcached has refused `incr`: CLIENT_ERROR no\\u{7}"
    );
}

#[test]
fn ten_thousand_requests_have_their_answers_in_order() {
    let cache = Cache::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    let (mut sent, mut answers) = (String::new(), String::new());
    for number in 0..10_000_u64 {
        let key = format!("key{number}");
        let order = Rc::clone(&order);
        drop(cache.client.get(&key).map(move |value| {
            let data = value.unwrap().data;
            let data = std::str::from_utf8(&data).unwrap();
            order.borrow_mut().push(data.parse::<u64>().unwrap());
        }));
        sent += &format!("get {key}\r\n");
        let data = number.to_string();
        answers += &format!("VALUE {key} 0 {}\r\n{data}\r\nEND\r\n", data.len());
    }
    assert_eq!(cache.client.waiting(), 10_000);
    cache.world.pass(Duration::from_secs(10));
    assert_eq!(cache.heard(), sent);
    cache.world.peer.transport().write(answers.as_bytes());
    cache.world.pass(Duration::from_secs(20));
    assert!(order.borrow().iter().copied().eq(0..10_000));
}

#[test]
fn a_callback_may_ask_for_more() {
    let cache = Cache::new();
    let client = cache.client.clone();
    let both = cache.client.get("a").add_callback(move |a| {
        let b = client.get("b");
        b.map(move |b| (a.is_some(), b.is_some()))
    });
    cache.says("END\r\n");
    assert_eq!(cache.heard(), "get a\r\nget b\r\n");
    cache.says("VALUE b 0 1\r\nB\r\nEND\r\n");
    assert_eq!(result(both).unwrap(), (false, true));
}

#[test]
fn a_cancelled_request_takes_its_answer_with_it() {
    let cache = Cache::new();
    let c = &cache.client;
    let (first, second, third) = (c.get("a"), c.get("b"), c.get("c"));
    second.cancel();
    let failure = result(second).unwrap_err();
    assert!(failure.check::<Cancelled>().is_some());
    cache.says("VALUE a 0 1\r\nA\r\nEND\r\nVALUE b 0 1\r\nB\r\nEND\r\nVALUE c 0 1\r\nC\r\nEND\r\n");
    assert_eq!(result(first).unwrap().unwrap().data, "A");
    assert_eq!(result(third).unwrap().unwrap().data, "C");
}

#[test]
fn a_value_may_hold_every_byte_and_be_as_long_as_allowed() {
    let mut data: Vec<u8> = (0..=255).cycle().take(1024 * 1024 - 2).collect();
    data.extend_from_slice(b"\r\n");
    let cache = Cache::new();
    let value = cache.client.get("k");
    let mut answer = format!("VALUE k 0 {}\r\n", data.len()).into_bytes();
    answer.extend_from_slice(&data);
    answer.extend_from_slice(b"\r\nEND\r\n");
    cache.world.peer.transport().write(&answer);
    cache.world.pass(Duration::from_secs(50));
    assert!(result(value).unwrap().unwrap().data == data);
}

/// The pieces of `bytes`, which come in parts of `size`, and whether there is a fault.
fn cut(bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut framing, mut pieces) = (ReplyFraming::new().max_value(20), Vec::new());
    let mut input = BytesMut::new();
    for part in bytes.chunks(size) {
        input.extend_from_slice(part);
        loop {
            match framing.decode(&mut input) {
                Ok(Some(piece)) => pieces.push(piece.to_vec()),
                Ok(None) => break,
                Err(_) => return (pieces, true),
            }
        }
    }
    (pieces, false)
}

/// Answers, and what they are made of.
fn answers() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop::sample::select(vec!["END", "STORED", "17", "STAT a b c", "ERROR x"])
        .prop_map(|line| line.as_bytes().to_vec());
    let data = prop::collection::vec(prop::sample::select(b"E\r\nND ".to_vec()), 0..20);
    let value = data.prop_map(|data| {
        let mut piece = format!("VALUE k 1 {}\r\n", data.len()).into_bytes();
        piece.extend_from_slice(&data);
        piece
    });
    prop::collection::vec(prop_oneof![line, value], 0..12)
}

proptest! {
    #[test]
    fn answers_are_cut_in_the_same_way_however_they_come(answers in answers(), size in 1..40_usize) {
        let bytes: Vec<u8> = answers.iter().flat_map(|answer| [answer, b"\r\n".as_slice()].concat()).collect();
        prop_assert_eq!(cut(&bytes, size), (answers.clone(), false));
        for piece in &answers {
            prop_assert!(Reply::parse(piece).is_ok());
        }
    }

    #[test]
    fn any_bytes_mean_the_same_in_any_pieces(
        bytes in prop::collection::vec(prop::sample::select(b"VALUE k 019\r\nEND".to_vec()), 0..80),
        size in 1..10_usize,
    ) {
        prop_assert_eq!(cut(&bytes, size), cut(&bytes, usize::MAX));
        let _ = Reply::parse(&bytes);
    }
}
