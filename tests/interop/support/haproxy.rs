//! haproxy as a gateway with the manners of one.

use std::net::SocketAddr;
use std::process::Command;

use super::daemon::Daemon;
use super::peer::find;

/// A running haproxy before a server of http.
///
/// - `/drop` is taken and never answered, `/reject` closes the connection, `/tarpit` is answered with
///   500 after 200 ms, and `/empty` with 204. Everything else is the server's.
/// - A connection without a request is closed after a second, one whose request does not become whole
///   in that time is told so by 408: its body counts as well.
/// - Each answer names whom haproxy takes its client for, in `X-From`, and for what, in `X-To`.
pub(crate) struct Haproxy {
    daemon: Daemon,
}

/// What haproxy begins its connections with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    Version1,
    Version2,
    /// Of version 2, with what was agreed on in TLS behind the addresses.
    Version2WithTls,
}

impl Haproxy {
    /// Starts it; `None`, after saying so, where it is not installed.
    pub(crate) fn before(server: SocketAddr) -> Option<Self> {
        Self::start(|addresses| gateway(server, addresses))
    }

    /// One that passes connections on to a server that is told whose they are. It takes them as they
    /// are, on [`http_url`](Self::http_url), and ends their TLS on [`https_url`](Self::https_url).
    pub(crate) fn passes_on(server: SocketAddr, sends: Sends) -> Option<Self> {
        Self::start(|addresses| forwarder(server, sends, addresses))
    }

    fn start<const N: usize>(config: impl Fn([SocketAddr; N]) -> String) -> Option<Self> {
        let program = find("haproxy")?;
        let daemon = Daemon::start_on("haproxy", |files, addresses| {
            let config = files.in_folder(&config(addresses));
            let config = files.write("haproxy.cfg", &config);
            let mut command = Command::new(&program);
            command.arg("-db").arg("-f").arg(config);
            command
        });
        Some(Self { daemon })
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    pub(crate) fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.address())
    }

    pub(crate) fn https_url(&self, path: &str) -> String {
        format!(
            "https://localhost:{}{path}",
            self.daemon.addresses()[1].port()
        )
    }

    /// Where each connection has to begin with a header of the PROXY protocol, and then speaks http.
    pub(crate) fn told_http(&self) -> SocketAddr {
        self.daemon.addresses()[2]
    }

    /// The same, then TLS.
    pub(crate) fn told_https(&self) -> SocketAddr {
        self.daemon.addresses()[3]
    }
}

const DEFAULTS: &str = "\
defaults
    timeout connect 5s
    timeout client 30s
    timeout server 30s
";

fn gateway(server: SocketAddr, [http, https, told, told_tls]: [SocketAddr; 4]) -> String {
    format!(
        "{DEFAULTS}
frontend gateway
    mode http
    bind {http}
    bind {https} ssl crt @/server.all alpn http/1.1
    bind {told} accept-proxy
    bind {told_tls} accept-proxy ssl crt @/server.all alpn http/1.1
    timeout http-request 1s
    option http-buffer-request
    timeout tarpit 200ms
    http-request silent-drop if {{ path /drop }}
    http-request reject if {{ path /reject }}
    http-request tarpit if {{ path /tarpit }}
    http-request return status 204 if {{ path /empty }}
    http-request set-var(txn.from) src
    http-request set-var(txn.to) dst
    http-response set-header X-From %[var(txn.from)]:%[src_port]
    http-response set-header X-To %[var(txn.to)]:%[dst_port]
    default_backend server
backend server
    mode http
    server server {server}
"
    )
}

fn forwarder(server: SocketAddr, sends: Sends, [plain, tls]: [SocketAddr; 2]) -> String {
    let sends = match sends {
        Sends::Version1 => "send-proxy",
        Sends::Version2 => "send-proxy-v2",
        Sends::Version2WithTls => "send-proxy-v2-ssl-cn",
    };
    format!(
        "{DEFAULTS}
listen forwarder
    mode tcp
    bind {plain}
    bind {tls} ssl crt @/server.all
    server server {server} {sends}
"
    )
}
