//! `openssl s_server` and `openssl s_client`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::peer::{self, Finished, Peer};
use super::pki::{Identity, Pki};

/// A running `openssl s_server`: it answers each `GET` with a page that tells what TLS agreed on,
/// in HTTP/1.0, and closes.
pub(crate) struct OpensslServer {
    // Before the folder, so that openssl is gone when its files go.
    _peer: Peer,
    _dir: TempDir,
    pki: Pki,
    address: SocketAddr,
}

/// How an [`OpensslServer`] is to be; by default any version from TLS 1.2, and no client
/// certificate.
#[derive(Default)]
pub(crate) struct OpensslOptions {
    arguments: Vec<String>,
    require_client_certificate: bool,
    identity: Option<Issue>,
}

type Issue = Box<dyn FnOnce(&Pki) -> Identity>;

impl OpensslServer {
    /// Starts `s_server` with a certificate for `localhost`; `None`, after saying so, where openssl
    /// is not installed.
    pub(crate) fn start() -> Option<Self> {
        OpensslOptions::default().start()
    }

    /// For other options than the default's: ends with `start()`.
    pub(crate) fn with() -> OpensslOptions {
        OpensslOptions::default()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its page.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// The authority that issued its certificate and may issue a client's.
    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }
}

impl OpensslOptions {
    /// TLS 1.2 and nothing else.
    pub(crate) fn tls1_2(self) -> Self {
        self.argument("-tls1_2")
    }

    /// TLS 1.3 and nothing else.
    pub(crate) fn tls1_3(self) -> Self {
        self.argument("-tls1_3")
    }

    /// One application protocol for ALPN, such as `http/1.1`.
    pub(crate) fn alpn(self, protocol: &str) -> Self {
        self.argument("-alpn").argument(protocol)
    }

    /// Ends the handshake of a client that shows no certificate of the authority.
    pub(crate) fn require_client_certificate(mut self) -> Self {
        self.require_client_certificate = true;
        self
    }

    /// Another certificate than the valid one for `localhost`, such as `Pki::expired_server`.
    pub(crate) fn identity(mut self, issue: impl FnOnce(&Pki) -> Identity + 'static) -> Self {
        self.identity = Some(Box::new(issue));
        self
    }

    /// Any other argument of `s_server`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it; `None`, after saying so, where openssl is not installed.
    pub(crate) fn start(self) -> Option<OpensslServer> {
        let program = peer::find("openssl")?;
        let dir = peer::temp_dir();
        let pki = Pki::new(dir.path());
        let identity = match self.identity {
            Some(issue) => issue(&pki),
            None => pki.server(),
        };

        let mut command = Command::new(program);
        command.args(["s_server", "-www", "-accept", "127.0.0.1:0"]);
        command
            .arg("-cert")
            .arg(&identity.certificate)
            .arg("-key")
            .arg(&identity.key);
        command.arg("-cert_chain").arg(pki.authority());
        command.arg("-CAfile").arg(pki.authority());
        if self.require_client_certificate {
            // Without -verify_return_error it would complain and let everybody in.
            command.args(["-Verify", "2", "-verify_return_error"]);
        }
        command.args(&self.arguments);

        let mut peer = Peer::spawn("openssl s_server", &mut command, dir.path());
        // With port 0 it says which one it got, when it listens there.
        let address = peer.announces("ACCEPT ");
        let address = address
            .parse()
            .unwrap_or_else(|_| panic!("{address:?} is no address"));
        Some(OpensslServer {
            _peer: peer,
            _dir: dir,
            pki,
            address,
        })
    }
}

/// Sends `input` with `openssl s_client`, which verifies the server for `localhost` against
/// `authority`, and gives what came back until the server closed.
pub(crate) fn s_client(
    address: SocketAddr,
    authority: &Path,
    arguments: &[&str],
    input: &[u8],
) -> Option<Finished> {
    let program = peer::find("openssl")?;
    let mut command = Command::new(program);
    command.args([
        "s_client",
        "-quiet",
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
    ]);
    command
        .args(["-servername", "localhost", "-connect"])
        .arg(address.to_string());
    command.arg("-CAfile").arg(authority).args(arguments);
    Some(peer::run(&mut command, input))
}
