//! Measures torsade beside its peers: `torsade-benches all|list|ROW... [OPTIONS]`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use torsade_benches::machine::{
    LOAD_CPU, Machine, Nginx, Programs, Result, busy_share, make_certificates, pin_to,
};
use torsade_benches::rows::Entry;
use torsade_benches::runner::{Selection, measure};
use torsade_benches::{report, rows};

const USAGE: &str = "usage: torsade-benches all|list|ROW... [OPTIONS]

    --rounds N      how often each is measured, in turns; the median counts (5)
    --seconds N     how long each time (1)
    --only A,B      these peers only, and the base
    --case TEXT     these cases only: TEXT is part of their names
    --growth        also what shows how costs grow: each at 1, 10 and 100 times its size
    --calls         also count system calls, with strace
    --out FOLDER    where report.json and the plots go (target/report)
";

struct Arguments {
    rows: Vec<String>,
    selection: Selection,
    seconds: f64,
    calls: bool,
    out: PathBuf,
}

fn parse() -> Result<Arguments> {
    let selection = Selection {
        rounds: 5,
        only: Vec::new(),
        case: String::new(),
        growth: false,
    };
    let out = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/report");
    let mut parsed = Arguments {
        rows: Vec::new(),
        selection,
        seconds: 1.0,
        calls: false,
        out,
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"))
        };
        match argument.as_str() {
            "--rounds" => parsed.selection.rounds = value()?.parse()?,
            "--seconds" => parsed.seconds = value()?.parse()?,
            "--only" => parsed.selection.only = value()?.split(',').map(str::to_owned).collect(),
            "--case" => parsed.selection.case = value()?,
            "--growth" => parsed.selection.growth = true,
            "--calls" => parsed.calls = true,
            "--out" => parsed.out = value()?.into(),
            option if option.starts_with('-') => return Err(USAGE.into()),
            row => parsed.rows.push(row.to_owned()),
        }
    }
    if parsed.rows.is_empty() {
        Err(USAGE.into())
    } else {
        Ok(parsed)
    }
}

/// Ten thousand connections need as many descriptors.
fn raise_limits() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?)
}

/// What a reader of the numbers has to know.
fn conditions(
    arguments: &Arguments,
    machine: &Machine,
    busy: f64,
) -> Result<Vec<(String, String)>> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let conditions = [
        (
            "processor",
            model.map_or("unknown", |(_, name)| name).to_owned(),
        ),
        (
            "kernel",
            fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
        ),
        ("cores", std::thread::available_parallelism()?.to_string()),
        ("busy before", format!("{:.0} %", busy * 100.0)),
        ("rounds", arguments.selection.rounds.to_string()),
        ("seconds", arguments.seconds.to_string()),
        ("missing", machine.programs.missing.join("; ")),
    ];
    Ok(conditions
        .map(|(key, value)| (key.to_owned(), value))
        .into())
}

fn main() -> Result<()> {
    let arguments = parse()?;
    let names = |name: &str| arguments.rows.iter().any(|row| row == name);
    if names("list") {
        for entry in rows::ALL {
            println!("{:12} {}", entry.name, entry.about);
        }
        return Ok(());
    }
    let chosen = rows::ALL
        .iter()
        .filter(|entry| names("all") || names(entry.name));
    let chosen: Vec<&Entry> = chosen.collect();
    if chosen.is_empty() {
        return Err("there are no such rows: see `list`".into());
    }
    raise_limits()?;
    let folder = env::temp_dir().join(format!("torsade-benches-{}", std::process::id()));
    let result = run(&arguments, &chosen, &folder);
    fs::remove_dir_all(folder)?;
    result
}

fn run(arguments: &Arguments, chosen: &[&Entry], folder: &Path) -> Result<()> {
    if std::thread::available_parallelism()?.get() < 2 {
        return Err("this needs two cores".into());
    }
    make_certificates(&folder.join("certificates"))?;
    let mut programs = Programs::find()?;
    let busy = busy_share()?;
    let needs_nginx = chosen.iter().any(|entry| entry.needs_nginx);
    let nginx = match needs_nginx {
        true => Nginx::start(&folder.join("nginx"), &folder.join("certificates"))?,
        false => None,
    };
    if needs_nginx && nginx.is_none() {
        programs.missing.push("nginx: no HTTP".into());
    }
    let (seconds, calls) = (arguments.seconds, arguments.calls);
    let folder = folder.to_path_buf();
    let machine = Machine {
        programs,
        seconds,
        folder,
        nginx,
        calls,
    };
    let conditions = conditions(arguments, &machine, busy)?;
    for (key, value) in conditions.iter().filter(|(_, value)| !value.is_empty()) {
        println!("{key}: {value}");
    }
    if busy > 0.1 {
        println!("NOT QUIET: take times with care, and ratios within a case only");
    }
    pin_to(&[LOAD_CPU])?;
    let mut reports = Vec::new();
    for entry in chosen {
        reports.push(measure(&machine, entry, &arguments.selection));
        // After each: what is there is there, whatever comes.
        report::write(&arguments.out, &reports, &conditions)?;
    }
    println!("\n{}", arguments.out.join("report.json").display());
    Ok(())
}
