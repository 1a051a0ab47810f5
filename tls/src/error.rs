//! What can go wrong with TLS, named so that a person can act on it.
//!
//! [`TlsError`] is about the peer and the network: it is the reason a connection ended, or why
//! connecting failed. [`ConfigError`] is about what the program asked for, and comes from a
//! builder before there is any connection.
//!
//! ```
//! use std::time::SystemTime;
//! use torsade_tls::generate::Authority;
//! use torsade_tls::{ClientTls, ConfigError, TlsError};
//!
//! // Ours: there is no such file.
//! let built = ClientTls::builder().roots_from_pem_file("our-ca.pem").build();
//! assert!(matches!(built, Err(ConfigError::Pem(_))));
//! // Theirs: nobody trusts that authority.
//! let verifier = ClientTls::builder().bundled_roots().verifier()?;
//! let shown = Authority::new("unheard of").issue(["example.com"]);
//! let verdict = verifier.verify(shown.chain(), "example.com", SystemTime::now())?;
//! assert!(matches!(verdict, Err(TlsError::UnknownIssuer { .. })));
//! # torsade_core::Result::<()>::Ok(())
//! ```

mod config;
mod diagnose;
mod display;
mod help;

use std::sync::Arc;
use std::time::SystemTime;

use rustls::AlertDescription;

use crate::certificate::PublicKey;
use crate::{Certificate, Pin};

pub use self::config::ConfigError;
pub(crate) use self::diagnose::{Context, diagnose, is_unlike_tls, is_weak, not_tls};

