//! Whose certificate is accepted, and what is said otherwise.

use super::*;

// C148, R78
#[test]
fn client_certificates_are_asked_for_and_checked() {
    let (authority, leaf) = authority();
    let clients = Authority::new("Client CA");
    let good = clients.issue(&["client"]);
    let bad = Authority::new("Other CA").issue(&["client"]);
    both_versions(|version| {
        let trust = Trust::none().roots_from_pem(clients.pem.as_str());
        let plain = authority.client().versions(version..=version);
        let with = |leaf: &Leaf| {
            plain
                .clone()
                .client_certificate_pem(leaf.chain.as_str(), leaf.key.as_str())
        };

        let server = || leaf.server().require_client_certificates(trust.clone());
        let pair = Pair::shake_hands(with(&good), server());
        pair.assert_ready();
        assert_eq!(
            pair.server.filter.info().unwrap().peer_certificates[0].der(),
            good.der
        );

        let pair = Pair::shake_hands(plain.clone(), server());
        assert!(matches!(
            pair.server.tls_error(),
            TlsError::NoCertificate { .. }
        ));
        let refused = pair.client.tls_error();
        assert!(
            matches!(refused, TlsError::CertificateRefused { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("none was given"), "{refused}");

        let pair = Pair::shake_hands(with(&bad), server());
        assert!(matches!(
            pair.server.tls_error(),
            TlsError::UnknownIssuer { .. }
        ));
        assert!(!pair.server.filter.is_ready());
        let refused = pair.client.tls_error();
        assert!(
            matches!(refused, TlsError::CertificateRefused { .. }),
            "{refused}"
        );

        let pair = Pair::shake_hands(
            plain.clone(),
            leaf.server().request_client_certificates(trust),
        );
        pair.assert_ready();
        assert!(
            pair.server
                .filter
                .info()
                .unwrap()
                .peer_certificates
                .is_empty()
        );
    });
}

// R78: what servers with OpenSSL say when TLS 1.2 is spoken.
#[test]
fn a_missing_certificate_is_named_even_if_the_server_does_not() {
    let (authority, leaf) = authority();
    let trust = Trust::none().roots_from_pem(authority.pem.as_str());
    let client = authority
        .client()
        .versions(..TlsVersion::Tls13)
        .build()
        .unwrap();
    let server = leaf
        .server()
        .require_client_certificates(trust)
        .build()
        .unwrap();
    let mut pair = Pair::new(&client, &server);
    while pair.server.error.is_none() {
        let (to_server, to_client) = (
            mem::take(&mut pair.client.wire),
            mem::take(&mut pair.server.wire),
        );
        pair.client.receive(&to_client);
        pair.server.receive(&to_server);
    }
    assert_eq!(pair.server.wire, [21, 3, 3, 0, 2, 2, 116]);
    pair.client.receive(&[21, 3, 3, 0, 2, 2, 40]);
    let error = pair.client.tls_error();
    assert!(
        matches!(
            error,
            TlsError::CertificateRefused {
                was_shown: false,
                ..
            }
        ),
        "{error}"
    );
}

/// Shakes hands, and gives what the client makes of the server's certificate. The server hears
/// of it (C132).
fn verdict(authority: &Authority, leaf: &Leaf) -> TlsError {
    let [old, new] = [TlsVersion::Tls12, TlsVersion::Tls13].map(|version| {
        let client = authority.client().versions(version..=version);
        let pair = Pair::shake_hands(client, leaf.server());
        assert!(!pair.client.filter.is_ready());
        let heard = pair.server.tls_error();
        assert!(
            matches!(
                heard,
                TlsError::CertificateRefused { .. } | TlsError::AlertReceived { .. }
            ),
            "{heard}"
        );
        pair.client.tls_error().clone()
    });
    assert_eq!(mem::discriminant(&old), mem::discriminant(&new));
    new
}

// C133, R83, R87
#[test]
fn each_fault_of_a_certificate_has_its_error() {
    let (authority, _) = authority();

    let old = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let error = verdict(&authority, &old);
    assert!(matches!(error, TlsError::Expired { .. }), "{error}");
    assert!(error.to_string().starts_with("localhost: "), "{error}");
    assert!(
        error.to_string().contains("2020-01-02 00:00:00 UTC"),
        "{error}"
    );

    let young = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(3000, 1, 1);
    });
    let error = verdict(&authority, &young);
    assert!(matches!(error, TlsError::NotYetValid { .. }), "{error}");

    let error = verdict(
        &authority,
        &authority.issue(&["example.com", "*.localhost", "::1"]),
    );
    let TlsError::WrongName { found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*found, ["example.com", "*.localhost", "::1"]);

    let error = verdict(&authority, &authority.issue(&[]));
    assert!(error.to_string().contains("no host at all"), "{error}");

    let error = verdict(
        &authority,
        &Authority::new("Other CA").issue(&["localhost"]),
    );
    let TlsError::UnknownIssuer { issuer, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(issuer.as_deref(), Some("Other CA"));

    for is_authority in [false, true] {
        let own = Leaf::self_signed(&["localhost"], is_authority);
        let error = verdict(&authority, &own);
        let TlsError::SelfSigned {
            is_authority: shown,
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(shown, is_authority);
    }

    let client_only = authority.issue_with(&["localhost"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let error = verdict(&authority, &client_only);
    assert!(matches!(error, TlsError::WrongPurpose { .. }), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_self_signed_certificate_can_be_trusted() {
    let own = Leaf::self_signed(&["localhost"], false);
    let client = ClientTls::builder().roots_from_pem(own.chain.as_str());
    Pair::shake_hands(client, own.server()).assert_ready();
}

// R80, C147
#[test]
fn an_address_is_checked_and_not_told() {
    let (authority, _) = authority();
    let client = authority.client().build().unwrap();
    let server = authority
        .issue(&["127.0.0.1", "::1"])
        .server()
        .build()
        .unwrap();
    for name in ["127.0.0.1", "::1", "[::1]"] {
        let mut pair = Pair::of(client.filter(name).unwrap(), server.filter().unwrap());
        pair.pump();
        pair.assert_ready();
        assert_eq!(pair.server.filter.info().unwrap().server_name, None);
    }
    let mut pair = Pair::of(
        client.filter("127.0.0.2").unwrap(),
        server.filter().unwrap(),
    );
    pair.pump();
    assert!(matches!(
        pair.client.tls_error(),
        TlsError::WrongName { .. }
    ));
}

// R82
#[test]
fn a_wildcard_is_one_whole_label() {
    let (authority, _) = authority();
    let client = authority.client().build().unwrap();
    let server = authority
        .issue(&["*.example.com"])
        .server()
        .build()
        .unwrap();
    for (name, is_valid) in [
        ("a.example.com", true),
        ("A.EXAMPLE.com.", true),
        ("a.b.example.com", false),
        ("example.com", false),
    ] {
        let mut pair = Pair::of(client.filter(name).unwrap(), server.filter().unwrap());
        pair.pump();
        assert_eq!(pair.client.filter.is_ready(), is_valid, "{name}");
    }
}

// R83
#[test]
fn a_chain_needs_its_intermediate_certificates() {
    let root = Authority::new("Root");
    let good = root.authority("Intermediate", |_| {});
    let old = root.authority("Old intermediate", |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let client = root.client();

    let mut leaf = good.issue(&["localhost"]);
    let error = verdict(&root, &leaf);
    let TlsError::UnknownIssuer { issuer, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(issuer.as_deref(), Some("Intermediate"));
    leaf.chain += &good.pem;
    let pair = Pair::shake_hands(client, leaf.server());
    pair.assert_ready();
    assert_eq!(
        pair.client.filter.info().unwrap().peer_certificates.len(),
        2
    );

    let mut leaf = old.issue(&["localhost"]);
    leaf.chain += &old.pem;
    let error = verdict(&root, &leaf);
    assert!(matches!(error, TlsError::Expired { .. }), "{error}");
    // An old and a valid certificate of the same authority: the valid path counts.
    let mut leaf = good.issue(&["localhost"]);
    leaf.chain = [leaf.chain, old.pem, good.pem].concat();
    Pair::shake_hands(root.client(), leaf.server()).assert_ready();
}

// C132
#[test]
fn the_server_hears_in_the_right_alert_why_it_was_refused() {
    use rustls::AlertDescription as Alert;
    let (authority, good) = authority();
    let heard = |client: crate::ClientTlsBuilder, leaf: &Leaf| {
        let pair = Pair::shake_hands(client, leaf.server());
        assert!(pair.client.error.is_some());
        match pair.server.tls_error() {
            TlsError::CertificateRefused { alert, .. } | TlsError::AlertReceived { alert, .. } => {
                *alert
            }
            other => panic!("{other}"),
        }
    };
    let client = || authority.client();
    let old = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    assert_eq!(heard(client(), &old), Alert::CertificateExpired);
    let other_name = authority.issue(&["other.test"]);
    assert_eq!(heard(client(), &other_name), Alert::BadCertificate);
    let stranger = Authority::new("Other CA").issue(&["localhost"]);
    assert_eq!(heard(client(), &stranger), Alert::UnknownCA);
    let for_clients = authority.issue_with(&["localhost"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(heard(client(), &for_clients), Alert::UnsupportedCertificate);
    let unpinned = crate::Pins::new(
        crate::Pin::from_hash([1; 32]),
        crate::Pin::from_hash([2; 32]),
    );
    assert_eq!(
        heard(client().pins(unpinned), &good),
        Alert::CertificateUnknown
    );
    let picky = client().check_certificate(|_, _| Err("no".into()));
    assert_eq!(heard(picky, &good), Alert::CertificateUnknown);
}

// R87
#[test]
fn certificates_beyond_all_measure_are_named_as_such() {
    let (authority, _) = authority();
    let names: Vec<String> = (0..10_000)
        .map(|n| format!("host-{n}.example.com"))
        .collect();
    let names: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(["localhost"])
        .collect();
    let pair = Pair::shake_hands(authority.client(), authority.issue(&names).server());
    let error = pair.client.tls_error();
    assert!(matches!(error, TlsError::TooLarge { .. }), "{error}");
    assert!(error.help().contains("fewer names"), "{}", error.help());
}
