//! GETs on mio, and rustls, with nothing of HTTP: see `client.rs`.

use torsade_benches::client::{Meter, Options};
use torsade_benches::load::{Security, get};
use torsade_benches::machine::Result;

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    let (scheme, rest) = options.url.split_once("://").ok_or("this is no URL")?;
    let (host, path) = rest.split_once('/').ok_or("this URL has no path")?;
    let security = if scheme == "https" {
        Security::Tls
    } else {
        Security::None
    };
    let mut meter = Meter::new(options.seconds);
    get(
        host.parse()?,
        &format!("/{path}"),
        options.connections,
        security,
        &mut meter,
    )?;
    Ok(meter.print()?)
}
