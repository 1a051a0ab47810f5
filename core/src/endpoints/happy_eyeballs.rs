//! Happy eyeballs: a race between the addresses of one host (RFC 8305).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::net::{self, ConnectOptions, Established};
use crate::reactor::turn::Core;
use crate::{
    AllAttemptsFailed, Canceller, Deferred, DelayedCall, Failure, ReactorError, Resolver, Result,
};

/// The "connection attempt delay" that RFC 8305 section 8 recommends.
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Tries the addresses one after another: the next one when the one before has failed or has been
/// silent for `delay`. The first to be connected wins, and the others are given up.
pub(super) fn race(
    core: &Rc<Core>,
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
    options: &ConnectOptions,
    delay: Duration,
) -> Deferred<Established> {
    let race = Rc::new_cyclic(|this: &Weak<RefCell<Race>>| {
        RefCell::new(Race {
            this: this.clone(),
            core: Rc::downgrade(core),
            host,
            port,
            options: options.clone(),
            delay,
            waiting: interleave(addresses)
                .into_iter()
                .map(|ip| (ip, port).into())
                .collect(),
            running: Vec::new(),
            failures: Vec::new(),
            timer: None,
            resolver: None,
        })
    });
    // The race is kept alive by this closure and by those of its attempts.
    let to_cancel = Rc::clone(&race);
    let (resolver, deferred) = Deferred::with_canceller(move || Race::give_up(&to_cancel));
    race.borrow_mut().resolver = Some(resolver);
    Race::start_next(&race);
    deferred
}

/// Alternates the families, beginning with that of the first address (RFC 8305 section 4), and
/// names no address twice.
fn interleave(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else {
        return addresses;
    };
    let is_first_family = |ip: &IpAddr| ip.is_ipv4() == first.is_ipv4();
    let (first_family, second_family): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(is_first_family);
    let mut second_family = second_family.into_iter();
    let mut ordered = Vec::with_capacity(addresses.len());
    for ip in first_family {
        ordered.push(ip);
        ordered.extend(second_family.next());
    }
    ordered.extend(second_family);
    let mut seen = Vec::with_capacity(ordered.len());
    ordered.retain(|ip| {
        let is_new = !seen.contains(ip);
        seen.push(*ip);
        is_new
    });
    ordered
}

struct Race {
    this: Weak<RefCell<Self>>,
    core: Weak<Core>,
    host: String,
    port: u16,
    options: ConnectOptions,
    delay: Duration,
    waiting: VecDeque<SocketAddr>,
    running: Vec<(SocketAddr, Canceller)>,
    failures: Vec<(SocketAddr, Failure)>,
    /// Starts the next attempt beside those that run.
    timer: Option<DelayedCall>,
    /// `None` once the race is decided.
    resolver: Option<Resolver<Established>>,
}

impl Race {
    fn start_next(race: &Rc<RefCell<Self>>) {
        let (core, address, options) = {
            let mut this = race.borrow_mut();
            let Some(core) = this.core.upgrade() else {
                return;
            };
            if this.resolver.is_none() {
                return;
            }
            let Some(address) = this.waiting.pop_front() else {
                return;
            };
            this.rearm(&core);
            (core, address, this.options.clone())
        };
        log::debug!(target: "torsade::connect", "trying {address}");
        // Without a borrow: an attempt may fail at once.
        let attempt = if core.has_stopped() {
            Deferred::fail(ReactorError::Stopped)
        } else {
            net::attempt(&core, address, &options)
        };
        race.borrow_mut()
            .running
            .push((address, attempt.canceller()));
        let race = Rc::clone(race);
        drop(attempt.add_both(move |result| Self::attempted(&race, address, result)));
    }

    fn attempted(race: &Rc<RefCell<Self>>, address: SocketAddr, result: Result<Established>) {
        let mut this = race.borrow_mut();
        this.running.retain(|(running, _)| *running != address);
        if this.resolver.is_none() {
            // Decided already: what came late is closed by being dropped.
            drop(this);
            return;
        }
        match result {
            Ok(stream) => {
                log::debug!(target: "torsade::connect", "connected to {address}");
                let resolver = this.end();
                let losers = std::mem::take(&mut this.running);
                drop(this);
                for (_, loser) in losers {
                    loser.cancel();
                }
                if let Some(resolver) = resolver {
                    resolver.callback(stream);
                }
            }
            Err(failure) => {
                log::debug!(target: "torsade::connect", "{failure:#}");
                this.failures.push((address, failure));
                if !this.waiting.is_empty() {
                    drop(this);
                    return Self::start_next(race);
                }
                if this.running.is_empty() {
                    let resolver = this.end();
                    let (host, port) = (this.host.clone(), this.port);
                    let attempts = std::mem::take(&mut this.failures);
                    drop(this);
                    if let Some(resolver) = resolver {
                        resolver.errback(AllAttemptsFailed {
                            host,
                            port,
                            attempts,
                        });
                    }
                }
            }
        }
    }

    /// Has the next attempt start after the delay, if there is a next one.
    fn rearm(&mut self, core: &Rc<Core>) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        if self.waiting.is_empty() {
            return;
        }
        let race = self.this.clone();
        self.timer = Some(core.handle().call_later(self.delay, move || {
            if let Some(race) = race.upgrade() {
                Self::start_next(&race);
            }
        }));
    }

    fn end(&mut self) -> Option<Resolver<Established>> {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
        self.resolver.take()
    }

    /// Cancelled from outside.
    fn give_up(race: &Rc<RefCell<Self>>) {
        let (resolver, running) = {
            let mut this = race.borrow_mut();
            (this.end(), std::mem::take(&mut this.running))
        };
        for (_, attempt) in running {
            attempt.cancel();
        }
        drop(resolver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_beginning_with_the_preferred_one() {
        // C119, R104
        let ordered = interleave(ips(&["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]));
        assert_eq!(ordered, ips(&["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]));
        let ordered = interleave(ips(&["1.1.1.1", "::1", "1.1.1.1", "2.2.2.2"]));
        assert_eq!(ordered, ips(&["1.1.1.1", "::1", "2.2.2.2"]));
        assert!(interleave(Vec::new()).is_empty());
    }
}
