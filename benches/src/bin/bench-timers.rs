//! What timers cost: `bench-timers [WAY [COUNT [WHAT]]]`. Without arguments, all that a million of torsade's do.

use std::env;

use torsade_benches::machine::Result;
use torsade_benches::micro::timers;

fn main() -> Result<()> {
    let way = env::args().nth(1).unwrap_or_else(|| "torsade".into());
    let count = env::args()
        .nth(2)
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let only = env::args().nth(3).unwrap_or_default();
    for mut work in timers::work(&way, count) {
        if work.name.ends_with(&only) {
            let time = work.time(3);
            println!("name={} {time}", work.name);
        }
    }
    Ok(())
}
