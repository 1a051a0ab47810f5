//! Peers that speak something else, break the rules or send garbage.

use super::*;

#[test]
fn a_peer_without_tls_is_recognized() {
    let (authority, leaf) = authority();
    let server = leaf.server().build().unwrap();
    for (bytes, protocol) in [
        (
            &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
            Some("HTTP"),
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some("HTTP/2")),
        (b"EHLO me\r\n", Some("SMTP")),
        (
            b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
            Some("the PROXY protocol"),
        ),
        (&[0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16], Some("SSL 2.0")),
        (b"nothing known", None),
    ] {
        for chunk in [1, usize::MAX] {
            let mut side = Side::new(server.filter().unwrap());
            bytes.chunks(chunk).for_each(|bytes| side.receive(bytes));
            let TlsError::NotTls { looks_like, .. } = side.tls_error() else {
                panic!("{}", side.tls_error())
            };
            // A byte at a time, it is known before it is recognized.
            assert!(chunk == 1 || *looks_like == protocol);
            // An alert tells a TLS client that came with the wrong first bytes.
            assert_eq!(side.wire[0], 21);
        }
    }
    let client = authority.client().build().unwrap();
    for (bytes, protocol) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"220 mail.example.com ESMTP\r\n", "SMTP"),
    ] {
        let mut side = Side::new(client.filter("localhost").unwrap());
        side.receive(bytes);
        assert!(
            side.tls_error().to_string().contains(protocol),
            "{}",
            side.tls_error()
        );
    }
    // Too short for a record header.
    let mut side = Side::new(client.filter("localhost").unwrap());
    side.receive(b"+OK");
    let error = side
        .error
        .unwrap_or_else(|| side.filter.wire_closed().unwrap_err());
    assert!(error.to_string().contains("POP3"), "{error}");
}

// R87, C132
#[test]
fn a_damaged_record_ends_it_and_tells_the_peer() {
    both_versions(|version| {
        let mut pair = ready(version);
        pair.client.send(b"good");
        pair.client.send(b"bad");
        *pair.client.wire.last_mut().unwrap() ^= 1;
        pair.pump();
        assert_eq!(pair.server.plain, b"good");
        assert!(matches!(pair.server.tls_error(), TlsError::Protocol { .. }));
        assert!(matches!(
            pair.client.tls_error(),
            TlsError::AlertReceived { .. }
        ));
        // Dead, and silent.
        pair.server.receive(b"more");
        pair.server.close_write();
        assert!(pair.server.filter.wire_closed().is_ok());
        assert!(pair.server.wire.is_empty());
    });
}

// A peer that misbehaves after our close_notify; rustls asserts that it has not yet sent any alert
// when it sends one for an error, and close_notify counts.
#[test]
fn a_damaged_record_after_our_farewell_is_an_error_too() {
    both_versions(|version| {
        let mut pair = ready(version);
        pair.server.close_write();
        pair.server.wire.clear();
        pair.client.send(b"bad");
        *pair.client.wire.last_mut().unwrap() ^= 1;
        pair.pump();
        assert!(matches!(pair.server.tls_error(), TlsError::Protocol { .. }));
    });
}

#[test]
fn a_record_in_the_clear_is_refused_after_the_handshake() {
    both_versions(|version| {
        let mut pair = ready(version);
        pair.server
            .receive(&[23, 3, 3, 0, 4, b'p', b'l', b'a', b'i']);
        assert!(pair.server.error.is_some() && pair.server.plain.is_empty());
    });
}

// A handshake chopped into tiny records must not make the filter hoard.
#[test]
fn what_is_kept_is_bounded() {
    let (_, leaf) = authority();
    let mut side = Side::new(leaf.server().build().unwrap().filter().unwrap());
    // The header of a handshake message of 65,535 bytes, then a byte of it in each record.
    side.receive(&[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff]);
    for _ in 0..65_000 {
        side.receive(&[22, 3, 1, 0, 1, 0]);
        assert!(side.filter.pending.len() <= MAX_PENDING);
        if side.error.is_some() {
            break;
        }
    }
    assert!(matches!(side.tls_error(), TlsError::TooLarge { .. }));
    assert_eq!(side.filter.pending.capacity(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn garbage_never_panics(
        garbage in prop::collection::vec(any::<u8>(), 0..300),
        position in any::<prop::sample::Index>(),
        chunk in 1usize..50,
        handshake_first in any::<bool>(),
    ) {
        let (authority, leaf) = authority();
        let (client, server) = (authority.client().build().unwrap(), leaf.server().build().unwrap());
        let mut pair = Pair::new(&client, &server);
        if handshake_first {
            pair.pump();
            pair.client.send(b"payload");
            pair.server.send(b"payload");
        } else {
            // The server's first flight for the client, whose hello the server gets damaged.
            let hello = pair.client.wire.clone();
            let mut other = Side::new(server.filter().unwrap());
            other.receive(&hello);
            pair.server.wire = other.wire;
        }
        for to_server in [false, true] {
            let Pair { client, server, .. } = &mut pair;
            let (from, to) = if to_server { (client, server) } else { (server, client) };
            let mut wire = mem::take(&mut from.wire);
            let start = position.index(wire.len().max(1));
            let end = wire.len().min(start + garbage.len());
            wire.splice(start..end, garbage.iter().copied());
            wire.chunks(chunk).for_each(|bytes| to.receive(bytes));
            let _ = to.filter.wire_closed();
        }
    }
}
