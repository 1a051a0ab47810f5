//! Cipher suites and key exchange groups by the names that people know them by.

mod openssl;

use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{NamedGroup, SupportedCipherSuite};

pub(crate) use self::openssl::select;
use crate::error::ConfigError;

/// The IANA name of a suite. IANA writes those of TLS 1.3 `TLS_AES_..`, rustls `TLS13_AES_..`.
pub(crate) fn suite_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

/// The name of a group, in IANA's spelling.
pub(crate) fn group_name(group: NamedGroup) -> String {
    match group {
        NamedGroup::X25519 => "x25519".to_owned(),
        // The others are spelled as IANA does.
        other => format!("{other:?}"),
    }
}

/// The suites with these names, IANA's or OpenSSL's, in this order.
pub(crate) fn suites<S: AsRef<str>>(
    provider: &CryptoProvider,
    names: impl IntoIterator<Item = S>,
) -> Result<Vec<SupportedCipherSuite>, ConfigError> {
    let mut chosen = Vec::new();
    for name in names {
        let name = name.as_ref();
        let is_named = |suite: &&SupportedCipherSuite| {
            let iana = suite_name(suite);
            iana.eq_ignore_ascii_case(name)
                || openssl::name(&iana).is_some_and(|theirs| theirs.eq_ignore_ascii_case(name))
        };
        match provider.cipher_suites.iter().find(is_named) {
            Some(suite) => push_new(&mut chosen, *suite),
            None => {
                return Err(ConfigError::UnknownCipherSuite {
                    name: name.to_owned(),
                    known: provider.cipher_suites.iter().map(suite_name).collect(),
                });
            }
        }
    }
    Ok(chosen)
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// The groups with these names, in this order.
pub(crate) fn groups<S: AsRef<str>>(
    provider: &CryptoProvider,
    names: impl IntoIterator<Item = S>,
) -> Result<Vec<&'static dyn SupportedKxGroup>, ConfigError> {
    let mut chosen: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    for name in names {
        let name = name.as_ref();
        // The curves of NIST have three names, as ever.
        let iana = match name.to_ascii_lowercase().as_str() {
            "p-256" | "p256" | "prime256v1" => "secp256r1",
            "p-384" | "p384" => "secp384r1",
            "p-521" | "p521" => "secp521r1",
            _ => name,
        };
        let is_named =
            |group: &&&dyn SupportedKxGroup| group_name(group.name()).eq_ignore_ascii_case(iana);
        match provider.kx_groups.iter().find(is_named) {
            Some(group) if chosen.iter().any(|other| other.name() == group.name()) => {}
            Some(group) => chosen.push(*group),
            None => {
                return Err(ConfigError::UnknownGroup {
                    name: name.to_owned(),
                    known: provider
                        .kx_groups
                        .iter()
                        .map(|group| group_name(group.name()))
                        .collect(),
                });
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests;
