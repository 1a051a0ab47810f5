//! The suite of all stream transports, over TCP.

use std::time::Duration;

use crate::Reactor;
use crate::testing::Simulation;
use crate::testing::conformance::Harness;

/// The system's TCP, over the loopback interface.
struct System;

impl Harness for System {
    fn reactor(&self) -> Reactor {
        Reactor::new().expect("the system gives a queue of events")
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn volume(&self) -> usize {
        20_000_000
    }

    fn flood(&self) -> usize {
        20_000_000
    }
}

/// A simulated world.
struct World {
    segment: usize,
    window: usize,
    delay: Duration,
    volume: usize,
}

impl Harness for World {
    fn reactor(&self) -> Reactor {
        Simulation::new()
            .segment_size(self.segment)
            .window(self.window)
            .delay(self.delay)
            .reactor()
    }

    fn volume(&self) -> usize {
        self.volume
    }

    fn flood(&self) -> usize {
        self.window + 300_000
    }
}

mod system {
    crate::connection_conformance!(super::System);
}

mod single_bytes {
    crate::connection_conformance!(super::World {
        segment: 1,
        window: 64 * 1024,
        delay: super::Duration::from_millis(1),
        volume: 200_000,
    });
}

mod tiny_windows {
    crate::connection_conformance!(super::World {
        segment: 7,
        window: 100,
        delay: super::Duration::ZERO,
        volume: 200_000,
    });
}

mod long_delays {
    crate::connection_conformance!(super::World {
        segment: 1460,
        window: 20_000,
        delay: super::Duration::from_millis(200),
        volume: 2_000_000,
    });
}

mod plain_ethernet {
    crate::connection_conformance!(super::World {
        segment: 1460,
        window: 64 * 1024,
        delay: super::Duration::from_millis(1),
        volume: 20_000_000,
    });
}
