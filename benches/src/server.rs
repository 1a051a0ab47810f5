//! What the servers have in common: `SERVER ADDRESS:PORT`, with TLS on `leaf.pem` and `leaf.key` in the folder that
//! CERT_DIR names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, io};

use mio::{Events, Poll};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::machine::Result;

/// Of the first argument.
pub fn address() -> io::Result<SocketAddr> {
    let argument = env::args().nth(1).unwrap_or_default();
    argument
        .parse()
        .map_err(|_| io::Error::other(format!("{argument:?} is no ADDRESS:PORT")))
}

/// How many loops are to run: REACTORS, or one.
pub fn reactors() -> usize {
    env::var("REACTORS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// How large the buffer of a connection is, where each has its own: BUFFER, or what tokio's examples have.
pub fn buffer_size() -> usize {
    let size = env::var("BUFFER").ok().and_then(|text| text.parse().ok());
    size.unwrap_or(16 << 10)
}

/// Files of the certificate and its key.
pub fn certificate() -> io::Result<(PathBuf, PathBuf)> {
    let folder = env::var_os("CERT_DIR").ok_or_else(|| io::Error::other("CERT_DIR is not set"))?;
    let folder = PathBuf::from(folder);
    Ok((folder.join("leaf.pem"), folder.join("leaf.key")))
}

/// What the servers on rustls use.
pub fn rustls() -> Result<Arc<ServerConfig>> {
    let (certificate, key) = certificate()?;
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    Ok(Arc::new(config))
}

/// Waits for events. Who looks at its system calls interrupts it.
pub fn wait(poll: &mut Poll, events: &mut Events, time: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, time) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}
