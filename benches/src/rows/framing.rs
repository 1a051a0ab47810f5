//! Messages that are cut from a stream, beside tokio-util's codecs.

use crate::machine::{Machine, Result, run};
use crate::row::{Case, Peer, Row, Sample};

pub(super) fn row(machine: &Machine) -> Row {
    let programs = &machine.programs;
    let peers = ["tokio-util", "torsade", "tokio-util FramedRead"];
    let peer = |name| Peer::new(name, programs.binary("bench-framing"));
    Row {
        peers: peers.into_iter().filter_map(peer).collect(),
        cases: vec![
            case("lines", "LinesCodec", "lines", "LinesCodec-FramedRead"),
            case(
                "a length of four bytes",
                "LengthDelimitedCodec",
                "four-bytes",
                "LengthDelimitedCodec-FramedRead",
            ),
        ],
    }
}

fn case(label: &str, codec: &'static str, own: &'static str, stream: &'static str) -> Case {
    Case::new(label, move |machine, peer| {
        let name = match peer.name.as_str() {
            "torsade" => own,
            "tokio-util FramedRead" => stream,
            _ => codec,
        };
        measure(machine, peer, &format!("short/{name}"))
    })
}

fn measure(machine: &Machine, peer: &Peer, name: &str) -> Result<Sample> {
    let number = |peer: &Peer, arguments: &[String], key: &str| -> Result<f64> {
        let lines = run(peer, arguments)?;
        let text = lines.last().and_then(|line| line.get(key));
        Ok(text.ok_or("it did not say")?.parse()?)
    };
    let time = number(peer, &[name.to_owned()], "ns")?;
    let counting = Peer::new("allocations", machine.programs.binary("bench-allocations"));
    let counting = counting.ok_or("there is no bench-allocations")?;
    let allocations = number(
        &counting,
        &["framing".to_owned(), name.to_owned()],
        "allocs",
    )?;
    Ok(vec![
        ("ns", time),
        ("messages/s", 1e9 / time),
        ("allocations", allocations),
    ])
}
