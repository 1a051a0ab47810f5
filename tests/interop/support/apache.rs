//! Apache httpd: a server over http and https, one that demands client certificates, and a proxy.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use super::daemon::{Daemon, Files};
use super::peer::{self, find};

/// A running httpd that serves `/64k` and `/text`; below `/gzip` and `/br` the same, compressed for
/// whoever accepts that; `/odd` with a head of its own; `/private` over https for clients with a certificate.
///
/// A connection ends with its fourth request, or after a second without one; `X-From` is the port that it comes from.
pub(crate) struct Apache {
    daemon: Daemon,
}

impl Apache {
    /// Starts httpd, which as a proxy opens tunnels to that port of this host alone; `None`, after
    /// saying so, where it is not installed.
    pub(crate) fn start(tunnels_to: u16) -> Option<Self> {
        let program = find("apache2")?;
        let daemon = Daemon::start_on("apache2", |files, addresses| {
            write_site(files);
            let config = configuration(tunnels_to, addresses);
            let config = files.write("apache.conf", &files.in_folder(&config));
            let mut command = Command::new(&program);
            // One process, so that killing it leaves no worker behind.
            command.arg("-X").arg("-f").arg(config);
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
        format!("https://localhost:{}{path}", self.port(1))
    }

    /// Where a client certificate is demanded in the handshake.
    pub(crate) fn mtls_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port(2))
    }

    pub(crate) fn proxy_url(&self) -> String {
        format!("http://{}", self.daemon.addresses()[3])
    }

    /// What it serves as that file.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.daemon.files().path("www").join(name)).unwrap()
    }

    fn port(&self, which: usize) -> u16 {
        self.daemon.addresses()[which].port()
    }
}

/// Where Debian has them.
const FOLDER: &str = "/usr/lib/apache2/modules";

fn write_site(files: &Files) {
    fs::create_dir(files.path("www")).unwrap();
    files.write("www/text", &"All work and no play. ".repeat(10_000));
    fs::write(files.path("www/64k"), peer::pattern(64 << 10)).unwrap();
    // No charset: the phrase is sent as it is.
    let odd = b"Status: 299 Caf\xe9 closed\nSet-Cookie: a=1\nSet-Cookie: b=2\nX-Empty:\n\nodd";
    fs::write(files.path("www/odd.asis"), odd).unwrap();
}

const MODULES: [&str; 14] = [
    "mpm_event",
    "authz_core",
    "alias",
    "headers",
    "setenvif",
    "filter",
    "deflate",
    "brotli",
    "asis",
    "mime",
    "ssl",
    "proxy",
    "proxy_http",
    "proxy_connect",
];

fn configuration(tunnels_to: u16, [http, https, mtls, proxy]: [SocketAddr; 4]) -> String {
    let load = MODULES.map(|name| format!("LoadModule {name}_module {FOLDER}/mod_{name}.so\n"));
    let load = load.concat();
    format!(
        "ServerRoot @
ServerName localhost
DefaultRuntimeDir @
PidFile @/pid
User www-data
Group www-data
{load}
ErrorLog /dev/stderr
Mutex pthread
ThreadsPerChild 25
Listen {http}
Listen {https}
Listen {mtls}
Listen {proxy}
KeepAlive On
KeepAliveTimeout 1
MaxKeepAliveRequests 4
Header always set X-From \"expr=%{{REMOTE_PORT}}\"
DocumentRoot @/www
Alias /gzip/ @/www/
Alias /br/ @/www/
Alias /odd @/www/odd.asis
Alias /private/ @/www/
TypesConfig /dev/null
AddHandler send-as-is asis
<Location /gzip/>
    SetOutputFilter DEFLATE
</Location>
<Location /br/>
    SetOutputFilter BROTLI_COMPRESS
</Location>
SSLCertificateFile @/server.pem
SSLCertificateKeyFile @/server.key
SSLCACertificateFile @/ca.pem
<VirtualHost {https}>
    SSLEngine on
    <Location /private/>
        SSLVerifyClient require
    </Location>
</VirtualHost>
<VirtualHost {mtls}>
    SSLEngine on
    SSLVerifyClient require
    Header set X-Client \"expr=%{{SSL_CLIENT_S_DN_CN}}\"
</VirtualHost>
<VirtualHost {proxy}>
    ProxyRequests On
    AllowCONNECT {tunnels_to}
</VirtualHost>
"
    )
}
