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
/// ```no_run
/// use torsade_tls::{ClientTls, Revocation};
///
/// # fn main() -> torsade_core::Result<()> {
/// let lists = Revocation::lists_from_file("our-ca.crl").leaf_only();
/// let tls = ClientTls::builder()
///     .roots_from_pem_file("our-ca.pem")
///     .revocation(lists)
///     .build()?;
/// # drop(tls);
/// # Ok(())
/// # }
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
    pub fn lists_from_file(path: impl Into<PathBuf>) -> Self {
        Self::default().and_file(path)
    }

    /// The lists of some PEM text.
    pub fn lists_from_pem(pem: impl Into<Vec<u8>>) -> Self {
        Self::default().and_pem(pem)
    }

    /// Adds the lists of another file.
    pub fn and_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// Adds the lists of some PEM text.
    pub fn and_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.sources.push(Source::Bytes(pem.into()));
        self
    }

    /// Looks only whether the peer's own certificate was revoked, not those of the authorities
    /// above it.
    pub fn leaf_only(mut self) -> Self {
        self.leaf_only = true;
        self
    }

    /// Accepts certificates on whose issuers there is no list.
    pub fn accept_unknown(mut self) -> Self {
        self.accepts_unknown = true;
        self
    }

    /// Accepts lists for which there should be a newer one by now.
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
