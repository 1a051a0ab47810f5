//! The words of [`TlsError`]: who, and what. What can be done is in `help`.

use std::fmt;
use std::time::SystemTime;

use rustls::AlertDescription;
use x509_parser::time::ASN1Time;

use super::TlsError;
use crate::Certificate;
use crate::certificate::seconds_since_epoch;

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired {
                peer,
                not_after,
                now,
                certificates,
                ..
            } => {
                let is_culprit = |certificate: &Certificate| {
                    seconds_since_epoch(certificate.not_after()) == seconds_since_epoch(*not_after)
                };
                write_whose(f, peer, certificates, is_culprit)?;
                write!(
                    f,
                    " expired on {} and it is {} now",
                    Date(*not_after),
                    Date(*now)
                )
            }
            Self::NotYetValid {
                peer,
                not_before,
                now,
                certificates,
                ..
            } => {
                let is_culprit = |certificate: &Certificate| {
                    seconds_since_epoch(certificate.not_before())
                        == seconds_since_epoch(*not_before)
                };
                write_whose(f, peer, certificates, is_culprit)?;
                write!(
                    f,
                    " is valid from {} on and it is {} now",
                    Date(*not_before),
                    Date(*now)
                )
            }
            Self::WrongName { peer, found, .. } if found.is_empty() => write!(
                f,
                "{peer}: its certificate is for no host at all: it has no subject alternative \
                 names"
            ),
            Self::WrongName { peer, found, .. } => {
                write!(f, "{peer}: its certificate is not for this name but for ")?;
                write_names(f, found)
            }
            Self::UnknownIssuer { peer, issuer, .. } => {
                write!(f, "{peer}: its certificate was issued by ")?;
                match issuer {
                    Some(issuer) => write!(f, "{issuer:?}, which")?,
                    None => f.write_str("somebody who")?,
                }
                f.write_str(" is not trusted here")
            }
            Self::SelfSigned {
                peer,
                fingerprint,
                is_authority,
                ..
            } => {
                write!(
                    f,
                    "{peer}: its certificate is self-signed{} (SHA-256 fingerprint {fingerprint})",
                    if *is_authority {
                        ", and marked as an authority"
                    } else {
                        ""
                    }
                )
            }
            Self::Revoked { peer, .. } => {
                write!(f, "{peer}: its certificate was revoked by the issuer")
            }
            Self::RevocationUnknown {
                peer,
                outdated_since: Some(since),
                ..
            } => write!(
                f,
                "{peer}: the list of what the issuer of its certificate, or of one in its chain, \
                 has revoked is out of date since {}",
                Date(*since)
            ),
            Self::RevocationUnknown { peer, .. } => write!(
                f,
                "{peer}: no list tells whether its certificate, or one in its chain, was revoked"
            ),
            Self::WrongPurpose { peer, .. } => {
                write!(f, "{peer}: its certificate is for other purposes than this")
            }
            Self::WeakKey { peer, key, .. } => {
                write!(
                    f,
                    "{peer}: a key in its chain of certificates is too weak: {key}"
                )
            }
            Self::WeakSignature {
                peer, algorithm, ..
            } => write!(
                f,
                "{peer}: a certificate in its chain is signed with {algorithm}, which is not \
                 secure"
            ),
            Self::PinMismatch { peer, found, .. } => write!(
                f,
                "{peer}: its certificate is valid, but its key {found} is not pinned, nor is one \
                 of its chain"
            ),
            Self::Rejected { peer, reason, .. } => {
                write!(
                    f,
                    "{peer}: its certificate was refused by a check of this program: {reason}"
                )
            }
            Self::BadCertificate { peer, source, .. } => {
                write!(f, "{peer}: its certificate is not acceptable: {source}")
            }
            Self::NoCertificate { peer, .. } => {
                write!(f, "{peer}: showed no certificate, and one is required here")
            }
            Self::CertificateRefused {
                peer,
                was_shown: false,
                ..
            } => {
                write!(f, "{peer}: wants a client certificate, and none was given")
            }
            Self::CertificateRefused { peer, alert, .. } => write!(
                f,
                "{peer}: refused our certificate with alert {}",
                AlertName(*alert)
            ),
            Self::AlertReceived { peer, alert, .. } => {
                write!(f, "{peer}: gave up with alert {}", AlertName(*alert))
            }
            Self::RenegotiationRefused { peer, .. } => write!(
                f,
                "{peer}: gave up because there is no second handshake within a connection"
            ),
            Self::NoCommonVersion { peer, source } => {
                write!(f, "{peer}: no version of TLS in common: {source}")
            }
            Self::NoCommonSuite { peer, source } => write!(
                f,
                "{peer}: no cipher suite, key exchange or signature scheme in common: {source}"
            ),
            Self::NoCommonProtocol { peer, .. } => {
                write!(f, "{peer}: no application protocol (ALPN) in common")
            }
            Self::ClosedWithoutCloseNotify {
                peer,
                within_record,
            } => write!(
                f,
                "{peer}: the connection ended {}without close_notify; what was received may be \
                 incomplete",
                if *within_record {
                    "in the middle of a TLS record and "
                } else {
                    ""
                }
            ),
            Self::EofInHandshake {
                peer,
                answered: true,
            } => {
                write!(
                    f,
                    "{peer}: the connection ended in the middle of the TLS handshake"
                )
            }
            Self::EofInHandshake {
                peer,
                answered: false,
            } => write!(
                f,
                "{peer}: the connection ended before a single byte of the TLS handshake came back"
            ),
            Self::NotTls {
                peer,
                excerpt,
                looks_like,
            } => {
                write!(f, "{peer}: does not speak TLS, ")?;
                match looks_like {
                    Some(what) => write!(f, "but {what}, ")?,
                    None => f.write_str("at least not on this port, ")?,
                }
                write!(f, "as it began with \"{excerpt}\"")
            }
            Self::TooLarge { peer, .. } => write!(
                f,
                "{peer}: a message of its handshake is larger than 64 KiB; most likely these are \
                 its certificates"
            ),
            Self::Protocol { peer, source } => {
                write!(f, "{peer}: the TLS connection broke: {source}")
            }
        }
    }
}

/// Which certificate of the chain it is about.
fn write_whose(
    f: &mut fmt::Formatter<'_>,
    peer: &str,
    certificates: &[Certificate],
    is_culprit: impl Fn(&Certificate) -> bool,
) -> fmt::Result {
    match certificates.iter().position(is_culprit) {
        Some(0) => write!(f, "{peer}: its certificate"),
        Some(at) => write!(
            f,
            "{peer}: the certificate of {:?} in its chain",
            certificates[at].subject_name()
        ),
        // A root is not sent.
        None => write!(f, "{peer}: a certificate above its chain"),
    }
}

/// The first few of `names`; a certificate can have thousands.
fn write_names(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    const SHOWN: usize = 5;
    let shown = names.len().min(SHOWN);
    f.write_str(&names[..shown].join(", "))?;
    if names.len() > shown {
        write!(f, " and {} more", names.len() - shown)?;
    }
    Ok(())
}

/// An alert by its name and number, as other programs' logs show it.
struct AlertName(AlertDescription);

impl fmt::Display for AlertName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.0, u8::from(self.0))
    }
}

/// A moment to the second, in UTC.
struct Date(SystemTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = ASN1Time::from_timestamp(seconds_since_epoch(self.0)) else {
            return write!(f, "{:?}", self.0);
        };
        let time = time.to_datetime();
        let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
        let (hour, minute, second) = time.to_hms();
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}
