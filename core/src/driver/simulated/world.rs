//! What the drivers of one world share: the time, the network, and whose turn it is.
//!
//! One of the reactors drives: it is the one whose `run` was called. When its driver polls, the
//! others get their turns from here; their own polls, which then come from within, do not wait.

use std::cell::{Cell, RefCell, RefMut};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::network::{Addresses, HostId, Network};
use super::random::Random;
use super::waker::Wakers;
use super::work::{self, Work};
use super::{SimulatedDriver, SimulationOptions};
use crate::driver::Start;

/// What lives on a host: a reactor, as its world sees it.
pub(crate) trait Program {
    /// Whether it has stopped for good.
    fn has_ended(&self) -> bool;

    /// When it needs its next turn: a moment that has passed if it has something to do, and `None`
    /// if only an event can give it something. It is woken if a thread does.
    fn next_turn(&self) -> Option<Instant>;

    /// One turn in the course of another's.
    fn take_turn(self: Rc<Self>);

    /// Ends at once, or when the running user function has returned.
    fn end_soon(self: Rc<Self>);
}

/// The hosts of a world, and all that is between them.
pub(crate) struct SimulatedWorld {
    /// What the world's time counts from.
    base: Instant,
    /// What its clock shows, which follows from the network's time: kept, as each timer asks for it.
    moment: Cell<Instant>,
    /// Shared with every stream and listener.
    pub(super) network: Rc<RefCell<Network>>,
    /// By host.
    members: RefCell<Vec<Member>>,
    pub(super) wakers: Arc<Wakers>,
    /// Whether one gets its turn from another.
    is_giving_turns: Cell<bool>,
    /// In which order they do, and their work is done.
    order: RefCell<Random>,
    /// What threads are to do.
    work: RefCell<Work>,
}

struct Member {
    program: Option<Weak<dyn Program>>,
    threads_at_work: Rc<Cell<i32>>,
}

impl Member {
    fn living(&self) -> Option<Rc<dyn Program>> {
        let program = self.program.as_ref()?.upgrade()?;
        (!program.has_ended()).then_some(program)
    }
}

impl SimulatedWorld {
    pub(crate) fn new(options: SimulationOptions, seed: u64) -> Rc<Self> {
        let mut seeds = Random::new(seed);
        let base = Instant::now();
        Rc::new(Self {
            base,
            moment: Cell::new(base),
            network: Rc::new(RefCell::new(Network::new(options, seeds.next()))),
            members: RefCell::default(),
            wakers: Arc::default(),
            is_giving_turns: Cell::new(false),
            order: RefCell::new(Random::new(seeds.next())),
            work: RefCell::default(),
        })
    }

