//! A private key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

use crate::error::ConfigError;
use crate::pem::{self, Source};
use crate::provider;

/// A private key, which includes its public one.
///
/// RSA of 2048 bits and more, ECDSA on the curves P-256, P-384 and P-521, and Ed25519, in the
/// forms PKCS#8, PKCS#1 and SEC1. A key with a passphrase has to be decrypted first, as the error
/// tells.
///
/// ```
/// use torsade_tls::KeyPair;
/// # use torsade_tls::generate::self_signed;
///
/// # let own = self_signed(["example.com"]);
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("key.pem");
/// # std::fs::write(&path, own.key_pair().to_pem())?;
/// let key = KeyPair::from_pem_file(path)?;
/// assert_eq!(key.hash(), Some(own.certificate().public_key().hash()));
/// assert_eq!(format!("{key:?}"), "KeyPair { .. }"); // it is never shown
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ssl.KeyPair")]
pub struct KeyPair {
    der: Arc<PrivateKeyDer<'static>>,
    /// The SHA-256 hash of its public key, if the provider tells that key.
    hash: Option<[u8; 32]>,
}

impl KeyPair {
    /// From PEM or DER.
    ///
    /// ```
    /// use torsade_tls::{ConfigError, KeyPair};
    ///
    /// let error = KeyPair::from_pem("-----BEGIN PRIVATE KEY-----\nMIIE").unwrap_err();
    /// assert!(matches!(error, ConfigError::Pem(_)));
    /// assert!(error.to_string().contains("line 1"), "{error}");
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadKey`].
    #[doc(alias = "load")]
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        Self::from_source(&Source::Bytes(pem.into()))
    }

    /// From a file in PEM or DER form.
    ///
    /// ```
    /// use torsade_tls::KeyPair;
    ///
    /// let error = KeyPair::from_pem_file("no-such-key.pem").unwrap_err();
    /// assert_eq!(error.to_string(), "no-such-key.pem: cannot be read");
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Pem`], and [`ConfigError::BadKey`].
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::from_source(&Source::File(path.into()))
    }

    pub(super) fn from_source(source: &Source) -> Result<Self, ConfigError> {
        let mut key = Self {
            der: Arc::new(source.private_key()?),
            hash: None,
        };
        let signing = key.signing_key(&provider::default())?;
        key.hash = signing.public_key().map(|spki| provider::sha256(&spki));
        Ok(key)
    }

    /// The SHA-256 hash of its public key, as [`PublicKey::hash`](crate::certificate::PublicKey::hash).
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let (own, other) = (self_signed(["example.com"]), self_signed(["example.com"]));
    /// let hash = own.certificate().public_key().hash();
    /// assert_eq!(own.key_pair().hash(), Some(hash));
    /// assert_ne!(other.key_pair().hash(), Some(hash));
    /// ```
    #[doc(alias = "keyHash")]
    pub fn hash(&self) -> Option<[u8; 32]> {
        self.hash
    }

    /// In DER form. Whoever reads this can pretend to be its owner.
    pub fn secret_der(&self) -> &[u8] {
        self.der.secret_der()
    }

    /// In PEM form. Whoever reads this can pretend to be its owner.
    ///
    /// ```
    /// use torsade_tls::KeyPair;
    /// use torsade_tls::generate::key_pair;
    ///
    /// let key = key_pair();
    /// assert_eq!(KeyPair::from_pem(key.to_pem())?.secret_der(), key.secret_der());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "dump")]
    pub fn to_pem(&self) -> String {
        let label = match &*self.der {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        pem::write(label, self.der.secret_der())
    }

    pub(super) fn signing_key(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<dyn SigningKey>, ConfigError> {
        provider
            .key_provider
            .load_private_key(self.der.clone_key())
            .map_err(ConfigError::BadKey)
    }
}

// The key itself is never shown.
impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").finish_non_exhaustive()
    }
}
