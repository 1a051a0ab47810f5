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
/// assert!(tls.filter("example.com").is_ok());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "CertificateOptions")]
#[must_use]
pub struct ClientTlsBuilder {
    /// None for that of the platform.
    pub(super) trust: Option<Trust>,
    checks: ServerChecks,
    expected_name: Option<String>,
    identity: Option<Identity>,
    hides_name: bool,
    options: Options,
}

impl ClientTlsBuilder {
    /// Adds the platform's roots to the trust.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError};
    /// use torsade_tls::generate::Authority;
    ///
    /// let ours = Authority::new("ours").certificate().to_pem();
    /// // Those of the public, and our own.
    /// match ClientTls::builder().platform_roots().roots_from_pem(ours).build() {
    ///     Ok(tls) => assert!(tls.filter("example.com").is_ok()),
    ///     Err(error) => assert!(matches!(error, ConfigError::NoPlatformRoots { .. })),
    /// }
    /// ```
    #[doc(alias = "platformTrust")]
    pub fn platform_roots(mut self) -> Self {
        self.trust = Some(self.trust.unwrap_or_default().platform_roots());
        self
    }

    /// Adds Mozilla's roots, as they were when this program was built, to the trust.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    ///
    /// // The same everywhere, whatever is installed.
    /// assert!(ClientTls::builder().bundled_roots().build().is_ok());
    /// ```
    pub fn bundled_roots(mut self) -> Self {
        self.trust = Some(self.trust.unwrap_or_default().bundled_roots());
        self
    }

