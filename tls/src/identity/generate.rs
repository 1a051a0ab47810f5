//! Certificates made here, for tests and development: a throw-away authority and what it issues.
//!
//! ```
//! use torsade_tls::generate::Authority;
//! use torsade_tls::{ClientTls, ServerTls};
//!
//! # fn main() -> torsade_core::Result<()> {
//! let authority = Authority::new("Test CA");
//! let server = ServerTls::builder().certificate(authority.issue(["localhost"])).build()?;
//! let client = ClientTls::builder().trust(authority.trust()).build()?;
//! assert!(server.filter().is_ok() && client.filter("localhost").is_ok());
//! # Ok(())
//! # }
//! ```
//!
//! Keys are ECDSA on P-256, made anew each time. The methods panic where the system gives no
//! random numbers; there is no other way to fail but for names that cannot be in a certificate.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, RevokedCertParams,
    SerialNumber,
};

use crate::error::ConfigError;
use crate::{Certificate, KeyPair, PrivateCertificate, Trust};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority of one's own, whose key is gone with it.
///
/// ```
/// use std::time::SystemTime;
/// use torsade_tls::ClientTls;
/// use torsade_tls::generate::Authority;
///
/// let authority = Authority::new("for tests");
/// let own = authority.issue(["example.test"]);
/// let verifier = ClientTls::builder().trust(authority.trust()).verifier()?;
/// assert!(verifier.verify(own.chain(), "example.test", SystemTime::now())?.is_ok());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "selfSignedCert")]
pub struct Authority {
    /// Its own certificate first, then those of the authorities above, without the root.
    chain: Vec<Certificate>,
    root: Certificate,
    issuer: Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    /// A root that vouches for itself, valid for ten years.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Test CA");
    /// assert_eq!(authority.certificate().subject(), Some("Test CA"));
    /// assert!(authority.certificate().is_self_signed());
    /// ```
    pub fn new(name: &str) -> Self {
        let params = authority_params(name);
        let key = new_key();
        let certificate = params.self_signed(&key).expect("its parameters are sound");
        Self {
            chain: Vec::new(),
            root: read(&certificate),
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority that this one vouches for.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let root = Authority::new("Root");
    /// let below = root.intermediate("Below");
    /// let own = below.issue(["example.com"]);
    /// // The intermediate's certificate is shown to peers, the root's they have.
    /// assert_eq!(own.chain().len(), 2);
    /// assert_eq!(own.chain()[1].issuer(), Some("Root"));
    /// assert_eq!(below.certificate(), root.certificate());
    /// ```
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        let params = authority_params(name);
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("its parameters are sound");
        let mut chain = vec![read(&certificate)];
        chain.extend_from_slice(&self.chain);
        Self {
            chain,
            root: self.root.clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The root's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.root
    }

    /// Trust in the root, and in nobody else.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("Test CA");
    /// assert!(ClientTls::builder().trust(authority.trust()).build().is_ok());
    /// ```
    pub fn trust(&self) -> Trust {
        Trust::none().certificates([self.root.clone()])
    }

    /// A certificate for these host names and IP addresses, good for servers and for clients, and
    /// valid from yesterday for a year.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("for tests").issue(["localhost", "127.0.0.1"]);
    /// assert_eq!(own.certificate().names(), ["localhost", "127.0.0.1"]);
    /// ```
    ///
    /// # Panics
    /// For a name that is not ASCII.
    #[doc(alias = "signRequestObject")]
    #[doc(alias = "certificateRequest")]
    #[doc(alias = "signCertificateRequest")]
    #[must_use]
    pub fn issue<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> PrivateCertificate {
        let now = SystemTime::now();
        self.issue_valid(names, now - DAY, now + 365 * DAY)
    }

    /// Like [`issue`](Self::issue), valid within these times.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// let now = SystemTime::now();
    /// let hour = Duration::from_secs(3600);
    /// let over = authority.issue_valid(["example.com"], now - 2 * hour, now - hour);
    /// let verifier = ClientTls::builder().trust(authority.trust()).verifier()?;
    /// let verdict = verifier.verify(over.chain(), "example.com", now)?;
    /// assert!(matches!(verdict, Err(TlsError::Expired { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Panics
    /// For a name that is not ASCII.
    #[must_use]
    pub fn issue_valid<N: Into<String>>(
        &self,
        names: impl IntoIterator<Item = N>,
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> PrivateCertificate {
        let mut params = host_params(names);
        params.not_before = not_before.into();
        params.not_after = not_after.into();
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("its parameters are sound");
        let mut chain = vec![read(&certificate)];
        chain.extend_from_slice(&self.chain);
        with_key(chain, &key)
    }

    /// A list (CRL, in PEM) of what this authority has revoked of what it issued, good for a week.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation, TlsError};
    ///
    /// let authority = Authority::new("for tests");
    /// let lost = authority.issue(["example.com"]);
    /// let list = Revocation::lists_from_pem(authority.revocation_list([lost.certificate()]));
    /// let tls = ClientTls::builder().trust(authority.trust()).revocation(list);
    /// let verdict = tls.verifier()?.verify(lost.chain(), "example.com", SystemTime::now())?;
    /// assert!(matches!(verdict, Err(TlsError::Revoked { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn revocation_list<'a>(
        &self,
        revoked: impl IntoIterator<Item = &'a Certificate>,
    ) -> String {
        let now = SystemTime::now();
        let entry = |certificate: &Certificate| RevokedCertParams {
            serial_number: serial(certificate),
            revocation_time: now.into(),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: (now - DAY).into(),
            next_update: (now + 7 * DAY).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).and_then(|list| list.pem());
        list.expect("its parameters are sound")
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// A certificate for these host names and IP addresses that vouches for itself, valid from
/// yesterday for a year. Clients have to trust it itself.
///
/// ```
/// use torsade_tls::generate::self_signed;
///
/// let own = self_signed(["localhost"]);
/// assert!(own.certificate().is_self_signed());
/// ```
///
/// # Panics
/// For a name that is not ASCII.
#[doc(alias = "selfSignedCert")]
pub fn self_signed<N: Into<String>>(names: impl IntoIterator<Item = N>) -> PrivateCertificate {
    let now = SystemTime::now();
    let mut params = host_params(names);
    params.not_before = (now - DAY).into();
    params.not_after = (now + 365 * DAY).into();
    let key = new_key();
    let certificate = params.self_signed(&key).expect("its parameters are sound");
    with_key(vec![read(&certificate)], &key)
}

/// A new private key, and with [`signing_request`] what an authority needs to certify it.
///
/// ```
/// use torsade_tls::generate::key_pair;
///
/// assert!(key_pair().to_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
/// ```
#[doc(alias = "KeyPair.generate")]
pub fn key_pair() -> KeyPair {
    KeyPair::from_pem(new_key().serialize_pem()).expect("it was written just now")
}

/// A request (PKCS#10, in PEM) to certify `key` for these names, to be sent to an authority.
///
/// ```
/// use torsade_tls::generate::{key_pair, signing_request};
///
/// let request = signing_request(&key_pair(), ["example.com"])?;
/// assert!(request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
///
/// # Errors
/// [`ConfigError::BadKey`] for a key that cannot sign it; [`ConfigError::BadServerName`].
#[doc(alias = "requestObject")]
#[doc(alias = "CertificateRequest")]
#[doc(alias = "certificateRequest")]
pub fn signing_request<N: Into<String>>(
    key: &KeyPair,
    names: impl IntoIterator<Item = N>,
) -> Result<String, ConfigError> {
    let bad_key =
        |error: rcgen::Error| ConfigError::BadKey(rustls::Error::General(error.to_string()));
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let all = names.join(", ");
    let mut params =
        CertificateParams::new(names).map_err(|_| ConfigError::BadServerName(all.clone()))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let key = rcgen::KeyPair::from_pem(&key.to_pem()).map_err(bad_key)?;
    let request = params.serialize_request(&key).map_err(bad_key)?;
    request.pem().map_err(bad_key)
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 3650 * DAY).into();
    params
}

fn host_params<N: Into<String>>(names: impl IntoIterator<Item = N>) -> CertificateParams {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let mut params = CertificateParams::new(names.clone())
        .unwrap_or_else(|error| panic!("{names:?} cannot be in a certificate: {error}"));
    params.distinguished_name = rcgen::DistinguishedName::new();
    // Nothing reads it any more but people.
    if let Some(first) = names.first() {
        params.distinguished_name.push(DnType::CommonName, first);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    params
}

fn new_key() -> rcgen::KeyPair {
    rcgen::KeyPair::generate().expect("the system has random numbers")
}

/// What [`Certificate::serial`] writes as digits.
fn serial(certificate: &Certificate) -> SerialNumber {
    let digits = certificate.serial().as_bytes().chunks(2);
    let bytes = digits.filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    SerialNumber::from(bytes.collect::<Vec<u8>>())
}

fn read(certificate: &rcgen::Certificate) -> Certificate {
    Certificate::from_der(certificate.der().to_vec()).expect("it was written just now")
}

fn with_key(chain: Vec<Certificate>, key: &rcgen::KeyPair) -> PrivateCertificate {
    let key = KeyPair::from_pem(key.serialize_pem()).expect("it was written just now");
    PrivateCertificate::new(chain, key).expect("they were made for each other")
}
