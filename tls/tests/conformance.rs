//! The suite of all stream transports, over TLS: in the simulated world, and over the system's TCP.

use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::endpoints::{ClientEndpoint, Established, ServerEndpoint, TcpClient, TcpServer};
use torsade_core::testing::Simulation;
use torsade_core::testing::conformance::Harness;
use torsade_core::{Address, Deferred, Reactor, connection_conformance};
use torsade_tls::{ClientTls, ServerTls, TlsVersion, wrap_client_tls, wrap_server_tls};

/// TLS over what moves the reactor.
struct Tls {
    /// Without one, over the system's TCP.
    world: Option<Simulation>,
    volume: usize,
    client: ClientTls,
    server: ServerTls,
}

impl Tls {
    fn new(version: TlsVersion, volume: usize) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["conformance.test".to_owned()]).unwrap();
        let client = ClientTls::builder()
            .roots_from_pem(cert.pem())
            .versions(version..=version)
            .build()
            .unwrap();
        let server = ServerTls::builder()
            .certificate_pem(cert.pem(), signing_key.serialize_pem())
            .build()
            .unwrap();
        Self {
            world: None,
            volume,
            client,
            server,
        }
    }

    fn over(mut self, world: Simulation) -> Self {
        self.world = Some(world);
        self
    }
}

impl Harness for Tls {
    fn reactor(&self) -> Reactor {
        match &self.world {
            Some(world) => world.clone().reactor(),
            None => Reactor::new().unwrap(),
        }
    }

    fn is_virtual(&self) -> bool {
        self.world.is_some()
    }

    fn has_farewell(&self) -> bool {
        true
    }

    fn volume(&self) -> usize {
        self.volume
    }

    fn flood(&self) -> usize {
        if self.is_virtual() {
            400_000
        } else {
            20_000_000
        }
    }

    fn server(&self, reactor: &Reactor) -> ServerEndpoint {
        let server = TcpServer::new(reactor, ([127, 0, 0, 1], 0).into());
        ServerEndpoint::Tcp(wrap_server_tls(server, &self.server))
    }

    fn establish(&self, reactor: &Reactor, address: &Address) -> Deferred<Established> {
        let tcp = TcpClient::new(reactor, address.socket_addr().expect("a TCP address"));
        wrap_client_tls(tcp, &self.client, "conformance.test").establish()
    }
}

mod system {
    use super::*;
    connection_conformance!(Tls::new(TlsVersion::Tls13, 20_000_000));
}

mod system_with_tls12 {
    use super::*;
    connection_conformance!(Tls::new(TlsVersion::Tls12, 20_000_000));
}

mod single_bytes {
    use super::*;
    connection_conformance!(
        Tls::new(TlsVersion::Tls13, 50_000).over(Simulation::new().segment_size(1))
    );
}

mod small_windows {
    use super::*;
    connection_conformance!(
        Tls::new(TlsVersion::Tls12, 200_000).over(
            Simulation::new()
                .segment_size(7)
                .window(500)
                .delay(Duration::ZERO)
        )
    );
}

mod long_delays {
    use super::*;
    connection_conformance!(
        Tls::new(TlsVersion::Tls13, 2_000_000).over(
            Simulation::new()
                .window(20_000)
                .delay(Duration::from_millis(200))
        )
    );
}

mod plain_ethernet {
    use super::*;
    connection_conformance!(Tls::new(TlsVersion::Tls13, 20_000_000).over(Simulation::new()));
}
