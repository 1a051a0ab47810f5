//! TLS endpoints by their description, on the simulated world.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::endpoints::{ClientEndpoint, DescriptionError, Endpoints};
use torsade_core::testing::Simulation;
use torsade_core::{Address, Protocol, Reactor, Result, Transport};
use torsade_tls::{TlsError, TlsInfo, add_tls_endpoints};

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// The files of a certificate for localhost, escaped for a description.
struct Files {
    certificate: String,
    key: String,
}

fn files(folder: &tempfile::TempDir, name: &str) -> Files {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |suffix: &str, pem: String| {
        let file = folder.path().join(format!("{name}{suffix}"));
        std::fs::write(&file, pem).unwrap();
        file.to_str().unwrap().to_owned()
    };
    Files {
        certificate: write(".pem", cert.pem()),
        key: write(".key", signing_key.serialize_pem()),
    }
}

fn endpoints() -> (Reactor, Endpoints) {
    let reactor = Simulation::new().reactor();
    let mut endpoints = Endpoints::new(&reactor);
    add_tls_endpoints(&mut endpoints);
    (reactor, endpoints)
}

#[test]
fn a_client_and_a_server_by_description_speak_tls() {
    // C123
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (files(&folder, "ours"), files(&folder, "theirs"));
    let (reactor, endpoints) = endpoints();
    let Files { certificate, key } = &ours;
    let server = format!("ssl:443:certKey={certificate}:privateKey={key}:interface=127.0.0.1");
    let server = endpoints.server(&server).unwrap();
    let _listening = server.listen(|_: &Address| Quiet).unwrap();

    let client = format!("tls:localhost:443:trustRoots={certificate}:timeout=5");
    let client = endpoints.client(&client).unwrap();
    let connected = reactor
        .run_until(client.connect(|_: &Address| Quiet))
        .unwrap();
    assert!(connected.transport().negotiated::<TlsInfo>().is_some());

    let stranger = format!("tls:localhost:443:trustRoots={}", theirs.certificate);
    let stranger = endpoints.client(&stranger).unwrap();
    let refused = reactor.run_until(stranger.connect(|_: &Address| Quiet));
    assert!(refused.unwrap_err().find::<TlsError>().is_some());
}

#[test]
fn what_is_missing_or_too_much_is_told_when_it_is_read() {
    // C123
    let (_, endpoints) = endpoints();
    for (description, argument) in [("ssl:443", "certKey"), ("ssl:443:certKey=x", "privateKey")] {
        let failure = endpoints.server(description).map(|_| ()).unwrap_err();
        let error = failure.check::<DescriptionError>();
        assert_eq!(error, Some(&DescriptionError::Missing { argument }));
    }
    let failure = endpoints
        .client("tls:localhost:443:sslmethod=SSLv3")
        .map(|_| ());
    let failure = failure.unwrap_err();
    let is_unexpected = matches!(
        failure.check(),
        Some(DescriptionError::Unexpected { argument }) if argument == "sslmethod"
    );
    assert!(is_unexpected, "{failure}");
    assert!(
        endpoints
            .client("tls:localhost:443:certificate=x:privateKey=y")
            .is_err()
    );
}
