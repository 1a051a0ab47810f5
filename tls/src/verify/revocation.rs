//! Lists of certificates that their issuers have revoked.

use std::path::PathBuf;

use rustls::client::ServerCertVerifierBuilder;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::ClientCertVerifierBuilder;

use crate::error::ConfigError;
use crate::pem::Source;

/// Certificate revocation lists (CRLs, RFC 5280 section 5), and how strict to be with them.
///
/// Once there is a list, every certificate of a chain has to be covered by a list of its issuer
/// that is not out of date, unless it is told otherwise here. Lists are files that somebody has to
/// fetch and renew; they are read when the configuration is built.
///
/// ```
/// use std::time::SystemTime;
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, Revocation, TlsError};
///
/// # let authority = Authority::new("for tests");
/// let (good, lost) = (authority.issue(["example.com"]), authority.issue(["example.com"]));
/// let lists = Revocation::lists_from_pem(authority.revocation_list([lost.certificate()]));
/// let verifier = ClientTls::builder().trust(authority.trust()).revocation(lists).verifier()?;
/// assert!(verifier.verify(good.chain(), "example.com", SystemTime::now())?.is_ok());
/// let verdict = verifier.verify(lost.chain(), "example.com", SystemTime::now())?;
/// assert!(matches!(verdict, Err(TlsError::Revoked { .. })));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Revocation {
    sources: Vec<Source>,
    leaf_only: bool,
    accepts_unknown: bool,
    ignores_age: bool,
}

/// What is asked for, set on either of rustls' builders: they share these methods but no trait.
macro_rules! apply {
    ($revocation:expr, $builder:expr) => {{
        let mut builder = $builder.with_crls($revocation.load()?);
        if $revocation.leaf_only {
            builder = builder.only_check_end_entity_revocation();
        }
        if $revocation.accepts_unknown {
            builder = builder.allow_unknown_revocation_status();
        }
        if !$revocation.ignores_age {
            builder = builder.enforce_revocation_expiration();
        }
        builder
    }};
}

impl Revocation {
    /// The lists of a file, in PEM or DER form.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError, Revocation};
    /// # use torsade_tls::generate::Authority;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("our-ca.crl");
    /// # let authority = Authority::new("for tests");
    /// let builder = ClientTls::builder().trust(authority.trust());
    /// let built = builder.clone().revocation(Revocation::lists_from_file(&file)).build();
    /// assert!(matches!(built, Err(ConfigError::Pem(_)))); // it has to be fetched first
    /// std::fs::write(&file, authority.revocation_list([]))?;
    /// assert!(builder.revocation(Revocation::lists_from_file(file)).build().is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn lists_from_file(path: impl Into<PathBuf>) -> Self {
        Self::default().and_file(path)
    }

    /// The lists of some PEM text.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError, Revocation};
    /// # use torsade_tls::generate::Authority;
    ///
    /// # let authority = Authority::new("for tests");
    /// let builder = ClientTls::builder().trust(authority.trust());
    /// let lists = Revocation::lists_from_pem(authority.revocation_list([]));
    /// assert!(builder.clone().revocation(lists).build().is_ok());
    /// let mixed_up = Revocation::lists_from_pem(authority.certificate().to_pem());
    /// assert!(matches!(builder.revocation(mixed_up).build(), Err(ConfigError::Pem(_))));
    /// ```
    pub fn lists_from_pem(pem: impl Into<Vec<u8>>) -> Self {
        Self::default().and_pem(pem)
    }

    /// Adds the lists of another file.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, Revocation};
    /// # use torsade_tls::generate::Authority;
    ///
    /// # let root = Authority::new("Root");
    /// # let below = root.intermediate("Below");
    /// # let folder = tempfile::tempdir()?;
    /// # let files = [folder.path().join("root.crl"), folder.path().join("below.crl")];
    /// # std::fs::write(&files[0], root.revocation_list([]))?;
    /// # std::fs::write(&files[1], below.revocation_list([]))?;
    /// let lists = Revocation::lists_from_file(&files[0]).and_file(&files[1]);
    /// assert!(ClientTls::builder().trust(root.trust()).revocation(lists).build().is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn and_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// Adds the lists of some PEM text.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation};
    ///
    /// let root = Authority::new("Root");
    /// let below = root.intermediate("Below");
    /// // Each certificate of the chain has to be covered.
    /// let lists = Revocation::lists_from_pem(root.revocation_list([])).and_pem(below.revocation_list([]));
    /// let verifier = ClientTls::builder().trust(root.trust()).revocation(lists).verifier()?;
    /// let own = below.issue(["example.com"]);
    /// assert!(verifier.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn and_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.sources.push(Source::Bytes(pem.into()));
        self
    }

    /// Looks only whether the peer's own certificate was revoked, not those of the authorities
    /// above it.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation, TlsError};
    ///
    /// # let root = Authority::new("Root");
    /// # let below = root.intermediate("Below");
    /// # let own = below.issue(["example.com"]);
    /// // There is no list about the intermediate authority.
    /// let lists = Revocation::lists_from_pem(below.revocation_list([]));
    /// let builder = ClientTls::builder().trust(root.trust());
    /// let strict = builder.clone().revocation(lists.clone()).verifier()?;
    /// let verdict = strict.verify(own.chain(), "example.com", SystemTime::now())?;
    /// assert!(matches!(verdict, Err(TlsError::RevocationUnknown { outdated_since: None, .. })));
    /// let lax = builder.revocation(lists.leaf_only()).verifier()?;
    /// assert!(lax.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn leaf_only(mut self) -> Self {
        self.leaf_only = true;
        self
    }

    /// Accepts certificates on whose issuers there is no list.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation, Trust};
    ///
    /// let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    /// let lists = Revocation::lists_from_pem(ours.revocation_list([])).accept_unknown();
    /// let both = Trust::none().certificates([ours.certificate().clone(), theirs.certificate().clone()]);
    /// let verifier = ClientTls::builder().trust(both).revocation(lists).verifier()?;
    /// let unheard_of = theirs.issue(["example.com"]);
    /// assert!(verifier.verify(unheard_of.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn accept_unknown(mut self) -> Self {
        self.accepts_unknown = true;
        self
    }

    /// Accepts lists for which there should be a newer one by now.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let next_month = SystemTime::now() + Duration::from_secs(30 * 24 * 60 * 60);
    /// let lists = Revocation::lists_from_pem(authority.revocation_list([])); // good for a week
    /// let builder = ClientTls::builder().trust(authority.trust());
    /// let strict = builder.clone().revocation(lists.clone()).verifier()?;
    /// let verdict = strict.verify(own.chain(), "example.com", next_month)?;
    /// assert!(matches!(verdict, Err(TlsError::RevocationUnknown { outdated_since: Some(_), .. })));
    /// let lax = builder.revocation(lists.ignore_age()).verifier()?;
    /// assert!(lax.verify(own.chain(), "example.com", next_month)?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn ignore_age(mut self) -> Self {
        self.ignores_age = true;
        self
    }

    fn load(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, ConfigError> {
        let mut lists = Vec::new();
        for source in &self.sources {
            lists.extend(source.revocation_lists()?);
        }
        Ok(lists)
    }

    pub(crate) fn apply_to_servers(
        &self,
        builder: ServerCertVerifierBuilder,
    ) -> Result<ServerCertVerifierBuilder, ConfigError> {
        Ok(apply!(self, builder))
    }

    pub(crate) fn apply_to_clients(
        &self,
        builder: ClientCertVerifierBuilder,
    ) -> Result<ClientCertVerifierBuilder, ConfigError> {
        Ok(apply!(self, builder))
    }
}
