use super::*;
use crate::testing::{Authority, Leaf, Pair};
use crate::{TlsError, Trust};

// C146
#[test]
fn mistakes_are_found_when_it_is_built() {
    let authority = Authority::new("Test CA");
    let Leaf { chain, key, .. } = authority.issue(&["localhost"]);
    let other = authority.issue(&["localhost"]);

    assert!(matches!(
        ServerTls::builder().build(),
        Err(ConfigError::NoCertificate)
    ));
    let mixed = ServerTls::builder().certificate_pem(chain.as_str(), other.key);
    assert!(matches!(mixed.build(), Err(ConfigError::KeyMismatch)));
    let server = || ServerTls::builder().certificate_pem(chain.as_str(), key.as_str());
    let error = server()
        .require_client_certificates(Trust::none())
        .build()
        .unwrap_err();
    assert!(matches!(error, ConfigError::EmptyTrust));
    let error = server().alpn([[b'x'; 256]]).build().unwrap_err();
    assert!(matches!(error, ConfigError::BadProtocolName(_)));
    let error = ServerTls::builder()
        .certificate_files("no.pem", "no.key")
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("no.pem"), "{error}");
}

#[test]
fn a_configuration_of_rustls_is_taken() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["localhost"]);
    let config = |early_data| {
        let mut config = (*leaf.server().build().unwrap().config).clone();
        config.max_early_data_size = early_data;
        ServerTls::from_rustls(Arc::new(config))
    };
    // Early data that a server accepts could be replayed; a client must not even try.
    for early_data in [0, 1000] {
        let mut pair = Pair::new(&authority.client().build().unwrap(), &config(early_data));
        pair.pump();
        pair.assert_ready();
        let info = pair.server.filter.info().unwrap();
        assert_eq!(info.server_name.as_deref(), Some("localhost"));
    }
}

fn shown(pair: &Pair) -> Vec<String> {
    pair.assert_ready();
    pair.client.filter.info().unwrap().peer_certificates[0].names()
}

#[test]
fn a_client_gets_the_certificate_for_the_name_it_asks_for() {
    let authority = Authority::new("Test CA");
    let [first, second, wild] = [
        &["one.example", "1.example"][..],
        &["Two.example"],
        &["*.example"],
    ]
    .map(|names| authority.issue(names));
    let server = first
        .server()
        .certificate_pem(second.chain.as_str(), second.key.as_str())
        .certificate_pem(wild.chain.as_str(), wild.key.as_str());
    let ask = |server: &ServerTlsBuilder, name| {
        let client = authority.client().dangerous().accept_any_certificate();
        let (client, server) = (client.build().unwrap(), server.clone().build().unwrap());
        let mut pair = Pair::of(client.filter(name).unwrap(), server.filter().unwrap());
        pair.pump();
        pair
    };
    assert_eq!(
        shown(&ask(&server, "1.example")),
        ["one.example", "1.example"]
    );
    assert_eq!(shown(&ask(&server, "two.example")), ["Two.example"]);
    assert_eq!(shown(&ask(&server, "three.example")), ["*.example"]);
    for unknown in ["a.b.example", "localhost", "127.0.0.1"] {
        assert_eq!(shown(&ask(&server, unknown)), ["one.example", "1.example"]);
    }
    let strict = server.refuse_unknown_names();
    assert_eq!(shown(&ask(&strict, "two.example")), ["Two.example"]);
    for unknown in ["localhost", "127.0.0.1"] {
        let pair = ask(&strict, unknown);
        assert!(pair.server.error.is_some());
        // It asked for no certificate, so it has not refused ours.
        let error = pair.client.tls_error();
        assert!(matches!(error, TlsError::AlertReceived { .. }), "{error}");
        assert!(error.help().contains("name"), "{}", error.help());
    }
}

#[test]
fn a_client_gets_a_kind_of_key_that_it_knows() {
    let authority = Authority::new("Test CA");
    let ecdsa = authority.issue(&["localhost"]);
    let ed25519 = {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let server = ServerTls::builder()
        .certificate_pem(ed25519.0, ed25519.1)
        .certificate_pem(ecdsa.chain.as_str(), ecdsa.key.as_str());
    let algorithm = |client: crate::ClientTlsBuilder| {
        let pair = Pair::shake_hands(client, server.clone());
        pair.assert_ready();
        let info = pair.client.filter.info().unwrap();
        info.peer_certificates[0].public_key().algorithm()
    };
    use crate::certificate::KeyAlgorithm;
    assert_eq!(algorithm(authority.client()), KeyAlgorithm::Ed25519);
    let mut provider = (*crate::provider::default()).clone();
    let all = provider.signature_verification_algorithms;
    let without: Vec<_> = all
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme != rustls::SignatureScheme::ED25519)
        .copied()
        .collect();
    provider.signature_verification_algorithms.mapping = without.leak();
    let old = authority.client().crypto_provider(Arc::new(provider));
    assert_eq!(algorithm(old), KeyAlgorithm::Ecdsa);
}

