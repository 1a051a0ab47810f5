//! What is chosen for a [`ClientTls`].

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;

use super::server_name::parse_name;
use super::{CertificateVerifier, ClientTls};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::options::{Options, common_options};
use crate::verify::{Base, ServerChecks};
use crate::{Certificate, Pins, PrivateCertificate, Revocation, Trust};

/// Builds a [`ClientTls`].
///
/// The platform's roots are trusted unless there is any choice of trust, which then replaces
/// them.
///
/// ```
/// use torsade_tls::{ClientTls, TlsVersion};
///
/// // Every mistake is told here: files that are not there, keys that do not belong.
/// let tls = ClientTls::builder()
///     .bundled_roots()
///     .versions(TlsVersion::Tls13..)
///     .alpn(["http/1.1"])
///     .build()?;
/// # drop(tls);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "CertificateOptions")]
#[must_use]
pub struct ClientTlsBuilder {
    pub(super) trust: Trust,
    checks: ServerChecks,
    expected_name: Option<String>,
    identity: Option<Identity>,
    hides_name: bool,
    options: Options,
}

impl ClientTlsBuilder {
    /// Adds the platform's roots to the trust.
    #[doc(alias = "platformTrust")]
    pub fn platform_roots(mut self) -> Self {
        self.trust = self.trust.platform_roots();
        self
    }

    /// Adds Mozilla's roots, as they were when this program was built, to the trust.
    pub fn bundled_roots(mut self) -> Self {
        self.trust = self.trust.bundled_roots();
        self
    }

