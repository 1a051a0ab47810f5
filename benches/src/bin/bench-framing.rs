//! What a message costs that is cut from a stream: `bench-framing [NAME]`, all by default.

use std::env;

use torsade_benches::machine::Result;
use torsade_benches::micro::framing;

fn main() -> Result<()> {
    let only = env::args().nth(1);
    let framing = framing::Framings::new()?;
    for mut work in framing.work() {
        if only.as_ref().is_none_or(|name| *name == work.name) {
            let time = work.time(5);
            println!("name={} {time}", work.name);
        }
    }
    Ok(())
}
