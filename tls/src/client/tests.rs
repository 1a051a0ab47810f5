use super::*;
use crate::pem::PemProblem;
use crate::testing::{Authority, Leaf};
use crate::{TlsVersion, Trust};

fn name(text: &str) -> Option<String> {
    parse_name(text).map(|name| name.to_str().into_owned())
}

// C147, R80
#[test]
fn names_and_addresses_are_read() {
    assert_eq!(name("example.com").as_deref(), Some("example.com"));
    assert_eq!(name("example.com.").as_deref(), Some("example.com"));
    assert_eq!(name("my_host.local").as_deref(), Some("my_host.local"));
    assert_eq!(name("exämple.com").as_deref(), Some("xn--exmple-cua.com"));
    assert_eq!(
        name("ЯНДЕКС.рф.").as_deref(),
        Some("xn--d1acpjx3f.xn--p1ai")
    );
    assert_eq!(name("10.0.0.1").as_deref(), Some("10.0.0.1"));
    assert_eq!(name("[::1]").as_deref(), Some("::1"));
    assert_eq!(name("fe80::1%eth0").as_deref(), Some("fe80::1"));
    for bad in [
        "",
        ".",
        "a..b",
        "a b",
        "exämple..com",
        "[::1",
        "[10.0.0.1]",
        "10.0.0.256",
        "1.2.3",
        "a:443",
        "a\0b",
    ] {
        assert_eq!(name(bad), None, "{bad}");
    }
}

// C145, C146
#[test]
fn mistakes_are_found_when_it_is_built() {
    let authority = Authority::new("Test CA");
    let Leaf { chain, key, .. } = authority.issue(&["me"]);
    let other = authority.issue(&["me"]);
    let with = |chain: &str, key: &str| {
        authority
            .client()
            .client_certificate_pem(chain, key)
            .build()
            .unwrap_err()
    };

    assert!(matches!(with(&chain, &other.key), ConfigError::KeyMismatch));
    assert!(matches!(with(&key, &key), ConfigError::Pem(_)));
    assert!(matches!(with(&chain, &chain), ConfigError::Pem(_)));
    let mangled = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let error = with(&chain, mangled);
    assert!(matches!(error, ConfigError::BadKey(_)), "{error:?}");
    let mangled = mangled.replace("PRIVATE KEY", "CERTIFICATE");
    let error = with(&mangled, &key);
    assert!(matches!(error, ConfigError::BadCertificate), "{error:?}");

    let error = authority
        .client()
        .roots_from_pem(mangled)
        .build()
        .unwrap_err();
    assert!(matches!(error, ConfigError::BadRoot(_)));
    let error = ClientTls::builder()
        .roots_from_pem_file("missing.pem")
        .build()
        .unwrap_err();
    let ConfigError::Pem(error) = error else {
        panic!("{error}")
    };
    assert!(matches!(error.problem, PemProblem::Unreadable(_)));

    let error = authority.client().alpn(["h2", ""]).build().unwrap_err();
    assert!(matches!(error, ConfigError::BadProtocolName(_)));
    let nothing = TlsVersion::Tls12..TlsVersion::Tls12;
    let error = authority.client().versions(nothing).build().unwrap_err();
    assert!(matches!(error, ConfigError::NoVersion));
    let mut provider = (*crate::provider::default()).clone();
    provider.cipher_suites.clear();
    let error = authority
        .client()
        .crypto_provider(Arc::new(provider))
        .build()
        .unwrap_err();
    assert!(matches!(error, ConfigError::NoSuite(_)));
}

// C148
#[test]
fn an_own_choice_replaces_the_default_trust() {
    let authority = Authority::new("Test CA");
    let builder = authority.client();
    let roots = |builder: &ClientTlsBuilder| {
        let trust = builder.trust.as_ref().unwrap();
        trust.load().unwrap().roots.len()
    };
    assert_eq!(roots(&builder), 1);
    let both = builder.bundled_roots();
    assert!(roots(&both) > 100);
    let bundled = both.trust(Trust::none().bundled_roots());
    assert_eq!(roots(&bundled), webpki_roots::TLS_SERVER_ROOTS.len());
    // Nobody is nobody, and not those whom the platform trusts.
    let nobody = bundled.trust(Trust::none()).build();
    assert!(matches!(nobody, Err(ConfigError::EmptyTrust)));
}

#[test]
fn a_configuration_can_be_shared_by_threads() {
    fn assert_shared<T: Send + Sync + Clone>() {}
    assert_shared::<ClientTls>();
    assert_shared::<crate::ServerTls>();
    assert_shared::<crate::TlsError>();
}
