//! The pool: connections by origin, those in use and those that are kept.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};

use torsade_core::{Deferred, Resolver, Result};

use super::AgentOptions;
use crate::connection::{Connection, Owner};
use crate::error::{RequestError, Stage};
use crate::origin::Origin;

/// A connection for one request; dropped unused, it goes back.
pub(super) struct Lease {
    connection: Option<Rc<Connection>>,
    pool: Weak<Pool>,
    /// Whether it was used before.
    pub(super) was_kept: bool,
}

impl Lease {
    /// The connection, to send a request on.
    pub(super) fn redeem(mut self) -> Option<Rc<Connection>> {
        self.connection.take()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(connection), Some(pool)) = (self.connection.take(), self.pool.upgrade()) {
            pool.is_idle(&connection);
        }
    }
}

/// Makes a connection.
pub(super) type Connect = Rc<dyn Fn(&Origin) -> Deferred<Rc<Connection>>>;

/// How full a pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// Connections that are open or being made, idle ones included.
    pub open: usize,
    /// Connections that are kept for the next request.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
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
    /// First come, first served; whose host is full is passed over.
    waiting: VecDeque<Waiting>,
    /// Numbers those who wait.
    last: u64,
    /// Who waits for the end.
    closing: Vec<Resolver<()>>,
    is_closing: bool,
}

#[derive(Default)]
struct Host {
    /// The newest last: it is the least likely to have been closed by the server.
    idle: Vec<Rc<Connection>>,
    open: usize,
}

