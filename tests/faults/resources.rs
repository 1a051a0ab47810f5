//! A system that has nothing left to give: no descriptor, no room on the disk, no memory for a thread.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use rlimit::Resource;
use torsade::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};
use torsade::http::{Client, CookieJar, Response, Stage, Url};
use torsade::process::output;
use torsade::protocols::wire::Echo;
use torsade::testing::AccumulatingProtocol;
use torsade::{
    Address, CannotListen, ClientEndpoint, ConnectError, Failure, LookupError, LookupVerdict,
    Reactor, Result, TcpClient, TcpServer,
};

use crate::site::{agent, connect, request_error, serve_echo, serve_site, turn_until};
use crate::support::hosts::{mount_memory, with_own_mounts};
use crate::support::peer::{pattern, run, temp_dir};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Set in a process that a test has started to be alone in.
const ALONE: &str = "TORSADE_FAULTS_ALONE";

/// Runs `test` in a process of its own, since limits are for whole processes. It is that of `name`.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = format!("resources::{name}");
    command
        .args(["--exact", &name, "--nocapture"])
        .env(ALONE, "1");
    let ended = run(&mut command, b"").expect_success();
    assert!(ended.text().contains("1 passed"), "{}", ended.text());
}

/// Takes all descriptors that are left.
fn take_all_descriptors() -> Vec<File> {
    let (soft, hard) = Resource::NOFILE.get().unwrap();
    Resource::NOFILE.set(soft.min(100), hard).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[track_caller]
fn assert_no_descriptors(failure: &Failure) {
    // EMFILE, which has no kind of its own.
    let text = format!("{failure:#}");
    assert!(text.contains("(os error 24)"), "{failure:?}");
}

struct Silent;

impl DatagramProtocol for Silent {
    fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
        Ok(())
    }
}

#[test]
fn without_descriptors_all_that_needs_one_fails_and_works_again_later() {
    // C95, C96, R88
    alone(
        "without_descriptors_all_that_needs_one_fails_and_works_again_later",
        || {
            let site = serve_site(LOCAL, None);
            let echo = serve_echo(LOCAL);
            let reactor = Reactor::new().unwrap();
            // Which takes descriptors each time that it is run.
            reactor.handle_signals(false);
            let agent = agent(&reactor, None);
            let url = format!("http://{}/10", site.address());
            let folder = temp_dir();
            // Connections that are there go on.
            let open = connect(&reactor, &TcpClient::new(&reactor, echo.address()));
            let response = reactor.run_until(agent.get(&url)).unwrap();
            let sources = reactor.open_sources();
            let mut taken = take_all_descriptors();
            assert!(!taken.is_empty());

            open.transport().unwrap().write(b"still here");
            turn_until(&reactor, || open.data() == b"still here");

            let client = TcpClient::new(&reactor, echo.address());
            let connected = client.connect(|_: &Address| AccumulatingProtocol::new());
            let failure = reactor.run_until(connected).map(|_| ()).unwrap_err();
            assert!(failure.check::<ConnectError>().is_some(), "{failure:?}");
            assert_no_descriptors(&failure);

            let any: SocketAddr = (LOCAL, 0).into();
            let failure = TcpServer::new(&reactor, any).listen(|_: &Address| Echo);
            let failure = failure.map(|_| ()).unwrap_err();
            assert!(failure.check::<CannotListen>().is_some(), "{failure:?}");
            assert_no_descriptors(&failure);
            let failure = reactor.listen_udp(any, Silent, &DatagramOptions::new());
            assert_no_descriptors(&failure.map(|_| ()).unwrap_err());

            let file = folder.path().join("file");
            let failure = reactor.run_until(response.save_to(&reactor, &file));
            assert_no_descriptors(&failure.unwrap_err());
            let download = Client::new(&reactor).get(&url).download(&file);
            assert_no_descriptors(&reactor.run_until(download).unwrap_err());

            // Without the connection whose response could not be saved.
            let closed = agent.close_cached_connections();
            reactor.run_until(closed).unwrap();
            turn_until(&reactor, || reactor.open_sources() < sources);
            taken.extend(take_all_descriptors());
            let failure = reactor.run_until(agent.get(&url)).map(|_| ()).unwrap_err();
            assert_eq!(request_error(&failure).stage, Stage::Connecting);
            assert_no_descriptors(&failure);

            // The resolver cannot even open the file of names; that does not mean that there is none.
            let failure = reactor.run_until(reactor.look_up("localhost")).unwrap_err();
            let error = failure.check::<LookupError>().expect("it is told as such");
            assert_ne!(error.verdict, LookupVerdict::NoSuchName);

            let failure = reactor.run_until(output(&reactor, Command::new("true")));
            assert_no_descriptors(&failure.map(|_| ()).unwrap_err());
            assert_no_descriptors(&Reactor::new().map(|_| ()).unwrap_err());

            drop(taken);
            // Nothing of what failed is left.
            assert_eq!(reactor.open_sources(), sources - 1);
            let response = reactor.run_until(agent.get(&url)).unwrap();
            let saved = response.save_to(&reactor, &file);
            assert_eq!(reactor.run_until(saved).unwrap(), 10);
            assert_eq!(fs::read(&file).unwrap(), pattern(10));
            let found = reactor.run_until(reactor.look_up("localhost"));
            assert!(!found.unwrap().is_empty());
            assert!(Reactor::new().is_ok());
        },
    );
}

