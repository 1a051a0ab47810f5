//! What a stage of a chain of callbacks costs: `bench-callbacks [WAY [LENGTH]]`. Without arguments, torsade's in
//! chains of 1, 10 and 100.

use std::env;
use std::process::Command;

use torsade_benches::machine::Result;
use torsade_benches::micro::chains;

fn main() -> Result<()> {
    let way = env::args().nth(1).unwrap_or_else(|| "torsade".into());
    let lengths = match env::args().nth(2) {
        Some(length) => vec![length.parse()?],
        None => vec![1, 10, 100],
    };
    for length in lengths {
        let mut work = chains::work(&way, length).ok_or("there is no such way")?;
        let (time, allocations) = (work.time(21), allocations(&way, length)?);
        println!("name={} {time} {allocations}", work.name);
    }
    Ok(())
}

/// Counted by another program: to count them takes time.
fn allocations(way: &str, length: u64) -> Result<String> {
    let program = env::current_exe()?.with_file_name("bench-allocations");
    let output = Command::new(program)
        .args(["chains", way, &length.to_string()])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
