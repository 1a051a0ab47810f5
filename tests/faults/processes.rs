//! Servers that stand still, and servers that die.

use std::cell::Cell;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use torsade::http::{Client, PartialBody, Progress, Response, Stage};
use torsade::task::defer_later;
use torsade::tls::ServerTls;
use torsade::{Address, ConnectStage, ConnectTimedOut, Failure, Reactor, TcpServer};

use crate::site::{Site, agent, agent_with, listen, request_error, turn_until};
use crate::support::peer::{PATIENCE, Peer, free_address, pattern, temp_dir};
use crate::support::pki::Pki;

const SITE: &str = "TORSADE_FAULTS_SITE";
const CERTIFICATE: &str = "TORSADE_FAULTS_CERTIFICATE";
const KEY: &str = "TORSADE_FAULTS_KEY";

/// More than the buffers of a connection hold, so that it is under way for as long as nobody reads.
const LARGE: usize = 30_000_000;

/// A [`Site`] in a process of its own: this very program, told to run nothing but [`serve`].
struct Server {
    peer: Peer,
    address: SocketAddr,
    pki: Option<Pki>,
    _dir: TempDir,
}

impl Server {
    fn start(address: SocketAddr, is_secure: bool) -> Self {
        let dir = temp_dir();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let serve = ["--exact", "processes::serve", "--nocapture"];
        command.args(serve).env(SITE, address.to_string());
        let pki = is_secure.then(|| Pki::new(dir.path()));
        if let Some(pki) = &pki {
            let identity = pki.server();
            command.env(CERTIFICATE, identity.certificate);
            command.env(KEY, identity.key);
        }
        let mut peer = Peer::spawn("the server", &mut command, dir.path());
        let port = peer.announces("PORT ").parse().unwrap();
        Self {
            peer,
            address: (address.ip(), port).into(),
            pki,
            _dir: dir,
        }
    }

    /// Makes it stand still. A signal is on its way for a moment, in which a process may still do
    /// much.
    fn stand_still(&self) {
        self.peer.signal("STOP");
        let stat = format!("/proc/{}/stat", self.peer.id());
        let is_stopped = || fs::read_to_string(&stat).unwrap().contains(") T ");
        let deadline = Instant::now() + PATIENCE;
        while !is_stopped() {
            assert!(Instant::now() < deadline, "it goes on");
            thread::yield_now();
        }
    }

    fn url(&self, path: &str) -> String {
        let scheme = if self.pki.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/{path}", self.address)
    }
}

/// No test, but the server; without an address there is nothing to do.
#[test]
fn serve() {
    let Ok(address) = std::env::var(SITE) else {
        return;
    };
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let tls = path(CERTIFICATE).zip(path(KEY)).map(|(certificate, key)| {
        let tls = ServerTls::builder().certificate_files(certificate, key);
        tls.build().unwrap()
    });
    let reactor = Reactor::new().unwrap();
    let server = TcpServer::new(&reactor, address.parse().unwrap());
    let port = listen(server, tls, |_: &Address| Site::default()).unwrap();
    // What runs the tests may have begun a line.
    println!("\nPORT {}", port.address().port().unwrap());
    reactor.run().unwrap();
}

const ANY: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The body that had come when it broke off, and why.
fn partial(failure: &Failure) -> &PartialBody {
    let partial = failure.find::<PartialBody>();
    partial.unwrap_or_else(|| panic!("{failure:?}"))
}

#[test]
fn a_server_that_stands_still_is_given_up_and_one_that_goes_on_is_not() {
    for is_secure in [false, true] {
        let server = Server::start(ANY.into(), is_secure);
        let reactor = Reactor::new().unwrap();
        let limit = Duration::from_millis(500);
        let begin = |silence| {
            let agent = agent_with(&reactor, server.pki.as_ref(), |options| {
                options.silence_timeout(Some(silence))
            });
            reactor.run_until(agent.get(&server.url(&LARGE.to_string())))
        };
        let given_up = begin(limit).unwrap();
        let gone_on_with = begin(PATIENCE).unwrap();
        server.stand_still();
        let failure = reactor.run_until(given_up.read_body()).unwrap_err();
        let partial = partial(&failure);
        assert!(pattern(LARGE).starts_with(&partial.bytes));
        assert!(!partial.bytes.is_empty() && partial.bytes.len() < LARGE);
        let error = request_error(&partial.reason);
        assert!(error.stage == Stage::ReadingBody && error.is_timeout());

        let body = gone_on_with.read_body();
        let later = defer_later(&reactor, limit, || ());
        reactor.run_until(later).unwrap();
        server.peer.signal("CONT");
        assert!(reactor.run_until(body).unwrap() == pattern(LARGE));
    }
}

