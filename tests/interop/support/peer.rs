//! A program under test's control: found, started, waited for, and gone when dropped.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a peer may take to be ready, and a client to be done: far more than it needs, so that
/// only a hang reaches it, on a busy machine as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at a state that nothing announces.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A running server; killed and waited for when dropped.
///
/// Its output goes to files: a pipe that nobody reads would stop it once full.
pub(crate) struct Peer {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Peer {
    /// Starts `command`, which must stay in the foreground, with its output in `dir`.
    pub(crate) fn spawn(name: &str, command: &mut Command, dir: &Path) -> Self {
        Self::spawn_with(name, command, Stdio::null(), dir)
    }

    /// As [`spawn`](Self::spawn), with something to read on its standard input.
    pub(crate) fn spawn_with(
        name: &str,
        command: &mut Command,
        stdin: impl Into<Stdio>,
        dir: &Path,
    ) -> Self {
        Self::start(name, command.stdin(stdin), dir)
    }

    fn start(name: &str, command: &mut Command, dir: &Path) -> Self {
        let stdout = dir.join("stdout");
        let stderr = dir.join("stderr");
        let child = command
            .stdout(create(&stdout))
            .stderr(create(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        }
    }

    /// Waits until `ready`. `false` when the peer ended instead, as one does that finds its port
    /// taken.
    pub(crate) fn becomes_ready(&mut self, mut ready: impl FnMut() -> bool) -> bool {
        self.wait_for("become ready", |_| ready().then_some(()))
            .is_some()
    }

    /// Waits for a line of the peer's standard output that starts with `prefix`, and gives the rest.
    pub(crate) fn announces(&mut self, prefix: &str) -> String {
        let announced = self.wait_for(prefix, |peer| {
            let output = peer.stdout();
            // Only a whole line counts: the rest of this one may still be on its way.
            let lines = output
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            lines
                .filter_map(|line| line.strip_prefix(prefix))
                .map(|rest| rest.trim().to_owned())
                .next()
        });
        announced.unwrap_or_else(|| panic!("{self} ended before it announced {prefix:?}"))
    }

    /// Sends the signal of that name (`TERM`, `INT`).
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name])
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -s {name}");
    }

    /// Waits until the peer has ended by itself.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let ready = self.becomes_ready(|| false);
        assert!(!ready, "it is never ready");
        self.child.wait().expect("the child is ours to wait for")
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the peer's standard output holds `text`.
    pub(crate) fn says(&mut self, text: &str) {
        let said = self.wait_for(text, |peer| peer.stdout().contains(text).then_some(()));
        // Its last words, too.
        let has_said = said.is_some() || self.stdout().contains(text);
        assert!(has_said, "{self} ended before it said {text:?}");
    }

    /// Waits until what the peer wrote, to its standard output and then to its error output, has `what`.
    pub(crate) fn shows(&mut self, what: &str, mut has: impl FnMut(&str) -> bool) {
        let shown = self.wait_for(what, |peer| {
            has(&(peer.stdout() + "\n" + &peer.stderr())).then_some(())
        });
        assert!(shown.is_some(), "{self} ended before it showed {what:?}");
    }

    /// Waits until the peer's standard error holds `text`.
    pub(crate) fn logs(&mut self, text: &str) {
        let said = self.wait_for(text, |peer| peer.stderr().contains(text).then_some(()));
        assert!(said.is_some(), "{self} ended before it logged {text:?}");
    }

    /// What the peer wrote to its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What the peer wrote to its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Polls until `ready` gives something; `None` when the peer ended before.
    fn wait_for<T>(&mut self, what: &str, mut ready: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait();
            if ended.expect("the child is ours to wait for").is_some() {
                return None;
            }
            if let Some(value) = ready(self) {
                return Some(value);
            }
            assert!(
                Instant::now() < deadline,
                "{self} did not {what} within {PATIENCE:?}"
            );
            thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Neither fails for a child that has not been waited for; one that has ended is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{self}");
        }
    }
}

