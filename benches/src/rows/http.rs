//! HTTP clients, against nginx on the other core.

use super::peers;
use crate::machine::{Machine, Nginx, Result, run};
use crate::row::{Case, Peer, Row, Sample};

/// GETs on kept connections.
pub(super) fn requests(machine: &Machine) -> Row {
    let case = |scheme: &'static str, file: &'static str, connections: usize| {
        let label = format!("{scheme}, {file}, {connections} at once");
        let case = get(
            label,
            What {
                scheme,
                file,
                connections,
                is_new: false,
                resumes: false,
            },
        );
        if connections > 1 {
            case.without(&["ureq"])
        } else {
            case
        }
    };
    let growing = |connections: usize| {
        case("http", "1k", connections).growing("requests at once", connections as f64)
    };
    Row {
        peers: peers::clients(machine),
        cases: vec![
            growing(1),
            growing(10).for_growth_only(),
            case("http", "1k", 64),
            growing(100).for_growth_only(),
            case("https", "1k", 64),
            case("http", "64k", 16),
        ],
    }
}

/// A large body.
pub(super) fn large(machine: &Machine) -> Row {
    let case = |scheme: &'static str, file: &'static str, size: u32| {
        let what = What {
            scheme,
            file,
            connections: 1,
            is_new: false,
            resumes: false,
        };
        get(format!("{scheme}, {file}"), what).growing(scheme, f64::from(size))
    };
    Row {
        peers: peers::clients(machine),
        cases: vec![
            case("http", "1m", 1).for_growth_only(),
            case("http", "10m", 10).for_growth_only(),
            case("http", "100m", 100),
            case("https", "1m", 1).for_growth_only(),
            case("https", "10m", 10).for_growth_only(),
            case("https", "100m", 100),
        ],
    }
}

/// A connection for each request.
pub(super) fn connections(machine: &Machine) -> Row {
    let case = |label: &str, scheme: &'static str, resumes| {
        let what = What {
            scheme,
            file: "1k",
            connections: 8,
            is_new: true,
            resumes,
        };
        get(label, what).without(&["raw", "ureq"])
    };
    Row {
        peers: peers::clients(machine),
        cases: vec![
            case("http", "http", false),
            case("https, full handshake", "https", false),
            case("https, resumed", "https", true).without(&["twisted"]),
        ],
    }
}

#[derive(Clone, Copy)]
struct What {
    scheme: &'static str,
    file: &'static str,
    connections: usize,
    is_new: bool,
    resumes: bool,
}

fn get(label: impl Into<String>, what: What) -> Case {
    Case::new(label, move |machine, peer| {
        let nginx = machine.nginx.as_ref().ok_or("nginx is missing")?;
        measure(machine, nginx, peer, what)
    })
}

fn measure(machine: &Machine, nginx: &Nginx, peer: &Peer, what: What) -> Result<Sample> {
    let server = if what.scheme == "https" {
        &nginx.https
    } else {
        &nginx.http
    };
    let mode = if what.is_new { "new" } else { "rps" };
    let url = format!("{server}/{}", what.file);
    let arguments = [
        mode.to_owned(),
        url,
        what.connections.to_string(),
        machine.seconds.to_string(),
    ];
    let peer = peer.clone().env("RESUME", u8::from(what.resumes));
    let lines = run(&peer, &arguments)?;
    let line = lines.last().ok_or("it printed nothing")?;
    let number = |key: &str| -> Result<f64> {
        Ok(line
            .get(key)
            .ok_or_else(|| format!("it printed no {key}="))?
            .parse()?)
    };
    Ok(vec![
        ("CPU µs", number("cpu_us")?),
        ("ops/s", number("ops_s")?),
        ("busy", number("busy")?),
        ("MB/s", number("mb_s")?),
        ("most MB", number("most_kb")? / 1024.0),
    ])
}
