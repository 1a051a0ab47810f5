//! Where the programs are run: a network of their own, and what is needed to start them.

use std::ffi::OsString;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use super::PROGRAMS;
use crate::support::peer::{self, Peer, skip};
use crate::support::program::example;
use crate::support::python::python_with;

/// Says to a test that it runs within another run of itself, as root of a namespace of users.
const INSIDE: &str = "TORSADE_GALLERY_INSIDE";

/// What a program listens on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Port {
    Tcp(u16),
    Udp(u16),
    Unix(&'static str),
}

/// The network of the thread that it was given to, and where the programs are.
pub(super) struct Stage {
    python: PathBuf,
    source: PathBuf,
    /// For files of the test.
    pub(super) dir: TempDir,
}

/// A running program; killed when dropped.
pub(super) struct Running {
    peer: Peer,
    _dir: TempDir,
}

/// Calls `act` on a thread that has a network of its own, with loopback alone, which multicast and
/// broadcast go by as well. Says that the test is skipped where there is no Twisted, or its source.
pub(super) fn on_stage(act: impl FnOnce(&Stage) + Send + 'static) {
    let Some((python, source)) = python_with("twisted.internet.ssl").zip(twisted_source()) else {
        return;
    };
    let test = thread::current().name().map(str::to_owned);
    let acting = thread::spawn(move || {
        match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => {}
            Err(Errno::EPERM) if std::env::var_os(INSIDE).is_none() => {
                return run_inside(&test.expect("a test's thread has its name"));
            }
            Err(error) => return skip(&format!("a network namespace ({error})")),
        }
        ip("link set lo up");
        for everybody in ["255.255.255.255/32", "224.0.0.0/4"] {
            ip(&format!("route add {everybody} dev lo"));
        }
        act(&Stage {
            python,
            source,
            dir: peer::temp_dir(),
        });
    });
    if let Err(panicked) = acting.join() {
        panic::resume_unwind(panicked);
    }
}

/// Who is not root may be that in a namespace, which a whole process has to enter.
fn run_inside(test: &str) {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user"]);
    let allowed = command.arg("true").output();
    if !allowed.is_ok_and(|tried| tried.status.success()) {
        return skip("a network namespace (neither root, nor a namespace of users)");
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user"]);
    command.arg(std::env::current_exe().expect("a test knows where it is"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1");
    let inside = peer::run(&mut command, b"");
    assert!(inside.status.success(), "{}", inside.stderr);
}

/// Runs `ip` with these arguments.
pub(super) fn ip(arguments: &str) {
    let mut command = Command::new(peer::find("ip").expect("iproute2 is on every Linux"));
    let done = command.args(arguments.split(' ')).output();
    let done = done.expect("it can be started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {arguments}: {said}");
}

/// Where Twisted's source is.
pub(super) fn twisted_source() -> Option<PathBuf> {
    let source = std::env::var_os("TORSADE_TWISTED_SOURCE").map(PathBuf::from);
    let source = source.filter(|source| source.join("docs/core/examples").is_dir());
    if source.is_none() {
        skip("Twisted's source (for TORSADE_TWISTED_SOURCE)");
    }
    // Programs are started in other folders.
    source.map(|source| fs::canonicalize(source).expect("it is there"))
}

impl Stage {
    /// A program of the gallery.
    pub(super) fn ours(&self, name: &str) -> Command {
        let mut command = example(name);
        command.env("RUST_LOG", "info").current_dir(self.dir.path());
        command
    }

    /// What it is written after.
    pub(super) fn theirs(&self, name: &str) -> Command {
        let program = PROGRAMS.iter().find(|program| program.ours == name);
        let program = program.unwrap_or_else(|| panic!("{name} is not in the gallery"));
        let mut command = self.python([self.source(program.theirs[0]).into()]);
        command.current_dir(self.dir.path());
        command
    }

    /// `twist`, with arguments.
    pub(super) fn twist(&self, arguments: &[&str]) -> Command {
        let twist = "from twisted.application.twist._twist import Twist; Twist.main()";
        let all = ["-c", twist].into_iter().chain(arguments.iter().copied());
        self.python(all.map(OsString::from))
    }

    /// `twistd` with a program that is an application.
    pub(super) fn twistd(&self, application: &str) -> Command {
        let twistd = "from twisted.scripts.twistd import run; run()";
        let options = ["--nodaemon", "--pidfile=", "--no_save", "--python"];
        let all = ["-c", twistd].into_iter().chain(options);
        let mut command = self.python(all.map(OsString::from));
        command.arg(self.source(application));
        command
    }

    fn python(&self, arguments: impl IntoIterator<Item = OsString>) -> Command {
        let mut command = Command::new(&self.python);
        // Nothing is to be left in the source, and what is said is to be seen at once.
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg("-u");
        command.args(arguments).current_dir(self.dir.path());
        command
    }

    /// Something in Twisted's source.
    pub(super) fn source(&self, path: &str) -> PathBuf {
        self.source.join(path)
    }

    /// Starts a program that hears nothing on its standard input.
    pub(super) fn start(&self, command: &mut Command) -> Running {
        self.start_with(command, Stdio::null())
    }

    /// Starts a program with that standard input.
    pub(super) fn start_with(&self, command: &mut Command, stdin: impl Into<Stdio>) -> Running {
        let dir = peer::temp_dir();
        let name = format!("{command:?}");
        Running {
            peer: Peer::spawn_with(&name, command, stdin, dir.path()),
            _dir: dir,
        }
    }

    /// Starts a server, and waits until it listens.
    pub(super) fn serve(&self, command: &mut Command, port: Port) -> Running {
        assert!(!self.is_listened_on(port), "{port:?} is free at first");
        let mut running = self.start(command);
        self.wait_for(&mut running, port);
        running
    }

    /// Waits until something listens on a port.
    pub(super) fn wait_for(&self, running: &mut Running, port: Port) {
        let ready = running.becomes_ready(|| self.is_listened_on(port));
        assert!(ready, "{} ended", running.peer);
    }

    /// Whether something listens on a port of this thread's network.
    fn is_listened_on(&self, port: Port) -> bool {
        // In each line of these are, behind one another: the local address, the other one, and the state,
        // of which 0A is LISTEN; for UNIX, the flags, of which that one is the same.
        let lines = |file: &str| fs::read_to_string(Path::new("/proc/thread-self/net").join(file));
        let has = |file: &str, listens: &dyn Fn(&[&str]) -> bool| {
            let lines = lines(file).unwrap_or_default();
            lines
                .lines()
                .any(|line| listens(&line.split_whitespace().collect::<Vec<_>>()))
        };
        let is_at = |field: &str, port: u16| field.ends_with(&format!(":{port:04X}"));
        match port {
            Port::Tcp(port) => ["tcp", "tcp6"]
                .iter()
                .any(|file| has(file, &|line| is_at(line[1], port) && line[3] == "0A")),
            Port::Udp(port) => ["udp", "udp6"]
                .iter()
                .any(|file| has(file, &|line| is_at(line[1], port))),
            Port::Unix(name) => {
                let path = self.dir.path().join(name);
                let is_it = |field: &&str| Path::new(field) == path;
                has("unix", &|line| {
                    line[3] == "00010000" && line.last().is_some_and(is_it)
                })
            }
        }
    }
}

impl Deref for Running {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Peer {
        &mut self.peer
    }
}