    /// Adds every certificate of a file, in PEM or DER form, to the trust.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    ///
    /// let error = ClientTls::builder().roots_from_pem_file("our-ca.pem").build().unwrap_err();
    /// assert_eq!(error.to_string(), "our-ca.pem: cannot be read");
    /// ```
    pub fn roots_from_pem_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trust = Some(self.trust.unwrap_or_default().roots_from_pem_file(path));
        self
    }

    /// Adds every certificate of some PEM text to the trust.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::generate::Authority;
    ///
    /// let authority = Authority::new("our own");
    /// let own = authority.issue(["example.com"]);
    /// let verifier = ClientTls::builder().roots_from_pem(authority.certificate().to_pem()).verifier()?;
    /// assert!(verifier.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "trustRootFromCertificates")]
    pub fn roots_from_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = Some(self.trust.unwrap_or_default().roots_from_pem(pem));
        self
    }

    /// Trusts this, and nothing that was chosen before. [`Trust::none`] is refused when it is built.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    /// let verifier = ClientTls::builder().trust(theirs.trust()).trust(ours.trust()).verifier()?;
    /// let own = theirs.issue(["example.com"]);
    /// let refused = verifier.verify(own.chain(), "example.com", SystemTime::now())?;
    /// assert!(matches!(refused, Err(TlsError::UnknownIssuer { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "trustRoot")]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// Refuses certificates that their issuers have revoked, by these lists.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError, Revocation};
    ///
    /// // A list that is not there is not passed over.
    /// let lists = Revocation::lists_from_file("our-ca.crl");
    /// let built = ClientTls::builder().bundled_roots().revocation(lists).build();
    /// assert!(matches!(built, Err(ConfigError::Pem(_))));
    /// ```
    pub fn revocation(mut self, lists: Revocation) -> Self {
        self.checks.revocation = Some(lists);
        self
    }

    /// Demands that one of these keys is on the way from the server's certificate to the root.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, Pin, Pins, TlsError};
    ///
    /// let authority = Authority::new("for tests");
    /// let own = authority.issue(["example.com"]);
    /// let backup = "sha256/C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=".parse()?;
    /// let pins = Pins::new(Pin::of(own.certificate()), backup);
    /// let verifier = ClientTls::builder().trust(authority.trust()).pins(pins).verifier()?;
    /// assert!(verifier.verify(own.chain(), "example.com", SystemTime::now())?.is_ok());
    /// // From the same authority, but with another key.
    /// let other = authority.issue(["example.com"]);
    /// let refused = verifier.verify(other.chain(), "example.com", SystemTime::now())?;
    /// assert!(matches!(refused, Err(TlsError::PinMismatch { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn pins(mut self, pins: Pins) -> Self {
        self.checks.pins = Some(pins);
        self
    }

    /// Checks every chain, as the server sent it, and the name it is for, once it was found good
    /// otherwise. The error ends the handshake, and becomes
    /// [`TlsError::Rejected`](crate::TlsError::Rejected).
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// let verifier = ClientTls::builder()
    ///     .trust(authority.trust())
    ///     .check_certificate(|chain, name| match chain[0].dns_names() {
    ///         [only] if only == name => Ok(()),
    ///         names => Err(format!("a certificate for {} hosts", names.len()).into()),
    ///     })
    ///     .verifier()?;
    /// let shared = authority.issue(["example.com", "example.net"]);
    /// let refused = verifier.verify(shared.chain(), "example.com", SystemTime::now())?;
    /// let Err(TlsError::Rejected { reason, .. }) = refused else { panic!("it was accepted") };
    /// assert_eq!(reason.to_string(), "a certificate for 2 hosts");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::generate::Authority;
    ///
    /// # let authority = Authority::new("for tests");
    /// // Found by its address, known by its name.
    /// let tls = ClientTls::builder().trust(authority.trust()).expected_name("db.example.com");
    /// let own = authority.issue(["db.example.com"]);
    /// assert!(tls.verifier()?.verify(own.chain(), "192.0.2.7", SystemTime::now())?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn expected_name(mut self, name: impl Into<String>) -> Self {
        self.expected_name = Some(name.into());
        self
    }

    /// Whether the name is sent to the server (SNI, RFC 6066), which chooses its certificate by
    /// it; it is by default. An IP address never is.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let server = ServerTls::builder().certificate(authority.issue(["example.com"])).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).send_server_name(false).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.client().transport().start_tls(&client, "example.com")?);
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// pair.flush()?;
    /// let asked_for = pair.server().transport().negotiated::<TlsInfo>().expect("TLS").server_name.clone();
    /// assert_eq!(asked_for, None);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "SNI")]
    pub fn send_server_name(mut self, on: bool) -> Self {
        self.hides_name = !on;
        self
    }

    /// Shows this certificate to servers that ask for one.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// let server = ServerTls::builder()
    ///     .certificate(authority.issue(["example.com"]))
    ///     .require_client_certificates(authority.trust())
    ///     .build()?;
    /// let own = authority.issue(["client-7"]);
    /// let client = ClientTls::builder().trust(authority.trust()).certificate(own.clone()).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.client().transport().start_tls(&client, "example.com")?);
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// pair.flush()?;
    /// let shown = pair.server().transport().negotiated::<TlsInfo>().expect("TLS").peer_certificates.clone();
    /// assert_eq!(shown, own.chain());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "clientCertificate")]
    pub fn certificate(mut self, own: PrivateCertificate) -> Self {
        self.identity = Some(Identity::Ready(own));
        self
    }

    /// Shows a certificate to servers that ask for one: files of the chain, its own certificate
    /// first, and of the key. They may be the same file.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::generate::self_signed;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let own = self_signed(["client-7"]);
    /// let file = folder.path().join("client-7.pem");
    /// std::fs::write(&file, own.chain_pem() + &own.key_pair().to_pem())?;
    /// assert!(ClientTls::builder().bundled_roots().client_certificate_files(&file, &file).build().is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn client_certificate_files(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some(Identity::from_files(chain, key));
        self
    }

    /// Like [`client_certificate_files`](Self::client_certificate_files), from PEM text.
    ///
    /// ```
    /// use torsade_tls::generate::self_signed;
    /// use torsade_tls::{ClientTls, ConfigError};
    ///
    /// let (own, other) = (self_signed(["client-7"]), self_signed(["client-7"]));
    /// let built = ClientTls::builder()
    ///     .bundled_roots()
    ///     .client_certificate_pem(own.chain_pem(), other.key_pair().to_pem())
    ///     .build();
    /// assert!(matches!(built, Err(ConfigError::KeyMismatch)));
    /// ```
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
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["example.com"]);
    /// let server = ServerTls::builder().certificate(own).alpn(["http/1.1"]).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).alpn(["h2", "http/1.1"]).build()?;
    /// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    /// drop(pair.client().transport().start_tls(&client, "example.com")?);
    /// drop(pair.server().transport().start_tls_server(&server)?);
    /// pair.flush()?;
    /// let chosen = pair.client().transport().negotiated::<TlsInfo>().expect("TLS").alpn.clone();
    /// assert_eq!(chosen.as_deref(), Some(&b"http/1.1"[..]));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "acceptableProtocols")]
    #[doc(alias = "nextProtocols")]
    #[doc(alias = "IProtocolNegotiationFactory")]
    #[doc(alias = "ProtocolNegotiationSupport")]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.options.set_alpn(protocols);
        self
    }

    /// Whether sessions are remembered and resumed; they are by default.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let server = ServerTls::builder().certificate(authority.issue(["example.com"])).build()?;
    /// let resumes = |client: ClientTls| {
    ///     let connect = || -> torsade_core::Result<bool> {
    ///         let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    ///         drop(pair.client().transport().start_tls(&client, "example.com")?);
    ///         drop(pair.server().transport().start_tls_server(&server)?);
    ///         pair.flush()?;
    ///         let info = pair.client().transport().negotiated::<TlsInfo>();
    ///         Ok(info.is_some_and(|info| info.resumed))
    ///     };
    ///     connect()?;
    ///     connect()
    /// };
    /// let builder = ClientTls::builder().trust(authority.trust());
    /// assert!(resumes(builder.clone().build()?)?);
    /// assert!(!resumes(builder.resumption(false).build()?)?);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "enableSessions")]
    #[doc(alias = "enableSessionTickets")]
    pub fn resumption(mut self, on: bool) -> Self {
        self.options.resumption = on;
        self
    }

    /// Remembers the sessions of so many servers; 256 by default.
    ///
    /// ```
    /// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo};
    ///
    /// # let authority = Authority::new("for tests");
    /// # let own = authority.issue(["a.test", "b.test"]);
    /// # let server = ServerTls::builder().certificate(own).build()?;
    /// let client = ClientTls::builder().trust(authority.trust()).session_cache(1).build()?;
    /// let mut resumed = Vec::new();
    /// for name in ["a.test", "a.test", "b.test", "a.test"] {
    ///     let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
    ///     drop(pair.client().transport().start_tls(&client, name)?);
    ///     drop(pair.server().transport().start_tls_server(&server)?);
    ///     pair.flush()?;
    ///     let info = pair.client().transport().negotiated::<TlsInfo>();
    ///     resumed.push(info.expect("TLS").resumed);
    /// }
    /// assert_eq!(resumed, [false, true, false, false]); // b.test took the place
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn session_cache(mut self, servers: usize) -> Self {
        self.options.session_cache = Some(servers);
        self
    }

    common_options!();

    /// What makes a connection insecure is behind this door.
    ///
    /// ```
    /// use torsade_tls::ClientTls;
    ///
    /// let tls = ClientTls::builder().dangerous().accept_any_certificate().build()?;
    /// assert!(tls.filter("example.com").is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn dangerous(self) -> DangerousClientTls {
        DangerousClientTls { builder: self }
    }

    /// Reads all files, and checks that everything fits together.
    ///
    /// ```
    /// use torsade_tls::{ClientTls, ConfigError};
    ///
    /// let built = ClientTls::builder().bundled_roots().alpn([""]).build();
    /// assert!(matches!(built, Err(ConfigError::BadProtocolName(name)) if name.is_empty()));
    /// ```
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
    /// ```
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// # let authority = Authority::new("for tests");
    /// let verifier = ClientTls::builder().trust(authority.trust()).verifier()?;
    /// let own = authority.issue(["example.com"]);
    /// let verdict = verifier.verify(own.chain(), "example.net", SystemTime::now())?;
    /// assert!(matches!(verdict, Err(TlsError::WrongName { found, .. }) if found == ["example.com"]));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
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
        let platform = Trust::none().platform_roots();
        let trust = self.trust.as_ref().unwrap_or(&platform);
        checks.verifier(trust, &self.options.provider)
    }
}

