//! Two hosts joined by a cable, for faults of a real network: namespaces of Linux.
//!
//! They have no names, so nothing has to be removed and nothing can stay behind: the kernel takes
//! them away with the last thread, process and socket in them, however those came to their end.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::peer::{find, skip};

/// The address of the host that a test runs on.
pub(crate) const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// The address of the other one.
pub(crate) const THERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// An address on the same cable that nobody has.
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 3);

/// The other host; the test that is given it runs on this one.
pub(crate) struct Hosts {
    there: File,
}

impl Hosts {
    /// Runs `test` on a host of its own, joined to another one by a cable.
    ///
    /// All that it starts is on that host: threads, and so reactors, and programs. What it mounts
    /// is seen by nobody else. Where the system does not allow that, it is skipped.
    pub(crate) fn run(test: impl FnOnce(&Self) + Send) {
        if ["ip", "iptables"].map(find).contains(&None) {
            return;
        }
        on_thread(|| match Self::new() {
            Ok(hosts) => {
                hosts.join();
                test(&hosts);
            }
            Err(error) => skip(&format!("a permission to make hosts ({error})")),
        });
    }

    fn new() -> io::Result<Self> {
        leave(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
        let there = on_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        })?;
        Ok(Self { there })
    }

    fn join(&self) {
        // A name with a slash is a file, of which `ip` sees only what its process has.
        let there = format!("/proc/{}/fd/{}", std::process::id(), self.there.as_raw_fd());
        self.here("ip link set lo up");
        self.there("ip link set lo up");
        self.here(&format!(
            "ip link add cable type veth peer name cable netns {there}"
        ));
        self.here(&format!("ip address add {HERE}/24 dev cable"));
        self.there(&format!("ip address add {THERE}/24 dev cable"));
        self.here("ip link set cable up");
        self.there("ip link set cable up");
    }

    /// Runs a command on this host, whose words have spaces between them; gives what it prints.
    pub(crate) fn here(&self, command: &str) -> String {
        let mut words = command.split(' ');
        let program = words.next().and_then(find).expect("it was looked for");
        let output = Command::new(program).args(words).output();
        let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {complaint}");
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// Runs it on the other one.
    pub(crate) fn there(&self, command: &str) -> String {
        self.over_there(|| self.here(command))
    }

    /// Runs `f` on the other host, with all that it starts.
    pub(crate) fn over_there<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        on_thread(|| {
            setns(&self.there, CloneFlags::CLONE_NEWNET).expect("it is ours");
            f()
        })
    }

    /// Sets something of the network on both hosts, such as `ipv4/tcp_rmem`.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let file = Path::new("/proc/sys/net").join(name);
        let set = || fs::write(&file, value).unwrap_or_else(|error| panic!("{name}: {error}"));
        set();
        self.over_there(set);
    }

    /// From now on no packet comes through from the other host.
    pub(crate) fn cut(&self) {
        self.here("iptables -w -I INPUT -i cable -j DROP");
    }

    /// How many packets from the other host were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let rules = self.here("iptables -w -nvxL INPUT");
        let drops = rules.lines().filter(|rule| rule.contains(" DROP "));
        let counts = drops.filter_map(|rule| rule.split_whitespace().next());
        counts
            .map(|count| count.parse::<u64>().expect("a count"))
            .sum()
    }

    /// They come through again.
    pub(crate) fn mend(&self) {
        self.here("iptables -w -F INPUT");
    }
}

/// Runs `test` where what it mounts is seen by nobody else; skips it where that is not allowed.
pub(crate) fn with_own_mounts(test: impl FnOnce() + Send) {
    on_thread(|| match leave(CloneFlags::CLONE_NEWNS) {
        Ok(()) => test(),
        Err(error) => skip(&format!("a permission to mount ({error})")),
    });
}

/// A file system in memory at `folder`, with room for so many bytes.
pub(crate) fn mount_memory(folder: &Path, bytes: usize) {
    let options = format!("size={bytes}");
    let (flags, kind) = (MsFlags::empty(), Some("tmpfs"));
    mount(kind, folder, kind, flags, Some(options.as_str())).expect("it is allowed");
}

/// Puts a file, or a folder, over another one.
pub(crate) fn mount_over(file: &Path, over: &Path) {
    let (bind, none) = (MsFlags::MS_BIND, None::<&str>);
    mount(Some(file), over, none, bind, none)
        .unwrap_or_else(|error| panic!("over {}: {error}", over.display()));
}

/// From now on this thread, and all that it starts, has mounts of its own, or a network as well.
fn leave(what: CloneFlags) -> io::Result<()> {
    unshare(what)?;
    let (private, none) = (MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    mount(none, "/", none, private, none)?;
    Ok(())
}

/// A thread of its own can leave for another namespace and need not come back.
fn on_thread<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let ended = scope.spawn(f).join();
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    })
}
