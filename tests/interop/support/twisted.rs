//! Twisted's echo server and client, plain and with TLS: the scripts in `tests/interop/py`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::peer::{self, Finished, Peer};
use super::pki::Pki;

/// A running echo server on Twisted.
pub(crate) struct TwistedEcho {
    // Before the folder, so that Python is gone when its files go.
    _peer: Peer,
    _dir: TempDir,
    pki: Pki,
    address: SocketAddr,
}

impl TwistedEcho {
    /// Starts it over TCP; `None`, after saying so, where Twisted is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(false)
    }

    /// Starts it over TLS, with a certificate for `localhost`.
    pub(crate) fn start_tls() -> Option<Self> {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> Option<Self> {
        let python = python_with_twisted()?;
        let dir = peer::temp_dir();
        let pki = Pki::new(dir.path());
        let mut command = Command::new(python);
        command.arg(script("echo_server.py"));
        if tls {
            let identity = pki.server();
            command.arg(identity.certificate).arg(identity.key);
        }
        let mut peer = Peer::spawn("Twisted's echo server", &mut command, dir.path());
        let port = peer
            .announces("PORT ")
            .parse()
            .expect("the script prints its port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Some(Self {
            _peer: peer,
            _dir: dir,
            pki,
            address,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that issued its certificate.
    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }
}

/// Sends `bytes` to the echo server on `port` of 127.0.0.1 with Twisted, over TLS when there is an
/// `authority` to verify `localhost` with. It ends with success when all came back, in order, and
/// the connection closed cleanly. `None` where Twisted is not installed.
pub(crate) fn echo_with_twisted(
    port: u16,
    authority: Option<&Path>,
    bytes: &[u8],
) -> Option<Finished> {
    let mut command = Command::new(python_with_twisted()?);
    command
        .arg(script("echo_client.py"))
        .arg(port.to_string())
        .args(authority);
    Some(peer::run(&mut command, bytes))
}

/// `TORSADE_PYTHON`, or the `python3` on `PATH`, when it has Twisted and what that needs for TLS.
fn python_with_twisted() -> Option<PathBuf> {
    let python = std::env::var_os("TORSADE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let probe = Command::new(&python)
        .args(["-c", "import twisted.internet.ssl"])
        .output();
    if probe.is_ok_and(|probe| probe.status.success()) {
        return Some(python.into());
    }
    peer::skip("Twisted (for TORSADE_PYTHON, or python3)");
    None
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop/py")
        .join(name)
}
