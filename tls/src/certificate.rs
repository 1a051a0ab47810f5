//! Looking into a certificate: names, validity, issuer, key, fingerprint.
//!
//! ```
//! use torsade_tls::certificate::{Certificate, KeyAlgorithm};
//! # use torsade_tls::generate::self_signed;
//!
//! # let pem = self_signed(["example.com"]).chain_pem();
//! let own = &Certificate::from_pem(pem)?[0];
//! assert_eq!(own.dns_names(), ["example.com"]);
//! assert_eq!(own.public_key().algorithm(), KeyAlgorithm::Ecdsa);
//! # torsade_core::Result::<()>::Ok(())
//! ```

mod details;
mod key;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;

use self::details::Details;
pub use self::key::{KeyAlgorithm, PublicKey};
use crate::error::ConfigError;
use crate::pem::{self, Source};
use crate::provider;

/// A certificate, to be looked at. That it can be read does not mean that it is trusted.
///
/// It is parsed when something is asked of it for the first time. If that fails, which it does not
/// for a certificate that took part in a successful handshake, there are no names and it counts as
/// expired since 1970.
///
/// ```
/// use std::time::SystemTime;
/// use torsade_tls::Certificate;
/// # use torsade_tls::generate::self_signed;
///
/// # let file = self_signed(["example.com"]).chain_pem();
/// for certificate in Certificate::from_pem(file)? {
///     let days = certificate.days_left(SystemTime::now());
///     assert!(days > 7, "{:?} expires in {days} days", certificate.names());
/// }
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ssl.Certificate")]
#[doc(alias = "loadPEM")]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// Filled by the first look.
    details: OnceLock<Box<Details>>,
}

