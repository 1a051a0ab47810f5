//! Errors of a configuration.

use std::fmt;

use crate::pem::PemError;

/// Why a TLS configuration cannot work. Every one is found when it is built.
///
/// ```
/// use torsade_tls::{ClientTls, ConfigError};
///
/// let error = ClientTls::builder().bundled_roots().cipher_suites(["TLS_NONE"]).build().unwrap_err();
/// assert!(matches!(error, ConfigError::UnknownCipherSuite { .. }));
/// println!("{error}");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// Certificates or a key could not be read.
    Pem(PemError),
    /// A certificate that was to be trusted cannot serve as a root.
    BadRoot(rustls::Error),
    /// The trust holds no root at all, so that no peer could ever be accepted.
    EmptyTrust,
    /// The platform has no root certificates, or none that can be read.
    NoPlatformRoots {
        /// What reading them gave.
        reasons: Vec<String>,
    },
    /// Bytes that are no certificate.
    BadCertificate,
    /// A server has neither certificate nor key, or there is no certificate to be checked.
    NoCertificate,
    /// The private key is of a kind that the cryptography provider does not know, or damaged.
    BadKey(rustls::Error),
    /// The private key belongs to none of the certificates.
    KeyMismatch,
    /// The certificates are not in the order in which each is issued by the one after it.
    ChainOrder {
        /// Which come when, by their places in the chain as it is, counted from 1.
        order: Vec<usize>,
    },
    /// A certificate revocation list cannot be used.
    BadRevocationList(rustls::Error),
    /// No version of TLS is within the range.
    NoVersion,
    /// The cryptography provider has no cipher suite or key exchange group for the versions.
    NoSuite(rustls::Error),
    /// There is no such cipher suite here.
    UnknownCipherSuite {
        /// What was asked for.
        name: String,
        /// The suites that there are, by their IANA names.
        known: Vec<String>,
    },
    /// There is no such key exchange group here.
    UnknownGroup {
        /// What was asked for.
        name: String,
        /// The groups that there are.
        known: Vec<String>,
    },
    /// A maximum for the fragments that is not within 32 and 16,389 bytes.
    BadFragmentSize(usize),
    /// The name of an application protocol (ALPN) is empty or longer than 255 bytes.
    BadProtocolName(Vec<u8>),
    /// What was to be the server's name is neither a DNS name nor an IP address.
    BadServerName(String),
    /// Anything else that rustls refuses.
    Rustls(rustls::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(error) => error.fmt(f),
            Self::BadRoot(_) => f.write_str("a certificate to be trusted is unusable"),
            Self::EmptyTrust => f.write_str("nobody is trusted: no root certificate was given"),
            Self::NoPlatformRoots { reasons } => {
                f.write_str(
                    "this platform has no root certificates; install its package of CA \
                     certificates, or use bundled roots",
                )?;
                reasons
                    .iter()
                    .try_for_each(|reason| write!(f, " ({reason})"))
            }
            Self::BadCertificate => f.write_str("this is no X.509 certificate"),
            Self::NoCertificate => f.write_str("a TLS server needs a certificate and its key"),
            Self::BadKey(_) => f.write_str("the private key is unusable"),
            Self::KeyMismatch => {
                f.write_str("the private key belongs to another certificate than the one given")
            }
            Self::ChainOrder { order } => {
                let order: Vec<String> = order.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "the certificates of the chain are in the wrong order: that of the private \
                     key has to be first, and each be followed by its issuer's, which here is {}",
                    order.join(", ")
                )
            }
            Self::BadRevocationList(_) => f.write_str("a certificate revocation list is unusable"),
            Self::NoVersion => f.write_str("there is no version of TLS in the range"),
            Self::NoSuite(_) => f.write_str("no usable cipher suite"),
            Self::UnknownCipherSuite { name, known } => write!(
                f,
                "there is no cipher suite {name:?} here, but these: {}",
                known.join(", ")
            ),
            Self::UnknownGroup { name, known } => write!(
                f,
                "there is no key exchange group {name:?} here, but these: {}",
                known.join(", ")
            ),
            Self::BadFragmentSize(size) => {
                write!(
                    f,
                    "{size} bytes are no size for TLS fragments: 32 to 16389 are allowed"
                )
            }
            Self::BadProtocolName(name) => write!(
                f,
                "\"{}\" cannot be an ALPN protocol: 1 to 255 bytes are allowed",
                name.escape_ascii()
            ),
            Self::BadServerName(name) => {
                write!(f, "{name:?} is neither a host name nor an IP address")
            }
            Self::Rustls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // These speak for what they wrap, so what comes next is what that wraps.
            Self::Pem(error) => error.source(),
            Self::Rustls(error) => error.source(),
            Self::BadRoot(error)
            | Self::BadKey(error)
            | Self::NoSuite(error)
            | Self::BadRevocationList(error) => Some(error),
            _ => None,
        }
    }
}

impl From<PemError> for ConfigError {
    fn from(error: PemError) -> Self {
        Self::Pem(error)
    }
}

impl ConfigError {
    /// The error of making a verifier.
    pub(crate) fn from_verifier(error: rustls::server::VerifierBuilderError) -> Self {
        match error {
            rustls::server::VerifierBuilderError::InvalidCrl(error) => {
                Self::BadRevocationList(error.into())
            }
            error => Self::Rustls(rustls::Error::General(error.to_string())),
        }
    }
}
