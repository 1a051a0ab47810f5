//! The simulated driver: a virtual clock and a network in memory.
//!
//! Time stands still while the program runs and jumps to the next thing that happens when it waits
//! ([`Driver::poll`]), so an hour of timeouts passes in no time. The network ([`network`]) behaves as
//! TCP does on Linux where a program can tell the difference. Nothing here is left to chance: the
//! same program takes the same course every time. While a thread works for the reactor, time stands
//! still: so what the thread does takes no time, and one that itself waits for time to pass hangs.

mod datagrams;
mod network;
mod stream;
#[cfg(test)]
mod tests;

use crate::Address;
use crate::datagram::DatagramOptions;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{
    ConnectOptions, DatagramSocket, Descriptors, Driver, Event, ListenOptions, Listener, Lookup,
    Stream, Token, Wait, Wake,
};
use datagrams::SimulatedDatagrams;
use network::Network;
use stream::{SimulatedListener, SimulatedStream};

/// What a simulated world is like.
#[derive(Clone, Debug)]
pub(crate) struct SimulationOptions {
    /// The most bytes that travel together; at least 1. By default 1460, as on Ethernet.
    pub(crate) segment_size: usize,
    /// How long everything takes from one end to the other. By default 1 ms.
    pub(crate) delay: Duration,
    /// How many bytes may be under way or unread in one direction; at least 1. By default 64 KiB.
    pub(crate) window: usize,
    /// The names that exist, in lower case, and their addresses. By default only `localhost`.
    pub(crate) hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Hosts that never answer a connection attempt.
    pub(crate) silent: Vec<IpAddr>,
    /// Hosts to which there is no way.
    pub(crate) unreachable: Vec<IpAddr>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            segment_size: 1460,
            delay: Duration::from_millis(1),
            window: 64 * 1024,
            hosts: BTreeMap::from([("localhost".to_owned(), vec![localhost])]),
            silent: Vec::new(),
            unreachable: Vec::new(),
        }
    }
}

/// A driver of a simulated world.
pub(crate) struct SimulatedDriver {
    /// What the world's time counts from.
    base: Instant,
    /// Shared with every stream and listener.
    network: Rc<RefCell<Network>>,
    waker: Arc<SimulatedWaker>,
    threads_at_work: Cell<i32>,
}

impl SimulatedDriver {
    pub(crate) fn new(options: SimulationOptions) -> Self {
        Self {
            base: Instant::now(),
            network: Rc::new(RefCell::new(Network::new(options))),
            waker: Arc::default(),
            threads_at_work: Cell::new(0),
        }
    }

    /// A handle to the network, which notes from now on what it can be asked for.
    pub(crate) fn control(&self) -> Control {
        let attempts = &mut self.network.borrow_mut().attempts;
        attempts.get_or_insert_default();
        Control(Rc::downgrade(&self.network))
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
        self.base + self.network.borrow().now()
    }

    fn poll(&self, events: &mut Vec<Event>, wait: Wait) -> io::Result<()> {
        let deadline = match wait {
            Wait::No => Some(Duration::ZERO),
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(self.base)),
            Wait::Forever => None,
        };
        let found = events.len();
        loop {
            let mut network = self.network.borrow_mut();
            network.deliver();
            network.take_events(events);
            // Both, whichever comes first: a wake-up must not be left over for the next poll.
            if self.waker.take() || events.len() > found {
                return Ok(());
            }
            match (network.next_arrival(), deadline) {
                (_, Some(deadline)) if deadline <= network.now() => return Ok(()),
                // Time stands still while a thread works: what it has to say comes first.
                (arrival, _)
                    if self.threads_at_work.get() > 0
                        && arrival.is_none_or(|at| at > network.now()) =>
                {
                    drop(network);
                    self.waker.wait();
                }
                (Some(arrival), deadline) if deadline.is_none_or(|at| arrival <= at) => {
                    network.advance(arrival);
                }
                (_, Some(deadline)) => {
                    network.advance(deadline);
                    return Ok(());
                }
                (_, None) => {
                    return Err(io::Error::other(
                        "nothing can ever happen any more: every program in the simulation waits",
                    ));
                }
            }
        }
    }

    fn has_events(&self) -> bool {
        self.network.borrow().has_events()
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }

    fn descriptor(&self) -> Option<std::os::fd::RawFd> {
        None
    }

    fn threads_at_work(&self, change: i32) {
        self.threads_at_work
            .set(self.threads_at_work.get() + change);
    }

    fn watch_signals(&self) -> io::Result<Option<std::os::unix::net::UnixStream>> {
        Ok(None)
    }

    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_ascii_lowercase();
        match self.network.borrow().options().hosts.get(&host) {
            Some(addresses) if !addresses.is_empty() => Lookup::Known(addresses.clone()),
            _ => Lookup::NoSuchName,
        }
    }

    fn connect(
        &self,
        to: &Address,
        options: &ConnectOptions,
        token: Token,
    ) -> io::Result<Box<dyn Stream>> {
        let mut network = self.network.borrow_mut();
        if let Some(attempts) = &mut network.attempts {
            attempts.push(to.clone());
        }
        let to = network.hidden_address(to)?;
        let id = network.connect(to, options, token)?;
        drop(network);
        Ok(Box::new(SimulatedStream::new(self.network.clone(), id)))
    }

    fn listen(
        &self,
        on: &Address,
        options: &ListenOptions,
        token: Token,
    ) -> io::Result<Box<dyn Listener>> {
        let mut network = self.network.borrow_mut();
        let on = network.hide(on)?;
        let id = network.listen(on, options, token)?;
        drop(network);
        Ok(Box::new(SimulatedListener::new(self.network.clone(), id)))
    }

    fn bind_datagrams(
        &self,
        on: &Address,
        options: &DatagramOptions,
        token: Token,
    ) -> io::Result<Box<dyn DatagramSocket>> {
        let id = self
            .network
            .borrow_mut()
            .bind_datagrams(on, options, token)?;
        Ok(Box::new(SimulatedDatagrams::new(self.network.clone(), id)))
    }

    fn pair(&self, tokens: [Token; 2]) -> io::Result<[Box<dyn Stream>; 2]> {
        let ids = self.network.borrow_mut().pair(tokens);
        let stream = |id| SimulatedStream::new(self.network.clone(), id);
        Ok(ids.map(|id| -> Box<dyn Stream> { Box::new(stream(id)) }))
    }

    fn descriptors(&self) -> io::Result<&dyn Descriptors> {
        let why = "a simulated world has no descriptors and no processes";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

/// A flag, and what a thread sleeps on until it is set.
#[derive(Default)]
struct SimulatedWaker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl SimulatedWaker {
    fn take(&self) -> bool {
        std::mem::take(&mut *self.woken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits in real time until the flag is set; leaves it set.
    fn wait(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(woken, |woken| !*woken));
    }
}

impl Wake for SimulatedWaker {
    fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}
