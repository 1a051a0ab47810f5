//! What goes wrong in a world, and when.

use std::time::Duration;

use torsade::LookupVerdict;

use crate::world::{CLIENT, PLAYTIME, SERVER, address_of, at};
use crate::{Random, World};

/// A fault.
#[derive(Clone, Debug)]
enum Fault {
    /// The connections to this port of this host break.
    Reset(&'static str, u16),
    /// Nothing gets from one host to another, or back.
    Partition(&'static str, &'static str),
    /// Nothing gets there, but back.
    BlackHole(&'static str, &'static str),
    /// A host stands still.
    Freeze(&'static str),
    /// A host is gone, and comes back.
    Crash(&'static str),
    /// Attempts to reach a host are lost.
    Silent(&'static str),
    /// There is no way to a host.
    Unreachable(&'static str),
    /// The name of a host leads nowhere.
    NoName(&'static str, LookupVerdict),
    /// It takes long to look it up.
    SlowName(&'static str),
}

impl World {
    /// Has faults happen, in some worlds, on the way to this port of this host. Gives whether anything
    /// may break by them.
    pub(crate) fn trouble(&self, host: &'static str, port: u16) -> bool {
        let count = self.choose(|random| match random.chance(50) {
            true => 1 + random.below(4),
            false => 0,
        });
        let mut breaks = false;
        for _ in 0..count {
            let (fault, begin, length) = self.choose(|random| {
                let begin = random.time(PLAYTIME);
                (fault(random, host, port), begin, length(random))
            });
            let told = format!("{fault:?} at {begin:?} for {length:?}");
            self.faults.borrow_mut().push(told);
            // A short pause breaks nothing.
            breaks |= !matches!(fault, Fault::Freeze(_) if length < PAUSE);
            self.later(begin, move |world| begin_fault(world, fault, length));
        }
        breaks
    }
}

/// So long a host may stand still without any time limit being over.
const PAUSE: Duration = Duration::from_secs(2);

fn fault(random: &mut Random, host: &'static str, port: u16) -> Fault {
    let other = if host == SERVER || random.chance(50) {
        CLIENT
    } else {
        SERVER
    };
    let verdict = match random.below(3) {
        0 => LookupVerdict::NoSuchName,
        1 => LookupVerdict::NoAddress,
        _ => LookupVerdict::TryAgain,
    };
    match random.below(12) {
        0..=2 => Fault::Reset(host, port),
        3 => Fault::Partition(host, other),
        4 => Fault::BlackHole(host, other),
        5 => Fault::BlackHole(other, host),
        6 => Fault::Freeze(random.one_of(&[host, CLIENT])),
        7 => Fault::Crash(random.one_of(&[host, SERVER])),
        8 => Fault::Silent(host),
        9 => Fault::Unreachable(host),
        10 => Fault::NoName(host, verdict),
        _ => Fault::SlowName(host),
    }
}

/// How long it goes on: mostly short, and now and then until connections are given up.
fn length(random: &mut Random) -> Duration {
    match random.below(10) {
        0..5 => random.time(PAUSE),
        5..9 => random.time(Duration::from_secs(100)),
        _ => Duration::from_secs(1000) + random.time(PLAYTIME),
    }
}

fn begin_fault(world: &World, fault: Fault, length: Duration) {
    let hosts = &world.hosts;
    match fault.clone() {
        Fault::Reset(host, port) => return hosts.reset(at(host, port)),
        Fault::Crash(host) => return world.crash(host, length),
        Fault::Partition(one, other) => hosts.partition(one, other),
        Fault::BlackHole(from, to) => hosts.black_hole(from, to),
        Fault::Freeze(host) => hosts.freeze(host),
        Fault::Silent(host) => hosts.silent(address_of(host)),
        Fault::Unreachable(host) => hosts.unreachable(address_of(host)),
        Fault::NoName(name, verdict) => hosts.names_fail(name, verdict),
        Fault::SlowName(name) => hosts.names_slow(name, length),
    }
    world.later(length, move |world| match fault {
        Fault::Partition(one, other) | Fault::BlackHole(one, other) => world.hosts.heal(one, other),
        Fault::Freeze(host) => world.hosts.thaw(host),
        Fault::Silent(host) | Fault::Unreachable(host) => world.hosts.reachable(address_of(host)),
        Fault::NoName(name, _) | Fault::SlowName(name) => world.hosts.names_heal(name),
        Fault::Reset(..) | Fault::Crash(_) => {}
    });
}
