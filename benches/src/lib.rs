//! What parts of torsade cost, beside what else could be used: see `docs/performance.md`.

pub mod chains;