/// The name and all that the peer wrote, for the message of a failure.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;
        write!(
            f,
            "{name} [stdout: {}] [stderr: {}]",
            self.stdout().trim(),
            self.stderr().trim()
        )
    }
}

/// What a program that ran to its end left behind.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// Standard output as text, lossily.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Fails the test, with what the program wrote to standard error, unless it ended with 0.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert!(
            self.status.success(),
            "{}: {}",
            self.status,
            self.stderr.trim()
        );
        self
    }
}

/// Runs `command` to its end with `input` as its standard input; fails the test when it takes longer
/// than [`PATIENCE`].
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Finished {
    let dir = temp_dir();
    let stdin = dir.path().join("stdin");
    fs::write(&stdin, input).expect("the folder is ours");
    let stdin = File::open(&stdin).expect("it was just written");
    let name = format!("{command:?}");
    let mut peer = Peer::start(&name, command.stdin(stdin), dir.path());
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = peer
            .child
            .try_wait()
            .expect("the child is ours to wait for")
        {
            break status;
        }
        assert!(
            Instant::now() < deadline,
            "{peer} is still running after {PATIENCE:?}"
        );
        thread::sleep(LOOK_AGAIN);
    };
    let stdout = fs::read(&peer.stdout).expect("the file was made before it started");
    Finished {
        status,
        stdout,
        stderr: peer.stderr(),
    }
}

/// Where a program is, on `PATH` or where the system's daemons live; says that tests are skipped
/// where it is not.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An ordinary user's PATH often lacks the sbin folders, where nginx is; squid has its helpers
    // in one of its own.
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/lib/squid"];
    let folders = std::env::split_paths(&path).chain(more.map(PathBuf::from));
    let found = folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        skip(program);
    }
    found
}

/// Says that a test is skipped because `peer` is not installed, or fails it when peers are required.
pub(crate) fn skip(peer: &str) {
    let required = std::env::var_os("TORSADE_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(
        !required,
        "{peer} is not installed, and TORSADE_REQUIRE_PEERS=1 requires it"
    );
    // Not eprintln!: the test runner swallows that of a test that passes, and a skip must be seen.
    let _ = writeln!(io::stderr(), "skipped: {peer} is not installed");
}

/// Whether a connection to `address` is taken right now.
pub(crate) fn answers(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// A loopback address with a port that is free now. Nothing holds it: a server that finds it taken
/// has to be started again with another.
///
/// A slow starter must not meet somebody else there, who answers in its place: the port is below
/// those that systems choose for port 0 and for connections, and given to nobody else here.
pub(crate) fn free_address() -> SocketAddr {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Programs of tests that run side by side begin far from each other.
    let begin = std::process::id().wrapping_mul(617);
    (0..COUNT)
        .map(|_| GIVEN.fetch_add(1, Ordering::Relaxed))
        .map(|given| FIRST + begin.wrapping_add(given) % COUNT)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port as u16)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("loopback has free ports")
}

/// A folder that is removed when dropped.
pub(crate) fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("torsade-")
        .tempdir()
        .expect("the system has a folder for such files")
}

/// `length` bytes that differ by position, so that lost, doubled or swapped pieces show.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    // 251 is prime and below 256: no power of two, such as a buffer's size, is a period of it.
    const PERIOD: usize = 251 * 256;
    let byte = |at| (at % 251) as u8 ^ (at / 251) as u8;
    let mut bytes: Vec<u8> = (0..length.min(PERIOD)).map(byte).collect();
    while bytes.len() < length {
        let more = bytes.len().min(length - bytes.len());
        bytes.extend_from_within(..more);
    }
    bytes
}

fn create(file: &Path) -> File {
    File::create(file).unwrap_or_else(|error| panic!("cannot create {}: {error}", file.display()))
}

fn read(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
