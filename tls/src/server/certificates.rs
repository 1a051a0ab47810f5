//! The certificates of a server: which of them a client gets, and how they are renewed.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Certificate;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::pem::Source;

/// Where a certificate comes from, and what is shown with it.
#[derive(Clone, Debug)]
pub(super) struct ServerIdentity {
    pub(super) identity: Identity,
    pub(super) ocsp_response: Option<Source>,
}

/// All certificates of a server.
pub(super) struct Certificates {
    identities: Vec<ServerIdentity>,
    refuses_unknown_names: bool,
    provider: Arc<CryptoProvider>,
    /// Handshakes read it, on any thread.
    table: RwLock<Arc<Table>>,
    /// How the files were when they were read; one reload at a time.
    stamps: Mutex<Vec<Option<Stamp>>>,
}

/// The certificates that are in use.
struct Table {
    /// In the order in which they were given; at least one.
    all: Vec<Arc<CertifiedKey>>,
    /// By their names in small letters, in the order in which they were given.
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

/// What changes when a file does.
type Stamp = (SystemTime, u64);

impl Certificates {
    pub(super) fn load(
        identities: Vec<ServerIdentity>,
        refuses_unknown_names: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, ConfigError> {
        // Taken before the files are read: what changes meanwhile is read again.
        let stamps = stamps(&identities);
        let table = Table::load(&identities, &provider)?;
        Ok(Self {
            identities,
            refuses_unknown_names,
            provider,
            table: RwLock::new(Arc::new(table)),
            stamps: Mutex::new(stamps),
        })
    }

    pub(super) fn reload(&self) -> Result<bool, ConfigError> {
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.identities);
        if *known == stamps {
            return Ok(false);
        }
        let table = Arc::new(Table::load(&self.identities, &self.provider)?);
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
        *known = stamps;
        Ok(true)
    }

    fn table(&self) -> Arc<Table> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&table)
    }
}

/// One for each file; `None` for one that cannot be looked at, which loading it reports.
fn stamps(identities: &[ServerIdentity]) -> Vec<Option<Stamp>> {
    let files = identities.iter().flat_map(|identity| {
        let ocsp = identity.ocsp_response.as_ref();
        identity.identity.files().chain(ocsp.and_then(Source::file))
    });
    files.map(stamp).collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Table {
    fn load(identities: &[ServerIdentity], provider: &CryptoProvider) -> Result<Self, ConfigError> {
        let mut all = Vec::new();
        let mut by_name: HashMap<String, Vec<Arc<CertifiedKey>>> = HashMap::new();
        for identity in identities {
            let own = identity.identity.load()?;
            let mut key = own.certified_key(provider)?;
            if let Some(file) = &identity.ocsp_response {
                key.ocsp = Some(file.bytes()?);
            }
            let key = Arc::new(key);
            for name in names(own.certificate()) {
                by_name.entry(name).or_default().push(Arc::clone(&key));
            }
            all.push(key);
        }
        if all.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        Ok(Self { all, by_name })
    }

    /// The certificates for `name`.
    fn named(&self, name: &str) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let wildcard = name
            .split_once('.')
            .map(|(_, parent)| format!("*.{parent}"));
        [Some(name), wildcard]
            .into_iter()
            .flatten()
            .filter_map(|name| self.by_name.get(&name))
            .flatten()
    }
}

/// The first of these with a kind of key that the client knows. If it knows none, any of them: the
/// handshake fails with the right alert.
fn first_known<'a>(
    mut candidates: impl Iterator<Item = &'a Arc<CertifiedKey>>,
    hello: &ClientHello<'_>,
) -> Option<Arc<CertifiedKey>> {
    let first = candidates.next()?;
    let is_known =
        |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
    let known = [first].into_iter().chain(candidates).find(is_known);
    Some(Arc::clone(known.unwrap_or(first)))
}

fn names(certificate: &Certificate) -> impl Iterator<Item = String> {
    certificate
        .dns_names()
        .iter()
        .map(|name| name.to_ascii_lowercase())
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.table();
        let named = hello
            .server_name()
            .and_then(|name| first_known(table.named(name), &hello));
        match named {
            None if !self.refuses_unknown_names => first_known(table.all.iter(), &hello),
            named => named,
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("identities", &self.identities)
            .finish_non_exhaustive()
    }
}
