//! The pool: connections by origin, those in use and those that are kept.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ptr;
use std::rc::{Rc, Weak};

use torsade_core::{Deferred, Resolver, Result};

use super::AgentOptions;
use crate::connection::{Connection, Owner};
use crate::error::{RequestError, Stage};
use crate::origin::Origin;

/// A connection for one request; dropped unused, it goes back.
pub(super) struct Lease {
    connection: Option<Rc<dyn Connection>>,
    pool: Weak<Pool>,
    /// Whether it was used before.
    pub(super) was_kept: bool,
}

impl Lease {
    /// The connection, to send a request on.
    pub(super) fn redeem(mut self) -> Option<Rc<dyn Connection>> {
        self.connection.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(connection), Some(pool)) = (self.connection.take(), self.pool.upgrade()) {
            pool.is_idle(connection);
        }
    }
}

/// Which connections a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// A new one.
    Never,
    /// A kept one as well, if nothing speaks against it: the request cannot be made again.
    IfSound,
    /// A kept one as well. If the server has closed it just now, the request is made again.
    Freely,
}

/// Makes a connection.
pub(super) type Connect = Rc<dyn Fn(&Origin) -> Deferred<Rc<dyn Connection>>>;

/// How full a pool is.
///
/// ```
/// use torsade_http::{Agent, Response};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Protocol, TcpServer, Transport};
/// # struct Server(fn(&str) -> &'static str);
/// # impl Protocol for Server {
/// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
/// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
/// #         Ok(())
/// #     }
/// # }
///
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Server(|_| "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))?;
/// let agent = Agent::new(&reactor);
/// let pool = agent.pool_statistics();
/// assert_eq!((pool.open, pool.idle, pool.waiting), (0, 0, 0));
/// reactor.run_until(agent.get("http://127.0.0.1/").add_callback(Response::text))?;
/// let pool = agent.pool_statistics();
/// assert_eq!((pool.open, pool.idle, pool.made), (1, 1, 1));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Connections that are open or being made, idle ones included.
    pub open: usize,
    /// Connections that are kept for the next request.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Connections that have been made since the beginning, failed attempts included.
    pub made: u64,
    /// How often a kept connection was used again since then.
    pub reused: u64,
}

/// See the module.
pub(super) struct Pool {
    this: Weak<Self>,
    max_connections: usize,
    max_per_host: usize,
    max_idle_per_host: usize,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    hosts: HashMap<Origin, Host>,
    /// Connections that are open or being made, idle ones included.
    open: usize,
    /// Requests that wait, at all hosts.
    waiting: usize,
    /// See [`PoolStatistics`].
    made: u64,
    reused: u64,
    /// Numbers, in the order in which they came, those who wait and those that are idle.
    last: u64,
}

#[derive(Default)]
struct Host {
    /// The newest last: it is the least likely to have been closed by the server.
    idle: VecDeque<(u64, Rc<dyn Connection>)>,
    open: usize,
    /// First come, first served.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    reuse: Reuse,
    connect: Connect,
    resolver: Resolver<Lease>,
}

/// Told, by being dropped, that the last of some connections is closed.
struct AllClosed(Option<Resolver<()>>);