impl Certificate {
    /// A certificate in DER form.
    ///
    /// ```
    /// use torsade_tls::{Certificate, ConfigError};
    /// # use torsade_tls::generate::self_signed;
    ///
    /// # let own = self_signed(["example.com"]).certificate().clone();
    /// assert_eq!(Certificate::from_der(own.der())?, own);
    /// let error = Certificate::from_der(b"HTTP/1.1 404").unwrap_err();
    /// assert!(matches!(error, ConfigError::BadCertificate));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::BadCertificate`] when it is not one.
    #[doc(alias = "Certificate.load")]
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let der = CertificateDer::from(der.into());
        let details = Details::parse(&der).ok_or(ConfigError::BadCertificate)?;
        Ok(Self {
            der,
            details: OnceLock::from(Box::new(details)),
        })
    }

    /// The certificates in some PEM text, in their order; at least one.
    ///
    /// ```
    /// use torsade_tls::Certificate;
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Root").intermediate("Below");
    /// let chain = Certificate::from_pem(authority.issue(["example.com"]).chain_pem())?;
    /// let subjects: Vec<_> = chain.iter().filter_map(Certificate::subject).collect();
    /// assert_eq!(subjects, ["example.com", "Below"]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadCertificate`].
    #[doc(alias = "loadPEM")]
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Result<Vec<Self>, ConfigError> {
        Self::from_source(&Source::Bytes(pem.into()))
    }

    /// The certificates in a PEM file, in their order; at least one.
    ///
    /// ```
    /// use torsade_tls::{Certificate, ConfigError};
    ///
    /// let error = Certificate::from_pem_file("no-such-file.pem").unwrap_err();
    /// assert!(matches!(error, ConfigError::Pem(_)));
    /// assert_eq!(error.to_string(), "no-such-file.pem: cannot be read");
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadCertificate`].
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Result<Vec<Self>, ConfigError> {
        Self::from_source(&Source::File(path.into()))
    }

    pub(crate) fn from_source(source: &Source) -> Result<Vec<Self>, ConfigError> {
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
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// assert_eq!(own.certificate().der()[0], 0x30); // a SEQUENCE
    /// ```
    #[doc(alias = "dump")]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its PEM form.
    ///
    /// ```
    /// use torsade_tls::Certificate;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let text = own.certificate().to_pem();
    /// assert!(text.starts_with("-----BEGIN CERTIFICATE-----\n"));
    /// assert_eq!(Certificate::from_pem(text)?, own.chain());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "dumpPEM")]
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der)
    }

    /// The common name of its subject.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// assert_eq!(self_signed(["example.com"]).certificate().subject(), Some("example.com"));
    /// ```
    #[doc(alias = "getSubject")]
    #[doc(alias = "DN")]
    #[doc(alias = "DistinguishedName")]
    pub fn subject(&self) -> Option<&str> {
        self.details().subject.as_deref()
    }

    /// The whole name of its subject, such as `C=DE, O=Example, CN=example.com`.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("Example CA").issue(["example.com"]);
    /// let certificate = own.certificate();
    /// assert_eq!(certificate.subject(), Some("example.com"));
    /// assert_eq!(certificate.subject_name(), "CN=example.com");
    /// assert_eq!(certificate.issuer(), Some("Example CA"));
    /// assert_eq!(certificate.issuer_name(), "CN=Example CA");
    /// ```
    #[doc(alias = "DistinguishedName")]
    pub fn subject_name(&self) -> &str {
        &self.details().subject_name
    }

    /// The common name of its issuer; the organization's name if there is none.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("Example CA").issue(["example.com"]);
    /// assert_eq!(own.certificate().issuer(), Some("Example CA"));
    /// ```
    #[doc(alias = "getIssuer")]
    #[doc(alias = "DN")]
    #[doc(alias = "DistinguishedName")]
    pub fn issuer(&self) -> Option<&str> {
        self.details().issuer.as_deref()
    }

    /// The whole name of its issuer.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("Example CA").issue(["example.com"]);
    /// assert_eq!(own.certificate().issuer_name(), "CN=Example CA");
    /// ```
    pub fn issuer_name(&self) -> &str {
        &self.details().issuer_name
    }

    /// Its serial number, which its issuer gives only once, as hexadecimal digits: `04d3f1`.
    /// One that is negative, against the rules, has its sign.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Example CA");
    /// let (one, other) = (authority.issue(["example.com"]), authority.issue(["example.com"]));
    /// assert_ne!(one.certificate().serial(), other.certificate().serial());
    /// ```
    #[doc(alias = "serialNumber")]
    pub fn serial(&self) -> &str {
        &self.details().serial
    }

    /// The host names it is valid for, which may begin with `*.`.
    ///
    /// These are the subject alternative names; the common name has no meaning for hosts any more
    /// (RFC 9525).
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["*.example.com", "10.0.0.1"]);
    /// assert_eq!(own.certificate().dns_names(), ["*.example.com"]);
    /// ```
    pub fn dns_names(&self) -> &[String] {
        &self.details().dns_names
    }

    /// The IP addresses it is valid for.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com", "10.0.0.1"]);
    /// assert_eq!(own.certificate().ip_addresses(), [IpAddr::from([10, 0, 0, 1])]);
    /// ```
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.details().ip_addresses
    }

    /// [`dns_names`](Self::dns_names) and [`ip_addresses`](Self::ip_addresses), as text.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com", "*.example.com", "2001:db8::1"]);
    /// let certificate = own.certificate();
    /// assert_eq!(certificate.names(), ["example.com", "*.example.com", "2001:db8::1"]);
    /// assert_eq!(certificate.dns_names().len(), 2);
    /// assert_eq!(certificate.ip_addresses().len(), 1);
    /// ```
    pub fn names(&self) -> Vec<String> {
        let addresses = self.ip_addresses().iter().map(ToString::to_string);
        self.dns_names().iter().cloned().chain(addresses).collect()
    }

    /// The moment from which on it is valid.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::self_signed;
    ///
    /// assert!(self_signed(["example.com"]).certificate().not_before() < SystemTime::now());
    /// ```
    pub fn not_before(&self) -> SystemTime {
        self.details().not_before
    }

    /// The last second in which it is valid.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let in_a_month = SystemTime::now() + Duration::from_secs(30 * 24 * 60 * 60);
    /// assert!(own.certificate().not_after() > in_a_month, "renew it");
    /// ```
    pub fn not_after(&self) -> SystemTime {
        self.details().not_after
    }

    /// The whole days from `now` until it expires; negative when it has expired.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_tls::generate::Authority;
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// let now = SystemTime::now();
    /// let own = Authority::new("for tests").issue_valid(["example.com"], now, now + 10 * DAY);
    /// assert_eq!(own.certificate().days_left(now + 3 * DAY), 7);
    /// assert_eq!(own.certificate().days_left(now + 12 * DAY), -2);
    /// ```
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let seconds = seconds_since_epoch(self.not_after()) - seconds_since_epoch(now);
        seconds.div_euclid(24 * 60 * 60)
    }

    /// The SHA-256 hash of its DER form.
    ///
    /// ```
    /// use torsade_tls::Certificate;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let copy = Certificate::from_der(own.certificate().der())?;
    /// assert_eq!(copy.fingerprint(), own.certificate().fingerprint());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "digest")]
    pub fn fingerprint(&self) -> [u8; 32] {
        provider::sha256(&self.der)
    }

    /// [`fingerprint`](Self::fingerprint) in the notation of `openssl x509 -fingerprint`:
    /// `3A:4F:..`.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let text = own.certificate().fingerprint_hex();
    /// let bytes: Result<Vec<u8>, _> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    /// assert_eq!(bytes?, own.certificate().fingerprint());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn fingerprint_hex(&self) -> String {
        let bytes = self.fingerprint().map(|byte| format!("{byte:02X}"));
        bytes.join(":")
    }

    /// Its public key.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// assert_eq!(self_signed(["example.com"]).certificate().public_key().bits(), 256);
    /// ```
    #[doc(alias = "getPublicKey")]
    pub fn public_key(&self) -> &PublicKey {
        &self.details().public_key
    }

    /// How its issuer signed it, such as `ecdsa-with-SHA256`; the number of the algorithm if it
    /// has no name here.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// assert_eq!(own.certificate().signature_algorithm(), "ecdsa-with-SHA256");
    /// ```
    pub fn signature_algorithm(&self) -> &str {
        &self.details().signature_algorithm
    }

    /// Whether it may issue other certificates (a CA).
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Example CA");
    /// assert!(authority.certificate().is_authority());
    /// assert!(!authority.issue(["example.com"]).certificate().is_authority());
    /// ```
    pub fn is_authority(&self) -> bool {
        self.details().is_authority
    }

    /// Whether the name of its issuer is that of `issuer`. Signatures are not looked at.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Example CA");
    /// let own = authority.issue(["example.com"]);
    /// assert!(own.certificate().names_as_issuer(authority.certificate()));
    /// // Anybody can take a name: only the signature tells who it was.
    /// let impostor = Authority::new("Example CA");
    /// assert!(own.certificate().names_as_issuer(impostor.certificate()));
    /// assert!(impostor.certificate().is_authority() && impostor.certificate().is_self_signed());
    /// ```
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        let (own, theirs) = (self.details(), issuer.details());
        own.raw_issuer == theirs.raw_subject
    }

    /// Whether it names itself as its issuer, as roots and home-made certificates do.
    ///
    /// ```
    /// use torsade_tls::generate::{Authority, self_signed};
    ///
    /// assert!(self_signed(["example.com"]).certificate().is_self_signed());
    /// assert!(!Authority::new("Example CA").issue(["example.com"]).certificate().is_self_signed());
    /// ```
    pub fn is_self_signed(&self) -> bool {
        self.details().is_self_signed
    }

    fn details(&self) -> &Details {
        self.details
            .get_or_init(|| Box::new(Details::parse(&self.der).unwrap_or_default()))
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

/// Whole seconds; i64 holds every time that a certificate can hold.
pub(crate) fn seconds_since_epoch(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs().cast_signed(),
        Err(before) => -before.duration().as_secs().cast_signed(),
    }
}

#[cfg(test)]
mod tests;
