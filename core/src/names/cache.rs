//! Remembers what a resolver said.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::NameResolver;
use crate::deferred::SharedDeferred;
use crate::{Deferred, Reactor};

/// Remembers what another resolver said, for a while; those who ask at the same time share one
/// look-up. Failures are not remembered.
///
/// ```
/// use std::net::IpAddr;
/// use std::time::Duration;
/// use torsade_core::LookupVerdict;
/// use torsade_core::names::{Cache, SystemResolver};
/// use torsade_core::testing::World;
///
/// let world = World::new(1);
/// let reactor = world.host("here", [[192, 0, 2, 1]]);
/// let cache = Cache::new(&reactor, SystemResolver::new(&reactor));
/// reactor.set_resolver(cache.expiry(Duration::from_secs(60)).capacity(1000));
/// let here = [IpAddr::from([192, 0, 2, 1])];
/// assert_eq!(reactor.run_until(reactor.look_up("here"))?, here);
/// world.names_fail("here", LookupVerdict::TryAgain);
/// assert_eq!(reactor.run_until(reactor.look_up("here"))?, here); // it remembers
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "CacheResolver")]
pub struct Cache<R> {
    reactor: Reactor,
    resolver: R,
    expiry: Duration,
    capacity: usize,
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    known: HashMap<Rc<str>, Known>,
    /// The names, the one asked for first in front: it is forgotten first.
    order: VecDeque<Rc<str>>,
}

struct Known {
    addresses: SharedDeferred<Vec<IpAddr>>,
    asked_at: Instant,
}

impl<R: NameResolver> Cache<R> {
    /// Remembers for a minute, and up to 1,000 names.
    pub fn new(reactor: &Reactor, resolver: R) -> Self {
        Self {
            reactor: reactor.clone(),
            resolver,
            expiry: Duration::from_secs(60),
            capacity: 1000,
            state: Rc::default(),
        }
    }

    /// How long it remembers, since it asked.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::net::IpAddr;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    /// use torsade_core::Deferred;
    /// use torsade_core::names::{Cache, NameResolver};
    /// use torsade_core::testing::Simulation;
    ///
    /// /// Counts how often it is asked.
    /// struct Counts(Rc<Cell<u32>>);
    ///
    /// impl NameResolver for Counts {
    ///     fn look_up(&self, _: &str) -> Deferred<Vec<IpAddr>> {
    ///         self.0.set(self.0.get() + 1);
    ///         Deferred::succeed(vec![[192, 0, 2, 7].into()])
    ///     }
    /// }
    ///
    /// let reactor = Simulation::new().reactor();
    /// let asked = Rc::new(Cell::new(0));
    /// let cache = Cache::new(&reactor, Counts(asked.clone()));
    /// reactor.set_resolver(cache.expiry(Duration::from_secs(10)));
    /// for (seconds, count) in [(0, 1), (9, 1), (1, 2)] {
    ///     reactor.advance(Duration::from_secs(seconds))?;
    ///     reactor.run_until(reactor.look_up("example.com"))?;
    ///     assert_eq!(asked.get(), count);
    /// }
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// How many names it remembers, at least 1.
    pub fn capacity(mut self, names: usize) -> Self {
        self.capacity = names.max(1);
        self
    }

    fn known(&self, host: &str) -> Option<Deferred<Vec<IpAddr>>> {
        let state = self.state.borrow();
        let known = state.known.get(host)?;
        let age = self.reactor.now().saturating_duration_since(known.asked_at);
        (age < self.expiry).then(|| known.addresses.when_fired())
    }
}

impl State {
    fn remember(&mut self, name: &Rc<str>, known: Known, capacity: usize) {
        self.forget(name);
        while self.order.len() >= capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        self.order.push_back(Rc::clone(name));
        self.known.insert(Rc::clone(name), known);
    }

    fn forget(&mut self, name: &str) {
        if self.known.remove(name).is_some() {
            self.order.retain(|known| **known != *name);
        }
    }
}

impl<R: NameResolver> NameResolver for Cache<R> {
    fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        if let Some(known) = self.known(host) {
            return known;
        }
        let name: Rc<str> = host.into();
        let (state, failed, asked_at) = (
            Rc::downgrade(&self.state),
            Rc::clone(&name),
            self.reactor.now(),
        );
        let asked = self.resolver.look_up(host).add_errback(move |failure| {
            if let Some(state) = state.upgrade() {
                let mut state = state.borrow_mut();
                // A newer one of that name stays.
                let is_this = state
                    .known
                    .get(&failed)
                    .is_some_and(|it| it.asked_at == asked_at);
                if is_this {
                    state.forget(&failed);
                }
            }
            Err(failure)
        });
        let known = Known {
            addresses: asked.share(),
            asked_at,
        };
        let addresses = known.addresses.when_fired();
        self.state
            .borrow_mut()
            .remember(&name, known, self.capacity);
        addresses
    }
}

impl<R: fmt::Debug> fmt::Debug for Cache<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("resolver", &self.resolver)
            .field("expiry", &self.expiry)
            .field("known", &self.state.borrow().known.len())
            .finish_non_exhaustive()
    }
}
