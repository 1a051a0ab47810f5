//! Pinning: the keys that a server, or an authority above it, must have.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::RootCertStore;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use crate::{Certificate, provider};

/// The SHA-256 hash of a public key (`SubjectPublicKeyInfo`, RFC 7469 section 2.4).
///
/// Written `sha256/` and the hash in base64; curl's `sha256//` is read too. `openssl x509 -in
/// cert.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
/// base64` prints that of a certificate, and so does `Pin::of(&certificate)`.
///
/// ```
/// use torsade_tls::Pin;
///
/// let pin: Pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse()?;
/// assert_eq!(pin, Pin::from_hash([0; 32]));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// That of the key of `certificate`.
    ///
    /// ```
    /// use torsade_tls::Pin;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let text = Pin::of(own.certificate()).to_string(); // to be written down
    /// assert!(text.starts_with("sha256/"));
    /// assert_eq!(text.parse(), Ok(Pin::of(own.certificate())));
    /// ```
    pub fn of(certificate: &Certificate) -> Self {
        Self(certificate.public_key().hash())
    }

    /// A hash that was made elsewhere.
    ///
    /// ```
    /// use torsade_tls::Pin;
    ///
    /// let pin = Pin::from_hash([0xff; 32]);
    /// assert_eq!(pin.to_string(), "sha256///////////////////////////////////////////8=");
    /// ```
    pub fn from_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is no pin.
///
/// ```
/// use torsade_tls::{BadPin, Pin};
///
/// let error: BadPin = "sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=".parse::<Pin>().unwrap_err();
/// assert!(error.to_string().contains("sha256/ and 32 bytes in base64"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPin(String);

impl fmt::Display for BadPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no pin: sha256/ and 32 bytes in base64 are needed",
            self.0
        )
    }
}

impl Error for BadPin {}

impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let decoded = |text| BASE64.decode(text).ok()?.try_into().ok();
        let hash = || {
            let text = text.strip_prefix("sha256/")?;
            // A hash may begin with a slash itself, so curl's is only looked for where there is none.
            decoded(text).or_else(|| decoded(text.strip_prefix('/')?))
        };
        hash().map(Self).ok_or_else(|| BadPin(text.to_owned()))
    }
}

/// The keys of which one must be found on the way from a server's certificate to the root.
///
/// There are at least two: the one in use, and one for the day when that is lost or replaced,
/// whose key lies somewhere safe. With one alone, a new key would lock every program out until it
/// is built anew. The pin of an authority allows all that it issues.
///
/// Pins add to the trust: the certificate has to be valid as ever.
///
/// ```
/// use torsade_tls::{ClientTls, Pin, Pins};
///
/// // The key in use, and one that is kept elsewhere for the day when that one is lost.
/// let pins = Pins::new(Pin::from_hash([1; 32]), Pin::from_hash([2; 32]));
/// let tls = ClientTls::builder().bundled_roots().pins(pins).build()?;
/// assert!(tls.filter("example.com").is_ok());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pins(Vec<Pin>);

impl Pins {
    /// The pin of a key in use, and that of a key for later.
    ///
    /// ```
    /// use torsade_tls::Pins;
    ///
    /// let in_use = "sha256/jQJTbIh0grw0/1TkHSumWb+Fs0Ggogr621gT3PvPKG0=".parse()?;
    /// let backup = "sha256/C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=".parse()?;
    /// assert_ne!(Pins::new(in_use, backup), Pins::new(backup, in_use).or(in_use));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn new(in_use: Pin, backup: Pin) -> Self {
        Self(vec![in_use, backup])
    }

    /// Allows another key too.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Pin, Pins};
    ///
    /// let (old, new) = (Authority::new("old"), Authority::new("new"));
    /// // Pins of authorities allow all that these issue.
    /// let backup = Pin::from_hash([0; 32]);
    /// let pins = Pins::new(Pin::of(old.certificate()), backup).or(Pin::of(new.certificate()));
    /// let verifier = ClientTls::builder().trust(new.trust()).pins(pins).verifier()?;
    /// let own = new.issue(["example.com"]);
    /// assert!(verifier.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn or(mut self, pin: Pin) -> Self {
        self.0.push(pin);
        self
    }

    fn has(&self, spki: &[u8]) -> bool {
        self.0.contains(&Pin(provider::sha256(spki)))
    }
}

/// No key on the way to the root is pinned.
#[derive(Clone, Debug)]
pub(crate) struct PinMismatch {
    pub(crate) found: Pin,
}

impl fmt::Display for PinMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its key {} is not pinned", self.found)
    }
}

impl Error for PinMismatch {}

/// Checks a chain, which was found valid, against the pins.
#[derive(Debug)]
pub(super) struct PinCheck {
    pub(super) pins: Pins,
    /// Where the chain may lead to; `None` where the certificate was accepted for itself.
    pub(super) roots: Option<Arc<RootCertStore>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl PinCheck {
    pub(super) fn check(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), PinMismatch> {
        let own = Certificate::unparsed(end_entity.clone().into_owned());
        if self.pins.0.contains(&Pin::of(&own))
            || self.is_path_pinned(end_entity, intermediates, now)
        {
            return Ok(());
        }
        Err(PinMismatch {
            found: Pin::of(&own),
        })
    }

    /// Whether a valid path leads over a pinned key. That a pinned certificate was sent along
    /// proves nothing: anybody can send it, so it has to be part of the path.
    fn is_path_pinned(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        let (Some(roots), Ok(end_entity)) = (&self.roots, EndEntityCert::try_from(end_entity))
        else {
            return false;
        };
        let has_pin = |path: &webpki::VerifiedPath<'_>| {
            let is_pinned = path
                .intermediate_certificates()
                .any(|certificate| self.pins.has(&certificate.subject_public_key_info()))
                // The anchor's key signed the last of the path.
                || self.pins.has(&anchor_key(path));
            if is_pinned {
                Ok(())
            } else {
                Err(webpki::Error::UnknownIssuer)
            }
        };
        let found = end_entity.verify_for_usage(
            self.algorithms.all,
            &roots.roots,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&has_pin),
        );
        found.is_ok()
    }
}

/// The DER form of the anchor's key: webpki keeps what is within its SEQUENCE (X.690, 8.1.3).
fn anchor_key(path: &webpki::VerifiedPath<'_>) -> Vec<u8> {
    let content = path.anchor().subject_public_key_info.as_ref();
    let length = content.len().to_be_bytes();
    let digits = &length[content.len().leading_zeros() as usize / 8..];
    let mut key = vec![0x30];
    if content.len() < 0x80 {
        key.extend_from_slice(digits);
    } else {
        key.push(0x80 | u8::try_from(digits.len()).expect("a length has eight bytes at most"));
        key.extend_from_slice(digits);
    }
    key.extend_from_slice(content);
    key
}