struct Waiting {
    number: u64,
    key: Origin,
    must_be_new: bool,
    connect: Connect,
    resolver: Resolver<Lease>,
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
            waiting: state.waiting.len(),
        }
    }

    /// A connection to the origin; cancelled, it leaves the queue, or gives up connecting.
    pub(super) fn lease(
        this: &Rc<Self>,
        key: Origin,
        must_be_new: bool,
        connect: Connect,
    ) -> Deferred<Lease> {
        if !must_be_new && let Some(connection) = this.take_idle(&key) {
            return Deferred::succeed(this.rent(connection, true));
        }
        if this.make_room(&key) {
            return this.connect(key, &connect);
        }
        let mut state = this.state.borrow_mut();
        state.last += 1;
        let number = state.last;
        let weak = Rc::downgrade(this);
        let (resolver, deferred) = Deferred::with_canceller(move || {
            if let Some(pool) = weak.upgrade() {
                pool.stop_waiting(number);
            }
        });
        let origin = key.to_string();
        state.waiting.push_back(Waiting {
            number,
            key,
            must_be_new,
            connect,
            resolver,
        });
        drop(state);
        deferred.add_errback(move |failure| {
            // A failed connection attempt has its own stage already.
            if failure.check::<RequestError>().is_some() {
                return Deferred::fail(failure);
            }
            Deferred::fail(RequestError::new(
                &origin,
                Stage::WaitingForConnection,
                failure,
            ))
        })
    }

    fn rent(&self, connection: Rc<Connection>, was_kept: bool) -> Lease {
        Lease {
            connection: Some(connection),
            pool: self.this.clone(),
            was_kept,
        }
    }

    fn stop_waiting(&self, number: u64) {
        let mut state = self.state.borrow_mut();
        let index = state
            .waiting
            .iter()
            .position(|waiting| waiting.number == number);
        let waiting = index.and_then(|index| state.waiting.remove(index));
        drop(state);
        drop(waiting);
    }

    /// The newest idle connection to an origin that is still usable.
    fn take_idle(&self, key: &Origin) -> Option<Rc<Connection>> {
        loop {
            let connection = self.state.borrow_mut().hosts.get_mut(key)?.idle.pop()?;
            if connection.is_usable(true) {
                return Some(connection);
            }
            // It tells us when it is closed.
            connection.close_idle();
        }
    }

    /// Whether one more connection to an origin may be made; the longest idle one of another
    /// origin gives way for it.
    fn make_room(&self, key: &Origin) -> bool {
        let mut state = self.state.borrow_mut();
        if state
            .hosts
            .get(key)
            .is_some_and(|host| host.open >= self.max_per_host)
        {
            return false;
        }
        if state.open < self.max_connections {
            return true;
        }
        let idle = state
            .hosts
            .values_mut()
            .find(|host| !host.idle.is_empty())
            .map(|host| host.idle.remove(0));
        drop(state);
        let Some(idle) = idle else { return false };
        idle.close_idle();
        self.forget(&idle);
        true
    }

    fn connect(&self, key: Origin, connect: &Connect) -> Deferred<Lease> {
        {
            let mut state = self.state.borrow_mut();
            state.open += 1;
            state.hosts.entry(key.clone()).or_default().open += 1;
        }
        let (this, origin) = (self.this.clone(), key.to_string());
        connect(&key).add_both(move |connected: Result<Rc<Connection>>| match connected {
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
        })
    }

    fn one_less(&self, key: &Origin) {
        let mut state = self.state.borrow_mut();
        state.open = state.open.saturating_sub(1);
        if let Some(host) = state.hosts.get_mut(key) {
            host.open = host.open.saturating_sub(1);
            if host.open == 0 && host.idle.is_empty() {
                state.hosts.remove(key);
            }
        }
        let done = if state.open == 0 {
            std::mem::take(&mut state.closing)
        } else {
            Vec::new()
        };
        drop(state);
        for resolver in done {
            resolver.callback(());
        }
    }

    /// A connection is closed: it makes room.
    fn forget(&self, connection: &Connection) {
        if connection.count_out() {
            self.one_less(connection.origin());
        }
    }

    fn serve_later(&self) {
        if self.state.borrow().waiting.is_empty() {
            return;
        }
        let this = self.this.clone();
        Deferred::succeed(()).map(move |()| {
            if let Some(this) = this.upgrade() {
                this.serve();
            }
        });
    }

    /// Serves those who wait, as far as there are connections for them.
    fn serve(&self) {
        let mut index = 0;
        loop {
            let next = {
                let state = self.state.borrow();
                let Some(waiting) = state.waiting.get(index) else {
                    return;
                };
                (waiting.key.clone(), waiting.must_be_new)
            };
            let (key, must_be_new) = next;
            let kept = if must_be_new {
                None
            } else {
                self.take_idle(&key)
            };
            if kept.is_none() && !self.make_room(&key) {
                index += 1;
                continue;
            }
            let Some(waiting) = self.state.borrow_mut().waiting.remove(index) else {
                return;
            };
            match kept {
                Some(connection) => {
                    waiting.resolver.callback(self.rent(connection, true));
                }
                None => self.connect(key, &waiting.connect).chain(waiting.resolver),
            }
        }
    }

    /// Closes what is idle, and everything else when it becomes so.
    pub(super) fn close(&self) -> Deferred<()> {
        let idle: Vec<_> = {
            let mut state = self.state.borrow_mut();
            state
                .hosts
                .values_mut()
                .flat_map(|host| std::mem::take(&mut host.idle))
                .collect()
        };
        self.state.borrow_mut().is_closing = true;
        for connection in idle {
            connection.close_idle();
        }
        let mut state = self.state.borrow_mut();
        if state.open == 0 {
            state.is_closing = false;
            return Deferred::succeed(());
        }
        let (resolver, deferred) = Deferred::new();
        state.closing.push(resolver);
        deferred
    }
}

impl Owner for Pool {
    fn is_idle(&self, connection: &Rc<Connection>) {
        let key = connection.origin().clone();
        let mut state = self.state.borrow_mut();
        let is_closing = state.is_closing;
        let evicted = match state.hosts.get_mut(&key) {
            Some(host) if !is_closing && self.max_idle_per_host > 0 => {
                host.idle.push(Rc::clone(connection));
                (host.idle.len() > self.max_idle_per_host).then(|| host.idle.remove(0))
            }
            _ => Some(Rc::clone(connection)),
        };
        drop(state);
        if let Some(evicted) = evicted {
            evicted.close_idle();
        }
        self.serve_later();
    }

    fn is_closed(&self, connection: &Rc<Connection>) {
        let key = connection.origin().clone();
        if let Some(host) = self.state.borrow_mut().hosts.get_mut(&key) {
            host.idle.retain(|idle| !Rc::ptr_eq(idle, connection));
        }
        self.forget(connection);
        self.serve_later();
    }
}
