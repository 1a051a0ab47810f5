//! The rustls layer of torsade: TLS as a filter between socket and protocol.
//!
//! ```text
//! socket -> wire bytes -> TlsFilter -> plain bytes -> protocol
//! ```
//!
//! [`ClientTls`] and [`ServerTls`] hold what is common to many connections (trust, certificate and
//! key, protocols, versions, sessions to resume). They are made once by a builder, which reports
//! every mistake in the configuration, and never change after that. For each connection they make
//! a [`TlsFilter`], a sans-io stage that a torsade connection drives; TLS inside TLS is two of
//! them. What was agreed on with the peer is a [`TlsInfo`], and what went wrong is a [`TlsError`]
//! that names the peer, the cause and what can be done about it.
//!
//! ```
//! use torsade_tls::ClientTls;
//!
//! # fn main() -> torsade_core::Result<()> {
//! let tls = ClientTls::builder().bundled_roots().alpn(["http/1.1"]).build()?;
//! let filter = tls.filter("example.com")?;
//! assert!(filter.info().is_none()); // until its handshake is done
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//! | what you want | where it is |
//! |---|---|
//! | TLS for an endpoint | [`wrap_client_tls`], [`wrap_server_tls`], [`sniff_server_tls`]; of a string: [`add_tls_endpoints`] |
//! | TLS on a connection that speaks already | [`StartTls`] |
//! | what a client trusts and shows | [`ClientTls`], [`Trust`], [`Pins`], [`Revocation`] |
//! | what a server shows and asks for | [`ServerTls`], [`PrivateCertificate`] |
//! | what was agreed on | [`TlsInfo`], in [`Transport::negotiated`](torsade_core::Transport::negotiated) |
//! | what went wrong | [`TlsError`], [`ConfigError`] |
//! | certificates as data | [`Certificate`], [`certificate`], [`pem`] |
//! | certificates for tests | `generate`, with the feature of that name |
//!
//! # What it does not do
//! TLS 1.0 and 1.1 do not exist here, nor does renegotiation: it let an attacker put a request of his
//! own before that of another (CVE-2009-3555), and TLS 1.3 has removed it. What it was used for, a
//! client certificate asked for in mid-stream, is asked for in the handshake. Early data (0-RTT) is
//! sent and accepted only where it is asked for, because it can be replayed.
//!
//! # Features
//! - `aws-lc-rs` (default) or `ring`: the cryptography provider; with both, aws-lc-rs is used. The
//!   process-wide default provider of rustls is neither read nor set.
//! - `generate`: `generate()`, certificates for tests and development.
//! - `certificate-compression`: certificates are sent and read compressed (RFC 8879) by brotli or
//!   zlib, where both sides can, which spares a packet in a full handshake.

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("torsade-tls needs a cryptography provider: enable feature `aws-lc-rs` or `ring`");

pub mod certificate;
mod choices;
mod client;
mod endpoint;
pub mod error;
mod filter;
mod identity;
mod info;
mod observe;
mod options;
pub mod pem;
mod provider;
mod server;
mod strings;
mod trust;
mod verify;
mod version;

#[cfg(test)]
mod testing;

pub use certificate::Certificate;
pub use client::{CertificateVerifier, ClientTls, ClientTlsBuilder, DangerousClientTls};
pub use endpoint::{StartTls, TlsClient, sniff_server_tls, wrap_client_tls, wrap_server_tls};
pub use error::{ConfigError, TlsError};
pub use filter::TlsFilter;
#[cfg(feature = "generate")]
pub use identity::generate;
pub use identity::{KeyPair, PrivateCertificate};
pub use info::TlsInfo;
/// The rustls that this crate is built on, for `from_rustls` and for the sources of errors.
pub use rustls;
pub use server::{ServerTls, ServerTlsBuilder};
pub use strings::add_tls_endpoints;
pub use trust::Trust;
pub use verify::{BadPin, Pin, Pins, Revocation};
pub use version::TlsVersion;
