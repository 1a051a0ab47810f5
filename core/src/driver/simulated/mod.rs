//! The simulated driver: a virtual clock and a network in memory.
//!
//! Time stands still while the programs run and jumps to the next thing that happens when all of them
//! wait ([`Driver::poll`]), so an hour of timeouts passes in no time. The network ([`network`]) behaves
//! as TCP does on Linux where a program can tell the difference. Nothing here is left to chance, but
//! for what the world's seed decides: the same programs take the same course every time. While a thread
//! works for a reactor, time stands still: so what the thread does takes no time, and one that itself
//! waits for time to pass hangs.
//!
//! A world ([`world`]) has one host or several; each has its reactor, and a driver of its own.

mod datagrams;
mod network;
mod options;
mod pcap;
mod random;
mod stream;
#[cfg(test)]
mod tests;
mod waker;
mod work;
mod world;

use crate::Address;
use crate::datagram::DatagramOptions;
use std::cell::{Cell, RefCell, RefMut};
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{
    ConnectOptions, DatagramSocket, Descriptors, Driver, Event, ListenOptions, Listener, Lookup,
    Start, Stream, Token, Wait, Wake,
};
use datagrams::SimulatedDatagrams;
use network::Network;
use stream::{SimulatedListener, SimulatedStream};
use waker::SimulatedWaker;

pub(crate) use network::{Addresses, HostId};
pub(crate) use options::{LinkOptions, SimulationOptions};
pub(crate) use random::Random;
pub(crate) use world::{Program, SimulatedWorld};

/// The driver of one host's reactor.
pub(crate) struct SimulatedDriver {
    world: Rc<SimulatedWorld>,
    host: HostId,
    /// Which of the host's lives it belongs to: a crash ends one.
    life: u32,
    waker: Arc<SimulatedWaker>,
    threads_at_work: Rc<Cell<i32>>,
}

impl SimulatedDriver {
    /// That of the only host of a world, which has every address.
    pub(crate) fn new(options: SimulationOptions) -> Self {
        SimulatedWorld::new(options, 0).add_host("", Addresses::Every)
    }

    fn of(world: &Rc<SimulatedWorld>, host: HostId, threads_at_work: Rc<Cell<i32>>) -> Self {
        Self {
            world: Rc::clone(world),
            host,
            life: world.network.borrow().life(host),
            waker: world.wakers.of(host),
            threads_at_work,
        }
    }

    pub(crate) fn host(&self) -> HostId {
        self.host
    }

    /// A handle to the network, which notes from now on what it can be asked for.
    pub(crate) fn control(&self) -> Control {
        let attempts = &mut self.world.network.borrow_mut().attempts;
        attempts.get_or_insert_default();
        Control(Rc::downgrade(&self.world.network))
    }

    /// The network, unless the host has crashed.
    fn network(&self) -> io::Result<RefMut<'_, Network>> {
        let network = self.world.network.borrow_mut();
        match network.is_alive(self.host, self.life) {
            true => Ok(network),
            false => Err(io::ErrorKind::NetworkDown.into()),
        }
    }

    fn stream(&self, id: network::Id) -> SimulatedStream {
        SimulatedStream::new(Rc::clone(&self.world.network), id)
    }
}

/// What can be done to a simulated network, and asked of it, while programs run in it.
#[derive(Clone)]
pub(crate) struct Control(Weak<RefCell<Network>>);

impl Control {
    /// Breaks the connections that have an end at this address: both ends see a reset at once.
    pub(crate) fn reset(&self, address: SocketAddr) {
        self.with(|network| network.reset(address));
    }

    /// Holds up the connections that have an end at this address.
    pub(crate) fn hold(&self, address: SocketAddr) {
        self.with(|network| network.hold(address));
    }

    /// How much stands before the ends at this address.
    pub(crate) fn held(&self, to: SocketAddr) -> usize {
        self.with(|network| network.held_steps(to))
    }

    /// Lets so much on to the ends at this address; gives back how much there was.
    pub(crate) fn release(&self, to: SocketAddr, most: usize) -> usize {
        self.with(|network| network.release(to, most))
    }

    /// The addresses of the two ends that were made last.
    pub(crate) fn newest_ends(&self) -> Option<[SocketAddr; 2]> {
        self.with(|network| network.newest_ends())
    }

    /// The addresses that somebody listens on, in the order in which they began.
    pub(crate) fn listening(&self) -> Vec<Address> {
        self.with(|network| network.listening())
    }

    /// Where somebody tried to connect to, the oldest first.
    pub(crate) fn attempts(&self) -> Vec<Address> {
        self.with(|network| network.attempts.clone().unwrap_or_default())
    }

