//! The protocol of a service: it passes everything on, and tells the service when it is lost.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use crate::{Address, Factory, Failure, Protocol, Result, Transport};

/// A protocol whose connection a [`ClientService`](super::ClientService) keeps.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::endpoints::{ClientService, Served};
/// # use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::Simulation;
/// use torsade_core::{Address, Protocol, Result, TcpClient, TcpServer, Transport};
///
/// #[derive(Default)]
/// struct Clock {
///     ticks: u32,
/// }
///
/// impl Protocol for Clock {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
///         self.ticks += 1;
///         Ok(())
///     }
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// # let endpoint = TcpClient::new(&reactor, address);
/// let service = ClientService::new(&reactor, endpoint, |_: &Address| Clock::default());
/// service.start();
/// let clock = reactor.run_until(service.when_connected())?;
/// clock.transport().write(b"tick"); // to an echo server
/// reactor.advance(Duration::from_secs(1))?;
/// // `ticks` is a field of `Clock`.
/// assert_eq!(clock.with(|served: &mut Served<Clock>, _| served.ticks)?, 1);
/// # torsade_core::Result::<()>::Ok(())
/// ```
pub struct Served<P> {
    protocol: P,
    lost: Option<Box<dyn FnOnce()>>,
}

/// Each attempt builds its protocol with the same factory.
pub(super) type SharedFactory<P> = Rc<RefCell<dyn Factory<Protocol = P>>>;

/// Builds the protocol of one attempt with the service's factory.
pub(super) struct Serving<P> {
    factory: SharedFactory<P>,
    lost: Option<Box<dyn FnOnce()>>,
}

impl<P: Protocol> Serving<P> {
    pub(super) fn new(factory: &SharedFactory<P>, lost: impl FnOnce() + 'static) -> Self {
        Self {
            factory: Rc::clone(factory),
            lost: Some(Box::new(lost)),
        }
    }
}

impl<P: Protocol> Factory for Serving<P> {
    type Protocol = Served<P>;

    fn build_protocol(&mut self, peer: &Address) -> Option<Self::Protocol> {
        Some(Served {
            protocol: self.factory.borrow_mut().build_protocol(peer)?,
            lost: self.lost.take(),
        })
    }
}

impl<P: Protocol> Protocol for Served<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.protocol.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.protocol.data_received(transport, data)
    }

    fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
        self.protocol.descriptor_received(transport, descriptor);
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.protocol.read_closed(transport);
    }

    fn write_closed(&mut self, transport: &Transport) {
        self.protocol.write_closed(transport);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.protocol.connection_lost(reason);
        if let Some(lost) = self.lost.take() {
            lost();
        }
    }
}

impl<P> Deref for Served<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.protocol
    }
}

impl<P> DerefMut for Served<P> {
    fn deref_mut(&mut self) -> &mut P {
        &mut self.protocol
    }
}

impl<P: fmt::Debug> fmt::Debug for Served<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)
    }
}