/// Writes a certificate and its key into a directory, with a time that differs from before.
fn write(directory: &std::path::Path, chain: &str, key: &str, age: u64) {
    let time = std::time::SystemTime::now() - Duration::from_secs(age);
    for (name, content) in [("chain.pem", chain), ("key.pem", key)] {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::File::open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

#[test]
fn changed_files_are_used_from_the_next_handshake_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let authority = Authority::new("Test CA");
    let [old, new] =
        [&["localhost", "old"], &["localhost", "new"]].map(|names| authority.issue(names));
    write(path, &old.chain, &old.key, 30);
    let server = ServerTls::builder()
        .certificate_files(path.join("chain.pem"), path.join("key.pem"))
        .build()
        .unwrap();
    let client = authority.client().build().unwrap();
    let connect = || {
        let mut pair = Pair::new(&client, &server);
        pair.pump();
        pair
    };
    let mut before = connect();
    assert!(!server.reload().unwrap());
    // The certificate is there, its key not yet.
    write(path, &new.chain, &old.key, 20);
    assert!(matches!(
        server.clone().reload(),
        Err(ConfigError::KeyMismatch)
    ));
    assert!(matches!(server.reload(), Err(ConfigError::KeyMismatch)));
    assert_eq!(shown(&connect()), ["localhost", "old"]);
    write(path, &new.chain, &new.key, 10);
    assert!(server.clone().reload().unwrap());
    assert!(!server.reload().unwrap());
    // A client that resumes its session does not see it.
    let fresh = authority.client().build().unwrap();
    let mut pair = Pair::new(&fresh, &server);
    pair.pump();
    assert_eq!(shown(&pair), ["localhost", "new"]);
    // What there was goes on.
    before.client.send(b"still here");
    before.pump();
    assert_eq!(before.server.take_plain(), b"still here");
}

#[test]
fn files_are_looked_at_every_so_often() {
    use torsade_core::testing::Simulation;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let authority = Authority::new("Test CA");
    let [old, new] = [&["old"], &["new"]].map(|names| authority.issue(names));
    write(path, &old.chain, &old.key, 30);
    let server = ServerTls::builder()
        .certificate_files(path.join("chain.pem"), path.join("key.pem"))
        .build()
        .unwrap();
    let world = Simulation::new();
    let reactor = world.reactor();
    let call = server.reload_every(&reactor, Duration::from_secs(60));
    let client = authority.client().dangerous().accept_any_certificate();
    let client = client.resumption(false).build().unwrap();
    let now = || {
        let mut pair = Pair::new(&client, &server);
        pair.pump();
        shown(&pair)
    };
    let pass = |seconds| {
        let later = torsade_core::task::defer_later(&reactor, Duration::from_secs(seconds), || ());
        reactor.run_until(later).unwrap();
    };
    write(path, &new.chain, &new.key, 10);
    pass(59);
    assert_eq!(now(), ["old"]);
    pass(2);
    assert_eq!(now(), ["new"]);
    call.stop().unwrap();
}

#[test]
fn an_ocsp_response_is_stapled() {
    #[derive(Debug)]
    struct Sees(std::sync::Mutex<Vec<u8>>);
    impl rustls::client::danger::ServerCertVerifier for Sees {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            ocsp_response: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            *self.0.lock().unwrap() = ocsp_response.to_vec();
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            crate::provider::default()
                .signature_verification_algorithms
                .supported_schemes()
        }
    }

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("staple.der");
    std::fs::write(&file, b"signed by the issuer").unwrap();
    let leaf = Authority::new("Test CA").issue(&["localhost"]);
    let sees = Arc::new(Sees(std::sync::Mutex::default()));
    let client = crate::ClientTls::builder()
        .dangerous()
        .verify_by(Arc::clone(&sees) as _);
    let server = leaf.server().ocsp_response_file(&file);
    Pair::shake_hands(client, server).assert_ready();
    assert_eq!(*sees.0.lock().unwrap(), b"signed by the issuer");
    // Whichever is named first.
    sees.0.lock().unwrap().clear();
    let client = crate::ClientTls::builder()
        .dangerous()
        .verify_by(Arc::clone(&sees) as _);
    let server = ServerTls::builder()
        .ocsp_response_file(&file)
        .certificate_pem(leaf.chain.as_str(), leaf.key.as_str());
    Pair::shake_hands(client, server).assert_ready();
    assert_eq!(*sees.0.lock().unwrap(), b"signed by the issuer");
    let missing = leaf.server().ocsp_response_file("missing.der");
    assert!(
        missing
            .build()
            .unwrap_err()
            .to_string()
            .contains("missing.der")
    );
}

#[test]
fn sessions_can_be_kept_here_instead_of_in_tickets() {
    let authority = Authority::new("Test CA");
    let leaf = authority.issue(&["localhost"]);
    for versions in [crate::TlsVersion::Tls12, crate::TlsVersion::Tls13] {
        let client = authority
            .client()
            .versions(versions..=versions)
            .build()
            .unwrap();
        let server = leaf.server().session_cache(10).build().unwrap();
        let resumed = [(), ()].map(|()| {
            let mut pair = Pair::new(&client, &server);
            pair.pump();
            pair.assert_ready();
            pair.client.filter.info().unwrap().resumed
        });
        assert_eq!(resumed, [false, true], "{versions}");
    }
}
