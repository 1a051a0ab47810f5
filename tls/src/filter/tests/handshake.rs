//! How two sides come together, or do not.

use super::*;

#[test]
fn a_handshake_may_come_in_chunks_of_any_size() {
    let (authority, leaf) = authority();
    both_versions(|version| {
        let client = authority
            .client()
            .versions(version..=version)
            .build()
            .unwrap();
        let server = leaf.server().build().unwrap();
        for chunk in (1..40).chain([100, 500, 1000, 1500]) {
            let mut pair = Pair::new(&client, &server);
            pair.chunk = chunk;
            pair.pump();
            pair.assert_ready();
            pair.client.send(b"x");
            pair.pump();
            assert_eq!(pair.server.plain, b"x");
            assert_eq!(pair.server.filter.pending.capacity(), 0);
        }
    });
}

#[test]
fn an_end_within_the_handshake_is_told_apart() {
    let (authority, leaf) = authority();
    let mut pair = Pair::new(
        &authority.client().build().unwrap(),
        &leaf.server().build().unwrap(),
    );
    let error = pair.client.filter.wire_closed().unwrap_err();
    assert!(matches!(
        error.check(),
        Some(TlsError::EofInHandshake {
            answered: false,
            ..
        })
    ));
    let hello = mem::take(&mut pair.client.wire);
    pair.server.receive(&hello[..50]);
    let error = pair.server.filter.wire_closed().unwrap_err();
    assert!(matches!(
        error.check(),
        Some(TlsError::EofInHandshake { answered: true, .. })
    ));
}

#[test]
fn closing_before_the_handshake_says_nothing() {
    let (authority, _) = authority();
    let mut client = Side::new(
        authority
            .client()
            .build()
            .unwrap()
            .filter("localhost")
            .unwrap(),
    );
    client.wire.clear();
    client.close_write();
    assert!(client.wire.is_empty());
}

#[test]
fn what_was_agreed_on_is_known_on_both_sides() {
    let (authority, leaf) = authority();
    let pair = Pair::shake_hands(authority.client(), leaf.server());
    let any = pair.client.filter.negotiated().unwrap();
    let client = any.downcast::<TlsInfo>().unwrap();
    let server = pair.server.filter.info().unwrap();
    assert_eq!(client.version, TlsVersion::Tls13);
    assert!(
        client.cipher_suite.starts_with("TLS_"),
        "{}",
        client.cipher_suite
    );
    assert_eq!(client.cipher_suite, server.cipher_suite);
    assert!(client.key_exchange_group.is_some());
    assert_eq!(client.server_name.as_deref(), Some("localhost"));
    assert_eq!(server.server_name.as_deref(), Some("localhost"));
    assert_eq!(client.peer_certificates[0].der(), leaf.der);
    assert!(server.peer_certificates.is_empty());
    assert!(Rc::ptr_eq(&server, &pair.server.filter.info().unwrap()));
}

#[test]
fn a_second_connection_resumes_the_session() {
    let (authority, leaf) = authority();
    both_versions(|version| {
        let builder = authority.client().versions(version..=version);
        for (resumption, tickets) in [(true, true), (true, false), (false, true)] {
            let client = builder.clone().resumption(resumption).build().unwrap();
            let server = leaf.server().tickets(tickets).build().unwrap();
            let resumed = [false; 2].map(|_| {
                let mut pair = Pair::new(&client, &server);
                pair.pump();
                pair.assert_ready();
                let info = pair.server.filter.info().unwrap();
                // The name is known in a resumed session too.
                assert_eq!(info.server_name.as_deref(), Some("localhost"));
                assert_eq!(
                    pair.client.filter.info().unwrap().peer_certificates.len(),
                    1
                );
                assert_eq!(pair.client.filter.info().unwrap().resumed, info.resumed);
                info.resumed
            });
            assert_eq!(resumed, [false, resumption && tickets], "{version}");
        }
    });
}

// R79: a session that a lax client began is of no use to a strict one.
#[test]
fn sessions_are_not_shared_between_configurations() {
    let (_, leaf) = authority();
    let server = leaf.server().build().unwrap();
    let lax = ClientTls::builder()
        .dangerous()
        .accept_any_certificate()
        .build()
        .unwrap();
    let mut pair = Pair::new(&lax, &server);
    pair.pump();
    pair.assert_ready();
    let strict = Authority::new("Other CA").client().build().unwrap();
    let mut pair = Pair::new(&strict, &server);
    pair.pump();
    assert!(matches!(
        pair.client.tls_error(),
        TlsError::UnknownIssuer { .. }
    ));
}

