//! Where the peers are, and which of them there are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;

/// The programs that there are here.
pub struct Programs {
    /// Where the binaries of this package are.
    folder: PathBuf,
    /// This package.
    package: PathBuf,
    python: Option<String>,
    node: bool,
    pub has_strace: bool,
    pub missing: Vec<String>,
}

impl Programs {
    /// Builds the binaries of this package, and looks for what else there is.
    pub fn find() -> Result<Self> {
        let package = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        };
        let own = env::current_exe()?;
        let folder = own.parent().ok_or("this program is nowhere")?.to_path_buf();
        let mut missing = Vec::new();
        let has_curl = runs("pkg-config", &["--exists", "libcurl"]);
        if !has_curl {
            missing.push("libcurl (its development files)".into());
        }
        build(&package, &folder, has_curl)?;
        let python = env::var("TORSADE_PYTHON").unwrap_or_else(|_| "python3".into());
        let has_twisted = runs(&python, &["-c", "import twisted.internet.ssl"]);
        if !has_twisted {
            missing.push(format!(
                "Twisted for {python} (TORSADE_PYTHON names another)"
            ));
        } else if !runs(&python, &["-c", "import uvloop"]) {
            missing.push(format!("uvloop for {python}"));
        }
        let (node, has_strace) = (runs("node", &["--version"]), runs("strace", &["-V"]));
        if !node {
            missing.push("node".into());
        }
        if !has_strace {
            missing.push("strace: system calls are not counted".into());
        }
        Ok(Self {
            folder,
            package,
            python: has_twisted.then_some(python),
            node,
            has_strace,
            missing,
        })
    }

    /// A binary of this package.
    pub fn binary(&self, name: &str) -> Option<Vec<String>> {
        let path = self.folder.join(name);
        path.exists().then(|| vec![path.display().to_string()])
    }

    /// A script for Python, if there is one that has these modules.
    pub fn python(&self, script: &str, modules: &str) -> Option<Vec<String>> {
        let python = self.python.as_ref()?;
        runs(python, &["-c", &format!("import {modules}")])
            .then(|| vec![python.clone(), self.script("python", script)])
    }

    pub fn node(&self, script: &str) -> Option<Vec<String>> {
        self.node
            .then(|| vec!["node".into(), self.script("node", script)])
    }

    fn script(&self, folder: &str, name: &str) -> String {
        self.package.join(folder).join(name).display().to_string()
    }

    /// The folder of the project, where its examples are built from.
    pub fn project(&self) -> &Path {
        self.package.parent().unwrap_or(&self.package)
    }
}

/// `cargo run` builds the program that it runs only.
fn build(package: &Path, folder: &Path, has_curl: bool) -> Result<()> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--bins", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    // What `cargo run` has set for this program makes build scripts run again that look at it.
    let own = |key: &OsString| {
        let key = key.to_string_lossy();
        key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_")
    };
    for (key, _) in env::vars_os().filter(|(key, _)| own(key)) {
        command.env_remove(key);
    }
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if has_curl {
        command.args(["--features", "curl"]);
    }
    if command.status()?.success() {
        Ok(())
    } else {
        Err("the peers do not build".into())
    }
}

/// Whether a program is there and has nothing against this.
pub fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
