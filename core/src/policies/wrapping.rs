//! A factory with a policy.

use std::os::fd::OwnedFd;

use super::{Guard, Policy, Refusal};
use crate::{Address, Factory, Failure, Protocol, Result, Transport};

/// A factory with a policy; from [`Factory::policy`](crate::Factory::policy).
///
/// ```
/// use torsade_core::policies::{PeerLimit, WrappingFactory};
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::{Address, Factory};
///
/// /// Any factory, for polite clients.
/// fn polite<F: Factory>(factory: F) -> WrappingFactory<F, PeerLimit> {
///     factory.policy(PeerLimit::new(1))
/// }
///
/// let mut factory = polite(|_: &Address| Echo);
/// let peer = Address::Tcp("192.0.2.1:4000".parse()?);
/// let first = factory.build_protocol(&peer);
/// assert!(first.is_some());
/// assert!(factory.build_protocol(&peer).is_none());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct WrappingFactory<F, P> {
    factory: F,
    policy: P,
}

/// The protocol of a [`WrappingFactory`]'s connection: it passes everything on.
///
/// ```
/// # use std::time::Duration;
/// # use torsade_core::protocols::wire::Echo;
/// use torsade_core::policies::{ProtocolWrapper, Throttling, ThrottlingGuard};
/// use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// use torsade_core::{Address, ClientEndpoint, Factory, ProtocolRef, TcpClient, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let factory = |_: &Address| AccumulatingProtocol::new();
/// let slow = factory.policy(Throttling::new().read_limit_of_each(1000));
/// type Slow = ProtocolWrapper<AccumulatingProtocol, ThrottlingGuard>;
/// let client: ProtocolRef<Slow> = reactor.run_until(TcpClient::new(&reactor, address).connect(slow))?;
/// client.transport().write(b"hello");
/// reactor.advance(Duration::from_secs(1))?;
/// let echoed = client.with(|wrapper, _| wrapper.get_mut().unwrap().data())?;
/// assert_eq!(echoed, b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Debug)]
pub struct ProtocolWrapper<P, G> {
    kind: Kind<P, G>,
}

#[derive(Debug)]
enum Kind<P, G> {
    Admitted {
        protocol: P,
        guard: G,
    },
    /// It is told so, and closed.
    Refused(Refusal),
}

impl<F: Factory, P: Policy> WrappingFactory<F, P> {
    pub(crate) fn new(factory: F, policy: P) -> Self {
        Self { factory, policy }
    }
}

impl<F: Factory, P: Policy> Factory for WrappingFactory<F, P> {
    type Protocol = ProtocolWrapper<F::Protocol, P::Guard>;

    fn build_protocol(&mut self, peer: &Address) -> Option<Self::Protocol> {
        let kind = match self.policy.admit(peer) {
            Ok(guard) => Kind::Admitted {
                protocol: self.factory.build_protocol(peer)?,
                guard,
            },
            Err(refusal) => {
                log::debug!(target: "torsade", "closing {peer}: {}", refusal.why);
                refusal.farewell.as_ref()?;
                Kind::Refused(refusal)
            }
        };
        Some(ProtocolWrapper { kind })
    }

    fn start_factory(&mut self) {
        self.factory.start_factory();
    }

    fn stop_factory(&mut self) {
        self.factory.stop_factory();
    }

    fn handshake_failed(&mut self, peer: &Address, reason: &Failure) {
        self.factory.handshake_failed(peer, reason);
    }
}

impl<P, G> ProtocolWrapper<P, G> {
    /// The wrapped protocol; `None` if the connection was refused.
    #[doc(alias = "wrappedProtocol")]
    pub fn get_mut(&mut self) -> Option<&mut P> {
        match &mut self.kind {
            Kind::Admitted { protocol, .. } => Some(protocol),
            Kind::Refused(_) => None,
        }
    }
}

impl<P: Protocol, G: Guard> Protocol for ProtocolWrapper<P, G> {
    fn connection_made(&mut self, transport: &Transport) {
        match &mut self.kind {
            Kind::Admitted { protocol, guard } => {
                guard.connection_made(transport);
                protocol.connection_made(transport);
            }
            Kind::Refused(refusal) => {
                if let Some(farewell) = refusal.farewell.take() {
                    farewell(transport);
                }
                transport.lose_connection();
            }
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        match &mut self.kind {
            Kind::Admitted { protocol, guard } => {
                guard.data_received(transport, data);
                protocol.data_received(transport, data)
            }
            Kind::Refused(_) => Ok(()),
        }
    }

    fn descriptor_received(&mut self, transport: &Transport, descriptor: OwnedFd) {
        if let Some(protocol) = self.get_mut() {
            protocol.descriptor_received(transport, descriptor);
        }
    }

    fn read_closed(&mut self, transport: &Transport) {
        match self.get_mut() {
            Some(protocol) => protocol.read_closed(transport),
            None => transport.lose_connection(),
        }
    }

    fn write_closed(&mut self, transport: &Transport) {
        if let Some(protocol) = self.get_mut() {
            protocol.write_closed(transport);
        }
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Kind::Admitted { protocol, guard } = &mut self.kind {
            guard.connection_lost(reason);
            protocol.connection_lost(reason);
        }
    }
}
