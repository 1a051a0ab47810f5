//! What a handshake agreed on.

use std::fmt;

use rustls::{CommonState, HandshakeKind};

use crate::choices::{group_name, suite_name};
use crate::{Certificate, TlsVersion};

/// What was agreed on with the peer.
///
/// A connection gives it as `Rc<dyn Any>`, from `Transport::negotiated` (it is
/// [`Filter::negotiated`](torsade_core::Filter::negotiated) below that):
///
/// ```
/// use torsade_core::Transport;
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo, TlsVersion};
///
/// fn speaks_http2(transport: &Transport) -> bool {
///     let info = transport.negotiated::<TlsInfo>();
///     info.is_some_and(|info| info.alpn.as_deref() == Some(b"h2"))
/// }
///
/// # let authority = Authority::new("for tests");
/// # let own = authority.issue(["example.com"]);
/// # let server = ServerTls::builder().certificate(own).alpn(["h2"]).build()?;
/// # let client = ClientTls::builder().trust(authority.trust()).alpn(["h2"]).build()?;
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
/// let transport = pair.client().transport();
/// assert!(!speaks_http2(transport));
/// drop(transport.start_tls(&client, "example.com")?);
/// drop(pair.server().transport().start_tls_server(&server)?);
/// pair.flush()?;
/// assert!(speaks_http2(transport));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "negotiatedProtocol")]
#[doc(alias = "getPeerCertificate")]
#[doc(alias = "INegotiated")]
#[doc(alias = "ISSLTransport")]
#[doc(alias = "peerFromTransport")]
pub struct TlsInfo {
    /// The version of TLS.
    pub version: TlsVersion,
    /// The cipher suite by its IANA name, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The key exchange group, such as `X25519MLKEM768`; there was no exchange when TLS 1.2
    /// resumed a session.
    pub key_exchange_group: Option<String>,
    /// The application protocol (ALPN), if both sides named some.
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// On a client: its early data was accepted. On a server: the first bytes of the stream came
    /// before the handshake was done, and may be a replay of what another connection sent.
    pub early_data: bool,
    /// The server's name: the one connected to on a client; the one asked for (SNI), if any, on
    /// a server.
    pub server_name: Option<String>,
    /// The certificates that the peer showed, its own first, or showed when the session that was
    /// resumed began. On a server, empty when the client showed none.
    #[doc(alias = "getPeerCertificateChain")]
    pub peer_certificates: Vec<Certificate>,
}

impl TlsInfo {
    /// Reads it off a connection whose handshake is done.
    pub(crate) fn read(connection: &CommonState, server_name: Option<String>) -> Option<Self> {
        let certificates = connection.peer_certificates().unwrap_or_default();
        let suite = connection.negotiated_cipher_suite()?;
        let group = connection.negotiated_key_exchange_group();
        Some(Self {
            version: TlsVersion::from_rustls(connection.protocol_version()?)?,
            cipher_suite: suite_name(&suite),
            key_exchange_group: group.map(|group| group_name(group.name())),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            early_data: false,
            server_name,
            peer_certificates: certificates
                .iter()
                .cloned()
                .map(Certificate::unparsed)
                .collect(),
        })
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self
            .alpn
            .as_deref()
            .map(|alpn| alpn.escape_ascii().to_string());
        f.debug_struct("TlsInfo")
            .field("version", &self.version)
            .field("cipher_suite", &self.cipher_suite)
            .field("key_exchange_group", &self.key_exchange_group)
            .field("alpn", &alpn)
            .field("resumed", &self.resumed)
            .field("early_data", &self.early_data)
            .field("server_name", &self.server_name)
            .field("peer_certificates", &self.peer_certificates)
            .finish()
    }
}
