//! What Marathon says of a program, and the domains in it.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use torsade::Result;

/// The domains that a program wants certificates for: one for each of its ports that is of `group`.
pub(crate) fn domains(app: &Value, group: &str) -> Result<Vec<String>> {
    let label = |name: &str| app["labels"][name].as_str();
    let mut domains = Vec::new();
    for port in 0..ports(app)? {
        let of = label(&format!("HAPROXY_{port}_GROUP")).or_else(|| label("HAPROXY_GROUP"));
        if of != Some(group) {
            continue;
        }
        let named = label(&format!("MARATHON_ACME_{port}_DOMAIN")).unwrap_or_default();
        let mut named = named
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|domain| !domain.is_empty());
        domains.extend(named.next().map(str::to_owned));
        if named.next().is_some() {
            let app = &app["id"];
            log::warn!("port {port} of {app} has several domains: the first is taken");
        }
    }
    Ok(domains)
}

/// How many ports it has. Where they are written depends on how it is on the network.
fn ports(app: &Value) -> Result<usize> {
    let length = |place| app.pointer(place).and_then(Value::as_array).map(Vec::len);
    let defined = || length("/portDefinitions").or_else(|| length("/ports"));
    let mapped = || {
        let mapped = length("/container/portMappings");
        mapped.or_else(|| length("/container/docker/portMappings"))
    };
    let discovered = || length("/ipAddress/discovery/ports").filter(|&length| length > 0);
    let ports = match mode(app) {
        "host" => defined(),
        "container/bridge" => defined().or_else(mapped),
        "container" => discovered().or_else(mapped),
        unknown => return Err(UnknownMode(unknown.to_owned()).into()),
    };
    Ok(ports.unwrap_or(0))
}

fn mode(app: &Value) -> &str {
    // Since Marathon 1.5. Modes cannot be mixed.
    if let Some(network) = app["networks"].as_array().and_then(|all| all.last()) {
        return network["mode"].as_str().unwrap_or("container");
    }
    match app
        .pointer("/container/docker/network")
        .and_then(Value::as_str)
    {
        Some("USER") => "container",
        Some("BRIDGE") => "container/bridge",
        _ if app["ipAddress"].is_null() => "host",
        _ => "container",
    }
}

/// A program is on the network in a way that nobody knows.
#[derive(Debug)]
pub(crate) struct UnknownMode(String);

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no mode of networking", self.0.escape_debug())
    }
}

impl Error for UnknownMode {}
