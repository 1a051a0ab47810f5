//! The world that a scenario plays in: a client, a server and a proxy, each a host of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use torsade::endpoints::{HostnameClient, ListeningPort};
use torsade::net::ListenOptions;
use torsade::policies::Timeouts;
use torsade::task::defer_later;
use torsade::testing::World as Hosts;
use torsade::tls::{ServerTls, wrap_server_tls};
use torsade::{ClientEndpoint, Deferred, Factory, Protocol, Reactor, TcpClient, TcpServer};

use crate::checks::{Checks, Violations};
use crate::watched::Watched;
use crate::{Plant, Random, plant};

pub(crate) const CLIENT: &str = "client.test";
pub(crate) const SERVER: &str = "server.test";
pub(crate) const PROXY: &str = "proxy.test";
/// To whom nothing happens: it begins and ends what happens to the others.
const FATE: &str = "fate.test";

/// Whose address is which.
const ADDRESSES: [(&str, Ipv4Addr); 4] = [
    (CLIENT, Ipv4Addr::new(10, 0, 0, 1)),
    (SERVER, Ipv4Addr::new(10, 0, 0, 2)),
    (PROXY, Ipv4Addr::new(10, 0, 0, 3)),
    (FATE, Ipv4Addr::new(10, 0, 0, 4)),
];

/// Nothing in a scenario begins later than this, and nothing goes wrong later.
pub(crate) const PLAYTIME: Duration = Duration::from_secs(20);

/// Whoever waits for one whose end was lost on the way gives up after this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1800);

/// A world with timing and faults of its own. A cheap handle.
#[derive(Clone)]
pub struct World(Rc<Inner>);

/// What a [`World`] is.
pub struct Inner {
    /// Its hosts.
    pub hosts: Hosts,
    /// The reactor of the client, which drives.
    pub client: Reactor,
    /// What did not hold.
    pub checks: Checks,
    /// What is planted in it.
    pub plant: Plant,
    /// By host.
    reactors: RefCell<BTreeMap<&'static str, Reactor>>,
    services: RefCell<Vec<Service>>,
    random: RefCell<Random>,
    /// Deferreds that were unfired before it began.
    unfired: usize,
    /// What went wrong, for whoever looks into a seed.
    pub(crate) faults: RefCell<Vec<String>>,
}

/// What listens, also after a crash of its host.
struct Service {
    host: &'static str,
    number: u16,
    listen: Rc<Listen>,
    /// There is none while the host is away.
    port: Option<ListeningPort>,
}

