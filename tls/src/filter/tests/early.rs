//! Early data: the first bytes arrive once, early where both sides can.

use super::*;
use crate::ServerTlsBuilder;

/// A client and a server that have met before, so that there is a session to resume.
fn acquainted(server: ServerTlsBuilder, authority: &Authority) -> (ClientTls, crate::ServerTls) {
    let client = authority.client().build().unwrap();
    let server = server.build().unwrap();
    let mut pair = connect(&client, &server, b"first");
    pair.pump();
    pair.assert_ready();
    assert_eq!(pair.server.plain, b"first");
    // Not early: there was no session.
    assert!(!pair.client.filter.info().unwrap().early_data);
    assert!(!pair.server.filter.info().unwrap().early_data);
    // Data afterwards goes both ways.
    pair.client.send(b" second");
    pair.server.send(&[b'x'; 100_000]);
    pair.pump();
    assert_eq!(pair.server.plain, b"first second");
    assert_eq!(pair.client.plain.len(), 100_000);
    (client, server)
}

fn connect(client: &ClientTls, server: &crate::ServerTls, first: &[u8]) -> Pair {
    let client = client.filter_with_early_data("localhost", first).unwrap();
    Pair::of(client, server.filter().unwrap())
}

#[test]
fn early_data_is_answered_before_the_handshake_is_done() {
    let (authority, leaf) = authority();
    let (client, server) = acquainted(leaf.server().early_data(1000), &authority);
    let mut pair = connect(&client, &server, b"GET /");
    let hello = mem::take(&mut pair.client.wire);
    pair.server.receive(&hello);
    assert!(pair.server.filter.is_ready && !pair.client.filter.is_ready);
    assert_eq!(pair.server.take_plain(), b"GET /");
    assert!(pair.server.filter.info().unwrap().early_data);
    assert!(pair.server.filter.info().unwrap().resumed);
    pair.server.send(b"200 OK");
    let answer = mem::take(&mut pair.server.wire);
    pair.client.receive(&answer);
    assert!(pair.client.filter.info().unwrap().early_data);
    assert_eq!(pair.client.take_plain(), b"200 OK");
    pair.pump();
    // It was not sent again.
    pair.client.send(b"more");
    pair.pump();
    pair.assert_ready();
    assert_eq!(pair.server.plain, b"more");

    // R79's kind: who plays it again gets nothing done.
    let mut replayed = Side::new(server.filter().unwrap());
    replayed.receive(&hello);
    assert!(replayed.plain.is_empty() && !replayed.filter.is_ready);
}

#[test]
fn what_is_not_accepted_early_arrives_after_the_handshake() {
    let (authority, leaf) = authority();
    let large = vec![b'x'; 2000];
    for (server, first) in [
        // A server that takes none, one that takes less, and one that forgets its sessions.
        (leaf.server(), &b"first"[..]),
        (leaf.server().early_data(1000), &large),
        (leaf.server().early_data(1000).tickets(false), b"first"),
        (
            leaf.server()
                .early_data(1000)
                .versions(..=TlsVersion::Tls12),
            b"first",
        ),
    ] {
        let (client, server) = acquainted(server, &authority);
        for chunk in [1, usize::MAX] {
            let mut pair = connect(&client, &server, first);
            pair.chunk = chunk;
            pair.pump();
            pair.assert_ready();
            assert_eq!(pair.server.plain, first);
            assert!(!pair.client.filter.info().unwrap().early_data);
            assert!(!pair.server.filter.info().unwrap().early_data);
        }
    }
}

#[test]
fn a_server_that_has_changed_its_mind_gets_it_once_more() {
    let (authority, leaf) = authority();
    let client = authority.client().build().unwrap();
    let meet = |server: &crate::ServerTls| {
        let mut pair = connect(&client, server, b"first");
        pair.pump();
        pair
    };
    meet(&leaf.server().early_data(1000).build().unwrap()).assert_ready();
    // Another server of that name: it knows no such session.
    let pair = meet(&leaf.server().early_data(1000).build().unwrap());
    pair.assert_ready();
    assert_eq!(pair.server.plain, b"first");
    assert!(!pair.client.filter.info().unwrap().early_data);
}

#[test]
fn a_connection_with_early_data_ends_and_fails_like_any_other() {
    let (authority, leaf) = authority();
    let (client, server) = acquainted(leaf.server().early_data(1000), &authority);
    let mut pair = connect(&client, &server, b"first");
    pair.pump();
    pair.client.close_write();
    pair.pump();
    assert!(pair.server.filter.is_read_closed && pair.server.error.is_none());
    pair.server.send(b"bye");
    pair.server.close_write();
    pair.pump();
    assert_eq!(pair.client.plain, b"bye");
    assert!(pair.client.filter.wire_closed().is_ok());

    let mut pair = connect(&client, &server, b"first");
    pair.pump();
    assert!(pair.client.filter.wire_closed().is_err());
    let mut pair = connect(&client, &server, b"first");
    pair.pump();
    pair.server.receive(&[
        23, 3, 3, 0, 40, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
        21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    ]);
    assert!(matches!(pair.server.tls_error(), TlsError::Protocol { .. }));

    let stranger = Authority::new("Other CA").client().build().unwrap();
    let mut pair = connect(&stranger, &server, b"first");
    pair.pump();
    assert!(matches!(
        pair.client.tls_error(),
        TlsError::UnknownIssuer { .. }
    ));
    assert!(pair.server.plain.is_empty());
}
