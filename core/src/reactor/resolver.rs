//! Host names: from a name to addresses.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::str::FromStr;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use rustix::io::Errno;

use super::jobs;
use super::threads::ThreadPool;
use super::turn::Core;
use crate::deferred::maybe_deferred;
use crate::driver::Lookup;
use crate::names::NameResolver;
use crate::{Deferred, LookupError, LookupVerdict, Outcome, Reactor, Result};

/// The threads that wait for the system's resolver.
pub(super) struct Names {
    pub(super) threads: ThreadPool,
}

/// More look-ups than this wait for one another.
pub(super) const THREADS: usize = 8;

impl Names {
    pub(super) fn new() -> Self {
        Self {
            threads: ThreadPool::new("torsade-names", THREADS),
        }
    }

    pub(super) fn start(&self) -> io::Result<()> {
        self.threads.start()
    }

    /// Does not wait for the system's resolver, which may take half a minute to give up.
    pub(super) fn leave(&self) {
        self.threads.leave();
    }
}

/// The addresses of `host`, at least one.
#[track_caller]
pub(super) fn look_up(core: &Rc<Core>, host: &str) -> Deferred<Vec<IpAddr>> {
    if let Some(address) = literal(host) {
        return Deferred::succeed(vec![address]);
    }
    let error = |verdict| LookupError {
        host: host.to_owned(),
        verdict,
    };
    if let Err(why) = check_name(host) {
        return Deferred::fail(error(LookupVerdict::BadName(why)));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    // Taken out of the borrow: it may set another.
    let resolver = core.resolver.borrow().clone();
    match resolver {
        Some(resolver) => maybe_deferred(|| resolver.look_up(&host)),
        None => by_system(core, &host),
    }
}

/// The same, of a name that is one, without the resolver that the user may have set.
#[track_caller]
pub(super) fn by_system(core: &Rc<Core>, host: &str) -> Deferred<Vec<IpAddr>> {
    match core.driver.lookup(host) {
        Lookup::Known { verdict, delay } => {
            let host = host.to_owned();
            let verdict = verdict.map_err(|verdict| LookupError { host, verdict }.into());
            if delay.is_zero() {
                return verdict.into_deferred();
            }
            // Like the system's, it goes on when nobody waits for it any more.
            let (resolver, deferred) = Deferred::new();
            let _ = core
                .handle()
                .call_later(delay, move || resolver.resolve(verdict));
            deferred
        }
        Lookup::AskSystem => {
            let (host, own) = (host.to_owned(), host.to_owned());
            let asked = jobs::run(core, |core| &core.names.threads, move || ask_system(host));
            asked.add_errback(move |failure| {
                // The one other that there may be: the system had no thread for it.
                let error = failure.trap::<io::Error>()?;
                let verdict = LookupVerdict::Other(error.to_string());
                Err(LookupError { host: own, verdict }.into())
            })
        }
    }
}

/// An IP address in writing, an IPv6 one also in the brackets that it wears in a URL.
fn literal(host: &str) -> Option<IpAddr> {
    if let Some(inner) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return Ipv6Addr::from_str(inner).ok().map(IpAddr::V6);
    }
    IpAddr::from_str(host).ok()
}

/// What no resolver should be asked for (RFC 1035 section 2.3.4, RFC 5890 section 2.3.1).
fn check_name(host: &str) -> Result<(), &'static str> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err("it is empty");
    }
    if !name.is_ascii() {
        return Err("it must be in its ASCII form (punycode)");
    }
    if name.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    if name
        .split('.')
        .any(|label| label.is_empty() || label.len() > 63)
    {
        return Err("its labels must have 1 to 63 characters");
    }
    if name
        .bytes()
        .any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
    {
        return Err("it contains a space or a control character");
    }
    Ok(())
}

fn ask_system(host: String) -> Result<Vec<IpAddr>> {
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let verdict = match getaddrinfo(Some(&host), None, Some(hints)) {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for info in found.flatten() {
                let address = info.sockaddr.ip();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            LookupVerdict::NoAddress
        }
        Err(error) => match error.kind() {
            LookupErrorKind::NoName => match shortage() {
                None => LookupVerdict::NoSuchName,
                Some(shortage) => LookupVerdict::Other(shortage.to_string()),
            },
            LookupErrorKind::NoData => LookupVerdict::NoAddress,
            LookupErrorKind::Again => LookupVerdict::TryAgain,
            _ => LookupVerdict::Other(io::Error::from(error).to_string()),
        },
    };
    Err(LookupError { host, verdict }.into())
}

/// What the system lacks, if it lacks descriptors: then its resolver can open neither its files nor a
/// socket, and says of every name that there is none (glibc does).
fn shortage() -> Option<io::Error> {
    let error = File::open("/").err()?;
    let is_short = matches!(
        Errno::from_io_error(&error),
        Some(Errno::MFILE | Errno::NFILE)
    );
    is_short.then_some(error)
}

impl Reactor {
    /// Looks up the addresses of `host`: an IP literal at once, a name on a thread of its own pool.
    ///
    /// The addresses come in the order in which the system prefers them; there is at least one.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use torsade_core::testing::Simulation;
    ///
    /// let host = IpAddr::from([192, 0, 2, 7]);
    /// let reactor = Simulation::new().host("example.test", [host]).reactor();
    /// assert_eq!(reactor.run_until(reactor.look_up("example.test"))?, [host]);
    /// assert_eq!(reactor.run_until(reactor.look_up("192.0.2.7"))?, [host]);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`LookupError`](crate::LookupError) with what the resolver said.
    #[doc(alias = "resolve")]
    #[doc(alias = "nameResolver")]
    #[track_caller]
    pub fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        match self.try_core() {
            Ok(core) => look_up(&core, host),
            Err(error) => Deferred::fail(error),
        }
    }

    /// Has host names looked up by `resolver` from now on: see [`names`](crate::names).
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use torsade_core::LookupError;
    /// use torsade_core::names::Hosts;
    /// use torsade_core::testing::Simulation;
    ///
    /// let reactor = Simulation::new().reactor();
    /// let db = IpAddr::from([192, 0, 2, 7]);
    /// reactor.set_resolver(Hosts::new().host("db.internal", [db]));
    /// assert_eq!(reactor.run_until(reactor.look_up("db.internal"))?, [db]);
    /// // Nobody else is asked.
    /// let failure = reactor.run_until(reactor.look_up("localhost")).unwrap_err();
    /// assert!(failure.check::<LookupError>().is_some());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "installNameResolver")]
    #[doc(alias = "installResolver")]
    pub fn set_resolver(&self, resolver: impl NameResolver) {
        if let Ok(core) = self.try_core() {
            let before = core.resolver.replace(Some(Rc::new(resolver)));
            drop(before);
        }
    }

    pub(crate) fn look_up_by_system(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        match self.try_core() {
            Ok(core) => by_system(&core, host),
            Err(error) => Deferred::fail(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_need_no_resolver() {
        // R102
        assert_eq!(literal("127.0.0.1"), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(literal("::1"), Some("::1".parse().unwrap()));
        assert_eq!(literal("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(literal("[127.0.0.1]"), None);
        assert_eq!(literal("localhost"), None);
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        // C121
        for bad in [
            "",
            ".",
            "a..b",
            "b\u{fc}cher.test",
            "a b",
            &"x".repeat(64),
            &"x.".repeat(130),
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in [
            "localhost",
            "example.com.",
            "xn--bcher-kva.test",
            "_srv.a-b.test",
        ] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
    }
}
