//! Which authorities are believed when a peer shows its certificate.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::Certificate;
use crate::error::ConfigError;
use crate::pem::{PemError, PemProblem, Source};

/// A choice of root certificates, added together.
///
/// Nothing is read before the configuration that it is given to is built.
///
/// ```
/// use std::time::SystemTime;
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, Trust};
///
/// let ours = Authority::new("ours");
/// let own_and_public = Trust::none().bundled_roots().roots_from_pem(ours.certificate().to_pem());
/// let verifier = ClientTls::builder().trust(own_and_public).verifier()?;
/// let own = ours.issue(["intranet.example.com"]);
/// assert!(verifier.verify(own.chain(), "intranet.example.com", SystemTime::now())?.is_ok());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "trustRootFromCertificates")]
#[doc(alias = "IOpenSSLTrustRoot")]
pub struct Trust {
    sources: Vec<TrustSource>,
}

/// One source of certificates to be trusted.
#[derive(Clone, Debug)]
enum TrustSource {
    Platform,
    Bundled,
    Roots(Source),
    Directory(PathBuf),
    Certificates(Vec<Certificate>),
    Exactly(Source),
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) roots: Arc<RootCertStore>,
    /// Accepted themselves, whoever issued them.
    pub(crate) exact: Vec<CertificateDer<'static>>,
    /// The roots that may be hosts, although they are marked as authorities.
    pub(crate) hosts: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Trusts nobody yet.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError, Trust};
    ///
    /// let built = ClientTls::builder().trust(Trust::none()).build();
    /// assert!(matches!(built, Err(ConfigError::EmptyTrust)));
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the roots that the platform trusts.
    ///
    /// On Linux these are the distribution's; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, Trust};
    ///
    /// // Enough for a machine without any roots, too.
    /// let trust = Trust::none().platform_roots();
    /// let tls = ClientTls::builder().trust(trust).build();
    /// let tls = tls.or_else(|_| ClientTls::builder().trust(Trust::none().bundled_roots()).build())?;
    /// assert!(tls.filter("example.com").is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "platformTrust")]
    #[doc(alias = "OpenSSLDefaultPaths")]
    #[must_use]
    pub fn platform_roots(self) -> Self {
        self.with(TrustSource::Platform)
    }

    /// Adds Mozilla's roots, as they were when this program was built.
    #[must_use]
    pub fn bundled_roots(self) -> Self {
        self.with(TrustSource::Bundled)
    }

    /// Adds every certificate of a file, in PEM or DER form.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, Trust};
    ///
    /// // It is looked for when the configuration is built.
    /// let trust = Trust::none().roots_from_pem_file("our-ca.pem");
    /// let error = ClientTls::builder().trust(trust).build().unwrap_err();
    /// assert_eq!(error.to_string(), "our-ca.pem: cannot be read");
    /// ```
    #[must_use]
    pub fn roots_from_pem_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(TrustSource::Roots(Source::File(path.into())))
    }

    /// Adds every certificate of some PEM text.
    #[must_use]
    pub fn roots_from_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(TrustSource::Roots(Source::Bytes(pem.into())))
    }

    /// Adds every certificate in the files of a directory, such as `/etc/ssl/certs`.
    ///
    /// Files in which there is no certificate are passed over, and what is below it is not looked
    /// at; that a file cannot be read is an error.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Trust};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let authority = Authority::new("ours");
    /// std::fs::write(folder.join("ours.pem"), authority.certificate().to_pem())?;
    /// std::fs::write(folder.join("README"), "What our programs trust")?;
    /// let trust = Trust::none().roots_from_directory(folder);
    /// let verifier = ClientTls::builder().trust(trust).verifier()?;
    /// let own = authority.issue(["example.com"]);
    /// assert!(verifier.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn roots_from_directory(self, path: impl Into<PathBuf>) -> Self {
        self.with(TrustSource::Directory(path.into()))
    }

    /// Adds these certificates as roots.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ClientTls, Trust};
    ///
    /// let own = self_signed(["printer.local"]);
    /// let trust = Trust::none().certificates([own.certificate().clone()]);
    /// let verifier = ClientTls::builder().trust(trust).verifier()?;
    /// assert!(verifier.verify(own.chain(), "printer.local", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "trustRootFromCertificates")]
    #[must_use]
    pub fn certificates(self, roots: impl IntoIterator<Item = Certificate>) -> Self {
        self.with(TrustSource::Certificates(roots.into_iter().collect()))
    }

    /// Adds the certificates of some hosts (or clients) themselves, in a file: each is accepted
    /// whoever issued it, as long as it is valid and has the right name. It vouches for no other.
    ///
    /// This is for a certificate whose issuer is not to be trusted with any other.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ClientTls, Trust};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("printers.pem");
    /// let printers = [self_signed(["up.local"]), self_signed(["down.local"])];
    /// std::fs::write(&file, printers[0].chain_pem() + &printers[1].chain_pem())?;
    /// let verifier = ClientTls::builder().trust(Trust::none().exactly_pem_file(file)).verifier()?;
    /// assert!(verifier.verify(printers[1].chain(), "down.local", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn exactly_pem_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(TrustSource::Exactly(Source::File(path.into())))
    }

    /// Like [`exactly_pem_file`](Self::exactly_pem_file), from PEM text.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, TlsError, Trust};
    ///
    /// let theirs = Authority::new("theirs");
    /// let partner = theirs.issue(["api.example.com"]);
    /// let trust = Trust::none().exactly_pem(partner.certificate().to_pem());
    /// let verifier = ClientTls::builder().trust(trust).verifier()?;
    /// assert!(verifier.verify(partner.chain(), "api.example.com", SystemTime::now())?.is_ok());
    /// // What their authority issues besides is not trusted.
    /// let other = theirs.issue(["api.example.com"]);
    /// let verdict = verifier.verify(other.chain(), "api.example.com", SystemTime::now())?;
    /// assert!(matches!(verdict, Err(TlsError::UnknownIssuer { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[must_use]
    pub fn exactly_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(TrustSource::Exactly(Source::Bytes(pem.into())))
    }

    fn with(mut self, source: TrustSource) -> Self {
        self.sources.push(source);
        self
    }

    /// Reads all sources.
    pub(crate) fn load(&self) -> Result<Trusted, ConfigError> {
        let mut roots = RootCertStore::empty();
        let (mut exact, mut hosts) = (Vec::new(), Vec::new());
        for source in &self.sources {
            match source {
                TrustSource::Platform => add_platform(&mut roots)?,
                TrustSource::Bundled => roots
                    .roots
                    .extend_from_slice(webpki_roots::TLS_SERVER_ROOTS),
                TrustSource::Roots(source) => {
                    add_own(&mut roots, &mut hosts, source.certificates()?)?;
                }
                TrustSource::Directory(path) => add_directory(&mut roots, path)?,
                TrustSource::Certificates(certificates) => {
                    let ders = certificates.iter().map(Certificate::der);
                    let ders = ders.map(|der| CertificateDer::from(der.to_vec()));
                    add_own(&mut roots, &mut hosts, ders)?;
                }
                TrustSource::Exactly(source) => exact.extend(source.certificates()?),
            }
        }
        if roots.is_empty() && exact.is_empty() {
            return Err(ConfigError::EmptyTrust);
        }
        let roots = Arc::new(roots);
        Ok(Trusted {
            roots,
            exact,
            hosts,
        })
    }
}

