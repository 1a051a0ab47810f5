//! The versions of TLS that exist here, and ranges of them.

use std::fmt;
use std::ops::RangeBounds;

use rustls::{ProtocolVersion, SupportedProtocolVersion};

/// A version of TLS. Versions are ordered, so that `TlsVersion::Tls13..` is a range of them.
///
/// ```
/// use torsade_core::testing::{AccumulatingProtocol, ConnectedPair};
/// use torsade_tls::generate::Authority;
/// use torsade_tls::{ClientTls, ServerTls, StartTls, TlsInfo, TlsVersion};
///
/// assert!(TlsVersion::Tls12 < TlsVersion::Tls13);
/// # let authority = Authority::new("for tests");
/// # let server = ServerTls::builder().certificate(authority.issue(["example.com"])).build()?;
/// let old = ClientTls::builder().trust(authority.trust()).versions(..TlsVersion::Tls13).build()?;
/// let pair = ConnectedPair::new(AccumulatingProtocol::new(), AccumulatingProtocol::new())?;
/// drop(pair.client().transport().start_tls(&old, "example.com")?);
/// drop(pair.server().transport().start_tls_server(&server)?);
/// pair.flush()?;
/// let info = pair.client().transport().negotiated::<TlsInfo>();
/// assert_eq!(info.map(|info| info.version), Some(TlsVersion::Tls12));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[doc(alias = "TLSVersion")]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[doc(alias = "TLSv1_2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[doc(alias = "TLSv1_3")]
    Tls13,
}

impl TlsVersion {
    /// What rustls calls `version`; `None` for one that is not spoken here.
    pub(crate) fn from_rustls(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(Self::Tls12),
            ProtocolVersion::TLSv1_3 => Some(Self::Tls13),
            _ => None,
        }
    }

    /// The versions within `range`, in rustls' terms, the newest first.
    pub(crate) fn within(range: &impl RangeBounds<Self>) -> Vec<&'static SupportedProtocolVersion> {
        [
            (Self::Tls13, &rustls::version::TLS13),
            (Self::Tls12, &rustls::version::TLS12),
        ]
        .into_iter()
        .filter(|(version, _)| range.contains(version))
        .map(|(_, supported)| supported)
        .collect()
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
