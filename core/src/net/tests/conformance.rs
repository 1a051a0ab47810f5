//! The suite of all stream transports, over TCP and UNIX sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::endpoints::{ClientEndpoint, Established, ServerEndpoint, UnixClient, UnixServer};
use crate::testing::Simulation;
use crate::testing::conformance::Harness;
use crate::{Address, Deferred, Reactor, UnixName};

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

/// UNIX sockets with abstract names, over the system's or in a simulated world.
struct Unix {
    is_virtual: bool,
}

impl Harness for Unix {
    fn reactor(&self) -> Reactor {
        match self.is_virtual {
            true => Simulation::new().reactor(),
            false => Reactor::new().expect("the system gives a queue of events"),
        }
    }

    fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    fn volume(&self) -> usize {
        20_000_000
    }

    fn flood(&self) -> usize {
        20_000_000
    }

    fn has_reset(&self) -> bool {
        self.is_virtual
    }

    fn server(&self, reactor: &Reactor) -> ServerEndpoint {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("torsade-conformance-{}-{number}", std::process::id());
        let name = UnixName::Abstract(name.into_bytes());
        ServerEndpoint::Unix(UnixServer::new(reactor, name))
    }

    fn establish(&self, reactor: &Reactor, address: &Address) -> Deferred<Established> {
        match address {
            Address::Unix(name) => UnixClient::new(reactor, name.clone()).establish(),
            other => panic!("{other} is no UNIX socket"),
        }
    }
}

mod unix {
    crate::connection_conformance!(super::Unix { is_virtual: false });
}

mod simulated_unix {
    crate::connection_conformance!(super::Unix { is_virtual: true });
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
