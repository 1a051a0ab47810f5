//! What torsade costs, beside what else could be used: see `docs/performance.md`.
//!
//! `rows/` says what is measured, `machine/` runs the peers, `load/` is the other end of the servers, `report/`
//! prints. The peers are the programs in `bin/`, one a file, and scripts in `python/` and `node/`.

pub mod client;
pub mod load;
pub mod machine;
pub mod micro;
pub mod report;
pub mod row;
pub mod rows;
pub mod runner;
pub mod server;
pub mod stats;