#[test]
fn a_server_that_stands_still_from_the_beginning_is_given_up_at_the_stage_it_is_in() {
    for is_secure in [false, true] {
        let server = Server::start(ANY.into(), is_secure);
        server.stand_still();
        let reactor = Reactor::new().unwrap();
        let limit = Duration::from_millis(300);
        let agent = agent_with(&reactor, server.pki.as_ref(), |options| {
            options.connect_timeout(limit).head_timeout(Some(limit))
        });
        let began = Instant::now();
        // The system takes the connection in the server's place.
        let asked = reactor.run_until(agent.get(&server.url("1")));
        let failure = asked.map(|_| ()).unwrap_err();
        assert!(began.elapsed() >= limit);
        let error = request_error(&failure);
        assert!(error.is_timeout(), "{failure:#}");
        if is_secure {
            assert_eq!(error.stage, Stage::Connecting, "{failure:#}");
            let cause = failure.find::<ConnectTimedOut>().unwrap();
            assert_eq!(cause.stage, ConnectStage::Handshake);
        } else {
            assert_eq!(error.stage, Stage::WaitingForResponse, "{failure:#}");
        }
        assert_eq!(reactor.open_sources(), 0);
        server.peer.signal("CONT");
    }
}

#[test]
fn of_a_server_that_is_killed_what_it_had_sent_is_delivered_and_its_end_is_told() {
    // R93
    for is_secure in [false, true] {
        let server = Server::start(ANY.into(), is_secure);
        let reactor = Reactor::new().unwrap();
        let agent = agent(&reactor, server.pki.as_ref());
        let response = reactor.run_until(agent.get(&server.url(&LARGE.to_string())));
        let came = Rc::new(Cell::new(0));
        let count = Rc::clone(&came);
        let told = move |progress: Progress| count.set(progress.received);
        let body = response.unwrap().on_progress(told).read_body();
        turn_until(&reactor, || came.get() > 0);
        server.peer.signal("KILL");
        let failure = reactor.run_until(body).unwrap_err();
        let partial = partial(&failure);
        assert!(pattern(LARGE).starts_with(&partial.bytes));
        assert!(!partial.bytes.is_empty() && partial.bytes.len() < LARGE);
        let error = request_error(&partial.reason);
        assert_eq!(error.stage, Stage::ReadingBody, "{failure:#}");
        assert!(!error.is_timeout(), "{failure:#}");
        assert_eq!(reactor.open_sources(), 0);

        // Nobody is there any more.
        let asked = agent
            .get(&server.url("1"))
            .add_callback(Response::read_body);
        let failure = reactor.run_until(asked).unwrap_err();
        assert_eq!(request_error(&failure).stage, Stage::Connecting);
    }
}

fn download(reactor: &Reactor, url: &str, file: &Path) -> torsade::Deferred<u64> {
    Client::new(reactor).get(url).download(file)
}

#[test]
fn a_download_goes_on_where_a_server_was_killed() {
    let folder = temp_dir();
    let file = folder.path().join("large");
    let reactor = Reactor::new().unwrap();
    // Which nobody else takes while it is dead.
    let mut server = Server::start(free_address(), false);
    let (url, mut came) = (server.url(&LARGE.to_string()), 0);
    for _ in 0..2 {
        let mut begun = download(&reactor, &url, &file);
        // Until more of it has come than before.
        let part = folder.path().join("large.part");
        while fs::metadata(&part).map_or(0, |part| part.len()) <= came {
            let later = defer_later(&reactor, Duration::from_millis(1), || ());
            reactor.run_until(later).unwrap();
            begun = begun.try_take().expect_err("it is under way");
        }
        server.peer.signal("KILL");
        let failure = reactor.run_until(begun).unwrap_err();
        assert_eq!(request_error(&failure).stage, Stage::ReadingBody);
        assert!(!file.exists());
        came = fs::metadata(&part).unwrap().len();
        assert!(came > 0 && came < LARGE as u64);
        server = Server::start(server.address, false);
    }
    let rest = reactor.run_until(download(&reactor, &url, &file)).unwrap();
    assert_eq!(rest, LARGE as u64 - came);
    assert!(fs::read(&file).unwrap() == pattern(LARGE));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