type Listen = dyn Fn(&World, &Reactor) -> ListeningPort;

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, plant: Plant) -> Self {
        torsade::deferred::set_debugging(true);
        let mut random = Random::new(seed);
        let hosts = Hosts::new(random.number());
        let reactors: BTreeMap<_, _> = ADDRESSES
            .iter()
            .map(|&(name, address)| (name, hosts.host(name, [address])))
            .collect();
        hosts.name("other.test", [address_of(SERVER)]);
        hosts.window(random.one_of(&[65_536, 65_536, 8192, 1000, 1_000_000]));
        let segment = random.one_of(&[1460, 1460, 536, 64, 7, 65_536]);
        let latency = random.one_of(&[0, 100, 1_000, 30_000, 250_000]);
        let jitter = random.one_of(&[0, 0, 1_000, 100_000]);
        let bandwidth = 2_000_000 + random.size(10_000_000) as u64;
        let is_narrow = random.chance(30);
        for (one, other) in [(CLIENT, SERVER), (CLIENT, PROXY), (PROXY, SERVER)] {
            let link = hosts.link(one, other).segment_size(segment);
            let link = link.latency(Duration::from_micros(latency));
            let link = link.jitter(Duration::from_micros(jitter));
            if is_narrow {
                link.bandwidth(bandwidth);
            }
        }
        hosts.thread_time(random.time(Duration::from_secs(1)));
        let client = reactors[CLIENT].clone();
        let unfired = unfired(&client);
        Self(Rc::new(Inner {
            hosts,
            client,
            checks: Checks::default(),
            plant,
            reactors: RefCell::new(reactors),
            services: RefCell::default(),
            random: RefCell::new(random),
            unfired,
            faults: RefCell::default(),
        }))
    }

    /// Chooses.
    pub fn choose<T>(&self, choose: impl FnOnce(&mut Random) -> T) -> T {
        choose(&mut self.random.borrow_mut())
    }

    /// A protocol whose calls are checked.
    pub fn watch<P: Protocol>(&self, protocol: P, name: &'static str) -> Watched<P> {
        Watched::new(protocol, name, &self.checks, self.plant)
    }

    /// A handle to the reactor of a host, as it is now.
    pub(crate) fn reactor(&self, host: &str) -> Reactor {
        self.reactors.borrow()[host].clone()
    }

    /// Has a host listen for whoever wants to be served by protocols of this factory, which is made anew
    /// after a crash. Whoever says nothing for long is given up.
    pub(crate) fn serve<F: Factory>(
        &self,
        host: &'static str,
        number: u16,
        factory: impl Fn(&Self, &Reactor) -> F + 'static,
    ) {
        self.serve_with(host, number, None, factory);
    }

    /// The same, over TLS if there is any.
    pub(crate) fn serve_with<F: Factory>(
        &self,
        host: &'static str,
        number: u16,
        tls: Option<ServerTls>,
        factory: impl Fn(&Self, &Reactor) -> F + 'static,
    ) {
        let listen = move |world: &Self, reactor: &Reactor| {
            let backlog = world.choose(|random| random.one_of(&[1, 50]));
            let options = ListenOptions::new().backlog(backlog);
            let mut server = TcpServer::new(reactor, at(host, number)).options(options);
            if let Some(tls) = &tls {
                server = wrap_server_tls(server, tls);
            }
            if world.plant != Plant::None {
                let plant = world.plant;
                server = server.filter(move || Ok(plant.filter()));
            }
            let patient = Timeouts::new().idle(PATIENCE);
            let listening = server.listen(factory(world, reactor).policy(patient));
            listening.unwrap_or_else(|failure| panic!("{failure:#} on {host}"))
        };
        let reactor = self.reactor(host);
        let port = (!reactor.has_stopped()).then(|| listen(self, &reactor));
        self.services.borrow_mut().push(Service {
            host,
            number,
            listen: Rc::new(listen),
            port,
        });
    }

    /// Has a host listen there no longer.
    pub(crate) fn stop_serving(&self, host: &str, number: u16) {
        let is_it = |service: &mut Service| service.host == host && service.number == number;
        let stopped: Vec<_> = self.services.borrow_mut().extract_if(.., is_it).collect();
        self.stop(stopped);
    }

    fn stop(&self, services: Vec<Service>) {
        for port in services.into_iter().filter_map(|service| service.port) {
            self.wait(port.stop_listening(), "a port to close");
        }
    }

    /// The host is gone, and comes back after a while with all that it served.
    pub(crate) fn crash(&self, host: &'static str, away: Duration) {
        self.hosts.crash(host);
        self.later(away, move |world| world.restart(host));
    }

    /// Has something happen, whatever happens to anybody.
    pub(crate) fn later(&self, time: Duration, f: impl FnOnce(&Self) + 'static) {
        let world = self.clone();
        let _ = self.reactor(FATE).call_later(time, move || f(&world));
    }

    fn restart(&self, host: &'static str) {
        let owner = self.hosts.restart(host);
        let reactor = owner.clone();
        // The one from before is dropped without the borrow.
        let before = self.reactors.borrow_mut().insert(host, owner);
        drop(before);
        for service in self.services.borrow_mut().iter_mut() {
            if service.host == host {
                service.port = Some((service.listen)(self, &reactor));
            }
        }
    }

    /// An endpoint of the client that leads there, by name or by address.
    pub(crate) fn endpoint(&self, host: &str, port: u16) -> Box<dyn ClientEndpoint> {
        match self.choose(|random| random.chance(50)) {
            true => Box::new(HostnameClient::new(&self.client, host, port)),
            false => Box::new(TcpClient::new(&self.client, at(host, port))),
        }
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.wait(defer_later(&self.client, time, || ()), "time to pass");
    }

    /// Waits for a Deferred, which has to fire, with whatever.
    pub fn wait<T: 'static>(&self, deferred: Deferred<T>, what: &str) -> Option<T> {
        let limit = Duration::from_secs(7 * 24 * 3600);
        let fired = deferred.add_timeout(&self.client, limit);
        match self.client.run_until(fired) {
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

    /// Everybody goes home: nothing may be left on any host.
    ///
    /// # Errors
    /// What did not hold, at any time.
    pub fn end(self) -> Result<(), Violations> {
        self.stop(self.services.take());
        // Longer than anything lingers.
        self.pass(PATIENCE + Duration::from_secs(1800));
        for (name, reactor) in self.reactors.borrow().iter() {
            let pending = reactor.pending();
            let left = [
                reactor.open_sources(),
                reactor.delayed_calls(),
                pending.jobs,
                pending.coroutines.len(),
            ];
            self.checks.holds(left == [0; 4], || {
                format!(
                    "{left:?} sources, calls, jobs and coroutines are left on {name}: {pending}"
                )
            });
        }
        let unfired = unfired(&self.client).saturating_sub(self.unfired);
        self.checks.holds(unfired == 0, || {
            format!("{unfired} Deferreds are left: {}", self.client.pending())
        });
        plant::clean_up();
        self.checks.result(&self.faults.take())
    }
}

impl Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("hosts", &self.hosts).finish()
    }
}

pub(crate) fn address_of(host: &str) -> IpAddr {
    let found = ADDRESSES.iter().find(|(name, _)| *name == host);
    found
        .map_or(Ipv4Addr::UNSPECIFIED, |(_, address)| *address)
        .into()
}

pub(crate) fn at(host: &str, port: u16) -> SocketAddr {
    (address_of(host), port).into()
}

/// How many Deferreds wait for somebody to fire them.
fn unfired(reactor: &Reactor) -> usize {
    let pending = reactor.pending();
    pending.deferreds.iter().map(|(_, count)| count).sum()
}
