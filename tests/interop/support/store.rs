//! Servers that keep values.

use std::process::Command;

use super::daemon::Daemon;
use super::peer::find;

/// `memcached`, with 128 MiB for items of up to 2 MiB.
pub(crate) fn memcached() -> Option<Daemon> {
    let program = find("memcached")?;
    Some(Daemon::start("memcached", |_, address| {
        let mut command = Command::new(&program);
        command
            .args(["-u", "nobody", "-l", "127.0.0.1", "-m", "128"])
            .args(["-I", "2m", "-p", &address.port().to_string()]);
        command
    }))
}

/// `redis-server` with the password `secret`, plain.
pub(crate) fn redis() -> Option<Daemon> {
    start_redis("port PORT")
}

/// The same over TLS, for clients with a certificate of its authority, as `client.pem` is.
pub(crate) fn redis_tls() -> Option<Daemon> {
    start_redis(
        "port 0\ntls-port PORT\ntls-cert-file @/server.pem\ntls-key-file @/server.key\n\
         tls-ca-cert-file @/ca.pem\ntls-auth-clients yes",
    )
}

fn start_redis(port: &str) -> Option<Daemon> {
    let program = find("redis-server")?;
    Some(Daemon::start("redis-server", |files, address| {
        files.add("client", &files.authority.issue(["client"]));
        let config = files.fill(&format!("{port}\n{REDIS}"), address);
        let mut command = Command::new(&program);
        command.arg(files.write("redis.conf", &config));
        command
    }))
}

const REDIS: &str = "\
bind 127.0.0.1
dir @
save \"\"
requirepass secret
user reader on >word ~* &* +get
";
