//! How often an operation allocates: `bench-allocations chains WAY LENGTH` or `bench-allocations framing NAME`.
//! In a program of its own, since the allocator that counts takes time.

use std::env;

use torsade_benches::machine::Result;
use torsade_benches::micro::{Work, chains, framing};

fn count(mut work: Work<'_>) {
    // The first time, there may be more.
    (work.run)();
    let info = allocation_counter::measure(|| (work.run)());
    let each = |total: u64| total as f64 / work.operations as f64;
    println!(
        "allocs={:.3} bytes={:.1}",
        each(info.count_total),
        each(info.bytes_total)
    );
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["chains", way, length] => {
            count(chains::work(way, length.parse()?).ok_or("there is no such way")?);
        }
        ["framing", name] => {
            let framings = framing::Framings::new()?;
            let all = framings.work();
            let work = all.into_iter().find(|work| work.name == *name);
            count(work.ok_or("there is no such work")?);
        }
        _ => return Err("usage: chains WAY LENGTH | framing NAME".into()),
    }
    Ok(())
}
