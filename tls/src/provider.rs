//! The cryptography provider: the one chosen by feature, never the process-wide default.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::HashAlgorithm;
use rustls::server::ProducesTickets;

#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as chosen;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as chosen;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!(
    "torsade-tls needs a cryptography provider: enable the feature `aws-lc-rs` or `ring`"
);

/// The provider that is used unless a builder is given another.
pub(crate) fn default() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(chosen::default_provider()));
    Arc::clone(&PROVIDER)
}

/// What encrypts a server's session tickets; its keys are random and rotate every few hours.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    chosen::Ticketer::new()
}

/// SHA-256, by the hash that the provider uses for its own cipher suites.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let provider = default();
    let hash = provider
        .cipher_suites
        .iter()
        .filter_map(|suite| suite.tls13())
        .map(|suite| suite.common.hash_provider)
        .find(|hash| hash.algorithm() == HashAlgorithm::SHA256)
        .expect("both providers have TLS13_AES_128_GCM_SHA256");
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.hash(data).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    #[test]
    fn sha256_of_nothing_is_the_published_value() {
        let digest = super::sha256(b"");
        assert_eq!(digest[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }
}
