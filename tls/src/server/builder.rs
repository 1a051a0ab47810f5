//! What is chosen for a [`ServerTls`].

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ServerSessionMemoryCache};

use super::ServerTls;
use super::certificates::{Certificates, ServerIdentity};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::options::{Options, common_options};
use crate::pem::Source;
use crate::verify::ClientVerifier;
use crate::{PrivateCertificate, Revocation, Trust, provider};

/// Builds a [`ServerTls`].
///
/// It may have several certificates. A client gets the first that is for the name it asks for
/// (SNI) and whose kind of key it knows, so that one of RSA can stand beside one of ECDSA; the
/// first of all if there is none.
///
/// ```no_run
/// use torsade_tls::{ServerTls, Trust};
///
/// let tls = ServerTls::builder()
///     .certificate_files("chain.pem", "key.pem")
///     .require_client_certificates(Trust::none().roots_from_pem_file("clients.pem"))
///     .build()?;
/// # drop(tls);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "CertificateOptions")]
#[must_use]
pub struct ServerTlsBuilder {
    identities: Vec<ServerIdentity>,
    /// One that was named before its certificate.
    ocsp_response: Option<Source>,
    refuses_unknown_names: bool,
    clients: Clients,
    revocation: Option<Revocation>,
    early_data: u32,
    options: Options,
}

/// What is asked of clients.
#[derive(Clone, Debug, Default)]
enum Clients {
    #[default]
    Anybody,
    MayShow(Trust),
    MustShow(Trust),
}

impl ServerTlsBuilder {
    /// Adds a certificate.
    #[doc(alias = "PrivateCertificate.options")]
    pub fn certificate(self, own: PrivateCertificate) -> Self {
        self.identity(Identity::Ready(own))
    }

    /// Adds a certificate: files of the chain, its own certificate first, and of the key. They may
    /// be the same file. [`ServerTls::reload`] reads them again.
    #[doc(alias = "privateKey")]
    #[doc(alias = "extraCertChain")]
    pub fn certificate_files(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity(Identity::from_files(chain, key))
    }

    /// Like [`certificate_files`](Self::certificate_files), from PEM text.
    pub fn certificate_pem(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity(Identity::from_pem(chain, key))
    }

    fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(ServerIdentity {
            identity,
            ocsp_response: self.ocsp_response.take(),
        });
        self
    }

    /// Shows with the certificate that was added last (or with the first, if there is none yet) what
    /// its issuer says about its revocation:
    /// a file with an OCSP response in DER form (RFC 6960), which somebody has to fetch and renew.
    /// [`ServerTls::reload`] reads it again.
    #[doc(alias = "stapling")]
    pub fn ocsp_response_file(mut self, path: impl Into<PathBuf>) -> Self {
        let response = Some(Source::File(path.into()));
        match self.identities.last_mut() {
            Some(last) => last.ocsp_response = response,
            None => self.ocsp_response = response,
        }
        self
    }

    /// Refuses clients that ask for a name for which there is no certificate, and those that ask
    /// for none. Without it they get the first certificate.
    pub fn refuse_unknown_names(mut self) -> Self {
        self.refuses_unknown_names = true;
        self
    }

    /// Every client must show a certificate from one of these authorities.
    ///
    /// Unlike for a client there is no default trust: the public authorities do not vouch for
    /// your clients.
    #[doc(alias = "trustRoot")]
    #[doc(alias = "requireCertificate")]
    pub fn require_client_certificates(mut self, trust: Trust) -> Self {
        self.clients = Clients::MustShow(trust);
        self
    }

    /// A client may show a certificate from one of these authorities; whether it did is in
    /// [`TlsInfo::peer_certificates`](crate::TlsInfo::peer_certificates).
    ///
    /// A certificate that is not acceptable is an error nevertheless.
    #[doc(alias = "verify")]
    pub fn request_client_certificates(mut self, trust: Trust) -> Self {
        self.clients = Clients::MayShow(trust);
        self
    }

    /// Refuses clients whose certificates their issuers have revoked, by these lists.
    pub fn revocation(mut self, lists: Revocation) -> Self {
        self.revocation = Some(lists);
        self
    }

    /// Knows these application protocols; the first one that the client offers too is taken.
    ///
    /// A client that offers some, but none of these, is refused; one that offers none is served.
    #[doc(alias = "acceptableProtocols")]
    #[doc(alias = "IProtocolNegotiationFactory")]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.options.set_alpn(protocols);
        self
    }

    /// Whether clients get tickets with which to resume their sessions; they do by default.
    ///
    /// The tickets are encrypted with keys that only this `ServerTls` and its clones know, and
    /// that change every six hours.
    #[doc(alias = "enableSessions")]
    #[doc(alias = "enableSessionTickets")]
    pub fn tickets(mut self, on: bool) -> Self {
        self.options.resumption = on;
        self
    }

    /// Remembers so many sessions here instead of giving them away in tickets, which makes a
    /// ticket good for one use; the oldest are forgotten first.
    pub fn session_cache(mut self, sessions: usize) -> Self {
        self.options.session_cache = Some(sessions);
        self
    }

    /// Accepts so many bytes of early data (0-RTT) from a client that resumes its session: its
    /// protocol gets them, and may answer, before the handshake is done, and
    /// [`TlsInfo::early_data`](crate::TlsInfo::early_data) is true.
    ///
    /// Who has recorded them can send them again. A session is resumed once only, and its early
    /// data accepted for a short time, but other servers with the same name know nothing of that:
    /// do nothing with such bytes that does harm when done twice (RFC 8446, section 8). Sessions
    /// are kept here, not in tickets: see [`session_cache`](Self::session_cache).
    pub fn early_data(mut self, bytes: u32) -> Self {
        self.early_data = bytes;
        self
    }

    common_options!();

    /// Reads all files, and checks that everything fits together.
    ///
    /// # Errors
    /// Any [`ConfigError`]. Nothing about the configuration is left to fail later.
    pub fn build(self) -> Result<ServerTls, ConfigError> {
        let provider = self.options.narrowed()?;
        let builder = self
            .options
            .begin(ServerConfig::builder_with_provider(Arc::clone(&provider)))?;
        let verifier = self.verifier()?;
        let certificates = Arc::new(Certificates::load(
            self.identities,
            self.refuses_unknown_names,
            provider,
        )?);
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&certificates) as _);
        /// As many as rustls keeps by default.
        const SESSIONS: usize = 256;
        let cache = self
            .options
            .session_cache
            .or_else(|| (self.early_data > 0).then_some(SESSIONS));
        config.max_early_data_size = self.early_data;
        // Else the answer to early data would wait for the rest of the handshake.
        config.send_half_rtt_data = self.early_data > 0;
        match (self.options.resumption, cache) {
            (true, None) => config.ticketer = provider::ticketer().map_err(ConfigError::Rustls)?,
            (true, Some(sessions)) => {
                config.session_storage = ServerSessionMemoryCache::new(sessions);
            }
            (false, _) => {
                config.send_tls13_tickets = 0;
                config.session_storage = Arc::new(NoServerSessionStorage {});
            }
        }
        if let Some(key_log) = self.options.key_log() {
            config.key_log = key_log;
        }
        config.max_fragment_size = self.options.max_fragment_size;
        config.alpn_protocols = self.options.alpn;
        Ok(ServerTls {
            certificates: Some(certificates),
            ..ServerTls::with_config(config)
        })
    }

    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
        let (trust, is_required) = match &self.clients {
            Clients::Anybody => return Ok(Arc::new(NoClientAuth)),
            Clients::MayShow(trust) => (trust, false),
            Clients::MustShow(trust) => (trust, true),
        };
        let revocation = self.revocation.as_ref();
        let verifier = ClientVerifier::new(trust, is_required, revocation, &self.options.provider)?;
        Ok(Arc::new(verifier))
    }
}
