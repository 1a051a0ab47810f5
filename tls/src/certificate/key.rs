//! The public key of a certificate.

use std::fmt;

use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::provider;

/// A public key: what kind of key it is, and its hash for pinning.
///
/// ```
/// use torsade_tls::Certificate;
/// use torsade_tls::certificate::KeyAlgorithm;
/// # use torsade_tls::generate::self_signed;
///
/// fn is_strong(certificate: &Certificate) -> bool {
///     let key = certificate.public_key();
///     key.algorithm() != KeyAlgorithm::Rsa || key.bits() >= 2048
/// }
/// # let own = self_signed(["example.com"]);
/// assert!(is_strong(own.certificate()));
/// assert_eq!(own.certificate().public_key().to_string(), "ECDSA 256");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "ssl.PublicKey")]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    bits: usize,
    hash: [u8; 32],
}

/// The kind of a key.
///
/// ```
/// use torsade_tls::certificate::KeyAlgorithm;
/// use torsade_tls::generate::self_signed;
///
/// // Old peers know RSA only.
/// let own = self_signed(["example.com"]);
/// let is_for_everybody = match own.certificate().public_key().algorithm() {
///     KeyAlgorithm::Rsa => true,
///     KeyAlgorithm::Ecdsa | KeyAlgorithm::Ed25519 => false,
///     other => panic!("{other:?} is no key for TLS"),
/// };
/// assert!(!is_for_everybody);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA.
    Rsa,
    /// On an elliptic curve of NIST: ECDSA.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// DSA, which TLS does not accept any more.
    Dsa,
    /// Any other.
    Unknown,
}

impl PublicKey {
    pub(super) fn read(info: &SubjectPublicKeyInfo<'_>) -> Self {
        /// RFC 8410, 3.
        const ED25519: &str = "1.3.101.112";
        let parsed = info.parsed().ok();
        let (algorithm, bits) = match &parsed {
            Some(Parsed::RSA(key)) => (KeyAlgorithm::Rsa, key.key_size()),
            Some(Parsed::EC(point)) => (KeyAlgorithm::Ecdsa, point.key_size()),
            Some(Parsed::DSA(key)) => (KeyAlgorithm::Dsa, 8 * key.len()),
            _ if info.algorithm.algorithm.to_id_string() == ED25519 => (KeyAlgorithm::Ed25519, 256),
            _ => (KeyAlgorithm::Unknown, 0),
        };
        Self {
            algorithm,
            bits,
            hash: provider::sha256(info.raw),
        }
    }

    /// The kind of key.
    ///
    /// ```
    /// use torsade_tls::certificate::KeyAlgorithm;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// assert_eq!(own.certificate().public_key().algorithm(), KeyAlgorithm::Ecdsa);
    /// ```
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Its size in bits: of the modulus for RSA, of the field for a curve. 0 if unknown.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// assert_eq!(self_signed(["example.com"]).certificate().public_key().bits(), 256); // P-256
    /// ```
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The SHA-256 hash of its DER form (`SubjectPublicKeyInfo`), which is what is pinned.
    ///
    /// ```
    /// use torsade_tls::Pin;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let hash = own.certificate().public_key().hash();
    /// assert_eq!(Pin::from_hash(hash), Pin::of(own.certificate()));
    /// assert_eq!(own.key_pair().hash(), Some(hash));
    /// ```
    #[doc(alias = "keyHash")]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

/// That of what cannot be read.
impl Default for PublicKey {
    fn default() -> Self {
        Self {
            algorithm: KeyAlgorithm::Unknown,
            bits: 0,
            hash: [0; 32],
        }
    }
}

/// Such as `RSA 2048`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.algorithm {
            KeyAlgorithm::Rsa => "RSA",
            KeyAlgorithm::Ecdsa => "ECDSA",
            KeyAlgorithm::Ed25519 => return f.write_str("Ed25519"),
            KeyAlgorithm::Dsa => "DSA",
            KeyAlgorithm::Unknown => return f.write_str("unknown"),
        };
        write!(f, "{name} {}", self.bits)
    }
}
