//! Nonces: used again, replaced, refused.

use super::{agent, digest, get, heads, is_unknown, proven, refusal, refused};
use crate::support::{Step, World, answer, send};

#[test]
fn a_challenge_is_answered_and_its_nonce_used_for_later_requests() {
    let world = World::new([vec![
        Step::Request,
        refused("one"),
        Step::Request,
        answer("hello"),
        Step::Request,
        answer("again"),
    ]]);
    let agent = agent(&world);
    assert_eq!(get(&world, &agent, "/a?q=1"), (200, "hello".to_owned()));
    assert_eq!(get(&world, &agent, "/b"), (200, "again".to_owned()));
    // The refusal's body was read, so one connection was enough.
    assert_eq!(world.connections(), 1);
    let heads = heads(&world, 0);
    assert!(is_unknown(&heads[0]));
    assert_eq!(proven(&heads[1]), ("one".to_owned(), 1));
    assert_eq!(proven(&heads[2]), ("one".to_owned(), 2));
}

#[test]
fn the_server_may_say_what_nonce_comes_next() {
    let next = "HTTP/1.1 200 OK\r\nAuthentication-Info: qop=auth, nextnonce=\"two\"\r\n\
                Content-Length: 0\r\n\r\n";
    let world = World::new([vec![
        Step::Request,
        refused("one"),
        Step::Request,
        send(next),
        Step::Request,
        answer(""),
    ]]);
    let agent = agent(&world);
    get(&world, &agent, "/");
    get(&world, &agent, "/");
    let heads = heads(&world, 0);
    assert_eq!(proven(&heads[1]), ("one".to_owned(), 1));
    assert_eq!(proven(&heads[2]), ("two".to_owned(), 1));
}

#[test]
fn a_stale_nonce_is_replaced_but_not_for_ever() {
    let stale = |nonce| refusal(&[&format!("{}, stale=true", digest(nonce))]);
    let world = World::new([vec![
        Step::Request,
        refused("one"),
        Step::Request,
        answer("ok"),
        // Of a request that answers unasked.
        Step::Request,
        stale("two"),
        Step::Request,
        stale("three"),
        Step::Request,
        answer("at last"),
        // Of a server that likes no nonce.
        Step::Request,
        stale("four"),
        Step::Request,
        stale("five"),
        Step::Request,
        stale("six"),
    ]]);
    let agent = agent(&world);
    get(&world, &agent, "/");
    assert_eq!(get(&world, &agent, "/"), (200, "at last".to_owned()));
    assert_eq!(get(&world, &agent, "/"), (401, "who?\n".to_owned()));
    let used: Vec<_> = heads(&world, 0)[1..]
        .iter()
        .map(|head| proven(head))
        .collect();
    let one = |nonce: &str| (nonce.to_owned(), 1);
    let three_again = ("three".to_owned(), 2);
    assert_eq!(
        used,
        [
            one("one"),
            ("one".to_owned(), 2),
            one("two"),
            one("three"),
            three_again,
            one("four"),
            one("five")
        ]
    );
}

#[test]
fn an_answer_that_is_refused_is_the_end_and_is_not_given_again() {
    let world = World::new([vec![
        Step::Request,
        refused("one"),
        Step::Request,
        refused("two"),
        Step::Request,
        answer("open to all"),
    ]]);
    let agent = agent(&world);
    assert_eq!(get(&world, &agent, "/"), (401, "who?\n".to_owned()));
    assert_eq!(get(&world, &agent, "/"), (200, "open to all".to_owned()));
    assert!(is_unknown(&heads(&world, 0)[2]));
}

#[test]
fn what_was_accepted_and_is_refused_later_is_proven_anew() {
    // Another realm on the same server, which does not say how far each goes.
    let other = "Digest realm=\"other\", nonce=\"two\", qop=auth";
    let world = World::new([vec![
        Step::Request,
        refused("one"),
        Step::Request,
        answer("ok"),
        Step::Request,
        refusal(&[other]),
        Step::Request,
        answer("other"),
    ]]);
    let agent = agent(&world);
    get(&world, &agent, "/");
    assert_eq!(get(&world, &agent, "/"), (200, "other".to_owned()));
    assert_eq!(proven(&heads(&world, 0)[3]), ("two".to_owned(), 1));
}
