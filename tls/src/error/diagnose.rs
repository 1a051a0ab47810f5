//! From an error of rustls, and what is known of the peer, to a diagnosis.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::TlsError;
use crate::Certificate;
use crate::certificate::KeyAlgorithm;
use crate::verify::{PinMismatch, Rejected, is_authority_as_host};

/// What the filter knows when rustls reports an error.
pub(crate) struct Context<'a> {
    pub(crate) peer: &'a Arc<str>,
    /// The chain of the peer, if it was refused.
    pub(crate) refused: Vec<Certificate>,
    /// Whether there was a certificate to show when it asked for one.
    pub(crate) had_certificate: Option<bool>,
    /// Messages are read, not data.
    pub(crate) in_handshake: bool,
    /// The first bytes of the peer, if not a single record could be read from them.
    pub(crate) first_bytes: Option<&'a [u8]>,
}

/// Names the trouble.
pub(crate) fn diagnose(error: Error, context: Context<'_>) -> TlsError {
    let peer = Arc::clone(context.peer);
    let source = Box::new(error);
    match &*source {
        Error::InvalidMessage(_) if context.first_bytes.is_some_and(is_unlike_tls) => {
            not_tls(peer, context.first_bytes.unwrap_or_default())
        }
        Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::MessageTooLarge,
        ) if context.in_handshake => TlsError::TooLarge { peer, source },
        Error::InvalidCertificate(fault) => {
            let fault = fault.clone();
            certificate_fault(&fault, peer, context.refused, source)
        }
        Error::NoCertificatesPresented => TlsError::NoCertificate { peer, source },
        Error::NoApplicationProtocol => TlsError::NoCommonProtocol { peer, source },
        Error::PeerIncompatible(why) if is_about_version(why) => {
            TlsError::NoCommonVersion { peer, source }
        }
        Error::PeerIncompatible(why) if is_about_suite(why) => {
            TlsError::NoCommonSuite { peer, source }
        }
        Error::AlertReceived(alert) => {
            let alert = *alert;
            received(alert, peer, &context, source)
        }
        _ => TlsError::Protocol { peer, source },
    }
}

/// The error for a peer whose first bytes are `bytes`.
pub(crate) fn not_tls(peer: Arc<str>, bytes: &[u8]) -> TlsError {
    /// Enough for a status line or a banner.
    const EXCERPT: usize = 40;
    TlsError::NotTls {
        peer,
        excerpt: bytes[..bytes.len().min(EXCERPT)].escape_ascii().to_string(),
        looks_like: protocol_of(bytes),
    }
}

/// Whether no TLS record starts like this: with its type and the major version 3 (RFC 8446, 5.1).
pub(crate) fn is_unlike_tls(bytes: &[u8]) -> bool {
    !matches!(bytes, [] | [20..=24] | [20..=24, 3, ..])
}

fn protocol_of(bytes: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&str, &[u8]); 21] = [
        ("HTTP", b"HTTP/"),
        ("HTTP", b"GET "),
        ("HTTP", b"POST "),
        ("HTTP", b"HEAD "),
        ("HTTP", b"PUT "),
        ("HTTP", b"DELETE "),
        ("HTTP", b"PATCH "),
        ("HTTP", b"OPTIONS "),
        ("HTTP", b"CONNECT "),
        ("HTTP/2", b"PRI * HTTP/2"),
        ("SSH", b"SSH-"),
        ("SMTP or FTP (STARTTLS may be what it needs)", b"220"),
        ("SMTP", b"EHLO"),
        ("SMTP", b"HELO"),
        ("IMAP (STARTTLS may be what it needs)", b"* OK"),
        ("POP3 (STLS may be what it needs)", b"+OK"),
        ("XMPP (STARTTLS may be what it needs)", b"<stream:"),
        ("XML", b"<?xml"),
        ("HTML", b"<"),
        ("the PROXY protocol", b"PROXY "),
        ("the PROXY protocol", b"\r\n\r\n\0\r\nQUIT\n"),
    ];
    let sign = SIGNS.iter().find(|(_, sign)| bytes.starts_with(sign));
    match (sign, bytes) {
        (Some((protocol, _)), _) => Some(protocol),
        // The client hello of SSL 2.0 has the top bit of its length set, then type 1.
        (None, [0x80..=0xff, _, 1, ..]) => Some("SSL 2.0"),
        _ => None,
    }
}

