//! Runs campaigns.
//!
//! ```text
//! cargo run --release -p torsade-campaigns -- --seeds 100000
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use lexopt::prelude::*;
use torsade_campaigns::scenarios::{self, Scenario};
use torsade_campaigns::{Plant, run, run_captured};

const USAGE: &str = "\
usage: torsade-campaigns [--seeds COUNT] [--from SEED] [SCENARIO...]
       torsade-campaigns --pcap FILE [--from SEED] SCENARIO

Plays each scenario with COUNT seeds (1000 unless said) from SEED on (0 unless said), and prints the
seeds with which something did not hold. Exits with 1 if there are any.

--pcap plays one seed of one scenario, and writes what crossed the network to FILE, for Wireshark.
RUST_LOG=debug shows what torsade logs.
";

struct Arguments {
    seeds: u64,
    from: u64,
    pcap: Option<PathBuf>,
    scenarios: Vec<&'static Scenario>,
}

fn main() -> ExitCode {
    env_logger::init();
    match parse() {
        Ok(Some(arguments)) => match &arguments.pcap {
            Some(pcap) => capture(&arguments, pcap),
            None => play(&arguments),
        },
        Ok(None) => {
            print!("{USAGE}{}", names());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("torsade-campaigns: {error}\n\n{USAGE}{}", names());
            ExitCode::from(2)
        }
    }
}

fn names() -> String {
    let names: Vec<&str> = scenarios::ALL
        .iter()
        .map(|scenario| scenario.name)
        .collect();
    format!("Scenarios: {}\n", names.join(", "))
}

fn parse() -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments {
        seeds: 1000,
        from: 0,
        pcap: None,
        scenarios: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => arguments.seeds = parser.value()?.parse()?,
            Long("from") => arguments.from = parser.value()?.parse()?,
            Long("pcap") => arguments.pcap = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            Value(name) => {
                let name = name.string()?;
                let scenario = scenarios::named(&name);
                arguments
                    .scenarios
                    .push(scenario.ok_or_else(|| format!("there is no scenario {name:?}"))?);
            }
            other => return Err(other.unexpected()),
        }
    }
    if arguments.scenarios.is_empty() {
        arguments.scenarios = scenarios::ALL.iter().collect();
    }
    Ok(Some(arguments))
}

fn play(arguments: &Arguments) -> ExitCode {
    let mut is_good = true;
    for scenario in &arguments.scenarios {
        let begun = Instant::now();
        let (mut bad, mut most, mut virtual_time) = (0, 0, 0.0);
        for seed in arguments.from..arguments.from + arguments.seeds {
            match run(scenario, seed, Plant::None) {
                Ok(taken) => {
                    most = most.max(taken.memory);
                    virtual_time += taken.time.as_secs_f64();
                }
                Err(violations) => {
                    bad += 1;
                    if bad <= 10 {
                        println!("{} --from {seed} --seeds 1: {violations}", scenario.name);
                    }
                }
            }
        }
        let time = begun.elapsed().as_secs_f64();
        println!(
            "{}: {bad} of {} seeds are bad; {:.2} ms each, {:.0} simulated hours a minute, {} KiB at most",
            scenario.name,
            arguments.seeds,
            1000.0 * time / arguments.seeds as f64,
            virtual_time / 60.0 / time,
            most / 1024
        );
        is_good &= bad == 0;
    }
    match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Plays one seed of one scenario, and writes what crossed the network.
fn capture(arguments: &Arguments, pcap: &Path) -> ExitCode {
    let [scenario] = arguments.scenarios[..] else {
        eprintln!("torsade-campaigns: --pcap wants one scenario");
        return ExitCode::from(2);
    };
    match run_captured(scenario, arguments.from, pcap) {
        Ok(()) => ExitCode::SUCCESS,
        Err(violations) => {
            println!("{violations}");
            ExitCode::FAILURE
        }
    }
}
