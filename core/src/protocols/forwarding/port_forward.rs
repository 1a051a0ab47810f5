//! A port that is another one.

use std::fmt;
use std::rc::Rc;

use super::joint::{Joint, Side};
use super::onward;
use crate::endpoints::ClientEndpoint;
use crate::{Address, Canceller, Factory, Failure, Protocol, Result, Transport};

/// Passes each connection on to wherever an endpoint leads.
///
/// An incoming connection is not read until its onward one is there. What waits to be sent on one side
/// keeps the other from being read, and an end of one direction ends that direction on the other side. So
/// does a connection that breaks break the other, behind what it had sent: nothing that is cut off looks
/// complete.
///
/// ```
/// use torsade_core::endpoints::HostnameClient;
/// use torsade_core::protocols::PortForward;
/// # use torsade_core::protocols::wire::Echo;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{Address, ClientEndpoint, TcpClient};
/// use torsade_core::TcpServer;
///
/// # let host = [192, 0, 2, 7].into();
/// # let reactor = Simulation::new().host("www.example.org", [host]).reactor();
/// # TcpServer::new(&reactor, (host, 80).into()).listen(|_: &Address| Echo)?;
/// # let address = "127.0.0.1:8080".parse()?;
/// let server = TcpServer::new(&reactor, address);
/// server.listen(PortForward::to(HostnameClient::new(&reactor, "www.example.org", 80)))?;
/// # let seen = AccumulatingProtocol::new();
/// # let client = reactor.run_until(TcpClient::new(&reactor, address).connect_protocol(seen.clone()))?;
/// client.transport().write(b"hello");
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(seen.data(), b"hello"); // from an echo server there
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "portforward")]
#[doc(alias = "ProxyFactory")]
#[doc(alias = "ProxyClientFactory")]
#[doc(alias = "Proxy")]
#[doc(alias = "ProxyClient")]
#[doc(alias = "ProxyServer")]
pub struct PortForward {
    endpoint: Rc<dyn ClientEndpoint>,
}

impl PortForward {
    /// Passes them on by `endpoint`.
    pub fn to(endpoint: impl ClientEndpoint) -> Self {
        Self {
            endpoint: Rc::new(endpoint),
        }
    }
}

impl Factory for PortForward {
    type Protocol = ForwardedPort;

    fn build_protocol(&mut self, _: &Address) -> Option<ForwardedPort> {
        Some(ForwardedPort {
            endpoint: Rc::clone(&self.endpoint),
            joint: Rc::default(),
            connecting: None,
        })
    }
}

/// A connection that is passed on.
///
/// ```
/// use torsade_core::protocols::{ForwardedPort, PortForward};
/// # use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::{Simulation, StringTransport};
/// use torsade_core::{Address, Factory, TcpClient, TcpServer};
///
/// let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:7".parse()?;
/// # TcpServer::new(&reactor, address).listen(|_: &Address| Echo)?;
/// let mut factory = PortForward::to(TcpClient::new(&reactor, address)); // to an echo server
/// let forwarded: ForwardedPort = factory.build_protocol(&Address::Unnamed).unwrap();
/// let wire = StringTransport::new().on(&reactor);
/// let _forwarded = wire.connect(forwarded);
/// wire.receive(b"hello")?;
/// reactor.advance(std::time::Duration::from_secs(1))?;
/// assert_eq!(wire.value(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "ProxyServer")]
pub struct ForwardedPort {
    endpoint: Rc<dyn ClientEndpoint>,
    joint: Rc<Joint>,
    /// Gives up the onward connection.
    connecting: Option<Canceller>,
}

impl Protocol for ForwardedPort {
    fn connection_made(&mut self, transport: &Transport) {
        let connected = onward::connect(&*self.endpoint, &self.joint, transport);
        self.connecting = Some(connected.canceller());
        let (joint, incoming) = (Rc::clone(&self.joint), transport.clone());
        connected.add_both(move |connected| {
            match connected {
                Ok(outgoing) => joint.join(&incoming, &outgoing),
                Err(failure) => {
                    let peer = incoming.peer();
                    log::info!(target: "torsade", "closing {peer}: {failure:#}");
                    incoming.abort_connection();
                }
            }
            Ok(())
        });
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.joint.received(Side::Incoming, data);
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        self.joint.read_closed(Side::Incoming);
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Some(connecting) = self.connecting.take() {
            connecting.cancel();
        }
        self.joint.lost(Side::Incoming, reason);
    }
}

impl fmt::Debug for PortForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortForward").finish_non_exhaustive()
    }
}

impl fmt::Debug for ForwardedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardedPort").finish_non_exhaustive()
    }
}
