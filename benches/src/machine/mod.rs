//! The machine that is measured on: its cores, what is installed there, and the processes that are measured.

mod certificates;
mod cpu;
mod nginx;
mod process;
mod programs;
mod syscalls;

use std::path::PathBuf;

pub use certificates::make_certificates;
pub use cpu::{Cpu, busy_share, children_cpu_ns, memory_kb, own_cpu_ns, pin_to};
pub use nginx::Nginx;
pub use process::{Server, free_port, run};
pub use programs::{Programs, runs};
pub use syscalls::Tracer;

/// Where the measured servers run, and where the load on them; clients are measured on the second.
pub const SERVER_CPU: usize = 0;
pub const LOAD_CPU: usize = 1;

/// What goes wrong while measuring is for people to read.
pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// What the rows are measured with.
pub struct Machine {
    pub programs: Programs,
    /// How long each measurement takes.
    pub seconds: f64,
    /// Where certificates, and the files of the HTTP server, are.
    pub folder: PathBuf,
    pub nginx: Option<Nginx>,
    /// Whether system calls are counted, where they can be.
    pub calls: bool,
}

impl Machine {
    /// Where `ca.pem`, `leaf.pem` and `leaf.key` are.
    pub fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    pub fn counts_calls(&self) -> bool {
        self.calls && self.programs.has_strace
    }
}
