//! What the HTTP clients have in common: `CLIENT rps|new URL CONNECTIONS SECONDS`.
//!
//! They GET in a loop, on kept connections or with a new one for each, trust `ca.pem` in the folder that CERT_DIR
//! names, and with RESUME=1 resume TLS sessions. They print `ops= ops_s= mb_s= cpu_us= busy=`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, io};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::machine::{Result, own_cpu_ns};

/// The arguments, and what comes from the environment.
#[derive(Clone)]
pub struct Options {
    /// A connection for each request.
    pub is_new: bool,
    pub url: String,
    pub connections: usize,
    pub seconds: f64,
    pub resumes: bool,
    certificates: Option<PathBuf>,
}

impl Options {
    pub fn from_arguments() -> io::Result<Self> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [what, url, connections, seconds] = &arguments[..] else {
            return Err(io::Error::other("usage: rps|new URL CONNECTIONS SECONDS"));
        };
        Ok(Self {
            is_new: what == "new",
            url: url.clone(),
            connections: connections.parse().map_err(io::Error::other)?,
            seconds: seconds.parse().map_err(io::Error::other)?,
            resumes: env::var("RESUME").is_ok_and(|value| value == "1"),
            certificates: env::var_os("CERT_DIR").map(PathBuf::from),
        })
    }

    /// The file of the authority to trust, if one was given.
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificates
            .as_ref()
            .map(|folder| folder.join("ca.pem"))
    }

    /// What the clients on rustls use.
    pub fn rustls(&self) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = self.authority() {
            roots.add(CertificateDer::from_pem_file(path)?)?;
        }
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if !self.resumes {
            config.resumption = Resumption::disabled();
        }
        Ok(config)
    }
}

/// The same groups for all, which the server knows.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = default_provider();
    provider.kx_groups = vec![kx_group::X25519, kx_group::SECP256R1];
    Arc::new(provider)
}

const WARM_UP: Duration = Duration::from_millis(200);

/// Counts what is done once it is warm.
pub struct Meter {
    start: Instant,
    end: Instant,
    counting: Option<(Instant, u64)>,
    operations: u64,
    bytes: u64,
}

impl Meter {
    pub fn new(seconds: f64) -> Self {
        let start = Instant::now() + WARM_UP;
        Self {
            start,
            end: start + Duration::from_secs_f64(seconds),
            counting: None,
            operations: 0,
            bytes: 0,
        }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// A response with so many bytes has come.
    pub fn done(&mut self, bytes: u64) {
        if self.counting.is_some() {
            self.operations += 1;
            self.bytes += bytes;
        } else if Instant::now() >= self.start {
            self.counting = Some((Instant::now(), own_cpu_ns()));
        }
    }

    /// Prints what came out.
    pub fn print(&self) -> io::Result<()> {
        let Some((began, cpu)) = self.counting else {
            return Err(io::Error::other("nothing was done while it was warming up"));
        };
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), own_cpu_ns() - cpu);
        println!(
            "ops={} secs={seconds:.3} ops_s={:.1} mb_s={:.2} cpu_us={:.3} busy={:.2}",
            self.operations,
            self.operations as f64 / seconds,
            self.bytes as f64 / seconds / 1e6,
            cpu as f64 / 1e3 / self.operations.max(1) as f64,
            cpu as f64 / 1e9 / seconds,
        );
        Ok(())
    }
}
