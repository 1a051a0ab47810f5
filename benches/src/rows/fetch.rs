//! A program that fetches one page and ends: how soon it has, and how large it is.

use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use crate::machine::{LOAD_CPU, Machine, Result, children_cpu_ns, pin_to, runs};
use crate::row::{Case, Peer, Row, Sample};

/// How often it is started for a measurement: the clock of what has ended ticks every 10 ms only.
const TIMES: u32 = 50;

pub(super) fn row(machine: &Machine) -> Row {
    let here = |program: &str| runs(program, &["--version"]).then(|| vec![program.to_owned()]);
    let peers = [
        Peer::new("curl", here("curl")).map(|peer| peer.argument("-s")),
        Peer::new("torsade", build(machine)),
        Peer::new("wget", here("wget")).map(|peer| peer.argument("-qO-")),
    ];
    Row {
        peers: peers.into_iter().flatten().collect(),
        cases: vec![Case::new("http, 1k", measure)],
    }
}

/// The example, which belongs to the project and not to this package.
fn build(machine: &Machine) -> Option<Vec<String>> {
    let project = machine.programs.project();
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--quiet", "--example", "fetch"])
        .current_dir(project);
    let is_built = command.status().is_ok_and(|status| status.success());
    let program = project.join("target/release/examples/fetch");
    (is_built && program.exists()).then(|| vec![program.display().to_string()])
}

fn measure(machine: &Machine, peer: &Peer) -> Result<Sample> {
    let nginx = machine.nginx.as_ref().ok_or("nginx is missing")?;
    pin_to(&[LOAD_CPU])?;
    let (start, cpu) = (Instant::now(), children_cpu_ns()?);
    for _ in 0..TIMES {
        let mut command = Command::new(&peer.command[0]);
        command
            .args(&peer.command[1..])
            .arg(format!("{}/1k", nginx.http));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !command.status()?.success() {
            return Err("it failed".into());
        }
    }
    let each = |nanoseconds: f64| nanoseconds / 1e6 / f64::from(TIMES);
    let mut sample = vec![
        ("CPU ms", each((children_cpu_ns()? - cpu) as f64)),
        ("ms", each(start.elapsed().as_nanos() as f64)),
    ];
    // Of others it says nothing: they are spread over libraries.
    if peer.name.starts_with("torsade") {
        let megabytes =
            |path: &str| Ok::<_, std::io::Error>(fs::metadata(path)?.len() as f64 / 1e6);
        sample.push(("program MB", megabytes(&peer.command[0])?));
        let stripped = machine.folder.join("fetch");
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(&stripped).arg(&peer.command[0]);
        if strip.status().is_ok_and(|status| status.success()) {
            sample.push(("stripped MB", megabytes(&stripped.display().to_string())?));
        }
    }
    Ok(sample)
}
