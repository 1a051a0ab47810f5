//! Who this side is: a certificate with its chain, and the private key.

#[cfg(feature = "generate")]
pub mod generate;
mod key_pair;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

pub use self::key_pair::KeyPair;
use crate::Certificate;
use crate::error::ConfigError;
use crate::pem::Source;

/// A certificate with the certificates that lead to its authority, and its private key.
///
/// That they belong together is checked when it is made.
///
/// ```
/// use torsade_tls::{PrivateCertificate, ServerTls};
/// # use torsade_tls::generate::self_signed;
///
/// # let folder = tempfile::tempdir()?;
/// # let (chain, key) = (folder.path().join("fullchain.pem"), folder.path().join("key.pem"));
/// # let made = self_signed(["example.com"]);
/// # std::fs::write(&chain, made.chain_pem())?;
/// # std::fs::write(&key, made.key_pair().to_pem())?;
/// let own = PrivateCertificate::from_pem_files(chain, key)?;
/// assert_eq!(own.certificate().names(), ["example.com"]);
/// let tls = ServerTls::builder().certificate(own).build()?;
/// # drop(tls);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "ssl.PrivateCertificate")]
pub struct PrivateCertificate {
    /// The first is its own.
    chain: Vec<Certificate>,
    key: KeyPair,
}

