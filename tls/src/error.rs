//! What can go wrong with TLS, named so that a person can act on it.
//!
//! [`TlsError`] is about the peer and the network: it is the reason a connection ended, or why
//! connecting failed. [`ConfigError`] is about what the program asked for, and comes from a
//! builder before there is any connection.

mod config;
mod diagnose;
mod display;

use std::sync::Arc;
use std::time::SystemTime;

use rustls::AlertDescription;

pub use self::config::ConfigError;
pub(crate) use self::diagnose::{Context, diagnose, is_unlike_tls, not_tls};

/// Why a TLS connection failed.
///
/// In each, `peer` is the host that was connected to, or `the client` on a server. The sources
/// are the errors of rustls, for the details.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[doc(alias = "VerificationError")]
#[doc(alias = "SSL.Error")]
pub enum TlsError {
    /// The certificate of the peer, or one in its chain, has expired: its operator must renew it,
    /// or the clock here is wrong.
    Expired {
        /// Whose.
        peer: Arc<str>,
        /// When it expired.
        not_after: SystemTime,
        /// What the clock showed.
        now: SystemTime,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate of the peer, or one in its chain, is not valid yet: most often the clock
    /// here is wrong.
    NotYetValid {
        /// Whose.
        peer: Arc<str>,
        /// From when on it is valid.
        not_before: SystemTime,
        /// What the clock showed.
        now: SystemTime,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The server's certificate is for other names than the one connected to.
    #[doc(alias = "DNSMismatch")]
    WrongName {
        /// The name that was wanted.
        peer: Arc<str>,
        /// The names in the certificate.
        found: Vec<String>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// No trusted authority issued the certificate: add the right one to the trust, or the peer
    /// does not send the intermediate certificates.
    UnknownIssuer {
        /// Whose.
        peer: Arc<str>,
        /// Who issued it, by its own account.
        issuer: Option<String>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate vouches for itself: to accept it, add it to the trust.
    SelfSigned {
        /// Whose.
        peer: Arc<str>,
        /// Its SHA-256 fingerprint, to compare over another channel before trusting it.
        fingerprint: String,
        /// Whether it is marked as an authority (CA), in which role it is never accepted for a
        /// host, trusted or not.
        is_authority: bool,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The issuer has revoked the certificate.
    Revoked {
        /// Whose.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// Something else is wrong with the certificate: its signature, its purpose, its encoding.
    BadCertificate {
        /// Whose.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The peer was to show a certificate and did not.
    NoCertificate {
        /// Who.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The peer does not accept the certificate shown by this side, or wants one and got none.
    ///
    /// With TLS 1.3 a client learns it after its handshake, with the first bytes from the server.
    CertificateRefused {
        /// Who refuses.
        peer: Arc<str>,
        /// In which words.
        alert: AlertDescription,
        /// Whether it was shown a certificate at all.
        was_shown: bool,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The peer gave up, for the reason in `alert`.
    AlertReceived {
        /// Who.
        peer: Arc<str>,
        /// In which words.
        alert: AlertDescription,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The two sides share no version of TLS.
    NoCommonVersion {
        /// The other side.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The two sides share no cipher suite, key exchange group or signature scheme.
    NoCommonSuite {
        /// The other side.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The two sides share no application protocol (ALPN).
    NoCommonProtocol {
        /// The other side.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The connection ended without the peer's close_notify: what was received may be cut off,
    /// by the network or by an attacker.
    #[doc(alias = "ConnectionLost")]
    ClosedWithoutCloseNotify {
        /// Who.
        peer: Arc<str>,
        /// Whether it ended in the middle of a record.
        within_record: bool,
    },
    /// The connection ended before the handshake did.
    EofInHandshake {
        /// Who.
        peer: Arc<str>,
        /// Whether the peer had sent anything before.
        answered: bool,
    },
    /// The peer speaks something else than TLS.
    NotTls {
        /// Who.
        peer: Arc<str>,
        /// How its first bytes begin, made printable.
        excerpt: String,
        /// What that seems to be, such as `HTTP`.
        looks_like: Option<&'static str>,
    },
    /// The peer, or something in between, broke the rules of TLS.
    Protocol {
        /// Who.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Expired { source, .. }
            | Self::NotYetValid { source, .. }
            | Self::WrongName { source, .. }
            | Self::UnknownIssuer { source, .. }
            | Self::SelfSigned { source, .. }
            | Self::Revoked { source, .. }
            | Self::BadCertificate { source, .. }
            | Self::NoCertificate { source, .. }
            | Self::CertificateRefused { source, .. }
            | Self::AlertReceived { source, .. }
            | Self::NoCommonVersion { source, .. }
            | Self::NoCommonSuite { source, .. }
            | Self::NoCommonProtocol { source, .. }
            | Self::Protocol { source, .. } => Some(&**source),
            Self::ClosedWithoutCloseNotify { .. }
            | Self::EofInHandshake { .. }
            | Self::NotTls { .. } => None,
        }
    }
}
