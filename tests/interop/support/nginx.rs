//! nginx over http, https, and https that demands a client certificate.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::peer::{self, PATIENCE, Peer};
use super::pki::{Identity, Pki};

/// A running nginx that serves `/1k`, `/64k` and `/100m`, uncompressed, and keeps connections.
///
/// - https speaks HTTP/1.1 and, where ALPN asks for it, HTTP/2, over TLS 1.2 and 1.3 with a certificate for `localhost` from [`pki`](Self::pki).
/// - The mTLS port answers 400 to a client that shows no certificate of that authority, and puts the
///   client's subject into the header `X-Client` of other answers.
pub(crate) struct Nginx {
    // Before the folder, so that nginx is gone when its files go.
    _peer: Peer,
    dir: TempDir,
    pki: Pki,
    http: SocketAddr,
    https: SocketAddr,
    mtls: SocketAddr,
}

/// One line of nginx's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedRequest {
    /// The connection it came on: a number, the same for all requests on that connection.
    pub(crate) connection: u64,
    /// How many requests this connection has seen, with this one.
    pub(crate) request_of_connection: u64,
    /// The status answered.
    pub(crate) status: u16,
    /// Bytes of the body sent.
    pub(crate) sent: u64,
    /// The TLS version, such as `TLSv1.3`; `-` without TLS.
    pub(crate) tls: String,
    /// Whether the TLS session was resumed.
    pub(crate) resumed: bool,
    /// The request line, such as `GET /1k HTTP/1.1`.
    pub(crate) request: String,
}

impl Nginx {
    /// Starts nginx; `None`, after saying so, where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = peer::find("nginx")?;
        // A free port may be taken by another test before nginx binds it: a few tries, new ports each.
        (0..5)
            .find_map(|_| Self::try_start(&program))
            .or_else(|| panic!("nginx found its ports taken, five times"))
    }

    fn try_start(program: &Path) -> Option<Self> {
        let dir = peer::temp_dir();
        let pki = Pki::new(dir.path());
        let [http, https, mtls] = [(); 3].map(|()| peer::free_address());
        write_files(&dir.path().join("www"));
        let config = configuration(dir.path(), &pki, &pki.server(), [http, https, mtls]);
        fs::write(dir.path().join("nginx.conf"), config).expect("the folder is ours");
        fs::write(dir.path().join("locations.conf"), LOCATIONS).expect("the folder is ours");

        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(dir.path())
            .args(["-c", "nginx.conf", "-e", "stderr"]);
        let mut peer = Peer::spawn("nginx", &mut command, dir.path());
        // nginx writes its pid once its sockets are bound, so who answers after that is nginx.
        let pid = dir.path().join("nginx.pid");
        let ready = peer
            .becomes_ready(|| pid.exists() && [http, https, mtls].into_iter().all(peer::answers));
        if !ready {
            let complaint = peer.stderr();
            assert!(
                complaint.contains("Address already in use"),
                "nginx did not start: {complaint}"
            );
            return None;
        }
        Some(Self {
            _peer: peer,
            dir,
            pki,
            http,
            https,
            mtls,
        })
    }

    /// Where it takes plain http.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// The URL of `path` over http.
    pub(crate) fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// The URL of `path` over https.
    pub(crate) fn https_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https.port())
    }

    /// The port of that.
    pub(crate) fn https_port(&self) -> u16 {
        self.https.port()
    }

    /// The URL of `path` where a client certificate is demanded.
    pub(crate) fn mtls_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.mtls.port())
    }

    /// The authority that issued nginx's certificate and may issue a client's.
    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }

    /// What the body of `path` must be.
    pub(crate) fn body(&self, path: &str) -> Vec<u8> {
        fs::read(
            self.dir
                .path()
                .join("www")
                .join(path.trim_start_matches('/')),
        )
        .expect("a path that nginx serves")
    }

    /// The access log once it has at least `count` requests: nginx writes a line after the answer's
    /// last byte left, so the client may be faster.
    pub(crate) fn logged(&self, count: usize) -> Vec<LoggedRequest> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(self.dir.path().join("access.log")).unwrap_or_default();
            let whole = log
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let requests: Vec<_> = whole.map(LoggedRequest::parse).collect();
            if requests.len() >= count {
                return requests;
            }
            assert!(
                Instant::now() < deadline,
                "nginx logged only {} requests of {count}",
                requests.len()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl LoggedRequest {
    /// Reads a line of the format that [`configuration`] sets.
    fn parse(line: &str) -> Self {
        let fields: Vec<_> = line.trim_end().splitn(7, ' ').collect();
        let [
            connection,
            request_of_connection,
            status,
            sent,
            tls,
            resumed,
            request,
        ] = fields[..]
        else {
            panic!("not a line of our log format: {line:?}");
        };
        let number = |field: &str| {
            field
                .parse()
                .unwrap_or_else(|_| panic!("{field:?} in {line:?} is no number"))
        };
        Self {
            connection: number(connection),
            request_of_connection: number(request_of_connection),
            status: number(status) as u16,
            sent: number(sent),
            tls: tls.to_owned(),
            resumed: resumed == "r",
            request: request.to_owned(),
        }
    }
}

/// What is not a file: `/nothing` answers 204, `/small` takes bodies of up to 1 KiB, and `/gzip/64k`
/// is compressed while it is sent, so in chunks, for whoever accepts that.
const LOCATIONS: &str = "
location /nothing { return 204; }
location /small { client_max_body_size 1k; return 200 taken; }
location /gzip/ { alias www/; gzip on; gzip_types *; gzip_http_version 1.1; }
";

fn write_files(www: &Path) {
    fs::create_dir(www).expect("the folder is ours");
    for (name, length) in [("1k", 1 << 10), ("64k", 64 << 10)] {
        fs::write(www.join(name), peer::pattern(length)).expect("the folder is ours");
    }
    // Sparse: it takes no room on the disk, and its length is what matters.
    let large = File::create(www.join("100m")).expect("the folder is ours");
    large
        .set_len(100 << 20)
        .expect("the file system has sparse files");
}

/// One process, so that killing it leaves no worker behind, and no path outside `dir`, so that any
/// user can run it.
fn configuration(
    dir: &Path,
    pki: &Pki,
    server: &Identity,
    [http, https, mtls]: [SocketAddr; 3],
) -> String {
    let dir = dir.display();
    let authority = pki.authority();
    let authority = authority.display();
    let certificate = server.certificate.display();
    let key = server.key.display();
    format!(
        "daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    log_format ours '$connection $connection_requests $status $body_bytes_sent $ssl_protocol $ssl_session_reused $request';
    access_log {dir}/access.log ours;
    client_body_temp_path {dir}/client_body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    root {dir}/www;
    default_type application/octet-stream;
    gzip off;
    # A test that wants 1,000 requests on one connection must get them.
    keepalive_requests 100000;
    keepalive_timeout 60s;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:sessions:1m;
    ssl_client_certificate {authority};
    server {{ listen {http}; include locations.conf; }}
    server {{ listen {https} ssl http2; include locations.conf; }}
    server {{ listen {mtls} ssl; ssl_verify_client on; add_header X-Client $ssl_client_s_dn; }}
}}
"
    )
}
