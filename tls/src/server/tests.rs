use super::*;
use crate::testing::{Authority, Leaf, Pair};

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
