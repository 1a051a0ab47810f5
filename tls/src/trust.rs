//! Which authorities are believed when a peer shows its certificate.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;

use crate::error::ConfigError;
use crate::pem::Source;

/// A choice of root certificates, added together.
///
/// Nothing is read before the configuration that it is given to is built.
///
/// ```
/// use torsade_tls::Trust;
///
/// let own_and_public = Trust::none().bundled_roots().roots_from_pem_file("our-ca.pem");
/// # drop(own_and_public);
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "trustRootFromCertificates")]
#[doc(alias = "IOpenSSLTrustRoot")]
pub struct Trust {
    roots: Vec<Roots>,
}

/// One source of root certificates.
#[derive(Clone, Debug)]
enum Roots {
    Platform,
    Bundled,
    Pem(Source),
}

impl Trust {
    /// Trusts nobody yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the roots that the platform trusts.
    ///
    /// On Linux these are the distribution's; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    #[must_use]
    #[doc(alias = "platformTrust")]
    pub fn platform_roots(self) -> Self {
        self.with(Roots::Platform)
    }

    /// Adds Mozilla's roots, as they were when this program was built.
    #[must_use]
    pub fn bundled_roots(self) -> Self {
        self.with(Roots::Bundled)
    }

    /// Adds every certificate of a PEM file.
    #[must_use]
    pub fn roots_from_pem_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(Roots::Pem(Source::File(path.into())))
    }

    /// Adds every certificate of some PEM text.
    #[must_use]
    pub fn roots_from_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(Roots::Pem(Source::Bytes(pem.into())))
    }

    fn with(mut self, roots: Roots) -> Self {
        self.roots.push(roots);
        self
    }

    /// Whether no source was chosen.
    pub(crate) fn is_none(&self) -> bool {
        self.roots.is_empty()
    }

    /// Reads all sources.
    pub(crate) fn load(&self) -> Result<Arc<RootCertStore>, ConfigError> {
        let mut store = RootCertStore::empty();
        for roots in &self.roots {
            match roots {
                Roots::Platform => add_platform(&mut store)?,
                Roots::Bundled => {
                    store
                        .roots
                        .extend_from_slice(webpki_roots::TLS_SERVER_ROOTS);
                }
                Roots::Pem(source) => {
                    for certificate in source.certificates()? {
                        store.add(certificate).map_err(ConfigError::BadRoot)?;
                    }
                }
            }
        }
        if store.is_empty() {
            Err(ConfigError::EmptyTrust)
        } else {
            Ok(Arc::new(store))
        }
    }
}

fn add_platform(store: &mut RootCertStore) -> Result<(), ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("reading the platform's root certificates: {error}");
    }
    // Platform stores carry old oddities that rustls cannot parse; they are skipped, as everybody
    // does, but an own file with such a certificate is an error.
    let (added, skipped) = store.add_parsable_certificates(found.certs);
    if skipped > 0 {
        log::debug!("skipped {skipped} of the platform's root certificates, used {added}");
    }
    if added == 0 {
        let reasons = found.errors.iter().map(ToString::to_string).collect();
        return Err(ConfigError::NoPlatformRoots { reasons });
    }
    Ok(())
}
