//! How many connections may begin in some time.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use super::{Policy, Refusal};
use crate::{Address, Reactor};

/// Closes connections at once that begin too soon after others.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::policies::AcceptRate;
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Factory};
///
/// let reactor = Simulation::new().reactor();
/// // Two new connections a second.
/// let rate = AcceptRate::new(&reactor, 2, Duration::from_secs(1));
/// let mut factory = (|_: &Address| Echo).policy(rate);
/// let mut is_served = move || factory.build_protocol(&Address::Unnamed).is_some();
/// assert_eq!([is_served(), is_served(), is_served()], [true, true, false]);
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(is_served());
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct AcceptRate {
    reactor: Reactor,
    most: usize,
    period: Duration,
    /// When the last ones began, at most `most` of them.
    begun: VecDeque<Instant>,
}

impl AcceptRate {
    /// So many in any period of this length.
    pub fn new(reactor: &Reactor, most: usize, period: Duration) -> Self {
        Self {
            reactor: reactor.clone(),
            most,
            period,
            begun: VecDeque::new(),
        }
    }
}

impl Policy for AcceptRate {
    type Guard = ();

    fn admit(&mut self, _: &Address) -> Result<(), Refusal> {
        let now = self.reactor.now();
        let is_over = |begun: &Instant| now.saturating_duration_since(*begun) >= self.period;
        while self.begun.front().is_some_and(is_over) {
            self.begun.pop_front();
        }
        if self.begun.len() >= self.most {
            return Err(Refusal::new("there were too many just before"));
        }
        self.begun.push_back(now);
        Ok(())
    }
}

impl fmt::Debug for AcceptRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptRate")
            .field("most", &self.most)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}
