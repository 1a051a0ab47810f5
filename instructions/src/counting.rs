//! Runs this program under valgrind.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::work::{Work, find};

/// What the numbers depend on beside the code.
pub(crate) fn conditions() -> Result<String, String> {
    let rustc = first_line("rustc", "--version")?;
    let libc = first_line("ldd", "--version")?;
    let valgrind = first_line("valgrind", "--version")?;
    Ok(format!(
        "{rustc}, {}, {libc}, {valgrind}",
        std::env::consts::ARCH
    ))
}

fn first_line(program: &str, argument: &str) -> Result<String, String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Instructions an operation: what twice as many cost more. So what is done once only is not in it.
pub(crate) fn count(work: &Work) -> Result<f64, String> {
    let once = collected(work, work.times)?;
    let twice = collected(work, 2 * work.times)?;
    Ok((twice - once) as f64 / f64::from(work.times))
}

fn collected(work: &Work, times: u32) -> Result<i64, String> {
    let output = callgrind("/dev/null", work, times)?;
    // "==123== Collected : 4567"
    let text = String::from_utf8_lossy(&output.stderr);
    let number = text
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let number = number.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| format!("{}: {text}", work.name))
}

/// Leaves a profile for `callgrind_annotate` in the folder that one is in.
pub(crate) fn profile(name: &str) -> Result<(), String> {
    let work = find(name)?;
    let file = format!("callgrind.{}", name.replace(' ', "-"));
    callgrind(&file, work, 10 * work.times)?;
    println!(
        "callgrind_annotate {file} (of {} operations)",
        10 * work.times
    );
    Ok(())
}

fn callgrind(file: &str, work: &Work, times: u32) -> Result<Output, String> {
    let program: PathBuf = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={file}"));
    // What people have set for themselves is not to count.
    command.env("RUST_BACKTRACE", "0").env_remove("RUST_LOG");
    command
        .arg(program)
        .args(["run", work.name, &times.to_string()]);
    let output = command
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {text}", work.name));
    }
    Ok(output)
}
