//! Proxies that others wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, is_root, text};
use super::peer::{find, run};

/// `tinyproxy`, which knows the user `me` with the password `secret`.
pub(crate) fn tinyproxy() -> Option<Daemon> {
    let program = find("tinyproxy")?;
    Some(Daemon::start("tinyproxy", |files, address| {
        let config = files.write("tinyproxy.conf", &files.fill(TINYPROXY, address));
        let mut command = Command::new(&program);
        command.arg("-d").arg("-c").arg(config);
        command
    }))
}

const TINYPROXY: &str = "\
Port PORT
Listen 127.0.0.1
Allow 127.0.0.1
BasicAuth me secret
MaxClients 20
Timeout 30
";

/// `squid`, reached by TLS.
pub(crate) fn squid() -> Option<Daemon> {
    start_squid("http_access allow localhost")
}

/// The same, which knows the user `me` with the password `secret`, and connects them to that port
/// alone.
pub(crate) fn squid_for_me(tunnels_to: u16) -> Option<Daemon> {
    start_squid(&format!(
        "auth_param basic program {SQUID_HELPER} @/passwords
acl known proxy_auth REQUIRED
acl allowed port {tunnels_to}
http_access deny CONNECT !allowed
http_access allow known"
    ))
}

const SQUID_HELPER: &str = "/usr/lib/squid/basic_ncsa_auth";

fn start_squid(access: &str) -> Option<Daemon> {
    let program = find("squid").filter(|_| is_root("squid"))?;
    Some(Daemon::start("squid", |files, address| {
        files.folder_of("run", "proxy");
        let mut crypt = Command::new("openssl");
        let crypted = run(crypt.args(["passwd", "-apr1", "secret"]), b"").expect_success();
        files.write("passwords", &format!("me:{}", crypted.text()));
        let config = SQUID.replace("ACCESS", access);
        let config = files.write("squid.conf", &files.fill(&config, address));
        let mut command = Command::new(&program);
        command.args(["-N", "-f"]).arg(config);
        command
    }))
}

const SQUID: &str = "\
https_port ADDRESS tls-cert=@/server.pem tls-key=@/server.key
ACCESS
http_access deny all
cache deny all
pid_filename @/run/pid
cache_log /dev/stderr
access_log none
coredump_dir @/run
shutdown_lifetime 1 seconds
visible_hostname localhost
";

/// `squid`, which knows the user `me` with the password `secret`, by Digest, and has each nonce used
/// twice.
pub(crate) fn squid_with_digest() -> Option<Daemon> {
    let program = find("squid").filter(|_| is_root("squid"))?;
    let helper = find("digest_file_auth")?;
    Some(Daemon::start("squid", |files, address| {
        files.folder_of("run", "proxy");
        files.write("users", "me:secret\n");
        let config = SQUID_DIGEST.replace("HELPER", text(&helper));
        let config = files.write("squid.conf", &files.fill(&config, address));
        let mut command = Command::new(&program);
        command.args(["-N", "-f"]).arg(config);
        command
    }))
}

const SQUID_DIGEST: &str = "\
http_port ADDRESS
auth_param digest program HELPER @/users
auth_param digest children 2 startup=1 idle=1
auth_param digest realm proxy
auth_param digest nonce_max_count 2
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pid_filename @/run/pid
cache_log /dev/stderr
access_log none
coredump_dir @/run
shutdown_lifetime 1 seconds
visible_hostname localhost
";

/// `microsocks`, which knows the user `me` with the password `secret`.
pub(crate) fn microsocks() -> Option<Daemon> {
    let program = find("microsocks")?;
    Some(Daemon::start("microsocks", |_, address| {
        let mut command = Command::new(&program);
        command
            .args(["-i", "127.0.0.1", "-u", "me", "-P", "secret", "-p"])
            .arg(address.port().to_string());
        command
    }))
}

/// How mitmproxy deals with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mitm {
    /// It connects to the server before it opens a tunnel.
    Eager,
    /// It opens a tunnel, makes a certificate, and connects when it knows what for.
    Lazy,
    /// The same, but it looks at nothing.
    Blind,
    /// It wants to know the user `me` with the password `secret`.
    Knowing,
}

/// `mitmdump`, which trusts `authority`; who uses it has to trust [`mitmproxy_authority`].
pub(crate) fn mitmproxy(kind: Mitm, authority: &Path) -> Option<Daemon> {
    let program = find("mitmdump")?;
    Some(Daemon::start("mitmdump", |files, address| {
        let strategy = if kind == Mitm::Eager { "eager" } else { "lazy" };
        let mut command = Command::new(&program);
        command
            .args(["-q", "--listen-host", "127.0.0.1", "-p"])
            .arg(address.port().to_string())
            .args(["--set", &files.in_folder("confdir=@")])
            .args(["--set", &format!("connection_strategy={strategy}")])
            .arg("--set")
            .arg(format!(
                "ssl_verify_upstream_trusted_ca={}",
                authority.display()
            ));
        match kind {
            Mitm::Blind => command.args(["--ignore-hosts", "."]),
            Mitm::Knowing => command.args(["--proxyauth", "me:secret"]),
            Mitm::Eager | Mitm::Lazy => &mut command,
        };
        command
    }))
}

/// The authority that it makes for itself.
pub(crate) fn mitmproxy_authority(mitmproxy: &Daemon) -> PathBuf {
    mitmproxy.files().path("mitmproxy-ca-cert.pem")
}
