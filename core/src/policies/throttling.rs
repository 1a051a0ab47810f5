//! How fast connections may be.

use super::{Guard, Policy, Refusal};
use crate::{Address, Bandwidth, Transport};

/// Limits the bytes a second of connections, each for itself or all of them together.
///
/// ```
/// use torsade_core::policies::Throttling;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Bandwidth, Factory};
/// # use torsade_core::{Protocol, Result, Transport};
/// # struct Quiet;
/// # impl Protocol for Quiet {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> { Ok(()) }
/// # }
///
/// # let reactor = Simulation::new().reactor();
/// let for_all = Bandwidth::new(&reactor, 10_000_000);
/// let factory = (|_: &Address| Quiet)
///     .policy(Throttling::new().write_limit(&for_all).write_limit_of_each(1_000_000));
/// # drop(factory);
/// ```
#[derive(Clone, Debug, Default)]
#[doc(alias = "ThrottlingFactory")]
pub struct Throttling {
    reading: Vec<Limit>,
    writing: Vec<Limit>,
}

#[derive(Clone, Debug)]
enum Limit {
    OfAll(Bandwidth),
    OfEach(u64),
}

impl Limit {
    fn bandwidth(&self, transport: &Transport) -> Bandwidth {
        match self {
            Self::OfAll(bandwidth) => bandwidth.clone(),
            Self::OfEach(bytes_a_second) => Bandwidth::new(&transport.reactor(), *bytes_a_second),
        }
    }
}

impl Throttling {
    /// No limit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of them together read no faster than this.
    #[must_use]
    #[doc(alias = "readLimit")]
    pub fn read_limit(mut self, bandwidth: &Bandwidth) -> Self {
        self.reading.push(Limit::OfAll(bandwidth.clone()));
        self
    }

    /// All of them together write no faster than this.
    #[must_use]
    #[doc(alias = "writeLimit")]
    pub fn write_limit(mut self, bandwidth: &Bandwidth) -> Self {
        self.writing.push(Limit::OfAll(bandwidth.clone()));
        self
    }

    /// Each reads no more than so many bytes a second.
    #[must_use]
    pub fn read_limit_of_each(mut self, bytes_a_second: u64) -> Self {
        self.reading.push(Limit::OfEach(bytes_a_second));
        self
    }

    /// Each writes no more than so many bytes a second.
    #[must_use]
    pub fn write_limit_of_each(mut self, bytes_a_second: u64) -> Self {
        self.writing.push(Limit::OfEach(bytes_a_second));
        self
    }
}

impl Policy for Throttling {
    type Guard = ThrottlingGuard;

    fn admit(&mut self, _: &Address) -> Result<ThrottlingGuard, Refusal> {
        Ok(ThrottlingGuard(self.clone()))
    }
}

/// Sets the limits of one connection.
#[derive(Debug)]
pub struct ThrottlingGuard(Throttling);

impl Guard for ThrottlingGuard {
    fn connection_made(&mut self, transport: &Transport) {
        let limits = std::mem::take(&mut self.0);
        let traffic = transport.traffic();
        for limit in &limits.reading {
            traffic.limit_reading(&limit.bandwidth(transport));
        }
        for limit in &limits.writing {
            traffic.limit_writing(&limit.bandwidth(transport));
        }
    }
}