    /// In a world that is gone there is nothing.
    fn with<R: Default>(&self, f: impl FnOnce(&mut Network) -> R) -> R {
        let network = self.0.upgrade();
        network.map_or_else(R::default, |network| f(&mut network.borrow_mut()))
    }
}

impl Driver for SimulatedDriver {
    fn now(&self) -> Instant {
        self.world.now()
    }

    fn system_time(&self) -> SystemTime {
        self.world.network.borrow().time_of_day(self.host)
    }

    fn poll(&self, events: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        let until = match wait {
            Wait::No => Some(Duration::ZERO),
            Wait::Until(deadline) => Some(self.world.since_beginning(deadline)),
            Wait::Forever => None,
        };
        let found = events.len();
        loop {
            // What a crash has ended is told nothing any more, and does not wait.
            let Ok(mut network) = self.network() else {
                return Ok(());
            };
            network.deliver();
            let is_frozen = network.is_frozen(self.host);
            if !is_frozen {
                network.take_events(self.host, events);
            }
            drop(network);
            // Both, whichever comes first: a wake-up must not be left over for the next poll.
            let has_something = !is_frozen && (self.waker.take() || events.len() > found);
            if self.world.is_giving_turns() {
                return Ok(());
            }
            let (others_turned, next_turn) = self.world.give_turns(self.host);
            let now = self.world.network.borrow().now();
            // Who stands still does so whatever there is to do.
            let until = until.filter(|_| !is_frozen);
            if has_something {
                return Ok(());
            }
            // Time stands still while a thread works: what it has to say comes first.
            let is_due = |at: Duration| at <= now;
            let arrival = self.world.network.borrow().next_arrival();
            let has_begun_work =
                !others_turned && !arrival.is_some_and(is_due) && self.world.begin_work(self.host);
            if until.is_some_and(is_due) {
                return Ok(());
            }
            if others_turned || has_begun_work {
                continue;
            }
            if self.world.has_threads_at_work(self.host) && !arrival.is_some_and(is_due) {
                self.world.wait_for_threads(self.host);
            } else if !self.world.advance(next_turn, until)? {
                return Ok(());
            }
        }
    }

    fn has_events(&self) -> bool {
        let network = self.world.network.borrow();
        let is_due = network.next_arrival().is_some_and(|at| at <= network.now());
        let has_events = is_due || network.has_events(self.host);
        drop(network);
        has_events || self.world.others_are_ready(self.host)
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }

    fn descriptor(&self) -> Option<std::os::fd::RawFd> {
        None
    }

    fn start_work(&self, start: Start) {
        match self
            .network()
            .is_ok_and(|network| network.is_alone(self.host))
        {
            // Alone it needs no order: it may wait in a function of its own for what a thread does.
            true => start(None),
            false => self.world.add_work((self.host, self.life), start),
        }
    }

    fn threads_at_work(&self, change: i32) {
        self.threads_at_work
            .set(self.threads_at_work.get() + change);
    }

    fn watch_signals(&self) -> io::Result<Option<std::os::unix::net::UnixStream>> {
        Ok(None)
    }

    fn lookup(&self, host: &str) -> Lookup {
        self.world.network.borrow().look_up(host)
    }

    fn connect(
        &self,
        to: &Address,
        options: &ConnectOptions,
        token: Token,
    ) -> io::Result<Box<dyn Stream>> {
        let mut network = self.network()?;
        if let Some(attempts) = &mut network.attempts {
            attempts.push(to.clone());
        }
        let to = network.hidden_address(self.host, to)?;
        let id = network.connect(self.host, to, options, token)?;
        drop(network);
        Ok(Box::new(self.stream(id)))
    }

    fn listen(
        &self,
        on: &Address,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Box<dyn Listener>> {
        let mut network = self.network()?;
        let on = network.hide(self.host, on)?;
        let id = network.listen(self.host, on, options, token)?;
        drop(network);
        let network = Rc::clone(&self.world.network);
        Ok(Box::new(SimulatedListener::new(network, id)))
    }

    fn bind_datagrams(
        &self,
        on: &Address,
        options: &DatagramOptions,
        token: Token,
    ) -> io::Result<Box<dyn DatagramSocket>> {
        let id = self
            .network()?
            .bind_datagrams(self.host, on, options, token)?;
        let network = Rc::clone(&self.world.network);
        Ok(Box::new(SimulatedDatagrams::new(network, id)))
    }

    fn pair(&self, tokens: [Token; 2]) -> io::Result<[Box<dyn Stream>; 2]> {
        let ids = self.network()?.pair(self.host, tokens);
        Ok(ids.map(|id| -> Box<dyn Stream> { Box::new(self.stream(id)) }))
    }

    fn descriptors(&self) -> io::Result<&dyn Descriptors> {
        let why = "a simulated world has no descriptors and no processes";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}