fn certificate_fault(
    fault: &CertificateError,
    peer: Arc<str>,
    certificates: Vec<Certificate>,
    source: Box<Error>,
) -> TlsError {
    use CertificateError as Fault;
    let own = certificates.first();
    match fault {
        Fault::ExpiredContext { time, not_after } => TlsError::Expired {
            peer,
            not_after: system_time(*not_after),
            now: system_time(*time),
            certificates,
            source,
        },
        // Of a verifier from elsewhere, which does not say more.
        Fault::Expired => TlsError::Expired {
            peer,
            not_after: own.map_or(UNIX_EPOCH, Certificate::not_after),
            now: SystemTime::now(),
            certificates,
            source,
        },
        Fault::NotValidYetContext { time, not_before } => TlsError::NotYetValid {
            peer,
            not_before: system_time(*not_before),
            now: system_time(*time),
            certificates,
            source,
        },
        Fault::NotValidYet => TlsError::NotYetValid {
            peer,
            not_before: own.map_or(UNIX_EPOCH, Certificate::not_before),
            now: SystemTime::now(),
            certificates,
            source,
        },
        Fault::NotValidForNameContext { .. } | Fault::NotValidForName => TlsError::WrongName {
            peer,
            // rustls gives the names in a notation of its own; the certificate's are plain.
            found: own.map_or_else(Vec::new, Certificate::names),
            certificates,
            source,
        },
        Fault::Revoked => TlsError::Revoked {
            peer,
            certificates,
            source,
        },
        Fault::UnknownRevocationStatus | Fault::ExpiredRevocationList => {
            TlsError::RevocationUnknown {
                peer,
                outdated_since: None,
                certificates,
                source,
            }
        }
        Fault::ExpiredRevocationListContext { next_update, .. } => TlsError::RevocationUnknown {
            peer,
            outdated_since: Some(system_time(*next_update)),
            certificates,
            source,
        },
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => TlsError::WrongPurpose {
            peer,
            certificates,
            source,
        },
        _ => other_fault(fault, peer, certificates, source),
    }
}

/// What only the certificates, or our own checks, can tell.
fn other_fault(
    fault: &CertificateError,
    peer: Arc<str>,
    certificates: Vec<Certificate>,
    source: Box<Error>,
) -> TlsError {
    use CertificateError as Fault;
    if let Fault::Other(other) = fault {
        if let Some(mismatch) = other.0.downcast_ref::<PinMismatch>() {
            return TlsError::PinMismatch {
                peer,
                found: mismatch.found,
                certificates,
                source,
            };
        }
        if let Some(rejected) = other.0.downcast_ref::<Rejected>() {
            return TlsError::Rejected {
                peer,
                reason: Arc::clone(&rejected.0),
                certificates,
            };
        }
    }
    // The arithmetic of a small key fails like that of a forged signature.
    if *fault == Fault::BadSignature
        && let Some(weak) = certificates.iter().find(|certificate| is_weak(certificate))
    {
        return TlsError::WeakKey {
            peer,
            key: weak.public_key().clone(),
            certificates,
            source,
        };
    }
    if is_about_algorithm(fault)
        && let Some(algorithm) = weak_signature(&certificates)
    {
        return TlsError::WeakSignature {
            peer,
            algorithm,
            certificates,
            source,
        };
    }
    match certificates.first() {
        Some(own)
            if own.is_self_signed()
                && (*fault == Fault::UnknownIssuer || is_authority_as_host(&source)) =>
        {
            TlsError::SelfSigned {
                peer,
                fingerprint: own.fingerprint_hex(),
                // webpki sees this before it looks for an issuer.
                is_authority: own.is_authority(),
                certificates,
                source,
            }
        }
        own if *fault == Fault::UnknownIssuer => TlsError::UnknownIssuer {
            peer,
            issuer: own.and_then(|own| own.issuer().map(str::to_owned)),
            certificates,
            source,
        },
        _ => TlsError::BadCertificate {
            peer,
            certificates,
            source,
        },
    }
}

