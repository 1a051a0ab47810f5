//! What a client's and a server's configuration have in common.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    ConfigBuilder, ConfigSide, KeyLog, KeyLogFile, SupportedProtocolVersion, WantsVerifier,
    WantsVersions,
};

use crate::error::ConfigError;
use crate::pem::Source;
use crate::{TlsVersion, provider};

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    pub(crate) resumption: bool,
    pub(crate) key_log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            provider: provider::default(),
            alpn: Vec::new(),
            versions: TlsVersion::within(&..),
            resumption: true,
            key_log: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("alpn", &self.alpn)
            .field("versions", &self.versions)
            .field("resumption", &self.resumption)
            .field("key_log", &self.key_log)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(crate) fn set_alpn<P: AsRef<[u8]>>(&mut self, protocols: impl IntoIterator<Item = P>) {
        self.alpn = protocols
            .into_iter()
            .map(|name| name.as_ref().to_vec())
            .collect();
    }

    pub(crate) fn set_versions(&mut self, range: &impl RangeBounds<TlsVersion>) {
        self.versions = TlsVersion::within(range);
    }

    /// Checks what does not depend on the side, and gives the versions to rustls' builder.
    pub(crate) fn begin<S: ConfigSide>(
        &self,
        builder: ConfigBuilder<S, WantsVersions>,
    ) -> Result<ConfigBuilder<S, WantsVerifier>, ConfigError> {
        // The length is one byte on the wire (RFC 7301, 3.1); rustls would panic or cut it.
        if let Some(bad) = self
            .alpn
            .iter()
            .find(|name| !(1..=255).contains(&name.len()))
        {
            return Err(ConfigError::BadProtocolName(bad.clone()));
        }
        if self.versions.is_empty() {
            return Err(ConfigError::NoVersion);
        }
        builder
            .with_protocol_versions(&self.versions)
            .map_err(ConfigError::NoSuite)
    }

    /// Where the secrets are to be logged, if at all.
    pub(crate) fn key_log(&self) -> Option<Arc<dyn KeyLog>> {
        self.key_log
            .then(|| Arc::new(KeyLogFile::new()) as Arc<dyn KeyLog>)
    }
}

/// A certificate chain and the key of its first certificate, still to be read.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) chain: Source,
    pub(crate) key: Source,
}

/// The chain and the key.
pub(crate) type Loaded = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Identity {
    pub(crate) fn load(&self) -> Result<Loaded, ConfigError> {
        Ok((self.chain.certificates()?, self.key.private_key()?))
    }
}
