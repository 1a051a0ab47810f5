//! Cipher lists in OpenSSL's notation (`man 1 ciphers`), as far as it can matter here.

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

use super::suite_name;
use crate::error::ConfigError;

/// OpenSSL's name for a suite of TLS 1.2. Those of TLS 1.3 it calls as IANA does.
pub(super) fn name(iana: &str) -> Option<String> {
    // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256.
    let (exchange, cipher) = iana.strip_prefix("TLS_")?.split_once("_WITH_")?;
    let cipher = match cipher {
        "CHACHA20_POLY1305_SHA256" => "CHACHA20-POLY1305".to_owned(),
        other => other.replace("AES_", "AES").replace('_', "-"),
    };
    Some(format!("{}-{cipher}", exchange.replace('_', "-")))
}

/// The suites that a list such as `ECDHE+AESGCM:ECDHE+CHACHA20:!aRSA` selects, in its order.
///
/// As in OpenSSL it is about TLS 1.2; the suites of TLS 1.3 stay as they are unless some are named.
/// What is not available here is passed over, as long as anything is selected.
pub(crate) fn select(
    provider: &CryptoProvider,
    list: &str,
) -> Result<Vec<SupportedCipherSuite>, ConfigError> {
    let (tls13, tls12): (Vec<_>, Vec<_>) = provider
        .cipher_suites
        .iter()
        .partition(|suite| suite.tls13().is_some());
    let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
    let mut banned: Vec<SupportedCipherSuite> = Vec::new();
    let mut names_tls13 = false;
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        if word == "@STRENGTH" {
            chosen.sort_by_key(|suite| std::cmp::Reverse(strength(suite)));
            continue;
        }
        let (action, tags) = match word.as_bytes()[0] {
            sign @ (b'!' | b'-' | b'+') => (sign, &word[1..]),
            _ => (b' ', word),
        };
        let matching: Vec<SupportedCipherSuite> = tls12
            .iter()
            .chain(&tls13)
            .copied()
            .filter(|suite| tags.split('+').all(|tag| has_tag(suite, tag)))
            .collect();
        if matching.is_empty() && !tags.starts_with('@') {
            log::debug!(target: "torsade::tls", "TLS: no cipher suite here is {word:?}");
        }
        match action {
            b'!' => {
                banned.extend_from_slice(&matching);
                chosen.retain(|suite| !banned.contains(suite));
            }
            b'-' => chosen.retain(|suite| !matching.contains(suite)),
            b'+' => {
                let moves = |suite: &SupportedCipherSuite| matching.contains(suite);
                let moved: Vec<_> = chosen.iter().copied().filter(moves).collect();
                chosen.retain(|suite| !moves(suite));
                chosen.extend(moved);
            }
            _ => {
                names_tls13 |= matching.iter().any(|suite| suite.tls13().is_some());
                for suite in matching {
                    if !chosen.contains(&suite) && !banned.contains(&suite) {
                        chosen.push(suite);
                    }
                }
            }
        }
    }
    if !chosen.iter().any(|suite| suite.tls13().is_none()) && !names_tls13 {
        return Err(ConfigError::UnknownCipherSuite {
            name: list.to_owned(),
            known: tls12.iter().map(suite_name).collect(),
        });
    }
    if !names_tls13 {
        let kept = tls13
            .iter()
            .copied()
            .filter(|suite| !banned.contains(suite));
        chosen.splice(0..0, kept);
    }
    Ok(chosen)
}

/// Whether a word of OpenSSL's applies to a suite.
fn has_tag(suite: &SupportedCipherSuite, tag: &str) -> bool {
    let iana = suite_name(suite);
    if suite.tls13().is_some() {
        return iana == tag;
    }
    let name = name(&iana).unwrap_or_default();
    match tag {
        // All that there is here has a fresh key exchange, authentication and at least 128 bits.
        "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "TLSv1.2" => true,
        "ECDSA" | "aECDSA" => name.contains("-ECDSA-"),
        "RSA" | "aRSA" => name.contains("-RSA-"),
        "AES" => name.contains("-AES"),
        "AESGCM" => name.contains("-GCM-"),
        "AES128" => name.contains("-AES128-"),
        "AES256" => name.contains("-AES256-"),
        "CHACHA20" => name.contains("CHACHA20"),
        "SHA256" => name.ends_with("SHA256"),
        "SHA384" => name.ends_with("SHA384"),
        _ => name == tag || iana == tag,
    }
}

fn strength(suite: &SupportedCipherSuite) -> u16 {
    if suite_name(suite).contains("AES_128") {
        128
    } else {
        256
    }
}