/// Adds roots that the program named itself.
///
/// What `openssl req -x509` makes for a host is marked as an authority, in which role it is good for
/// no host. Its owner could have it issue another for itself, so that it is accepted as it is.
fn add_own(
    roots: &mut RootCertStore,
    hosts: &mut Vec<CertificateDer<'static>>,
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<(), ConfigError> {
    for certificate in certificates {
        let looked_at = Certificate::unparsed(certificate.clone());
        // Its numbers have to be sound (RFC 5280, 4.1.2.2): nothing else looks at them then.
        let is_sound = !looked_at.serial().starts_with('-');
        if looked_at.is_authority() && !looked_at.names().is_empty() && is_sound {
            hosts.push(certificate.clone());
        }
        roots.add(certificate).map_err(ConfigError::BadRoot)?;
    }
    Ok(())
}

fn add_directory(roots: &mut RootCertStore, directory: &PathBuf) -> Result<(), ConfigError> {
    let unreadable = |error| {
        ConfigError::Pem(PemError {
            file: Some(directory.clone()),
            problem: PemProblem::Unreadable(error),
        })
    };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    // In an order that does not depend on the file system.
    files.sort();
    let mut added = 0;
    for file in files {
        match Source::File(file).certificates() {
            Ok(found) => added += roots.add_parsable_certificates(found).0,
            Err(error) if matches!(error.problem, PemProblem::Unreadable(_)) => {
                return Err(error.into());
            }
            Err(error) => log::debug!(target: "torsade::tls", "no certificates to trust: {error}"),
        }
    }
    if added == 0 {
        return Err(unreadable(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "no file in this directory has a certificate in it",
        )));
    }
    Ok(())
}

fn add_platform(roots: &mut RootCertStore) -> Result<(), ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!(target: "torsade::tls", "reading the platform's root certificates: {error}");
    }
    // Platform stores carry old oddities that rustls cannot parse; they are skipped, as everybody
    // does, but an own file with such a certificate is an error.
    let (added, skipped) = roots.add_parsable_certificates(found.certs);
    if skipped > 0 {
        log::debug!(target: "torsade::tls", "skipped {skipped} of the platform's root certificates, used {added}");
    }
    if added == 0 {
        let reasons = found.errors.iter().map(ToString::to_string).collect();
        return Err(ConfigError::NoPlatformRoots { reasons });
    }
    Ok(())
}
