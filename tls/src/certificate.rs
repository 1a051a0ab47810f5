//! Looking into a certificate: names, validity, issuer, fingerprint.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::error::ConfigError;
use crate::pem::Source;
use crate::provider;

/// A certificate, to be looked at. That it can be read does not mean that it is trusted.
///
/// It is parsed when something is asked of it for the first time. If that fails, which it does not
/// for a certificate that took part in a successful handshake, there are no names and it counts as
/// expired since 1970.
///
/// ```no_run
/// use std::time::SystemTime;
/// use torsade_tls::Certificate;
///
/// # fn main() -> torsade_core::Result<()> {
/// for certificate in Certificate::from_pem_file("fullchain.pem")? {
///     let days = certificate.days_left(SystemTime::now());
///     println!("{:?} expires in {days} days", certificate.names());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[doc(alias = "ssl.Certificate")]
#[doc(alias = "loadPEM")]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// Filled by the first look.
    details: OnceLock<Details>,
}

/// What the accessors of [`Certificate`] give.
#[derive(Clone)]
struct Details {
    subject: Option<String>,
    issuer: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    not_before: SystemTime,
    not_after: SystemTime,
    is_self_signed: bool,
}

impl Certificate {
    /// A certificate in DER form.
    ///
    /// # Errors
    /// [`ConfigError::BadCertificate`] when it is not one.
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let der = CertificateDer::from(der.into());
        let details = Details::parse(&der).ok_or(ConfigError::BadCertificate)?;
        Ok(Self {
            der,
            details: OnceLock::from(details),
        })
    }

    /// The certificates in some PEM text, in their order; at least one.
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadCertificate`].
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Result<Vec<Self>, ConfigError> {
        Self::from_source(&Source::Bytes(pem.into()))
    }

    /// The certificates in a PEM file, in their order; at least one.
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadCertificate`].
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Result<Vec<Self>, ConfigError> {
        Self::from_source(&Source::File(path.into()))
    }

    fn from_source(source: &Source) -> Result<Vec<Self>, ConfigError> {
        source
            .certificates()?
            .into_iter()
            .map(|der| Self::from_der(der.as_ref()))
            .collect()
    }

    /// A certificate that somebody else has checked already, or that failed the check.
    pub(crate) fn unparsed(der: CertificateDer<'static>) -> Self {
        Self {
            der,
            details: OnceLock::new(),
        }
    }

    /// Its DER form.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The common name of its subject.
    #[doc(alias = "getSubject")]
    pub fn subject(&self) -> Option<&str> {
        self.details().subject.as_deref()
    }

    /// The common name of its issuer; the organization's name if there is none.
    #[doc(alias = "getIssuer")]
    pub fn issuer(&self) -> Option<&str> {
        self.details().issuer.as_deref()
    }

    /// The host names it is valid for, which may begin with `*.`.
    ///
    /// These are the subject alternative names; the common name has no meaning for hosts any more
    /// (RFC 9525).
    pub fn dns_names(&self) -> &[String] {
        &self.details().dns_names
    }

    /// The IP addresses it is valid for.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.details().ip_addresses
    }

    /// [`dns_names`](Self::dns_names) and [`ip_addresses`](Self::ip_addresses), as text.
    pub fn names(&self) -> Vec<String> {
        let addresses = self.ip_addresses().iter().map(ToString::to_string);
        self.dns_names().iter().cloned().chain(addresses).collect()
    }

    /// The moment from which on it is valid.
    pub fn not_before(&self) -> SystemTime {
        self.details().not_before
    }

    /// The last second in which it is valid.
    pub fn not_after(&self) -> SystemTime {
        self.details().not_after
    }

    /// The whole days from `now` until it expires; negative when it has expired.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let seconds = seconds_since_epoch(self.not_after()) - seconds_since_epoch(now);
        seconds.div_euclid(24 * 60 * 60)
    }

    /// The SHA-256 hash of its DER form.
    #[doc(alias = "digest")]
    pub fn fingerprint(&self) -> [u8; 32] {
        provider::sha256(&self.der)
    }

    /// [`fingerprint`](Self::fingerprint) in the notation of `openssl x509 -fingerprint`:
    /// `3A:4F:..`.
    pub fn fingerprint_hex(&self) -> String {
        let bytes = self.fingerprint().map(|byte| format!("{byte:02X}"));
        bytes.join(":")
    }

    /// Whether it names itself as its issuer, as roots and home-made certificates do.
    pub fn is_self_signed(&self) -> bool {
        self.details().is_self_signed
    }

    fn details(&self) -> &Details {
        self.details.get_or_init(|| {
            Details::parse(&self.der).unwrap_or(Details {
                subject: None,
                issuer: None,
                dns_names: Vec::new(),
                ip_addresses: Vec::new(),
                not_before: UNIX_EPOCH,
                not_after: UNIX_EPOCH,
                is_self_signed: false,
            })
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("names", &self.names())
            .field("issuer", &self.issuer())
            .finish_non_exhaustive()
    }
}

impl Details {
    fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut dns_names = Vec::new();
        let mut ip_addresses = Vec::new();
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            for name in &names.value.general_names {
                match name {
                    GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                    GeneralName::IPAddress(octets) => ip_addresses.extend(ip_address(octets)),
                    _ => {}
                }
            }
        }
        Some(Self {
            subject: common_name(certificate.subject()),
            issuer: common_name(certificate.issuer()).or_else(|| {
                let organization = certificate.issuer().iter_organization().next()?;
                organization.as_str().ok().map(str::to_owned)
            }),
            dns_names,
            ip_addresses,
            not_before: system_time(certificate.validity().not_before.timestamp()),
            not_after: system_time(certificate.validity().not_after.timestamp()),
            is_self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        })
    }
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name()
        .next()?
        .as_str()
        .ok()
        .map(str::to_owned)
}

fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn system_time(timestamp: i64) -> SystemTime {
    let distance = Duration::from_secs(timestamp.unsigned_abs());
    if timestamp < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

/// Whole seconds; i64 holds every time that a certificate can hold.
pub(crate) fn seconds_since_epoch(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs().cast_signed(),
        Err(before) => -before.duration().as_secs().cast_signed(),
    }
}

#[cfg(test)]
mod tests;
