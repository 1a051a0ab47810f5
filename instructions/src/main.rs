//! Counts the instructions of torsade's hot paths with valgrind, and compares them with those of `counts.txt`.
//!
//! ```text
//! cargo run --release -p torsade-instructions -- check     # what has changed, and whether it is too much
//! cargo run --release -p torsade-instructions -- update    # these are the numbers from now on
//! cargo run --release -p torsade-instructions -- profile echo   # where they go, for callgrind_annotate
//! ```
//!
//! Times differ from run to run, and more so on a machine that does other things as well. Instructions
//! do not: the work is done in simulated worlds, and each number is the difference between two runs,
//! one of which does twice as much as the other, for each operation. They do not say how long
//! something takes, since they do not all take equally long. But what suddenly needs more has changed.

mod counting;
mod counts;
mod work;

use std::process::ExitCode;

use counts::Counts;

const USAGE: &str =
    "usage: torsade-instructions check [NAME] | update | profile NAME | run NAME TIMES";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["check"] => check(""),
        ["check", name] => check(name),
        ["update"] => update(),
        ["profile", name] => counting::profile(name),
        ["run", name, times] => run(name, times),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("torsade-instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the work, under valgrind.
fn run(name: &str, times: &str) -> Result<(), String> {
    let work = work::find(name)?;
    let times = times
        .parse()
        .map_err(|_| format!("{times:?} is no number"))?;
    (work.run)(times).map_err(|failure| format!("{name}: {failure:#}"))
}

/// Compares all whose name begins so.
fn check(beginning: &str) -> Result<(), String> {
    let (old, here) = (Counts::read()?, counting::conditions()?);
    // Another compiler makes other instructions of the same code.
    let is_comparable = old.conditions == here;
    let most = if is_comparable {
        counts::TOLERANCE
    } else {
        counts::TOLERANCE_ELSEWHERE
    };
    if !is_comparable {
        println!("NOTE: counted with other tools, so up to {most} % more is no failure:");
        println!("  then  {}\n  here  {here}", old.conditions);
    }
    let mut failures = Vec::new();
    for work in work::ALL
        .iter()
        .filter(|work| work.name.starts_with(beginning))
    {
        let count = counting::count(work)?;
        let Some(before) = old.of(work.name) else {
            return Err(format!("{} has no number in {}", work.name, counts::FILE));
        };
        let percent = (count / before - 1.0) * 100.0;
        println!(
            "{:20} {count:9.0}  {percent:+6.1} %  ({})",
            work.name, work.about
        );
        if percent > most {
            failures.push(format!("{} takes {percent:.1} % more", work.name));
        } else if percent < -most && is_comparable {
            println!(
                "{:20} is better by so much that it should be kept: run `update`",
                ""
            );
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}; the limit is {most} %. `profile NAME` shows where it goes; if it has to be, `update` \
         makes these the numbers",
        failures.join(", ")
    ))
}

fn update() -> Result<(), String> {
    let mut counts = Counts::with(counting::conditions()?);
    for work in &work::ALL {
        let count = counting::count(work)?;
        println!("{:20} {count:9.0}", work.name);
        counts.set(work.name, count);
    }
    counts.write()
}