/// Whether its key is of a kind whose signatures are not accepted for being too short.
pub(crate) fn is_weak(certificate: &Certificate) -> bool {
    /// The least that is accepted (CA/Browser Forum, Baseline Requirements 6.1.5).
    const LEAST_RSA_BITS: usize = 2048;
    let key = certificate.public_key();
    key.algorithm() == KeyAlgorithm::Rsa && key.bits() < LEAST_RSA_BITS
}

fn is_about_algorithm(fault: &CertificateError) -> bool {
    #[expect(deprecated, reason = "verifiers from elsewhere still say so")]
    let old = *fault == CertificateError::UnsupportedSignatureAlgorithm;
    old || matches!(
        fault,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    )
}

/// The first algorithm that was given up: all that is built on MD5 and SHA-1, and DSA.
fn weak_signature(certificates: &[Certificate]) -> Option<String> {
    certificates
        .iter()
        .map(Certificate::signature_algorithm)
        .find(|algorithm| {
            let algorithm = algorithm.to_ascii_lowercase();
            let is_old = |hash: &&str| algorithm.contains(*hash);
            algorithm.starts_with("dsa") || ["md2", "md4", "md5", "sha1"].iter().any(is_old)
        })
        .map(str::to_owned)
}

fn received(
    alert: AlertDescription,
    peer: Arc<str>,
    context: &Context<'_>,
    source: Box<Error>,
) -> TlsError {
    use AlertDescription as Alert;
    let lacks_certificate = context.had_certificate == Some(false);
    match alert {
        Alert::ProtocolVersion => TlsError::NoCommonVersion { peer, source },
        Alert::InsufficientSecurity => TlsError::NoCommonSuite { peer, source },
        Alert::NoApplicationProtocol => TlsError::NoCommonProtocol { peer, source },
        // It has seen no certificate: servers on rustls say so when they have none for the name.
        Alert::AccessDenied if context.had_certificate.is_none() => TlsError::AlertReceived {
            peer,
            alert,
            source,
        },
        Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::CertificateRequired => {
            let was_shown = !lacks_certificate && alert != Alert::CertificateRequired;
            TlsError::CertificateRefused {
                peer,
                alert,
                was_shown,
                source,
            }
        }
        // The alert for a certificate that is missing is younger than TLS 1.2, whose servers say
        // no more than that (RFC 5246, 7.4.6).
        Alert::HandshakeFailure if lacks_certificate => TlsError::CertificateRefused {
            peer,
            alert,
            was_shown: false,
            source,
        },
        // After the handshake it is the answer to our refusal of another one (RFC 5246, 7.2.2).
        Alert::HandshakeFailure | Alert::NoRenegotiation if !context.in_handshake => {
            TlsError::RenegotiationRefused { peer, source }
        }
        _ => TlsError::AlertReceived {
            peer,
            alert,
            source,
        },
    }
}

fn is_about_version(why: &PeerIncompatible) -> bool {
    matches!(
        why,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            // A hello of TLS 1.1 or older has no such extension; rustls looks for it first.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired
    )
}

fn is_about_suite(why: &PeerIncompatible) -> bool {
    matches!(
        why,
        PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoEcPointFormatsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
    )
}

fn system_time(time: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.as_secs())
}
