//! The words of [`TlsError`]: who, what, and what can be done.

use std::fmt;
use std::time::SystemTime;

use rustls::AlertDescription;
use x509_parser::time::ASN1Time;

use super::TlsError;
use crate::certificate::seconds_since_epoch;

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired {
                peer,
                not_after,
                now,
                ..
            } => write!(
                f,
                "{peer}: its certificate, or one in its chain, expired on {} and it is {} now; \
                 it must be renewed there, unless the clock here is wrong",
                Date(*not_after),
                Date(*now)
            ),
            Self::NotYetValid {
                peer,
                not_before,
                now,
                ..
            } => write!(
                f,
                "{peer}: its certificate, or one in its chain, is valid from {} on and it is {} \
                 now; check the clock here",
                Date(*not_before),
                Date(*now)
            ),
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
                f.write_str(
                    " is not trusted here; add that authority to the trust, or have the peer \
                     send its intermediate certificates",
                )
            }
            Self::SelfSigned {
                peer,
                fingerprint,
                is_authority,
                ..
            } => {
                write!(
                    f,
                    "{peer}: its certificate is self-signed (SHA-256 fingerprint {fingerprint}); "
                )?;
                f.write_str(if *is_authority {
                    "it is also marked as an authority, so that it is good for no host even when \
                     trusted: make one with `-addext basicConstraints=critical,CA:FALSE` and add \
                     that to the trust"
                } else {
                    "add it to the trust to accept it"
                })
            }
            Self::Revoked { peer, .. } => {
                write!(f, "{peer}: its certificate was revoked by the issuer")
            }
            Self::BadCertificate { peer, source } => {
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
            Self::CertificateRefused { peer, alert, .. } => {
                write!(
                    f,
                    "{peer}: refused our certificate with alert {}",
                    AlertName(*alert)
                )?;
                f.write_str(refusal_hint(*alert))
            }
            Self::AlertReceived { peer, alert, .. } => {
                write!(f, "{peer}: gave up with alert {}", AlertName(*alert))?;
                f.write_str(alert_hint(*alert))
            }
            Self::NoCommonVersion { peer, source } => {
                write!(f, "{peer}: no version of TLS in common: {source}")
            }
            Self::NoCommonSuite { peer, source } => write!(
                f,
                "{peer}: no cipher suite, key exchange or signature scheme in common: {source}"
            ),
            Self::NoCommonProtocol { peer, .. } => write!(
                f,
                "{peer}: no application protocol (ALPN) in common; compare the lists of both sides"
            ),
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
                "{peer}: the connection ended before a single byte of the TLS handshake came \
                 back; is this the right port?"
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
            Self::Protocol { peer, source } => {
                write!(f, "{peer}: the TLS connection broke: {source}")
            }
        }
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

/// What to look at when the peer refused our certificate with `alert`.
fn refusal_hint(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => {
            "; it does not trust the issuer: is our chain complete, with its intermediates?"
        }
        AlertDescription::CertificateExpired => "; is it still valid, and are both clocks right?",
        _ => "",
    }
}

/// What a terse alert mostly means.
fn alert_hint(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::HandshakeFailure => {
            "; most often no cipher suite or key exchange in common"
        }
        AlertDescription::UnrecognisedName => "; it serves no host of this name",
        AlertDescription::InternalError => "; the fault is on that side, see its log",
        _ => "",
    }
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
