use std::error::Error;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use torsade_core::Filter;

use super::*;
use crate::testing::{Authority, Leaf, Pair};
use crate::{ClientTls, ClientTlsBuilder, ServerTls, TlsError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client makes of the server's certificate; `None` if it accepts it.
fn verdict(client: ClientTlsBuilder, leaf: &Leaf) -> Option<TlsError> {
    let pair = Pair::shake_hands(client, leaf.server());
    if pair.client.filter.is_ready() {
        pair.assert_ready();
        return None;
    }
    // C132: the server hears of it.
    assert!(pair.server.error.is_some());
    Some(pair.client.tls_error().clone())
}

fn pin(pem: &str) -> Pin {
    Pin::of(&Certificate::from_pem(pem).unwrap()[0])
}

fn backup() -> Pin {
    Pin::from_hash([0; 32])
}

#[test]
fn a_pin_is_written_as_curl_reads_it() {
    let text = "sha256/jQJTbIh0grw0/1TkHSumWb+Fs0Ggogr621gT3PvPKG0=";
    let pin: Pin = text.parse().unwrap();
    assert_eq!(pin.to_string(), text);
    assert_eq!(text.replacen('/', "//", 1).parse(), Ok(pin));
    for bad in [
        "",
        "sha256/",
        "sha256/AAAA",
        "sha1/jQJTbIh0grw0/1TkHSumWb+Fs0Gg=",
        &text[..40],
    ] {
        let error = bad.parse::<Pin>().unwrap_err();
        assert!(error.to_string().contains("base64"), "{error}");
    }
}

// R79
#[test]
fn a_pin_whose_hash_begins_with_a_slash_is_read_as_well() {
    for first in [0xfc, 0xff, 0x00] {
        let mut hash = [7; 32];
        hash[0] = first;
        let pin = Pin::from_hash(hash);
        let shown = pin.to_string();
        assert_eq!(shown.parse(), Ok(pin), "{shown}");
        let by_curl = shown.replacen('/', "//", 1);
        assert_eq!(by_curl.parse(), Ok(pin), "{by_curl}");
    }
}

#[test]
fn a_pinned_key_has_to_be_on_the_way_to_the_root() {
    let root = Authority::new("Root");
    let below = root.authority("Below", |_| {});
    let unused = root.authority("Unused", |_| {});
    let mut leaf = below.issue(&["localhost"]);
    leaf.chain += &below.pem;
    // Sent along, but no part of the path: it proves nothing.
    leaf.chain += &unused.pem;
    let with = |pin| verdict(root.client().pins(Pins::new(pin, backup())), &leaf);

    assert!(with(pin(&leaf.chain)).is_none());
    assert!(with(pin(&below.pem)).is_none());
    assert!(with(pin(&root.pem)).is_none());
    for other in [pin(&unused.pem), backup()] {
        let error = with(other).unwrap();
        let TlsError::PinMismatch { found, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*found, pin(&leaf.chain));
        assert!(error.help().contains("pin the new one"));
        assert_eq!(error.certificates().len(), 3);
    }
    let any = root
        .client()
        .pins(Pins::new(backup(), backup()).or(pin(&root.pem)));
    assert!(verdict(any, &leaf).is_none());
}

#[test]
fn pins_take_no_other_check_away() {
    let leaf = Authority::new("Other CA").issue(&["localhost"]);
    let pins = Pins::new(pin(&leaf.chain), backup());
    let error = verdict(Authority::new("Test CA").client().pins(pins.clone()), &leaf);
    assert!(matches!(error, Some(TlsError::UnknownIssuer { .. })));
    // With nothing but pins it is safe to accept any certificate.
    let client = || ClientTls::builder().dangerous().accept_any_certificate();
    assert!(verdict(client().pins(pins), &leaf).is_none());
    let other = client().pins(Pins::new(backup(), backup()));
    assert!(matches!(
        verdict(other, &leaf),
        Some(TlsError::PinMismatch { .. })
    ));
}

// R79
#[test]
fn a_session_of_a_client_without_pins_is_not_resumed_by_one_with_pins() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["localhost"]);
    let server = leaf.server().build().unwrap();
    let lax = authority.client();
    let strict = lax.clone().pins(Pins::new(backup(), backup()));
    let mut pair = Pair::new(&lax.build().unwrap(), &server);
    pair.pump();
    pair.assert_ready();
    let mut pair = Pair::new(&strict.build().unwrap(), &server);
    pair.pump();
    assert!(matches!(
        pair.client.tls_error(),
        TlsError::PinMismatch { .. }
    ));
}

