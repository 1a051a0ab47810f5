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
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
///
/// # let authority = Authority::new("for tests");
/// let server = ServerTls::builder()
///     .certificate(authority.issue(["example.com"]))
///     .certificate(authority.issue(["*.example.net"]))
///     .build()?;
/// let client = ClientTls::builder().trust(authority.trust()).build()?;
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
/// drop(pair.client().transport().start_tls(&client, "www.example.net")?);
/// drop(pair.server().transport().start_tls_server(&server)?);
/// pair.flush()?;
/// let shown = pair.client().transport().negotiated::<TlsInfo>().expect("TLS");
/// assert_eq!(shown.peer_certificates[0].names(), ["*.example.net"]);
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
    ///
    /// ```
    /// use torsade_tls::ServerTls;
    /// use torsade_tls::generate::self_signed;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let own = self_signed(["example.com"]);
    /// let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    /// std::fs::write(&chain, own.chain_pem())?;
    /// let builder = ServerTls::builder().certificate_files(&chain, &key);
    /// assert!(builder.clone().build().is_err()); // they are read by that
    /// std::fs::write(&key, own.key_pair().to_pem())?;
    /// assert!(builder.build().is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "privateKey")]
    #[doc(alias = "extraCertChain")]
    pub fn certificate_files(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity(Identity::from_files(chain, key))
    }

    /// Like [`certificate_files`](Self::certificate_files), from PEM text.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ConfigError, ServerTls};
    ///
    /// let (own, other) = (self_signed(["example.com"]), self_signed(["example.com"]));
    /// let key = own.key_pair().to_pem();
    /// let builder = ServerTls::builder().certificate_pem(own.chain_pem(), key.as_str());
    /// assert!(builder.clone().build().is_ok());
    /// let built = builder.certificate_pem(other.chain_pem(), key).build();
    /// assert!(matches!(built, Err(ConfigError::KeyMismatch)));
    /// ```
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
    ///
    /// ```
    /// use torsade_tls::ServerTls;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let own = self_signed(["example.com"]);
    /// let built = ServerTls::builder().certificate(own).ocsp_response_file("own.ocsp").build();
    /// assert_eq!(built.unwrap_err().to_string(), "own.ocsp: cannot be read");
    /// ```
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
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).refuse_unknown_names().build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// let started = pair.client().transport().start_tls(&client, "example.net")?;
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// pair.flush()?;
    /// // It did not get to see any certificate.
    /// let failure = failure_result_of(started);
    /// assert!(matches!(failure.find(), Some(TlsError::AlertReceived { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn refuse_unknown_names(mut self) -> Self {
        self.refuses_unknown_names = true;
        self
    }

    /// Every client must show a certificate from one of these authorities.
    ///
    /// Unlike for a client there is no default trust: the public authorities do not vouch for
    /// your clients.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let members = Authority::new("our members");
    /// let server = ServerTls::builder()
    ///     .certificate(own)
    ///     .require_client_certificates(members.trust())
    ///     .build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.client().transport().start_tls(&client, "example.com")?);
    /// let started = pair.server().transport().start_tls_server(&server)?;
    /// pair.flush()?;
    /// let failure = failure_result_of(started);
    /// assert!(matches!(failure.find(), Some(TlsError::NoCertificate { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let members = Authority::new("our members");
    /// let server = ServerTls::builder()
    ///     .certificate(own)
    ///     .request_client_certificates(members.trust())
    ///     .build()?;
    /// let guest = ClientTls::builder().trust(authority.trust());
    /// let member = guest.clone().certificate(members.issue(["member-7"]));
    /// for (client, is_member) in [(guest, false), (member, true)] {
    ///     let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    ///     drop(pair.client().transport().start_tls(&client.build()?, "example.com")?);
    ///     drop(pair.server().transport().start_tls_server(&server)?);
    ///     pair.flush()?;
    ///     let info = pair.server().transport().negotiated::<TlsInfo>().expect("TLS");
    ///     assert_eq!(!info.peer_certificates.is_empty(), is_member);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "verify")]
    pub fn request_client_certificates(mut self, trust: Trust) -> Self {
        self.clients = Clients::MayShow(trust);
        self
    }

    /// Refuses clients whose certificates their issuers have revoked, by these lists.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Revocation, ServerTls, StartTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let lost = authority.issue(["member-7"]);
    /// let server = ServerTls::builder()
    ///     .certificate(own)
    ///     .require_client_certificates(authority.trust())
    ///     .revocation(Revocation::lists_from_pem(authority.revocation_list([lost.certificate()])))
    ///     .build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).certificate(lost).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.client().transport().start_tls(&client, "example.com")?);
    /// let started = pair.server().transport().start_tls_server(&server)?;
    /// pair.flush()?;
    /// let failure = failure_result_of(started);
    /// assert!(matches!(failure.find(), Some(TlsError::Revoked { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn revocation(mut self, lists: Revocation) -> Self {
        self.revocation = Some(lists);
        self
    }

    /// Knows these application protocols; the first one that the client offers too is taken.
    ///
    /// A client that offers some, but none of these, is refused; one that offers none is served.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair, failure_result_of};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).alpn(["h2", "http/1.1"]).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).alpn(["imap"]).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// let started = pair.client().transport().start_tls(&client, "example.com")?;
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// pair.flush()?;
    /// let failure = failure_result_of(started);
    /// assert!(matches!(failure.find(), Some(TlsError::NoCommonProtocol { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// let builder = ServerTls::builder().certificate(authority.issue(["example.com"]));
    /// for tickets in [true, false] {
    ///     let server = builder.clone().tickets(tickets).build()?;
    ///     let client = ClientTls::builder().trust(authority.trust()).build()?;
    ///     let mut resumed = Vec::new();
    ///     for _ in 0..2 {
    ///         let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    ///         drop(pair.client().transport().start_tls(&client, "example.com")?);
    ///         drop(pair.server().transport().start_tls_server(&server)?);
    ///         pair.flush()?;
    ///         let info = pair.server().transport().negotiated::<TlsInfo>();
    ///         resumed.push(info.expect("TLS").resumed);
    ///     }
    ///     assert_eq!(resumed, [false, tickets]);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "enableSessions")]
    #[doc(alias = "enableSessionTickets")]
    pub fn tickets(mut self, on: bool) -> Self {
        self.options.resumption = on;
        self
    }

    /// Remembers so many sessions here instead of giving them away in tickets, which makes a
    /// ticket good for one use; the oldest are forgotten first.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).session_cache(100).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// for resumed in [false, true] {
    ///     let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    ///     drop(pair.client().transport().start_tls(&client, "example.com")?);
    ///     drop(pair.server().transport().start_tls_server(&server)?);
    ///     pair.flush()?;
    ///     let info = pair.server().transport().negotiated::<TlsInfo>();
    ///     assert_eq!(info.expect("TLS").resumed, resumed);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).early_data(100).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).build()?;
    /// // The first begins the session, the second is early, the third has too much to say for that.
    /// for (bytes, is_early) in [(4, false), (4, true), (400, false)] {
    ///     let served = AccumulatingProtocol::new();
    ///     let pair = ConnectedPair::new(AccumulatingProtocol::new(), served.clone())?;
    ///     let filter = client.filter_with_early_data("example.com", vec![b'x'; bytes])?;
    ///     drop(pair.client().transport().start_filter(filter));
    ///     drop(pair.server().transport().start_tls_server(&server)?);
    ///     pair.flush()?;
    ///     assert_eq!(served.data().len(), bytes);
    ///     let info = pair.server().transport().negotiated::<TlsInfo>().expect("TLS");
    ///     assert_eq!(info.early_data, is_early);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn early_data(mut self, bytes: u32) -> Self {
        self.early_data = bytes;
        self
    }

    common_options!();

    /// Reads all files, and checks that everything fits together.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ConfigError, ServerTls, Trust};
    ///
    /// assert!(matches!(ServerTls::builder().build(), Err(ConfigError::NoCertificate)));
    /// let for_nobody = ServerTls::builder()
    ///     .certificate(self_signed(["example.com"]))
    ///     .require_client_certificates(Trust::none());
    /// assert!(matches!(for_nobody.build(), Err(ConfigError::EmptyTrust)));
    /// ```
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
