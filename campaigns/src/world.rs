//! The world that a scenario plays in, with its faults.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use torsade::task::defer_later;
use torsade::testing::{Network, Simulation};
use torsade::{Deferred, Protocol, Reactor};

use crate::checks::{Checks, Violations};
use crate::watched::Watched;
use crate::{Plant, Random, plant};

/// Where everything is.
pub(crate) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A world with timing and faults of its own.
#[derive(Debug)]
pub struct World {
    /// Its reactor.
    pub reactor: Reactor,
    /// What did not hold.
    pub checks: Checks,
    /// What is planted in it.
    pub plant: Plant,
    network: Network,
    random: RefCell<Random>,
    /// Deferreds that were unfired before it began.
    unfired: usize,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, plant: Plant) -> Self {
        let mut random = Random::new(seed);
        let segment = random.one_of(&[1460, 1460, 536, 64, 7, 65_536]);
        let window = random.one_of(&[65_536, 65_536, 8192, 1000, 1_000_000]);
        let delay = random.one_of(&[0, 100, 1_000, 30_000, 250_000]);
        let simulation = Simulation::new()
            .segment_size(segment)
            .window(window)
            .delay(Duration::from_micros(delay))
            .host("server.test", [HOST])
            .host("other.test", [HOST])
            .silent(SILENT);
        let (reactor, network) = simulation.start();
        torsade::deferred::set_debugging(true);
        let unfired = unfired(&reactor);
        Self {
            reactor,
            checks: Checks::default(),
            plant,
            network,
            random: RefCell::new(random),
            unfired,
        }
    }

    /// Chooses.
    pub fn choose<T>(&self, choose: impl FnOnce(&mut Random) -> T) -> T {
        choose(&mut self.random.borrow_mut())
    }

    /// A protocol whose calls are checked.
    pub fn watch<P: Protocol>(&self, protocol: P, name: &'static str) -> Watched<P> {
        Watched::new(protocol, name, &self.checks, self.plant)
    }

    /// Breaks the connections at `address` once in a while, in some worlds. Gives whether this is one.
    pub fn break_at_times(&self, address: SocketAddr, within: Duration) -> bool {
        let count = self.choose(|random| match random.chance(40) {
            true => 1 + random.below(4),
            false => 0,
        });
        for _ in 0..count {
            let (network, at) = (
                self.network.clone(),
                self.choose(|random| random.time(within)),
            );
            let _ = self.reactor.call_later(at, move || network.reset(address));
        }
        count > 0
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.wait(defer_later(&self.reactor, time, || ()), "time to pass");
    }

    /// Waits for a Deferred, which has to fire, with whatever.
    pub fn wait<T: 'static>(&self, deferred: Deferred<T>, what: &str) -> Option<T> {
        let limit = Duration::from_secs(7 * 24 * 3600);
        let fired = deferred.add_timeout(&self.reactor, limit);
        match self.reactor.run_until(fired) {
            Ok(value) => Some(value),
            Err(failure)
                if failure
                    .find::<torsade::TimedOut>()
                    .is_some_and(|late| late.after == limit) =>
            {
                self.checks.violated(format!("{what}: it never comes"));
                None
            }
            Err(_) => None,
        }
    }

    /// Everybody has gone home: nothing may be left.
    ///
    /// # Errors
    /// What did not hold, at any time.
    pub fn end(self) -> Result<(), Violations> {
        // Longer than anything lingers.
        self.pass(Duration::from_secs(3600));
        let pending = self.reactor.pending();
        let (sources, calls) = (self.reactor.open_sources(), self.reactor.delayed_calls());
        let unfired = unfired(&self.reactor).saturating_sub(self.unfired);
        self.checks
            .holds(sources == 0 && calls == 0 && unfired == 0, || {
                format!(
                    "{sources} sources, {calls} calls and {unfired} Deferreds are left: {pending}"
                )
            });
        drop(self.reactor);
        plant::clean_up();
        self.checks.result()
    }
}

/// How many Deferreds wait for somebody to fire them.
fn unfired(reactor: &Reactor) -> usize {
    reactor
        .pending()
        .deferreds
        .iter()
        .map(|(_, count)| count)
        .sum()
}

/// A host that never answers.
pub(crate) const SILENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