#[test]
fn a_check_of_the_program_comes_last() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["localhost"]);
    let client = |word: &'static str| {
        authority.client().check_certificate(move |chain, name| {
            assert_eq!(
                (chain[0].names(), name),
                (vec!["localhost".into()], "localhost")
            );
            if chain[0].issuer() == Some(word) {
                Ok(())
            } else {
                Err("not of our own".into())
            }
        })
    };
    assert!(verdict(client("Test CA"), &leaf).is_none());
    let error = verdict(client("Another"), &leaf).unwrap();
    assert!(matches!(error, TlsError::Rejected { .. }), "{error}");
    assert!(error.to_string().ends_with("not of our own"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "not of our own");
    // It is not asked about what is wrong anyway.
    let other = Authority::new("Other CA").issue(&["localhost"]);
    let error = verdict(client("Another"), &other);
    assert!(matches!(error, Some(TlsError::UnknownIssuer { .. })));
}

#[test]
fn another_name_than_the_one_connected_to_can_be_expected() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["internal.example"]);
    let client = authority.client().expected_name("internal.example");
    let pair = Pair::shake_hands(client.clone(), leaf.server());
    pair.assert_ready();
    // What the server was asked for stays the name that was connected to.
    let asked = pair.server.filter.info().unwrap().server_name.clone();
    assert_eq!(asked.as_deref(), Some("localhost"));
    let quiet = Pair::shake_hands(client.send_server_name(false), leaf.server());
    assert_eq!(quiet.server.filter.info().unwrap().server_name, None);
    let error = authority.client().expected_name("a b").build().unwrap_err();
    assert!(matches!(error, ConfigError::BadServerName(_)));
}

#[test]
fn a_certificate_can_be_trusted_for_itself_even_if_it_is_marked_as_an_authority() {
    let own = Leaf::self_signed(&["localhost"], true);
    let as_root = ClientTls::builder().roots_from_pem(own.chain.as_str());
    assert!(verdict(as_root, &own).is_none());

    let exactly = |pem: &str| ClientTls::builder().trust(Trust::none().exactly_pem(pem));
    assert!(verdict(exactly(&own.chain), &own).is_none());
    // It vouches for no other, and its name and its time count.
    let authority = Authority::new("Test CA");
    let error = verdict(exactly(&authority.pem), &authority.issue(&["localhost"]));
    assert!(matches!(error, Some(TlsError::UnknownIssuer { .. })));
    let elsewhere = Leaf::self_signed(&["example.com"], true);
    let error = verdict(exactly(&elsewhere.chain), &elsewhere);
    assert!(matches!(error, Some(TlsError::WrongName { .. })));
    let old = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let error = verdict(exactly(&old.chain), &old);
    assert!(matches!(error, Some(TlsError::Expired { .. })));
}

#[test]
fn a_client_certificate_can_be_trusted_for_itself() {
    let authority = Authority::new("Test CA");
    let client = Leaf::self_signed(&["client"], false);
    let other = Leaf::self_signed(&["other"], false);
    let server = authority.issue(&["localhost"]).server();
    let server =
        server.require_client_certificates(Trust::none().exactly_pem(client.chain.as_str()));
    for (shown, is_accepted) in [(&client, true), (&other, false)] {
        let tls = authority
            .client()
            .client_certificate_pem(shown.chain.as_str(), shown.key.as_str());
        let pair = Pair::shake_hands(tls, server.clone());
        assert_eq!(pair.server.filter.is_ready(), is_accepted);
    }
}

#[test]
fn another_verifier_can_decide() {
    let leaf = Authority::new("Other CA").issue(&["localhost"]);
    let trust = |authority: &Authority| {
        let checks = ServerChecks::default();
        let trust = Trust::none().roots_from_pem(authority.pem.as_str());
        Arc::new(
            checks
                .verifier(&trust, &crate::provider::default())
                .unwrap(),
        )
    };
    let verifier = trust(&Authority::new("Test CA"));
    let client = ClientTls::builder().dangerous().verify_by(verifier);
    assert!(matches!(
        verdict(client, &leaf),
        Some(TlsError::UnknownIssuer { .. })
    ));
}

/// A list of what `authority` has revoked, valid from ten days ago until then.
fn list(authority: &Authority, revoked: &[u64], next_update: SystemTime) -> String {
    let serial = |&number: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(number),
        revocation_time: (SystemTime::now() - 10 * DAY).into(),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: (SystemTime::now() - 10 * DAY).into(),
        next_update: next_update.into(),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.iter().map(serial).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&authority.issuer).unwrap().pem().unwrap()
}

fn numbered(authority: &Authority, number: u64) -> Leaf {
    authority.issue_with(&["localhost"], |params| {
        params.serial_number = Some(SerialNumber::from(number));
    })
}