    pub(crate) fn network(&self) -> RefMut<'_, Network> {
        self.network.borrow_mut()
    }

    /// A new host, and the driver of its program.
    pub(crate) fn add_host(self: &Rc<Self>, name: &str, addresses: Addresses) -> SimulatedDriver {
        let host = self.network.borrow_mut().add_host(name, addresses);
        let threads_at_work = Rc::default();
        self.members.borrow_mut().push(Member {
            program: None,
            threads_at_work: Rc::clone(&threads_at_work),
        });
        SimulatedDriver::of(self, host, threads_at_work)
    }

    /// Says who lives on a host, so that it gets its turns.
    pub(crate) fn settle(&self, host: HostId, program: Weak<dyn Program>) {
        self.members.borrow_mut()[host].program = Some(program);
    }

    /// The host's program ends, and nothing of that leaves it.
    pub(crate) fn crash(&self, host: HostId) {
        let life = {
            let mut network = self.network.borrow_mut();
            network.crash(host);
            network.life(host)
        };
        drop(self.work.borrow_mut().forget(host, life));
        let program = self.members.borrow()[host].living();
        if let Some(program) = program {
            program.end_soon();
        }
    }

    /// The driver of another program on the same host, which crashes if it has not.
    pub(crate) fn restart(self: &Rc<Self>, host: HostId) -> SimulatedDriver {
        self.crash(host);
        self.network.borrow_mut().restart(host);
        let threads_at_work = Rc::default();
        self.members.borrow_mut()[host] = Member {
            program: None,
            threads_at_work: Rc::clone(&threads_at_work),
        };
        SimulatedDriver::of(self, host, threads_at_work)
    }

    pub(super) fn now(&self) -> Instant {
        self.moment.get()
    }

    /// The time from the world's beginning to this moment.
    pub(super) fn since_beginning(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.base)
    }

    pub(super) fn is_giving_turns(&self) -> bool {
        self.is_giving_turns.get()
    }

    /// Gives a turn to all who need one but the one who drives. Gives back whether any did, and
    /// when the next one will.
    pub(super) fn give_turns(&self, driving: HostId) -> (bool, Option<Duration>) {
        let (mut ready, next) = self.others(driving);
        self.order.borrow_mut().shuffle(&mut ready);
        let any = !ready.is_empty();
        self.is_giving_turns.set(true);
        for program in ready {
            program.take_turn();
        }
        self.is_giving_turns.set(false);
        (any, next)
    }

    /// Whether any needs a turn but the one who drives.
    pub(super) fn others_are_ready(&self, driving: HostId) -> bool {
        !self.others(driving).0.is_empty()
    }

    /// Who needs a turn now, and when the next one of the others will.
    fn others(&self, driving: HostId) -> (Vec<Rc<dyn Program>>, Option<Duration>) {
        let mut ready = Vec::new();
        let mut next = None::<Duration>;
        for (host, member) in self.members.borrow().iter().enumerate() {
            let takes_turns = host != driving && !self.network.borrow().is_frozen(host);
            let Some(program) = member.living().filter(|_| takes_turns) else {
                continue;
            };
            // Asked in any case: from then on, it is woken.
            let turn = program.next_turn().map(|at| self.since_beginning(at));
            let network = self.network.borrow();
            if network.has_events(host) || turn.is_some_and(|at| at <= network.now()) {
                ready.push(program);
            } else if let Some(at) = turn {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        (ready, next)
    }

    /// Whether a thread works for any of them.
    pub(super) fn has_threads_at_work(&self, driving: HostId) -> bool {
        let members = self.members.borrow();
        let mut working = members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.threads_at_work.get() > 0);
        // One that has ended is never told what its threads have done, and one that is frozen is not
        // told now.
        let network = self.network.borrow();
        working.any(|(host, member)| {
            !network.is_frozen(host) && (host == driving || member.living().is_some())
        })
    }

    /// Has a piece of work begun when its turn has come, on this host in this life.
    pub(super) fn add_work(&self, whose: (HostId, u32), start: Start) {
        let mut network = self.network.borrow_mut();
        let most = network.options().thread_time;
        let mut order = self.order.borrow_mut();
        let at = network.now().saturating_add(order.up_to(most));
        let mut work = self.work.borrow_mut();
        work.add(at, &mut order, whose, start);
    }

    /// Begins the next piece of work that is due, unless a thread is at one. Gives back whether it has.
    pub(super) fn begin_work(&self, driving: HostId) -> bool {
        !self.has_threads_at_work(driving) && self.begin_next(driving)
    }

    fn begin_next(&self, driving: HostId) -> bool {
        let start = {
            let network = self.network.borrow();
            let may_go_on = |host| !network.is_frozen(host);
            self.work.borrow_mut().take(network.now(), may_go_on)
        };
        let Some(start) = start else { return false };
        work::begin(start, &self.wakers, driving);
        true
    }

    /// Waits in real time until a thread has something to say; or, as it may wait for other work, begins
    /// that.
    pub(super) fn wait_for_threads(&self, driving: HostId) {
        if !self.begin_next(driving) {
            self.wakers.wait(driving);
        }
    }

    /// Moves the clock to the next thing that happens, if that comes before `until`, or else there.
    /// Gives back whether something happens.
    pub(super) fn advance(
        &self,
        next_turn: Option<Duration>,
        until: Option<Duration>,
    ) -> io::Result<bool> {
        let mut network = self.network.borrow_mut();
        let work = self.work.borrow().next(|host| !network.is_frozen(host));
        let next = [network.next_arrival(), next_turn, work];
        let next = next.into_iter().flatten().min();
        let (to, happens) = match (next, until) {
            (Some(next), until) if until.is_none_or(|until| next <= until) => (next, true),
            (_, Some(until)) => (until, false),
            (_, None) => {
                return Err(io::Error::other(
                    "nothing can ever happen any more: every program in the simulation waits",
                ));
            }
        };
        network.advance(to);
        self.moment.set(self.base + network.now());
        Ok(happens)
    }
}
