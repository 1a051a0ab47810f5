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