#[test]
fn what_an_issuer_has_revoked_is_refused_on_both_sides() {
    let authority = Authority::new("Test CA");
    let (good, bad) = (numbered(&authority, 7), numbered(&authority, 8));
    let lists = Revocation::lists_from_pem(list(&authority, &[8], SystemTime::now() + DAY));
    let client = || authority.client().revocation(lists.clone());
    assert!(verdict(client(), &good).is_none());
    let error = verdict(client(), &bad);
    assert!(matches!(error, Some(TlsError::Revoked { .. })));

    let server = || {
        let trust = Trust::none().roots_from_pem(authority.pem.as_str());
        let server = good.server().require_client_certificates(trust);
        server.revocation(lists.clone())
    };
    for (leaf, is_accepted) in [(&good, true), (&bad, false)] {
        let client = authority
            .client()
            .client_certificate_pem(leaf.chain.as_str(), leaf.key.as_str());
        let pair = Pair::shake_hands(client, server());
        assert_eq!(pair.server.filter.is_ready(), is_accepted);
        if !is_accepted {
            assert!(matches!(pair.server.tls_error(), TlsError::Revoked { .. }));
            let heard = pair.client.tls_error();
            assert!(
                matches!(
                    heard,
                    TlsError::CertificateRefused {
                        was_shown: true,
                        ..
                    }
                ),
                "{heard}"
            );
        }
    }
}

#[test]
fn a_list_has_to_be_there_and_current_unless_told_otherwise() {
    let root = Authority::new("Root");
    let below = root.authority("Below", |_| {});
    let mut leaf = numbered(&below, 7);
    leaf.chain += &below.pem;
    let with = |lists: Revocation| verdict(root.client().revocation(lists), &leaf);

    let current = list(&below, &[8], SystemTime::now() + DAY);
    let of_leaf = || Revocation::lists_from_pem(current.as_str());
    // Nothing tells about the intermediate.
    let error = with(of_leaf()).unwrap();
    assert!(
        matches!(
            error,
            TlsError::RevocationUnknown {
                outdated_since: None,
                ..
            }
        ),
        "{error}"
    );
    assert!(with(of_leaf().leaf_only()).is_none());
    assert!(with(of_leaf().accept_unknown()).is_none());
    let of_both = of_leaf().and_pem(list(&root, &[], SystemTime::now() + DAY));
    assert!(with(of_both).is_none());

    let outdated = list(&below, &[8], SystemTime::now() - DAY);
    let outdated = || Revocation::lists_from_pem(outdated.as_str()).leaf_only();
    let error = with(outdated()).unwrap();
    assert!(
        matches!(
            error,
            TlsError::RevocationUnknown {
                outdated_since: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.help().contains("current list"));
    assert!(with(outdated().ignore_age()).is_none());
}

#[test]
fn a_bad_list_is_found_when_it_is_built() {
    let authority = Authority::new("Test CA");
    let build = |lists| authority.client().revocation(lists).build().unwrap_err();
    let error = build(Revocation::lists_from_file("missing.crl"));
    assert!(error.to_string().contains("missing.crl"), "{error}");
    let error = build(Revocation::lists_from_pem(authority.pem.as_str()));
    assert!(error.to_string().contains("X509 CRL"), "{error}");
    let junk = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    let error = build(Revocation::lists_from_pem(junk));
    assert!(
        matches!(error, ConfigError::BadRevocationList(_)),
        "{error}"
    );
}

#[test]
fn a_directory_of_roots_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    std::fs::write(directory.path().join("one.pem"), &one.pem).unwrap();
    std::fs::write(directory.path().join("two.crt"), &two.pem).unwrap();
    std::fs::write(directory.path().join("README"), "not this one").unwrap();
    std::fs::create_dir(directory.path().join("below")).unwrap();
    let client = || {
        let trust = Trust::none().roots_from_directory(directory.path());
        ClientTls::builder().trust(trust)
    };
    assert!(verdict(client(), &one.issue(&["localhost"])).is_none());
    assert!(verdict(client(), &two.issue(&["localhost"])).is_none());
    std::fs::remove_file(directory.path().join("one.pem")).unwrap();
    std::fs::remove_file(directory.path().join("two.crt")).unwrap();
    let error = client().build().unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn certificates_in_files_are_checked_at_any_time() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2040, 1, 2);
    });
    let chain = Certificate::from_pem(leaf.chain).unwrap();
    let verifier = authority.client().verifier().unwrap();
    let now = SystemTime::now();
    verifier.verify(&chain, "localhost", now).unwrap().unwrap();
    let error = verifier
        .verify(&chain, "example.com", now)
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (error.peer(), error.certificates()),
        ("example.com", &chain[..])
    );
    let later = now + 36500 * DAY;
    let error = verifier
        .verify(&chain, "localhost", later)
        .unwrap()
        .unwrap_err();
    assert!(matches!(error, TlsError::Expired { .. }), "{error}");
    assert!(matches!(
        verifier.verify(&[], "localhost", now),
        Err(ConfigError::NoCertificate)
    ));
    assert!(matches!(
        verifier.verify(&chain, "a b", now),
        Err(ConfigError::BadServerName(_))
    ));
}

#[test]
fn a_server_can_be_asked_without_roots_only_if_certificates_are_listed() {
    let leaf = Authority::new("Test CA").issue(&["localhost"]);
    let error = ServerTls::builder()
        .certificate_pem(leaf.chain, leaf.key)
        .request_client_certificates(Trust::none())
        .build()
        .unwrap_err();
    assert!(matches!(error, ConfigError::EmptyTrust));
}
