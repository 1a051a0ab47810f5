use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::protocols::tests::World;
use crate::{Deferred, Resolver};

fn look_up(key: &[u8]) -> Result<Option<Vec<u8>>> {
    match key {
        b"alice" => Ok(Some(b"alice@example.com".to_vec())),
        b"two words" => Ok(Some(b"100 %\n\xff".to_vec())),
        b"long" => Ok(Some(vec![b'x'; LONGEST])),
        b"longest" => Ok(Some(vec![b'x'; LONGEST - 5])),
        b"broken" => Err(std::io::Error::other("no database").into()),
        b"broken for long" => Err(std::io::Error::other("%".repeat(9000)).into()),
        _ => Ok(None),
    }
}

fn said(request: impl AsRef<[u8]>) -> String {
    let world = World::new(|_: &Address| PostfixTcpMapServer::receiver(look_up));
    world.send(request);
    assert!(!world.is_over.get());
    world.received()
}

#[test]
fn a_key_is_answered_with_its_value_or_that_there_is_none() {
    assert_eq!(said("get alice\n"), "200 alice@example.com\n");
    assert_eq!(said("get bob\n"), "500 not%20found\n");
    assert_eq!(said("get two%20words\n"), "200 100%20%25%0A%FF\n");
    assert_eq!(said("get two%20words\r\n"), "200 100%20%25%0A%FF\n");
    assert_eq!(said("get longest\n").len(), LONGEST);
    assert_eq!(
        said("get bob\nget alice\n"),
        "500 not%20found\n200 alice@example.com\n"
    );
}

#[test]
fn what_fails_is_told_in_one_line_that_is_short_enough() {
    assert_eq!(said("get broken\n"), "400 no%20database\n");
    assert_eq!(said("get long\n"), "400 the%20value%20is%20too%20long\n");
    let long = said("get broken%20for%20long\n");
    assert!(long.starts_with("400 %25%25") && long.len() <= LONGEST);
}

#[test]
fn what_is_no_request_is_refused_and_the_connection_goes_on() {
    for (request, status) in [
        ("get\n", "400 "),
        ("get \n", "400 "),
        ("get %4\n", "400 "),
        ("get %zz\n", "400 "),
        ("GET alice\n", "400 "),
        ("\n", "400 "),
        ("put alice bob\n", "500 "),
    ] {
        let said = said(format!("{request}get alice\n"));
        let (first, second) = said.split_once('\n').unwrap();
        assert!(first.starts_with(status), "{request:?}: {first}");
        assert_eq!(second, "200 alice@example.com\n");
    }
}

#[test]
fn a_request_without_an_end_is_given_up() {
    let world = World::new(|_: &Address| PostfixTcpMapServer::receiver(look_up));
    world.send("x".repeat(LONGEST));
    assert!(world.received().is_empty() && world.is_over.get());
}

#[test]
fn a_connection_on_which_nothing_is_asked_is_closed_after_ten_minutes() {
    let world = World::new(|_: &Address| PostfixTcpMapServer::receiver(look_up));
    for _ in 0..3 {
        world.pass(Duration::from_secs(590));
        world.send("get alice\n");
    }
    world.pass(Duration::from_secs(590));
    assert!(!world.is_over.get());
    world.pass(Duration::from_secs(20));
    assert!(world.is_over.get());
    assert_eq!(world.reactor.delayed_calls(), 0);
}

type Pending = Rc<RefCell<Vec<Resolver<Option<Vec<u8>>>>>>;

#[test]
fn answers_that_come_later_come_in_order_and_also_to_one_who_has_said_all() {
    let pending = Pending::default();
    let kept = Rc::clone(&pending);
    let world = World::new(move |_: &Address| {
        let kept = Rc::clone(&kept);
        PostfixTcpMapServer::receiver(move |_: &[u8]| {
            let (resolver, deferred) = Deferred::new();
            kept.borrow_mut().push(resolver);
            deferred
        })
    });
    world.send("get one\nget two\n");
    world.peer.transport().lose_write_connection();
    for value in ["first", "second"] {
        world.pass(Duration::from_secs(1));
        assert!(!world.is_over.get());
        assert_eq!(pending.borrow().len(), 1, "one after the other");
        let resolver = pending.borrow_mut().remove(0);
        resolver.callback(Some(value.into()));
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(world.received(), "200 first\n200 second\n");
    assert!(world.is_over.get());
}

#[test]
fn a_dictionary_is_a_server() {
    let world = World::new(PostfixDictionary::from_iter([("root", "alice")]));
    world.send("get root\nget alice\n");
    assert_eq!(world.received(), "200 alice\n500 not%20found\n");
}

proptest! {
    #[test]
    fn what_is_encoded_prints_and_decodes_to_the_same(bytes: Vec<u8>) {
        let mut encoded = Vec::new();
        encoding::encode(&bytes, &mut encoded);
        prop_assert!(encoded.iter().all(u8::is_ascii_graphic));
        prop_assert_eq!(encoding::decode(&encoded), Some(bytes));
    }

    #[test]
    fn nothing_panics(text: Vec<u8>) {
        let _ = encoding::decode(&text);
        let _ = key_of(&text);
    }
}