/// Whether that is what it failed with.
fn is_full(failure: &Failure) -> bool {
    let error = failure.find::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::StorageFull)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_body_that_the_disk_has_no_room_for_leaves_what_there_was_and_nothing_else() {
    with_own_mounts(|| {
        let folder = temp_dir();
        let folder = folder.path();
        mount_memory(folder, 1 << 20);
        let site = serve_site(LOCAL, None);
        let reactor = Reactor::new().unwrap();
        let agent = agent(&reactor, None);
        let file = folder.join("file");
        fs::write(&file, "what there was").unwrap();
        // One that ends before the disk has been written to, and one that does not.
        for size in [1_100_000, 30_000_000] {
            let url = format!("http://{}/{size}", site.address());
            let response = reactor.run_until(agent.get(&url)).unwrap();
            let saved = reactor.run_until(response.save_to(&reactor, &file));
            let failure = saved.unwrap_err();
            assert!(is_full(&failure), "{failure:?}");
            assert_eq!(fs::read(&file).unwrap(), b"what there was");
            assert_eq!(names_in(folder), ["file"]);
            let pool = || agent.pool_statistics();
            turn_until(&reactor, || pool().open == pool().idle);
        }
        let jar = CookieJar::new();
        let home: Url = "http://example.test/".parse().unwrap();
        jar.store(b"name=value; Max-Age=1000", &home);
        let ballast = vec![b'x'; 2 << 20];
        let _ = fs::write(folder.join("ballast"), &ballast);
        jar.save_to(&file).unwrap_err();
        assert_eq!(fs::read(&file).unwrap(), b"what there was");
        assert_eq!(names_in(folder), ["ballast", "file"]);
    });
}

#[test]
fn a_download_that_the_disk_has_no_room_for_goes_on_when_there_is_some() {
    with_own_mounts(|| {
        let folder = temp_dir();
        let folder = folder.path();
        mount_memory(folder, 2 << 20);
        let ballast = folder.join("ballast");
        fs::write(&ballast, vec![b'x'; 1 << 20]).unwrap();
        let site = serve_site(LOCAL, None);
        let reactor = Reactor::new().unwrap();
        let client = Client::new(&reactor);
        let file = folder.join("file");
        let size = 1_500_000;
        let url = format!("http://{}/{size}", site.address());
        let failure = reactor.run_until(client.get(&url).download(&file));
        let failure = failure.unwrap_err();
        assert!(is_full(&failure), "{failure:?}");
        assert_eq!(names_in(folder), ["ballast", "file.part", "file.part.from"]);
        let came = fs::read(folder.join("file.part")).unwrap();
        assert!(!came.is_empty() && pattern(size).starts_with(&came));

        // Where there is not even room for the note of its version, it is not begun.
        let other = folder.join("other");
        let failure = reactor.run_until(client.get(&url).download(&other));
        assert!(is_full(&failure.unwrap_err()));
        assert!(!other.exists());

        fs::remove_file(&ballast).unwrap();
        let rest = reactor.run_until(client.get(&url).download(&file)).unwrap();
        assert_eq!(rest as usize, size - came.len());
        assert!(fs::read(&file).unwrap() == pattern(size));
        fs::remove_file(&file).unwrap();
        let all = reactor
            .run_until(client.get(&url).download(&other))
            .unwrap();
        assert_eq!(all as usize, size);
        assert_eq!(names_in(folder), ["other"]);
    });
}

#[test]
fn without_memory_for_threads_what_needs_them_fails_and_the_rest_goes_on() {
    alone(
        "without_memory_for_threads_what_needs_them_fails_and_the_rest_goes_on",
        || {
            let site = serve_site(LOCAL, None);
            let reactor = Reactor::new().unwrap();
            let agent = agent(&reactor, None);
            let url = format!("http://{}/1000", site.address());
            let read = || agent.get(&url).add_callback(Response::read_body);
            reactor.run_until(read()).unwrap();
            let (soft, hard) = Resource::AS.get().unwrap();
            // What a process has counts against it; a thread's stack is 2 MiB.
            let status = fs::read_to_string("/proc/self/statm").unwrap();
            let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
            Resource::AS.set((pages * 4096) + (1 << 20), hard).unwrap();

            let job = reactor.defer_to_thread(|| Ok(()));
            let failure = reactor.run_until(job).unwrap_err();
            assert!(failure.check::<std::io::Error>().is_some(), "{failure:?}");
            let failure = reactor.run_until(reactor.look_up("localhost")).unwrap_err();
            let error = failure.check::<LookupError>().expect("it is told as such");
            assert_ne!(error.verdict, LookupVerdict::NoSuchName);
            assert_eq!(reactor.run_until(read()).unwrap(), pattern(1000));

            Resource::AS.set(soft, hard).unwrap();
            let job = reactor.defer_to_thread(|| Ok(5));
            assert_eq!(reactor.run_until(job).unwrap(), 5);
            let found = reactor.run_until(reactor.look_up("localhost"));
            assert!(!found.unwrap().is_empty());
        },
    );
}
