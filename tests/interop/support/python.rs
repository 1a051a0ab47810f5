//! Peers in Python, plain and with TLS: Twisted's servers and client, uvicorn, a WebSocket server,
//! and a mail server. The scripts are in `tests/interop/py`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::peer::{self, Finished, Peer};
use super::pki::Pki;

/// A running server in Python.
pub(crate) struct PythonServer {
    // Before the folder, so that Python is gone when its files go.
    peer: Peer,
    _dir: TempDir,
    pki: Pki,
    address: SocketAddr,
    over: Over,
}

/// Whether a server speaks TLS, with a certificate for `localhost`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    Tls,
}

impl PythonServer {
    /// An echo server on Twisted; `None`, after saying so, where Twisted is not installed.
    pub(crate) fn twisted_echo(over: Over) -> Option<Self> {
        let python = python_with("twisted.internet.ssl")?;
        Some(Self::start(python, "echo_server.py", over))
    }

    /// A WebSocket server; `None`, after saying so, where `websockets` is not installed.
    pub(crate) fn websocket(over: Over) -> Option<Self> {
        let python = python_with("websockets.sync.server")?;
        Some(Self::start(python, "websocket_server.py", over))
    }

    /// httpbin; `None`, after saying so, where it is not installed.
    pub(crate) fn httpbin() -> Option<Self> {
        let python = python_with("httpbin")?;
        Some(Self::start(python, "httpbin_server.py", Over::Tcp))
    }

    /// uvicorn; `None`, after saying so, where it is not installed.
    pub(crate) fn uvicorn(over: Over) -> Option<Self> {
        let python = python_with("uvicorn")?;
        Some(Self::start(python, "uvicorn_server.py", over))
    }

    /// Twisted's web server; `None`, after saying so, where Twisted is not installed.
    pub(crate) fn twisted_web(over: Over) -> Option<Self> {
        let python = python_with("twisted.web.server, twisted.internet.ssl")?;
        Some(Self::start(python, "twisted_web.py", over))
    }

    /// A mail server that keeps its mail; `None`, after saying so, where aiosmtpd is not installed.
    pub(crate) fn smtp() -> Option<Self> {
        let python = python_with("aiosmtpd.smtp")?;
        Some(Self::start(python, "smtp_server.py", Over::Tls))
    }

    fn start(python: PathBuf, name: &str, over: Over) -> Self {
        let dir = peer::temp_dir();
        let pki = Pki::new(dir.path());
        let mut command = Command::new(python);
        command.current_dir(dir.path()).arg(script(name));
        if over == Over::Tls {
            let identity = pki.server();
            command.arg(identity.certificate).arg(identity.key);
        }
        let mut peer = Peer::spawn(name, &mut command, dir.path());
        let port = peer
            .announces("PORT ")
            .parse()
            .expect("the script prints its port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            peer,
            _dir: dir,
            pki,
            address,
            over,
        }
    }

    /// The URL of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.over == Over::Tls {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has said so far.
    pub(crate) fn stdout(&self) -> String {
        self.peer.stdout()
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
    let mut command = Command::new(python_with("twisted.internet.ssl")?);
    command
        .arg(script("echo_client.py"))
        .arg(port.to_string())
        .args(authority);
    Some(peer::run(&mut command, bytes))
}

/// The command that runs Twisted's side of `endpoint_echo.py`; `None` where Twisted is not installed.
pub(crate) fn endpoint_echo(arguments: &[&str]) -> Option<Command> {
    let mut command = Command::new(python_with("twisted.internet.endpoints")?);
    command.arg(script("endpoint_echo.py")).args(arguments);
    Some(command)
}

/// `TORSADE_PYTHON`, or the `python3` on `PATH`, when it has that module.
pub(crate) fn python_with(module: &str) -> Option<PathBuf> {
    let python = std::env::var_os("TORSADE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let probe = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    if probe.is_ok_and(|probe| probe.status.success()) {
        return Some(python.into());
    }
    peer::skip(&format!("{module} (for TORSADE_PYTHON, or python3)"));
    None
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop/py")
        .join(name)
}