impl PrivateCertificate {
    /// A chain of certificates, the own one first, and its key.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ConfigError, PrivateCertificate};
    ///
    /// let own = Authority::new("Root").intermediate("Below").issue(["example.com"]);
    /// let backwards = own.chain().iter().rev().cloned();
    /// let error = PrivateCertificate::new(backwards, own.key_pair().clone()).unwrap_err();
    /// assert!(matches!(error, ConfigError::ChainOrder { order } if order == [2, 1]));
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::KeyMismatch`], and [`ConfigError::ChainOrder`].
    #[doc(alias = "fromCertificateAndKeyPair")]
    #[doc(alias = "newCertificate")]
    pub fn new(
        chain: impl IntoIterator<Item = Certificate>,
        key: KeyPair,
    ) -> Result<Self, ConfigError> {
        let chain: Vec<Certificate> = chain.into_iter().collect();
        check_order(&chain, &key)?;
        Ok(Self { chain, key })
    }

    /// From PEM or DER; both may be in the same text.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ConfigError, PrivateCertificate};
    ///
    /// let (own, other) = (self_signed(["example.com"]), self_signed(["example.com"]));
    /// let key = own.key_pair().to_pem();
    /// assert!(PrivateCertificate::from_pem(own.chain_pem(), key.as_str()).is_ok());
    /// let mixed = PrivateCertificate::from_pem(other.chain_pem(), key);
    /// assert!(matches!(mixed, Err(ConfigError::KeyMismatch)));
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::Pem`], [`ConfigError::BadCertificate`], [`ConfigError::BadKey`], and those
    /// of [`new`](Self::new).
    #[doc(alias = "load")]
    #[doc(alias = "loadPEM")]
    pub fn from_pem(
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, ConfigError> {
        Self::new(Certificate::from_pem(chain)?, KeyPair::from_pem(key)?)
    }

    /// From files in PEM or DER form; they may be the same file.
    ///
    /// ```
    /// use torsade_tls::{ConfigError, PrivateCertificate};
    ///
    /// let error = PrivateCertificate::from_pem_files("no-chain.pem", "no-key.pem").unwrap_err();
    /// assert!(matches!(&error, ConfigError::Pem(_)));
    /// assert_eq!(error.to_string(), "no-chain.pem: cannot be read");
    /// ```
    ///
    /// # Errors
    /// Those of [`from_pem`](Self::from_pem).
    pub fn from_pem_files(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let chain = Certificate::from_pem_file(chain)?;
        Self::new(chain, KeyPair::from_pem_file(key)?)
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// All certificates that are shown to a peer.
    ///
    /// ```
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("Root").intermediate("Below").issue(["example.com"]);
    /// assert_eq!(own.chain().len(), 2); // the root's is known to those who trust it
    /// assert_eq!(&own.chain()[0], own.certificate());
    /// ```
    #[doc(alias = "extraCertChain")]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Its key.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// assert_eq!(own.key_pair().hash(), Some(own.certificate().public_key().hash()));
    /// ```
    #[doc(alias = "privateKey")]
    pub fn key_pair(&self) -> &KeyPair {
        &self.key
    }

    /// The chain in PEM form, to be shown to anybody.
    ///
    /// ```
    /// use torsade_tls::Certificate;
    /// use torsade_tls::generate::Authority;
    ///
    /// let own = Authority::new("Root").intermediate("Below").issue(["example.com"]);
    /// assert_eq!(Certificate::from_pem(own.chain_pem())?, own.chain());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "dumpPEM")]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::to_pem).collect()
    }

    pub(crate) fn certified_key(
        &self,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, ConfigError> {
        let chain = self
            .chain
            .iter()
            .map(|certificate| CertificateDer::from(certificate.der().to_vec()));
        Ok(CertifiedKey::new(
            chain.collect(),
            self.key.signing_key(provider)?,
        ))
    }
}

impl fmt::Debug for PrivateCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateCertificate")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// Checks that the key's certificate is the first, and that each other is the issuer of the one
/// before.
fn check_order(chain: &[Certificate], key: &KeyPair) -> Result<(), ConfigError> {
    let is_own = |at: &usize| {
        key.hash()
            .is_none_or(|hash| chain[*at].public_key().hash() == hash)
    };
    let mut order: Vec<usize> = (0..chain.len()).find(is_own).into_iter().collect();
    while let Some(&last) = order.last() {
        let mut others = (0..chain.len()).filter(|at| !order.contains(at));
        match others.find(|&at| chain[last].names_as_issuer(&chain[at])) {
            Some(next) if !chain[last].is_self_signed() => order.push(next),
            _ => break,
        }
    }
    match order.first() {
        None => return Err(ConfigError::KeyMismatch),
        Some(0) if order.is_sorted() && order.len() == chain.len() => {}
        // Some servers are run with more in the file than is needed, which harms nobody.
        Some(0) if order.is_sorted() => log::warn!(
            target: "torsade::tls",
            "TLS: of the {} certificates for {:?} only {} lead from one to the next",
            chain.len(),
            chain[0].names(),
            order.len()
        ),
        Some(_) => {
            return Err(ConfigError::ChainOrder {
                order: order.iter().map(|at| at + 1).collect(),
            });
        }
    }
    Ok(())
}

/// Where an identity comes from; files are read when the configuration is built, and again when
/// they have changed.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Sources { chain: Source, key: Source },
    Ready(PrivateCertificate),
}

impl Identity {
    pub(crate) fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::Sources {
            chain: Source::File(chain.into()),
            key: Source::File(key.into()),
        }
    }

    pub(crate) fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::Sources {
            chain: Source::Bytes(chain.into()),
            key: Source::Bytes(key.into()),
        }
    }

    pub(crate) fn load(&self) -> Result<PrivateCertificate, ConfigError> {
        match self {
            Self::Ready(ready) => Ok(ready.clone()),
            Self::Sources { chain, key } => PrivateCertificate::new(
                Certificate::from_source(chain)?,
                KeyPair::from_source(key)?,
            ),
        }
    }

    /// The files among them.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let sources = match self {
            Self::Ready(_) => [None, None],
            Self::Sources { chain, key } => [chain.file(), key.file()],
        };
        sources.into_iter().flatten()
    }

    /// In rustls' form, with the key for its provider.
    pub(crate) fn certified(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, ConfigError> {
        Ok(Arc::new(self.load()?.certified_key(provider)?))
    }
}

#[cfg(test)]
mod tests;
