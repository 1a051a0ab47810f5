//! Names: other ways from a host name to its addresses than the system's.
//!
//! A resolver wraps another, down to the [`SystemResolver`], and is given to the reactor:
//!
//! ```
//! use std::time::Duration;
//! use torsade_core::names::{Cache, Hosts, SystemResolver};
//! use torsade_core::testing::Simulation;
//!
//! # fn main() -> torsade_core::Result<()> {
//! let reactor = Simulation::new().reactor();
//! let system = SystemResolver::new(&reactor);
//! let cached = Cache::new(&reactor, system).expiry(Duration::from_secs(60));
//! let hosts = Hosts::new().host("db.test", ["10.0.0.7".parse()?]).or_else(cached);
//! reactor.set_resolver(hosts);
//! let addresses = reactor.run_until(reactor.look_up("DB.test"))?;
//! assert_eq!(addresses[0].to_string(), "10.0.0.7");
//! # Ok(())
//! # }
//! ```

mod cache;
mod hosts;
mod scoped;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::{Deferred, Reactor};

pub use cache::Cache;
pub use hosts::Hosts;
pub(crate) use scoped::parse_scoped;

/// Looks host names up, for a reactor that it is given to with
/// [`set_resolver`](Reactor::set_resolver).
///
/// It is asked neither for IP addresses in writing nor for what is no host name.
///
/// ```
/// use std::net::IpAddr;
/// use torsade_core::names::NameResolver;
/// use torsade_core::{Deferred, Reactor};
///
/// /// Everybody is at home.
/// struct Home;
///
/// impl NameResolver for Home {
///     fn look_up(&self, _: &str) -> Deferred<Vec<IpAddr>> {
///         Deferred::succeed(vec![IpAddr::from([127, 0, 0, 1])])
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// reactor.set_resolver(Home);
/// assert_eq!(reactor.run_until(reactor.look_up("example.com"))?.len(), 1);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IHostnameResolver")]
#[doc(alias = "IResolverSimple")]
pub trait NameResolver: 'static {
    /// The addresses of `host`, which is in lower case and without a dot at its end: at least one,
    /// the preferred first.
    ///
    /// # Errors
    /// [`LookupError`](crate::LookupError), with a verdict.
    #[doc(alias = "resolveHostName")]
    #[doc(alias = "getHostByName")]
    fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>>;
}

/// The system's own resolver (getaddrinfo), on a pool of threads; in a simulated world, the names of
/// that world. What a reactor has from the beginning.
///
/// ```
/// use torsade_core::Reactor;
/// use torsade_core::names::{NameResolver, SystemResolver};
///
/// let reactor = Reactor::new()?;
/// let addresses = reactor.run_until(SystemResolver::new(&reactor).look_up("localhost"))?;
/// assert!(addresses[0].is_loopback());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "GAIResolver")]
#[doc(alias = "ThreadedResolver")]
pub struct SystemResolver {
    reactor: Reactor,
}

impl SystemResolver {
    /// The one of that reactor.
    pub fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
        }
    }
}

impl NameResolver for SystemResolver {
    fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        self.reactor.look_up_by_system(host)
    }
}
