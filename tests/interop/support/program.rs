//! The examples, as the programs that they are.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::peer::{self, Peer};

/// The command that runs an example. `cargo test --workspace` builds all of them.
pub(crate) fn example(name: &str) -> Command {
    let tests = std::env::current_exe().expect("a test knows where it is");
    // target/PROFILE/deps/TEST, beside target/PROFILE/examples/NAME.
    let profile = tests.parent().and_then(|deps| deps.parent());
    let program: PathBuf = profile
        .expect("cargo puts tests into deps")
        .join("examples")
        .join(name);
    assert!(
        program.is_file(),
        "{} is not there; build it with: cargo build --examples",
        program.display()
    );
    let mut command = Command::new(program);
    command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    command
}

/// An example that is a server, running on a free loopback port; killed when dropped.
pub(crate) struct Server {
    pub(crate) peer: Peer,
    pub(crate) address: SocketAddr,
    _dir: TempDir,
}

impl Server {
    /// Starts it with `arguments` before the address.
    pub(crate) fn start(name: &str, arguments: &[&std::ffi::OsStr]) -> Self {
        let dir = peer::temp_dir();
        let mut command = example(name);
        command.args(arguments).arg("127.0.0.1:0");
        let mut peer = Peer::spawn(name, &mut command, dir.path());
        let address = peer.announces("listening on ");
        let address = address
            .parse()
            .unwrap_or_else(|_| panic!("{address:?} is no address"));
        Self {
            peer,
            address,
            _dir: dir,
        }
    }
}
