//! ureq, which blocks: one connection. See `client.rs`.

use std::fs;
use std::io::Read;

use torsade_benches::client::{Meter, Options, provider};
use torsade_benches::machine::Result;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    if options.connections != 1 {
        return Err("it has one connection".into());
    }
    let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider());
    if let Some(path) = options.authority() {
        let certificate = Certificate::from_pem(&fs::read(path)?)?;
        tls = tls.root_certs(RootCerts::new_with_certs(&[certificate]));
    }
    let idle = if options.is_new { 0 } else { 10 };
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .max_idle_connections(idle)
        .max_idle_connections_per_host(idle);
    let agent: Agent = config.build().into();
    let (mut meter, mut buffer) = (Meter::new(options.seconds), vec![0; 64 << 10]);
    while !meter.is_over() {
        let mut request = agent.get(&options.url);
        if options.is_new {
            request = request.header("connection", "close");
        }
        let mut response = request.call()?;
        let (mut reader, mut bytes) = (
            response.body_mut().with_config().limit(u64::MAX).reader(),
            0,
        );
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                count => bytes += count as u64,
            }
        }
        meter.done(bytes);
    }
    Ok(meter.print()?)
}