// C144, R84
#[test]
fn the_servers_order_decides_the_protocol() {
    let (authority, leaf) = authority();
    both_versions(|version| {
        let agree = |client: &[&str], server: &[&str]| {
            let client = authority.client().versions(version..=version).alpn(client);
            Pair::shake_hands(client, leaf.server().alpn(server))
        };
        let pair = agree(&["h2", "http/1.1"], &["http/1.1", "h2"]);
        for filter in [&pair.client.filter, &pair.server.filter] {
            assert_eq!(
                filter.info().unwrap().alpn.as_deref(),
                Some(&b"http/1.1"[..])
            );
        }
        for (client, server) in [(&["h2"][..], &[][..]), (&[][..], &["h2"][..])] {
            let pair = agree(client, server);
            pair.assert_ready();
            assert_eq!(pair.client.filter.info().unwrap().alpn, None);
        }
        let pair = agree(&["h2"], &["http/1.1"]);
        assert!(matches!(
            pair.server.tls_error(),
            TlsError::NoCommonProtocol { .. }
        ));
        assert!(matches!(
            pair.client.tls_error(),
            TlsError::NoCommonProtocol { .. }
        ));
    });
}

// C145
#[test]
fn sides_without_a_common_version_part() {
    let (authority, leaf) = authority();
    for (client, server) in [
        (TlsVersion::Tls12, TlsVersion::Tls13),
        (TlsVersion::Tls13, TlsVersion::Tls12),
    ] {
        let pair = Pair::shake_hands(
            authority.client().versions(client..=client),
            leaf.server().versions(server..=server),
        );
        assert!(matches!(
            pair.server.tls_error(),
            TlsError::NoCommonVersion { .. }
        ));
        assert!(matches!(
            pair.client.tls_error(),
            TlsError::NoCommonVersion { .. }
        ));
    }
}

#[test]
fn sides_without_a_common_suite_part() {
    let (authority, leaf) = authority();
    let only = |suite| {
        let mut provider = (*crate::provider::default()).clone();
        provider
            .cipher_suites
            .retain(|other| other.suite() == suite);
        Arc::new(provider)
    };
    let pair = Pair::shake_hands(
        authority
            .client()
            .crypto_provider(only(rustls::CipherSuite::TLS13_AES_128_GCM_SHA256))
            .versions(TlsVersion::Tls13..),
        leaf.server()
            .crypto_provider(only(rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256))
            .versions(TlsVersion::Tls13..),
    );
    assert!(matches!(
        pair.server.tls_error(),
        TlsError::NoCommonSuite { .. }
    ));
    assert!(matches!(
        pair.client.tls_error(),
        TlsError::AlertReceived { .. }
    ));
}

#[test]
fn records_are_as_small_as_was_asked_for() {
    let (authority, leaf) = authority();
    both_versions(|version| {
        let client = authority
            .client()
            .versions(version..=version)
            .max_fragment_size(100);
        let mut pair = Pair::shake_hands(client, leaf.server());
        pair.assert_ready();
        pair.client.send(&[b'x'; 5000]);
        let mut wire = &pair.client.wire[..];
        while let [_, _, _, high, low, ..] = *wire {
            let length = usize::from(u16::from_be_bytes([high, low]));
            assert!(length + 5 <= 100 + 30, "a record of {length} bytes");
            wire = &wire[5 + length..];
        }
        pair.pump();
        assert_eq!(pair.server.plain.len(), 5000);
    });
    for bad in [0, 31, 16_390] {
        let error = authority
            .client()
            .max_fragment_size(bad)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("32 to 16389"), "{error}");
    }
}

#[test]
fn suites_and_groups_are_those_that_were_chosen() {
    let (authority, leaf) = authority();
    for (suite, version) in [
        ("TLS_CHACHA20_POLY1305_SHA256", TlsVersion::Tls13),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", TlsVersion::Tls12),
    ] {
        let client = authority
            .client()
            .cipher_suites([suite])
            .key_exchange_groups(["P-384"]);
        let pair = Pair::shake_hands(client, leaf.server());
        pair.assert_ready();
        let info = pair.server.filter.info().unwrap();
        // Of the other version there is no suite left.
        assert_eq!(info.version, version);
        assert_eq!(info.key_exchange_group.as_deref(), Some("secp384r1"));
    }
    let client = authority
        .client()
        .openssl_ciphers("CHACHA20")
        .versions(..=TlsVersion::Tls12);
    let pair = Pair::shake_hands(client, leaf.server());
    let info = pair.client.filter.info().unwrap();
    assert_eq!(
        info.cipher_suite,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    );
}

#[cfg(feature = "certificate-compression")]
#[test]
fn certificates_are_compressed_where_both_can() {
    let (authority, _) = authority();
    // Names that have much in common.
    let names: Vec<String> = (0..100).map(|n| format!("host-{n}.example.com")).collect();
    let names: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(["localhost"])
        .collect();
    let leaf = authority.issue(&names);
    let mut pair = Pair::new(
        &authority.client().build().unwrap(),
        &leaf.server().build().unwrap(),
    );
    let hello = mem::take(&mut pair.client.wire);
    pair.server.receive(&hello);
    assert!(
        pair.server.wire.len() < leaf.der.len(),
        "{}",
        pair.server.wire.len()
    );
    pair.pump();
    pair.assert_ready();
}
