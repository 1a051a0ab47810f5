//! A crowd that comes and goes for a long time: what a server has of memory and descriptors stays
//! what it was.
//!
//! By default there are 200 clients for ten seconds; `TORSADE_LOAD=full` makes it 1,000 for ten
//! minutes.

#[path = "interop/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{AsyncReadExt, AsyncWriteExt};
use support::memory::Memory;
use support::peer::{PATIENCE, Peer, pattern, temp_dir};
use support::pki::Pki;
use torsade::protocols::wire::Echo;
use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::stream::AsyncStream;
use torsade::task::defer_later;
use torsade::tls::{ClientTls, ServerTls, wrap_client_tls, wrap_server_tls};
use torsade::{Address, Deferred, Reactor, Result, TcpClient, TcpServer};

const CERTIFICATE: &str = "TORSADE_SOAK_CERTIFICATE";
const KEY: &str = "TORSADE_SOAK_KEY";

/// The longest message, in bytes.
const LONGEST: usize = 20_000;

/// What the server may have more of at the end than after the time to warm up, in bytes, as its
/// allocator moves pages about.
const TOLERANCE: u64 = 1 << 20;

/// Sends back each line, backwards.
struct Backwards;

impl LineProtocol for Backwards {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let backwards: Vec<u8> = line.iter().rev().copied().collect();
        lines.send_line(backwards);
        Ok(())
    }
}

/// No test, but the server: this very program, told to run nothing else; without a certificate there
/// is nothing to do.
#[test]
fn serve() {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let Some((certificate, key)) = path(CERTIFICATE).zip(path(KEY)) else {
        return;
    };
    let tls = ServerTls::builder().certificate_files(certificate, key);
    let reactor = Reactor::new().unwrap();
    let server = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap());
    let ports = [
        server.listen(|_: &Address| Echo),
        server.listen(|_: &Address| LineReceiver::new(Backwards)),
        wrap_server_tls(server, &tls.build().unwrap()).listen(|_: &Address| Echo),
    ];
    let [echo, lines, tls] = ports.map(|port| port.unwrap().address().port().unwrap());
    // What runs the tests may have begun a line.
    println!("\nPORTS {echo} {lines} {tls}");
    reactor.run().unwrap();
}

/// A small generator of random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// What all clients share.
struct Crowd {
    reactor: Reactor,
    tls: ClientTls,
    source: Vec<u8>,
    /// Ports for an echo, for lines, and for an echo over TLS.
    ports: [SocketAddr; 3],
    longest_rest: Duration,
    end: Instant,
    /// How many connections of each kind there were.
    lives: RefCell<BTreeMap<&'static str, u64>>,
}

impl Crowd {
    async fn rest(&self, dice: &mut Dice) -> Result<()> {
        let rest = dice.below(self.longest_rest.as_millis() as usize);
        defer_later(&self.reactor, Duration::from_millis(rest as u64), || ()).await
    }

    async fn connect(&self, port: usize) -> Result<AsyncStream> {
        let tcp = TcpClient::new(&self.reactor, self.ports[port]);
        match port {
            2 => AsyncStream::connect(&wrap_client_tls(tcp, &self.tls, "localhost")).await,
            _ => AsyncStream::connect(&tcp).await,
        }
    }

    fn message(&self, dice: &mut Dice) -> &[u8] {
        let (start, length) = (dice.below(LONGEST), 1 + dice.below(LONGEST));
        &self.source[start..start + length]
    }

    /// One connection after the other, until the time is over.
    async fn live(self: Rc<Self>, number: u64) -> Result<()> {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number + 1));
        self.rest(&mut dice).await?;
        while self.reactor.now() < self.end {
            let kind = self.one_life(&mut dice).await?;
            *self.lives.borrow_mut().entry(kind).or_default() += 1;
        }
        Ok(())
    }

    async fn one_life(&self, dice: &mut Dice) -> Result<&'static str> {
        let port = if dice.below(3) == 0 { 2 } else { 0 };
        match dice.below(10) {
            0..4 => self.echo(dice, port).await,
            4..6 => self.lines(dice).await,
            6 => self.half_closes(dice, port).await,
            7 => self.aborts(dice, port).await,
            8 => {
                self.connect(port).await?;
                self.rest(dice).await?;
                Ok("leaves at once")
            }
            _ => self.speaks_no_tls(dice).await,
        }
    }

    async fn echo(&self, dice: &mut Dice, port: usize) -> Result<&'static str> {
        let mut stream = self.connect(port).await?;
        let mut heard = Vec::new();
        for _ in 0..1 + dice.below(6) {
            let message = self.message(dice);
            stream.write_all(message).await?;
            heard.resize(message.len(), 0);
            stream.read_exact(&mut heard).await?;
            assert!(heard == message, "something else came back");
            self.rest(dice).await?;
        }
        Ok(if port == 2 { "echo over TLS" } else { "echo" })
    }

    async fn lines(&self, dice: &mut Dice) -> Result<&'static str> {
        let mut stream = self.connect(1).await?;
        for number in 0..1 + dice.below(20) {
            let line = format!("line {number} of {}", dice.below(1_000_000));
            stream.write_all(format!("{line}\r\n").as_bytes()).await?;
            let mut heard = vec![0; line.len() + 2];
            stream.read_exact(&mut heard).await?;
            let backwards: String = line.chars().rev().collect();
            assert_eq!(heard, format!("{backwards}\r\n").as_bytes());
        }
        self.rest(dice).await?;
        Ok("lines")
    }

    async fn half_closes(&self, dice: &mut Dice, port: usize) -> Result<&'static str> {
        let mut stream = self.connect(port).await?;
        let message = self.message(dice);
        stream.write_all(message).await?;
        stream.close().await?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await?;
        assert!(heard == message, "something else came back");
        Ok("closes its half first")
    }

    /// With something under way in both directions.
    async fn aborts(&self, dice: &mut Dice, port: usize) -> Result<&'static str> {
        let mut stream = self.connect(port).await?;
        stream.write_all(self.message(dice)).await?;
        if dice.below(2) == 0 {
            self.rest(dice).await?;
        }
        stream.transport().abort_connection();
        Ok("aborts")
    }

    async fn speaks_no_tls(&self, dice: &mut Dice) -> Result<&'static str> {
        let tcp = TcpClient::new(&self.reactor, self.ports[2]);
        let mut stream = AsyncStream::connect(&tcp).await?;
        stream.write_all(self.message(dice)).await?;
        // An alert, or nothing but the end, in whichever way.
        let _ = stream.read_to_end(&mut Vec::new()).await;
        Ok("speaks no TLS")
    }
}