/// Why a TLS connection failed.
///
/// In each, `peer` is the host that was connected to, or `the client` on a server. The sources
/// are the errors of rustls, for the details.
///
/// ```
/// use std::time::SystemTime;
/// use torsade_core::Failure;
/// use torsade_tls::{ClientTls, TlsError};
/// # use torsade_tls::generate::self_signed;
///
/// /// What a person is told of a failed connection.
/// fn explain(failure: &Failure) -> String {
///     match failure.find::<TlsError>() {
///         Some(error) => format!("{error}. {}", error.help()),
///         None => failure.to_string(),
///     }
/// }
///
/// # let own = self_signed(["example.com"]);
/// let verifier = ClientTls::builder().bundled_roots().verifier()?;
/// let error = verifier.verify(own.chain(), "example.com", SystemTime::now())?.unwrap_err();
/// assert!(matches!(error, TlsError::SelfSigned { .. }));
/// let told = explain(&error.into());
/// assert!(told.contains("example.com") && told.contains("trust"), "{told}");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[doc(alias = "VerificationError")]
#[doc(alias = "SSL.Error")]
#[doc(alias = "CertificateError")]
#[doc(alias = "PeerVerifyError")]
#[doc(alias = "SSLError")]
#[doc(alias = "VerifyError")]
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
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
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
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
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
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
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
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate vouches for itself: to accept it, add it to the trust.
    SelfSigned {
        /// Whose.
        peer: Arc<str>,
        /// Its SHA-256 fingerprint, to compare over another channel before trusting it.
        fingerprint: String,
        /// Whether it is marked as an authority (CA), as what `openssl req -x509` makes.
        is_authority: bool,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The issuer has revoked the certificate.
    Revoked {
        /// Whose.
        peer: Arc<str>,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The revocation lists do not tell whether the certificate was revoked.
    RevocationUnknown {
        /// Whose.
        peer: Arc<str>,
        /// There is a list, but since this moment there should have been a newer one.
        outdated_since: Option<SystemTime>,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate is for other purposes than this, such as one for clients on a server.
    WrongPurpose {
        /// Whose.
        peer: Arc<str>,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// A key in the chain is too weak: RSA of less than 2,048 bits.
    WeakKey {
        /// Whose.
        peer: Arc<str>,
        /// The key.
        key: PublicKey,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// A signature in the chain is by an algorithm that is not accepted any more, such as SHA-1.
    WeakSignature {
        /// Whose.
        peer: Arc<str>,
        /// The algorithm, such as `sha1WithRSAEncryption`.
        algorithm: String,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate is good, but none of the keys on the way to its root is pinned.
    PinMismatch {
        /// Whose.
        peer: Arc<str>,
        /// The pin of the certificate's own key.
        found: Pin,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The certificate is good, but a check of this program's own
    /// ([`check_certificate`](crate::ClientTlsBuilder::check_certificate)) refused it.
    Rejected {
        /// Whose.
        peer: Arc<str>,
        /// What the check said.
        reason: Arc<dyn std::error::Error + Send + Sync>,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
    },
    /// Something else is wrong with the certificate: its signature, its constraints, its encoding.
    BadCertificate {
        /// Whose.
        peer: Arc<str>,
        /// The chain that was shown, its own first.
        certificates: Vec<Certificate>,
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
    /// The peer wanted a new handshake in the middle of a TLS 1.2 connection, mostly to see a
    /// client certificate for a part of what it serves. rustls does not do that.
    RenegotiationRefused {
        /// Who.
        peer: Arc<str>,
        /// The cause: the peer's last words.
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
    /// A message of the handshake, most likely the peer's certificates, is larger than 64 KiB.
    TooLarge {
        /// Whose.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
    /// The peer, or something in between, broke the rules of TLS.
    Protocol {
        /// Who.
        peer: Arc<str>,
        /// The cause.
        source: Box<rustls::Error>,
    },
}

impl TlsError {
    /// The host that was connected to, or `the client` on a server.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_tls::{ServerTls, TlsError};
    /// # use torsade_tls::generate::self_signed;
    ///
    /// # let own = self_signed(["example.com"]);
    /// let mut filter = ServerTls::builder().certificate(own).build()?.filter()?;
    /// let mut request = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    /// let failure = filter.decode(&mut request, &mut vec![], &mut vec![]).unwrap_err();
    /// let error = failure.check::<TlsError>().expect("its errors are these");
    /// assert_eq!(error.peer(), "the client");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn peer(&self) -> &str {
        match self {
            Self::Expired { peer, .. }
            | Self::NotYetValid { peer, .. }
            | Self::WrongName { peer, .. }
            | Self::UnknownIssuer { peer, .. }
            | Self::SelfSigned { peer, .. }
            | Self::Revoked { peer, .. }
            | Self::RevocationUnknown { peer, .. }
            | Self::WrongPurpose { peer, .. }
            | Self::WeakKey { peer, .. }
            | Self::WeakSignature { peer, .. }
            | Self::PinMismatch { peer, .. }
            | Self::Rejected { peer, .. }
            | Self::BadCertificate { peer, .. }
            | Self::NoCertificate { peer, .. }
            | Self::CertificateRefused { peer, .. }
            | Self::AlertReceived { peer, .. }
            | Self::RenegotiationRefused { peer, .. }
            | Self::NoCommonVersion { peer, .. }
            | Self::NoCommonSuite { peer, .. }
            | Self::NoCommonProtocol { peer, .. }
            | Self::ClosedWithoutCloseNotify { peer, .. }
            | Self::EofInHandshake { peer, .. }
            | Self::NotTls { peer, .. }
            | Self::TooLarge { peer, .. }
            | Self::Protocol { peer, .. } => peer,
        }
    }

    /// Whether trying again may help: the peer, or the network, gave up for a reason of the moment. A
    /// certificate does not become good by waiting, nor does a peer learn another version.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// let mut filter = ClientTls::builder().bundled_roots().build()?.filter("example.com")?;
    /// let failure = filter.wire_closed().unwrap_err(); // before there was an answer
    /// let error = failure.check::<TlsError>().expect("its errors are these");
    /// assert!(matches!(error, TlsError::EofInHandshake { answered: false, .. }));
    /// assert!(error.is_transient());
    /// assert_eq!(error.peer(), "example.com");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ClosedWithoutCloseNotify { .. } | Self::EofInHandshake { .. } => true,
            Self::AlertReceived { alert, .. } => matches!(
                alert,
                AlertDescription::InternalError | AlertDescription::UserCanceled
            ),
            _ => false,
        }
    }

    /// The chain of certificates that was refused, the peer's own first; empty if the trouble was
    /// another.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::ClientTls;
    /// # use torsade_tls::generate::Authority;
    ///
    /// # let own = Authority::new("nobody knows it").issue(["example.com"]);
    /// let verifier = ClientTls::builder().bundled_roots().verifier()?;
    /// let error = verifier.verify(own.chain(), "example.com", SystemTime::now())?.unwrap_err();
    /// assert_eq!(error.certificates()[0].issuer(), Some("nobody knows it"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn certificates(&self) -> &[Certificate] {
        match self {
            Self::Expired { certificates, .. }
            | Self::NotYetValid { certificates, .. }
            | Self::WrongName { certificates, .. }
            | Self::UnknownIssuer { certificates, .. }
            | Self::SelfSigned { certificates, .. }
            | Self::Revoked { certificates, .. }
            | Self::RevocationUnknown { certificates, .. }
            | Self::WrongPurpose { certificates, .. }
            | Self::WeakKey { certificates, .. }
            | Self::WeakSignature { certificates, .. }
            | Self::PinMismatch { certificates, .. }
            | Self::Rejected { certificates, .. }
            | Self::BadCertificate { certificates, .. } => certificates,
            _ => &[],
        }
    }
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
            | Self::RevocationUnknown { source, .. }
            | Self::WrongPurpose { source, .. }
            | Self::WeakKey { source, .. }
            | Self::WeakSignature { source, .. }
            | Self::PinMismatch { source, .. }
            | Self::BadCertificate { source, .. }
            | Self::NoCertificate { source, .. }
            | Self::CertificateRefused { source, .. }
            | Self::AlertReceived { source, .. }
            | Self::RenegotiationRefused { source, .. }
            | Self::NoCommonVersion { source, .. }
            | Self::NoCommonSuite { source, .. }
            | Self::NoCommonProtocol { source, .. }
            | Self::TooLarge { source, .. }
            | Self::Protocol { source, .. } => Some(&**source),
            Self::Rejected { reason, .. } => Some(&**reason),
            Self::ClosedWithoutCloseNotify { .. }
            | Self::EofInHandshake { .. }
            | Self::NotTls { .. } => None,
        }
    }
}
