//! Names that are known beforehand.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::NameResolver;
use crate::{Deferred, LookupError, LookupVerdict};

/// Names that are known beforehand, as in `/etc/hosts`. Others are looked up elsewhere, if there is
/// an [`or_else`](Self::or_else), and do not exist otherwise.
///
/// ```
/// use std::net::IpAddr;
/// use torsade_core::Reactor;
/// use torsade_core::names::{Hosts, SystemResolver};
///
/// let reactor = Reactor::new()?;
/// let own = Hosts::new().host("db.internal", [IpAddr::from([127, 0, 0, 1])]);
/// reactor.set_resolver(own.or_else(SystemResolver::new(&reactor)));
/// let addresses = reactor.run_until(reactor.look_up("db.internal"))?;
/// assert_eq!(addresses, [IpAddr::from([127, 0, 0, 1])]);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Default)]
#[doc(alias = "twisted.names.hosts.Resolver")]
pub struct Hosts {
    names: HashMap<String, Vec<IpAddr>>,
    otherwise: Option<Box<dyn NameResolver>>,
}

impl Hosts {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of a file in the format of `/etc/hosts`: on each line an address and its names.
    /// A `#` begins a comment; a line without an address is passed over, as the system does.
    ///
    /// ```
    /// use torsade_core::Reactor;
    /// use torsade_core::names::Hosts;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.set_resolver(Hosts::from_file("/etc/hosts")?);
    /// assert!(reactor.run_until(reactor.look_up("localhost"))?[0].is_loopback());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// What the system says when the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        Ok(Self::from_text(&String::from_utf8_lossy(&bytes)))
    }

    /// The same, from the text of such a file.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use torsade_core::names::Hosts;
    /// use torsade_core::testing::Simulation;
    ///
    /// let hosts = Hosts::from_text("# our own\n192.0.2.7  db.internal db\n192.0.2.8  db.internal\n");
    /// let reactor = Simulation::new().reactor();
    /// reactor.set_resolver(hosts);
    /// let db = [7, 8].map(|last| IpAddr::from([192, 0, 2, last]));
    /// assert_eq!(reactor.run_until(reactor.look_up("DB.internal."))?, db);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn from_text(text: &str) -> Self {
        let mut hosts = Self::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            // A link-local address may carry its scope, which has no place in an `IpAddr`.
            let address = words.next().and_then(|word| word.split('%').next());
            let Some(Ok(address)) = address.map(str::parse) else {
                continue;
            };
            for name in words {
                hosts = hosts.host(name, [address]);
            }
        }
        hosts
    }

    /// Adds a name, or further addresses to one.
    pub fn host(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.names.entry(name).or_default().extend(addresses);
        self
    }

    /// Where other names are looked up.
    pub fn or_else(mut self, resolver: impl NameResolver) -> Self {
        self.otherwise = Some(Box::new(resolver));
        self
    }
}

impl NameResolver for Hosts {
    fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        match (self.names.get(host), &self.otherwise) {
            (Some(addresses), _) if !addresses.is_empty() => Deferred::succeed(addresses.clone()),
            (_, Some(otherwise)) => otherwise.look_up(host),
            (_, None) => Deferred::fail(LookupError {
                host: host.to_owned(),
                verdict: LookupVerdict::NoSuchName,
            }),
        }
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts")
            .field("names", &self.names)
            .field("has_otherwise", &self.otherwise.is_some())
            .finish()
    }
}
