//! Measures torsade beside its peers: `torsade-benches all|list|ROW... [OPTIONS]`.

use std::path::PathBuf;
use std::{env, fs};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use torsade_benches::machine::{
    LOAD_CPU, Machine, Nginx, Programs, Result, SERVER_CPU, busy_share, make_certificates, pin_to,
};
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
    raise_limits()?;
    let mut programs = Programs::find()?;
    let folder = env::temp_dir().join(format!("torsade-benches-{}", std::process::id()));
    let certificates = folder.join("certificates");
    make_certificates(&certificates)?;
    let busy = busy_share()?;
    if std::thread::available_parallelism()?.get() <= LOAD_CPU.max(SERVER_CPU) {
        return Err("this needs two cores".into());
    }
    let needs_nginx =
        |row: &String| ["all", "http", "http-large", "http-new", "fetch"].contains(&row.as_str());
    let nginx = match arguments.rows.iter().any(needs_nginx) {
        true => Nginx::start(&folder.join("nginx"), &certificates)?,
        false => None,
    };
    if nginx.is_none() && arguments.rows.iter().any(needs_nginx) {
        programs.missing.push("nginx: no HTTP".into());
    }
    let seconds = arguments.seconds;
    let machine = Machine {
        programs,
        seconds,
        folder: folder.clone(),
        nginx,
        calls: arguments.calls,
    };
    pin_to(&[LOAD_CPU])?;
    let conditions = conditions(&arguments, &machine, busy)?;
    for (key, value) in conditions.iter().filter(|(_, value)| !value.is_empty()) {
        println!("{key}: {value}");
    }
    if busy > 0.1 {
        println!("NOT QUIET: take times with care, and ratios within a case only");
    }
    let mut reports = Vec::new();
    for row in rows::all(&machine) {
        if arguments.rows.iter().any(|name| name == "list") {
            println!("{:12} {}", row.name, row.about);
        } else if arguments
            .rows
            .iter()
            .any(|name| name == "all" || name == row.name)
        {
            reports.push(measure(&machine, row, &arguments.selection));
        }
    }
    drop(machine);
    fs::remove_dir_all(folder)?;
    if !reports.is_empty() {
        report::write(&arguments.out, &reports, &conditions)?;
        println!("\n{}", arguments.out.join("report.json").display());
    }
    Ok(())
}