impl Drop for AllClosed {
    fn drop(&mut self) {
        if let Some(resolver) = self.0.take() {
            resolver.callback(());
        }
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The connection that has been idle the longest.
    fn take_longest_idle(&mut self) -> Option<Rc<dyn Connection>> {
        let oldest = |host: &&mut Host| host.idle.front().map_or(u64::MAX, |idle| idle.0);
        let host = self.hosts.values_mut().min_by_key(oldest)?;
        host.idle.pop_front().map(|idle| idle.1)
    }
}

impl Pool {
    pub(super) fn new(options: &AgentOptions) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            max_connections: options.max_connections,
            max_per_host: options.max_per_host,
            max_idle_per_host: if options.keep_alive {
                options.max_idle_per_host
            } else {
                0
            },
            state: RefCell::default(),
        })
    }

    pub(super) fn as_owner(this: &Rc<Self>) -> Weak<dyn Owner> {
        let owner: Rc<dyn Owner> = Rc::<Self>::clone(this);
        Rc::downgrade(&owner)
    }

    pub(super) fn statistics(&self) -> PoolStatistics {
        let state = self.state.borrow();
        PoolStatistics {
            open: state.open,
            idle: state.hosts.values().map(|host| host.idle.len()).sum(),
            waiting: state.waiting,
            made: state.made,
            reused: state.reused,
        }
    }

    /// A connection to the origin; cancelled, it leaves the queue, or gives up connecting.
    pub(super) fn lease(
        this: &Rc<Self>,
        key: Origin,
        reuse: Reuse,
        connect: Connect,
    ) -> Deferred<Lease> {
        if this.is_nobodys_turn_before(&key) {
            if let Some(connection) = this.take_idle(&key, reuse) {
                return Deferred::succeed(this.rent(connection));
            }
            if this.make_room(&key) {
                return this.connect(key, &connect);
            }
        }
        let origin = key.to_string();
        this.wait(key, reuse, connect).add_errback(move |failure| {
            // A failed connection attempt has its own stage already.
            if failure.check::<RequestError>().is_some() {
                return Deferred::fail(failure);
            }
            let stage = Stage::WaitingForConnection;
            Deferred::fail(RequestError::new(&origin, stage, failure))
        })
    }

    /// Whether a newcomer overtakes nobody who waits for the same.
    fn is_nobodys_turn_before(&self, key: &Origin) -> bool {
        let state = self.state.borrow();
        let host_waits = state
            .hosts
            .get(key)
            .is_some_and(|host| !host.waiting.is_empty());
        let is_full = state.open >= self.max_connections;
        !host_waits && (!is_full || state.waiting == 0)
    }

    fn wait(&self, key: Origin, reuse: Reuse, connect: Connect) -> Deferred<Lease> {
        let mut state = self.state.borrow_mut();
        let number = state.number();
        let (weak, host) = (self.this.clone(), key.clone());
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(pool) = weak.upgrade() {
                pool.stop_waiting(&host, number);
            }
        });
        state.waiting += 1;
        let host = state.hosts.entry(key).or_default();
        host.waiting.push_back(Waiting {
            number,
            reuse,
            connect,
            resolver,
        });
        drop(state);
        self.serve_later();
        deferred
    }

    fn stop_waiting(&self, key: &Origin, number: u64) {
        let mut state = self.state.borrow_mut();
        let Some(host) = state.hosts.get_mut(key) else {
            return;
        };
        let index = host.waiting.binary_search_by_key(&number, |it| it.number);
        let gone = index.ok().and_then(|index| host.waiting.remove(index));
        if gone.is_some() {
            state.waiting -= 1;
        }
        drop(state);
        // With its Resolver, and that with what the user attached: nothing may be borrowed.
        drop(gone);
        self.tidy(key);
    }

    /// A kept connection for one more request.
    fn rent(&self, connection: Rc<dyn Connection>) -> Lease {
        self.state.borrow_mut().reused += 1;
        Lease {
            connection: Some(connection),
            pool: self.this.clone(),
            was_kept: true,
        }
    }

    /// The newest idle connection to an origin that is still usable.
    fn take_idle(&self, key: &Origin, reuse: Reuse) -> Option<Rc<dyn Connection>> {
        if reuse == Reuse::Never {
            return None;
        }
        loop {
            let (_, connection) = self
                .state
                .borrow_mut()
                .hosts
                .get_mut(key)?
                .idle
                .pop_back()?;
            // To look costs a system call.
            let looks = reuse == Reuse::IfSound || !connection.was_just_used();
            if connection.is_usable(looks) {
                return Some(connection);
            }
            // It tells us when it is closed.
            connection.close_idle();
        }
    }

    /// Whether one more connection to an origin may be made; an idle one gives way for it.
    fn make_room(&self, key: &Origin) -> bool {
        let mut state = self.state.borrow_mut();
        let host = state.hosts.entry(key.clone()).or_default();
        let evicted = if host.open >= self.max_per_host {
            host.idle.pop_front().map(|idle| idle.1)
        } else if state.open >= self.max_connections {
            state.take_longest_idle()
        } else {
            return true;
        };
        drop(state);
        let Some(evicted) = evicted else { return false };
        evicted.close_idle();
        self.forget(&*evicted);
        true
    }

    fn connect(&self, key: Origin, connect: &Connect) -> Deferred<Lease> {
        {
            let mut state = self.state.borrow_mut();
            state.open += 1;
            state.made += 1;
            state.hosts.entry(key.clone()).or_default().open += 1;
        }
        let (this, origin) = (self.this.clone(), key.to_string());
        connect(&key).add_both(
            move |connected: Result<Rc<dyn Connection>>| match connected {
                Ok(connection) => Ok(Lease {
                    connection: Some(connection),
                    pool: this,
                    was_kept: false,
                }),
                Err(failure) => {
                    if let Some(this) = this.upgrade() {
                        this.one_less(&key);
                        this.serve_later();
                    }
                    Err(RequestError::new(&origin, Stage::Connecting, failure).into())
                }
            },
        )
    }

    /// A connection is closed: it makes room.
    fn forget(&self, connection: &dyn Connection) {
        if connection.count_out() {
            self.one_less(connection.origin());
        }
    }

    fn one_less(&self, key: &Origin) {
        let mut state = self.state.borrow_mut();
        state.open = state.open.saturating_sub(1);
        if let Some(host) = state.hosts.get_mut(key) {
            host.open = host.open.saturating_sub(1);
        }
        drop(state);
        self.tidy(key);
    }

    /// Forgets a host that nothing is known of any more.
    fn tidy(&self, key: &Origin) {
        let mut state = self.state.borrow_mut();
        let is_empty = |host: &Host| host.open == 0 && host.waiting.is_empty();
        if state.hosts.get(key).is_some_and(is_empty) {
            state.hosts.remove(key);
        }
    }

    fn serve_later(&self) {
        if self.state.borrow().waiting == 0 {
            return;
        }
        let this = self.this.clone();
        Deferred::succeed(()).map(move |()| {
            if let Some(this) = this.upgrade() {
                this.serve();
            }
        });
    }

    /// Serves those who wait, in the order in which they came; whose host is full is passed over.
    fn serve(&self) {
        while self.serve_one() {}
    }

    fn serve_one(&self) -> bool {
        let mut first: Vec<(u64, Reuse, Origin)> = {
            let state = self.state.borrow();
            let hosts = state.hosts.iter();
            hosts
                .filter_map(|(key, host)| Some((key, host.waiting.front()?)))
                .map(|(key, waiting)| (waiting.number, waiting.reuse, key.clone()))
                .collect()
        };
        first.sort_unstable_by_key(|first| first.0);
        for (_, reuse, key) in first {
            let kept = self.take_idle(&key, reuse);
            if kept.is_none() && !self.make_room(&key) {
                continue;
            }
            let Some(waiting) = self.next_waiting(&key) else {
                return false;
            };
            match kept {
                Some(connection) => waiting.resolver.callback(self.rent(connection)),
                None => self.connect(key, &waiting.connect).chain(waiting.resolver),
            }
            return true;
        }
        false
    }

    fn next_waiting(&self, key: &Origin) -> Option<Waiting> {
        let mut state = self.state.borrow_mut();
        let waiting = state.hosts.get_mut(key)?.waiting.pop_front()?;
        state.waiting -= 1;
        Some(waiting)
    }

    /// Closes what is idle.
    pub(super) fn close_idle(&self) -> Deferred<()> {
        let (resolver, deferred) = Deferred::new();
        let all_closed = Rc::new(AllClosed(Some(resolver)));
        for connection in self.take_all_idle() {
            connection.close_idle();
            connection.keep_until_lost(Rc::<AllClosed>::clone(&all_closed));
        }
        deferred
    }

    fn take_all_idle(&self) -> Vec<Rc<dyn Connection>> {
        let mut state = self.state.borrow_mut();
        let hosts = state.hosts.values_mut();
        hosts
            .flat_map(|host| std::mem::take(&mut host.idle))
            .map(|idle| idle.1)
            .collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for connection in self.take_all_idle() {
            connection.close_idle();
        }
    }
}

impl Owner for Pool {
    fn is_idle(&self, connection: Rc<dyn Connection>) {
        let mut state = self.state.borrow_mut();
        let number = state.number();
        let host = state.hosts.get_mut(connection.origin());
        let evicted = host.and_then(|host| {
            host.idle.push_back((number, connection));
            let is_too_many = host.idle.len() > self.max_idle_per_host;
            is_too_many.then(|| host.idle.pop_front()).flatten()
        });
        drop(state);
        if let Some((_, evicted)) = evicted {
            evicted.close_idle();
        }
        self.serve_later();
    }

    fn is_closed(&self, connection: &dyn Connection) {
        if let Some(host) = self.state.borrow_mut().hosts.get_mut(connection.origin()) {
            host.idle
                .retain(|(_, idle)| !ptr::addr_eq(Rc::as_ptr(idle), connection));
        }
        self.forget(connection);
        self.serve_later();
    }
}
