//! TLS endpoints by their description.

use torsade_core::Result;
use torsade_core::endpoints::{ClientEndpoint, Description, Endpoints, ServerEndpoint};

use crate::{ClientTls, ServerTls, wrap_client_tls};

/// Adds the kinds of endpoints that speak TLS.
///
/// | client | |
/// |---|---|
/// | `tls:HOST:PORT` | also `host=`, `port=`, `trustRoots=` (a PEM file, instead of the platform's), `certificate=` and `privateKey=` (PEM files), `timeout=`, `bindAddress=` |
///
/// | server | |
/// |---|---|
/// | `ssl:PORT` | also `port=`, `certKey=` and `privateKey=` (PEM files; both must be given), `interface=`, `backlog=` |
///
/// ```
/// use torsade_core::endpoints::Endpoints;
/// use torsade_core::testing::Simulation;
/// use torsade_tls::add_tls_endpoints;
///
/// let reactor = Simulation::new().reactor();
/// let mut endpoints = Endpoints::new(&reactor);
/// add_tls_endpoints(&mut endpoints);
/// let failure = endpoints.client("tls:localhost:443:trustRoots=no-such.pem").unwrap_err();
/// assert!(failure.to_string().contains("no-such.pem"));
/// ```
#[doc(alias = "ssl:")]
pub fn add_tls_endpoints(endpoints: &mut Endpoints) {
    endpoints.add_client("tls", client);
    endpoints.add_server("ssl", server);
}

fn client(endpoints: &Endpoints, it: &mut Description) -> Result<Box<dyn ClientEndpoint>> {
    let (host, port) = (it.require("host")?, it.require("port")?);
    let mut tls = ClientTls::builder();
    if let Some(file) = it.take_named("trustRoots") {
        tls = tls.roots_from_pem_file(file);
    }
    if let Some(certificate) = it.take_named("certificate") {
        tls = tls.client_certificate_files(certificate, it.require("privateKey")?);
    }
    let names = ["timeout", "bindAddress"];
    let tcp = endpoints.client(&description("tcp", &host, &port, it, names))?;
    Ok(Box::new(wrap_client_tls(tcp, &tls.build()?, host)))
}

fn server(endpoints: &Endpoints, it: &mut Description) -> Result<ServerEndpoint> {
    let port = it.require("port")?;
    let (certificate, key) = (it.require("certKey")?, it.require("privateKey")?);
    let tls = ServerTls::builder()
        .certificate_files(certificate, key)
        .build()?;
    let names = ["interface", "backlog"];
    let tcp = endpoints.server(&description("tcp", "", &port, it, names))?;
    Ok(tcp.filter(move || Ok(tls.filter()?)))
}

/// The description of what is below TLS.
fn description(
    kind: &str,
    host: &str,
    port: &str,
    it: &mut Description,
    names: [&'static str; 2],
) -> String {
    let mut text = format!("{kind}:port={}", Description::escape(port));
    if !host.is_empty() {
        text += &format!(":host={}", Description::escape(host));
    }
    for name in names {
        if let Some(value) = it.take_named(name) {
            text += &format!(":{name}={}", Description::escape(&value));
        }
    }
    text
}
