//! Processes that are measured: servers while they run, clients until they end.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{LOAD_CPU, Result, memory_kb, pin_to};
use crate::load::Target;
use crate::row::Peer;

/// How long a client may take beyond what it was asked to.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server in a process of its own; dropped, it is killed.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// A port that nobody listens on just now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Server {
    /// Starts it on these cores, and waits until it listens. Its command ends with the address.
    pub fn start(peer: &Peer, cores: &[usize]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let server = Self::start_at(peer, cores, address)?;
        server.wait_until(|| TcpStream::connect(address).is_ok())?;
        Ok(server)
    }

    /// The same for datagrams, where nobody answers a connection attempt.
    pub fn start_udp(peer: &Peer, cores: &[usize]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let server = Self::start_at(peer, cores, address)?;
        let probe = std::net::UdpSocket::bind("127.0.0.1:0")?;
        probe.set_read_timeout(Some(Duration::from_millis(20)))?;
        probe.connect(address)?;
        server.wait_until(|| {
            let _ = probe.send(b"?");
            probe.recv(&mut [0; 8]).is_ok()
        })?;
        Ok(server)
    }

    fn start_at(peer: &Peer, cores: &[usize], address: SocketAddr) -> Result<Self> {
        pin_to(cores)?;
        let mut command = command(peer);
        let child = command
            .arg(address.to_string())
            .stdout(Stdio::null())
            .spawn();
        pin_to(&[LOAD_CPU])?;
        let child = child.map_err(|error| format!("{}: {error}", peer.name))?;
        Ok(Self { child, address })
    }

    fn wait_until(&self, is_ready: impl Fn() -> bool) -> Result<()> {
        for _ in 0..200 {
            if is_ready() {
                // What it does at its start should not be measured.
                thread::sleep(Duration::from_millis(50));
                return Ok(());
            }
            thread::sleep(Duration::from_millis(25));
        }
        Err(format!("nothing listens at {}", self.address).into())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// For a load of so many seconds.
    pub fn target(&self, seconds: f64) -> Target {
        Target {
            address: self.address,
            pid: self.pid(),
            seconds,
            traced: false,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(peer: &Peer) -> Command {
    let mut command = Command::new(&peer.command[0]);
    command.args(&peer.command[1..]);
    command.envs(peer.environment.iter().cloned());
    command
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Runs a program to its end on the core of the load, and reads the `key=value` pairs of each line that it
/// prints. `most_kb` is added to the last: the most memory that it had.
pub fn run(peer: &Peer, arguments: &[String]) -> Result<Vec<BTreeMap<String, String>>> {
    pin_to(&[LOAD_CPU])?;
    let mut child = command(peer)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let reader = thread::spawn(move || {
        let (mut output, mut text) = (output, String::new());
        output.read_to_string(&mut text).map(|_| text)
    });
    let (start, mut most) = (Instant::now(), 0.0_f64);
    let status = loop {
        most = most.max(memory_kb(child.id(), "VmHWM"));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let text = reader
        .join()
        .map_err(|_| "its output could not be read")??;
    if !status.success() {
        return Err(format!("{} {arguments:?} ended with {status}", peer.name).into());
    }
    let mut lines: Vec<BTreeMap<String, String>> = text.lines().map(pairs).collect();
    if let Some(last) = lines.last_mut() {
        last.insert("most_kb".into(), most.to_string());
    }
    Ok(lines)
}

/// The pairs of a line; a value may have spaces, up to the next key.
fn pairs(line: &str) -> BTreeMap<String, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for word in line.split(' ') {
        match (word.split_once('='), pairs.last_mut()) {
            (Some((key, value)), _) => pairs.push((key.into(), value.into())),
            (None, Some((_, value))) => *value += &format!(" {word}"),
            (None, None) => {}
        }
    }
    pairs.into_iter().collect()
}