/// What the server has.
#[derive(Clone, Copy)]
struct Sample {
    resident: u64,
    descriptors: u64,
}

impl Sample {
    fn of(id: u32) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).expect("the process runs");
        Self {
            resident: Memory::of(id).resident,
            descriptors: descriptors.count() as u64,
        }
    }

    fn mean(samples: &[Self]) -> Self {
        let mean =
            |of: fn(&Self) -> u64| samples.iter().map(of).sum::<u64>() / samples.len() as u64;
        Self {
            resident: mean(|sample| sample.resident),
            descriptors: mean(|sample| sample.descriptors),
        }
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let megabytes = self.resident as f64 / (1 << 20) as f64;
        write!(f, "{megabytes:.2} MiB, {} descriptors", self.descriptors)
    }
}

#[test]
fn what_a_server_needs_for_a_crowd_that_comes_and_goes_does_not_grow() {
    let is_full = std::env::var("TORSADE_LOAD").is_ok_and(|load| load == "full");
    let (clients, seconds, step) = if is_full {
        (1000, 600, 5)
    } else {
        (200, 10, 1)
    };
    rlimit::increase_nofile_limit(3 * clients).unwrap();
    let dir = temp_dir();
    let pki = Pki::new(dir.path());
    let identity = pki.server();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "serve", "--nocapture"])
        .env(CERTIFICATE, identity.certificate)
        .env(KEY, identity.key);
    let mut server = Peer::spawn("the server", &mut command, dir.path());
    let ports = server.announces("PORTS ");
    let mut ports = ports.split(' ').map(|port| port.parse::<u16>().unwrap());
    let ports = [(); 3].map(|()| ([127, 0, 0, 1], ports.next().unwrap()).into());
    let before = Sample::of(server.id());

    let reactor = Reactor::new().unwrap();
    let tls = ClientTls::builder().roots_from_pem_file(pki.authority());
    let crowd = Rc::new(Crowd {
        tls: tls.build().unwrap(),
        source: pattern(2 * LONGEST),
        ports,
        // So many come and go in a second that a part of a core can serve them, here and there.
        longest_rest: Duration::from_millis(4 * clients),
        // All are still there when the last sample is taken.
        end: reactor.now() + Duration::from_secs(seconds + step),
        lives: RefCell::default(),
        reactor: reactor.clone(),
    });
    let lives: Vec<Deferred<()>> = (0..clients)
        .map(|number| reactor.spawn(Rc::clone(&crowd).live(number)))
        .collect();
    let all = torsade::gather(lives);

    let mut samples = Vec::new();
    for second in (step..=seconds).step_by(step as usize) {
        let later = defer_later(&reactor, Duration::from_secs(step), || ());
        reactor.run_until(later).unwrap();
        samples.push(Sample::of(server.id()));
        if second % (seconds / 10) == 0 {
            println!("{second:4} s: {}", samples[samples.len() - 1]);
        }
    }
    let ended = all.add_timeout(&reactor, PATIENCE);
    reactor.run_until(ended).unwrap();
    println!("connections: {:?}", crowd.lives.borrow());

    // The first two fifths are for warming up.
    let warm = &samples[samples.len() * 2 / 5..];
    let (first, last) = warm.split_at(warm.len() / 2);
    let (first, last) = (Sample::mean(first), Sample::mean(last));
    println!("then {first}, in the end {last}");
    assert!(last.resident < first.resident + TOLERANCE);
    let most = samples.iter().map(|sample| sample.descriptors).max();
    // Who has left may be a moment ahead of the server.
    assert!(most.unwrap() < before.descriptors + clients * 11 / 10);
    // A connection whose end is one-sided is kept for three seconds.
    let deadline = Instant::now() + PATIENCE;
    while Sample::of(server.id()).descriptors > before.descriptors {
        assert!(Instant::now() < deadline, "connections are left");
        let later = defer_later(&reactor, Duration::from_millis(100), || ());
        reactor.run_until(later).unwrap();
    }
    assert_eq!(
        crowd.lives.borrow().len(),
        7,
        "not every kind of client came"
    );
}
