//! What a stage of a chain of callbacks costs, in time, or with the feature `count` in allocations.

use std::hint::black_box;
#[cfg(not(feature = "count"))]
use std::time::Instant;

use torsade_benches::chains::{CHAINS, Chain};

#[cfg(not(feature = "count"))]
fn measure(chain: Chain, stages: u64) -> String {
    const STAGES_A_ROUND: u64 = 500_000;
    let mut rounds: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..STAGES_A_ROUND / stages {
                black_box(chain(black_box(stages)));
            }
            start.elapsed().as_nanos() as f64 / STAGES_A_ROUND as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    format!("ns={:.1}", rounds[rounds.len() / 2])
}

#[cfg(feature = "count")]
fn measure(chain: Chain, stages: u64) -> String {
    let info = allocation_counter::measure(|| {
        black_box(chain(black_box(stages)));
    });
    format!("allocs={:.2}", info.count_total as f64 / stages as f64)
}

fn main() {
    for stages in [1, 10, 100] {
        for (name, chain) in CHAINS {
            // Interleaved would be fairer still; the median of many short rounds comes near.
            println!("name={name}/{stages} {}", measure(chain, stages));
        }
    }
}
