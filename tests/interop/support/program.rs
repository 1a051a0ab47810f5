//! The examples, as the programs that they are.

use std::path::PathBuf;
use std::process::Command;

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
