use super::*;
use crate::provider;

fn names(list: &str) -> Vec<String> {
    let chosen = select(&provider::default(), list).unwrap();
    chosen.iter().map(suite_name).collect()
}

// C146
#[test]
fn suites_are_known_by_both_their_names() {
    let provider = provider::default();
    let chosen = suites(
        &provider,
        [
            "ECDHE-RSA-CHACHA20-POLY1305",
            "tls_aes_128_gcm_sha256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ],
    );
    let chosen: Vec<_> = chosen.unwrap().iter().map(suite_name).collect();
    let expected = [
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ];
    assert_eq!(chosen, expected);
    let error = suites(&provider, ["RC4-MD5"]).unwrap_err().to_string();
    assert!(
        error.contains("RC4-MD5") && error.contains("TLS_AES_128_GCM_SHA256"),
        "{error}"
    );
}

// C146
#[test]
fn a_list_of_openssl_selects_in_its_order_and_leaves_tls_1_3_alone() {
    // What Mozilla recommends for TLS 1.2; some of it does not exist here.
    let mozilla = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-\
                   GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-\
                   CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384";
    let chosen = names(mozilla);
    assert_eq!(chosen.len(), 9);
    assert!(chosen[..3].iter().all(|name| !name.contains("_WITH_")));
    assert_eq!(chosen[3], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");

    let chosen = names("ECDHE+AESGCM:ECDHE+CHACHA20:!aRSA:@STRENGTH");
    let expected = [
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ];
    assert_eq!(chosen[3..], expected);

    assert_eq!(names("HIGH:-AES:+ECDSA").len(), 3 + 2);
    assert!(names("HIGH:-AES:+ECDSA")[4].contains("ECDSA"));
    assert_eq!(names("TLS_AES_256_GCM_SHA384 HIGH !AES").len(), 1 + 2);
}

#[test]
fn a_list_that_selects_nothing_is_an_error() {
    for list in ["", "RC4:3DES", "HIGH:!ECDHE", "aNULL"] {
        let error = select(&provider::default(), list).unwrap_err();
        assert!(
            matches!(error, ConfigError::UnknownCipherSuite { .. }),
            "{list}"
        );
    }
}

#[test]
fn groups_are_known_by_all_their_names() {
    let provider = provider::default();
    let chosen = groups(&provider, ["X25519", "prime256v1", "P-256", "secp384r1"]).unwrap();
    let chosen: Vec<_> = chosen
        .iter()
        .map(|group| group_name(group.name()))
        .collect();
    assert_eq!(chosen, ["x25519", "secp256r1", "secp384r1"]);
    let error = groups(&provider, ["ffdhe2048"]).unwrap_err().to_string();
    assert!(error.contains("secp256r1"), "{error}");
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn the_post_quantum_exchange_comes_first() {
    let first = provider::default().kx_groups[0].name();
    assert_eq!(first, NamedGroup::X25519MLKEM768);
}