    /// Adds every certificate of a file, in PEM or DER form, to the trust.
    pub fn roots_from_pem_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust = self.trust.roots_from_pem_file(path);
        self
    }

    /// Adds every certificate of some PEM text to the trust.
    #[doc(alias = "trustRootFromCertificates")]
    pub fn roots_from_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = self.trust.roots_from_pem(pem);
        self
    }

    /// Trusts this, and nothing that was chosen before.
    #[doc(alias = "trustRoot")]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Refuses certificates that their issuers have revoked, by these lists.
    pub fn revocation(mut self, lists: Revocation) -> Self {
        self.checks.revocation = Some(lists);
        self
    }

    /// Demands that one of these keys is on the way from the server's certificate to the root.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, Pins};
    ///
    /// # fn main() -> torsade_core::Result<()> {
    /// let in_use = "sha256/jQJTbIh0grw0/1TkHSumWb+Fs0Ggogr621gT3PvPKG0=".parse()?;
    /// let backup = "sha256/C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=".parse()?;
    /// let tls = ClientTls::builder().bundled_roots().pins(Pins::new(in_use, backup)).build()?;
    /// # drop(tls);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pins(mut self, pins: Pins) -> Self {
        self.checks.pins = Some(pins);
        self
    }

    /// Checks every chain, as the server sent it, and the name it is for, once it was found good
    /// otherwise. The error ends the handshake, and becomes
    /// [`TlsError::Rejected`](crate::TlsError::Rejected).
    pub fn check_certificate<F>(mut self, check: F) -> Self
    where
        F: Fn(&[Certificate], &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
            + Send
            + Sync
            + 'static,
    {
        self.checks.checks.push(Arc::new(check));
        self
    }

    /// Has the server prove this name (or IP address) rather than the one that is connected to.
    /// What is sent to it (SNI) stays the one that is connected to.
    pub fn expected_name(mut self, name: impl Into<String>) -> Self {
        self.expected_name = Some(name.into());
        self
    }

    /// Whether the name is sent to the server (SNI, RFC 6066), which chooses its certificate by
    /// it; it is by default. An IP address never is.
    #[doc(alias = "SNI")]
    pub fn send_server_name(mut self, on: bool) -> Self {
        self.hides_name = !on;
        self
    }

    /// Shows this certificate to servers that ask for one.
    #[doc(alias = "clientCertificate")]
    pub fn certificate(mut self, own: PrivateCertificate) -> Self {
        self.identity = Some(Identity::Ready(own));
        self
    }

    /// Shows a certificate to servers that ask for one: files of the chain, its own certificate
    /// first, and of the key. They may be the same file.
    pub fn client_certificate_files(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some(Identity::from_files(chain, key));
        self
    }

    /// Like [`client_certificate_files`](Self::client_certificate_files), from PEM text.
    pub fn client_certificate_pem(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some(Identity::from_pem(chain, key));
        self
    }

    /// Offers these application protocols, the best first; none by default.
    ///
    /// A server that knows none of them may refuse, or go on without.
    #[doc(alias = "acceptableProtocols")]
    #[doc(alias = "nextProtocols")]
    #[doc(alias = "IProtocolNegotiationFactory")]
    #[doc(alias = "ProtocolNegotiationSupport")]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.options.set_alpn(protocols);
        self
    }

    /// Whether sessions are remembered and resumed; they are by default.
    #[doc(alias = "enableSessions")]
    #[doc(alias = "enableSessionTickets")]
    pub fn resumption(mut self, on: bool) -> Self {
        self.options.resumption = on;
        self
    }

    /// Remembers the sessions of so many servers; 256 by default.
    pub fn session_cache(mut self, servers: usize) -> Self {
        self.options.session_cache = Some(servers);
        self
    }

    common_options!();

    /// What makes a connection insecure is behind this door.
    pub fn dangerous(self) -> DangerousClientTls {
        DangerousClientTls { builder: self }
    }

    /// Reads all files, and checks that everything fits together.
    ///
    /// # Errors
    /// Any [`ConfigError`]. Nothing about the configuration is left to fail later.
    pub fn build(self) -> Result<ClientTls, ConfigError> {
        let provider = self.options.narrowed()?;
        let builder = self
            .options
            .begin(ClientConfig::builder_with_provider(Arc::clone(&provider)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.server_verifier()?));
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(
                rustls::sign::SingleCertAndKey::from(identity.certified(&provider)?),
            )),
            None => builder.with_no_client_auth(),
        };
        if let Some(key_log) = self.options.key_log() {
            config.key_log = key_log;
        }
        if !self.options.resumption {
            config.resumption = Resumption::disabled();
        } else if let Some(servers) = self.options.session_cache {
            config.resumption = Resumption::in_memory_sessions(servers);
        }
        config.enable_sni = !self.hides_name;
        config.max_fragment_size = self.options.max_fragment_size;
        config.alpn_protocols = self.options.alpn;
        Ok(ClientTls::from_rustls(Arc::new(config)))
    }

    /// The same checks without a connection, for certificates that are in files.
    ///
    /// # Errors
    /// As [`build`](Self::build), for what concerns the trust.
    pub fn verifier(&self) -> Result<CertificateVerifier, ConfigError> {
        Ok(CertificateVerifier::new(self.server_verifier()?))
    }

    fn server_verifier(&self) -> Result<crate::verify::ServerVerifier, ConfigError> {
        let mut checks = self.checks.clone();
        if let Some(name) = &self.expected_name {
            let parsed = parse_name(name);
            let bad = || ConfigError::BadServerName(name.clone());
            checks.expected_name = Some(parsed.ok_or_else(bad)?);
        }
        let trust = if self.trust.is_none() {
            &Trust::none().platform_roots()
        } else {
            &self.trust
        };
        checks.verifier(trust, &self.options.provider)
    }
}

/// What makes a connection insecure; from [`ClientTlsBuilder::dangerous`].
#[derive(Clone, Debug)]
#[must_use]
pub struct DangerousClientTls {
    builder: ClientTlsBuilder,
}

impl DangerousClientTls {
    /// Accepts whatever certificate a server shows, whosever it is: anybody on the way can read
    /// and change everything. A warning is logged when it is built. Pins and own checks apply
    /// nevertheless, so that with [`pins`](ClientTlsBuilder::pins) it is safe.
    ///
    /// To accept one self-signed certificate, add it to the trust instead.
    pub fn accept_any_certificate(mut self) -> ClientTlsBuilder {
        self.builder.checks.base = Base::AcceptAny;
        self.builder
    }

    /// Has this verifier decide, instead of the trust and the lists of what was revoked. A warning
    /// is logged when it is built.
    #[doc(alias = "IOpenSSLClientConnectionCreator")]
    pub fn verify_by(mut self, verifier: Arc<dyn ServerCertVerifier>) -> ClientTlsBuilder {
        self.builder.checks.base = Base::Custom(verifier);
        self.builder
    }
}