/// What makes a connection insecure; from [`ClientTlsBuilder::dangerous`].
///
/// ```
/// use std::time::SystemTime;
/// use torsade_tls::generate::self_signed;
/// use torsade_tls::{ClientTls, Pin, Pins, TlsError};
///
/// // Whoever issued it, it is this key (or the one that is kept for later).
/// let (own, later) = (self_signed(["10.0.0.1"]), self_signed(["10.0.0.1"]));
/// let pins = Pins::new(Pin::of(own.certificate()), Pin::of(later.certificate()));
/// let tls = ClientTls::builder().pins(pins).dangerous().accept_any_certificate();
///
/// let verifier = tls.verifier()?;
/// assert!(verifier.verify(own.chain(), "printer.local", SystemTime::now())?.is_ok());
/// let impostor = self_signed(["printer.local"]);
/// let refused = verifier.verify(impostor.chain(), "printer.local", SystemTime::now())?;
/// assert!(matches!(refused, Err(TlsError::PinMismatch { .. })));
/// # torsade_core::Result::<()>::Ok(())
/// ```
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
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use torsade_tls::ClientTls;
    /// use torsade_tls::generate::self_signed;
    ///
    /// let verifier = ClientTls::builder().dangerous().accept_any_certificate().verifier()?;
    /// let own = self_signed(["example.com"]);
    /// let in_ten_years = SystemTime::now() + Duration::from_secs(10 * 365 * 24 * 60 * 60);
    /// assert!(verifier.verify(own.chain(), "another.example", in_ten_years)?.is_ok());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn accept_any_certificate(mut self) -> ClientTlsBuilder {
        self.builder.checks.base = Base::AcceptAny;
        self.builder
    }

    /// Has this verifier decide, instead of the trust and the lists of what was revoked. A warning
    /// is logged when it is built.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::SystemTime;
    /// use torsade_tls::generate::Authority;
    /// use torsade_tls::rustls::RootCertStore;
    /// use torsade_tls::rustls::client::WebPkiServerVerifier;
    /// use torsade_tls::{ClientTls, TlsError};
    /// # #[cfg(feature = "aws-lc-rs")]
    /// # use torsade_tls::rustls::crypto::aws_lc_rs as crypto;
    /// # #[cfg(not(feature = "aws-lc-rs"))]
    /// # use torsade_tls::rustls::crypto::ring as crypto;
    ///
    /// let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    /// let mut roots = RootCertStore::empty();
    /// roots.add(ours.certificate().der().into())?;
    /// # let provider = Arc::new(crypto::default_provider());
    /// let own = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    /// // What is trusted besides does not count any more.
    /// let tls = ClientTls::builder().trust(theirs.trust()).dangerous().verify_by(own);
    /// let refused = theirs.issue(["example.com"]);
    /// let verdict = tls.verifier()?.verify(refused.chain(), "example.com", SystemTime::now())?;
    /// assert!(matches!(verdict, Err(TlsError::UnknownIssuer { .. })));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "IOpenSSLClientConnectionCreator")]
    pub fn verify_by(mut self, verifier: Arc<dyn ServerCertVerifier>) -> ClientTlsBuilder {
        self.builder.checks.base = Base::Custom(verifier);
        self.builder
    }
}
