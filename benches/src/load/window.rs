//! The time in which operations are counted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::machine::{Cpu, Tracer, memory_kb};
use crate::row::Sample;

/// Which server, and for how long.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pub pid: u32,
    pub seconds: f64,
    /// Counts the server's system calls in this time, which makes everything else worthless.
    pub traced: bool,
}

const WARM_UP: Duration = Duration::from_millis(400);

/// First a while of warming up, then the time that counts, at whose ends the server's CPU time is read.
pub struct Window {
    target: Target,
    start: Instant,
    counting: Option<(Instant, Cpu)>,
    operations: u64,
    tracer: Option<Tracer>,
}

impl Window {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            start: Instant::now(),
            counting: None,
            operations: 0,
            tracer: None,
        }
    }

    /// Nanoseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Operations were done. Whether they count.
    pub fn done(&mut self, operations: u64) -> bool {
        if self.counting.is_some() {
            self.operations += operations;
        }
        self.counting.is_some()
    }

    /// Looks at the clock: whether it is over.
    pub fn is_over(&mut self) -> bool {
        if let Some((began, _)) = self.counting {
            return began.elapsed().as_secs_f64() >= self.target.seconds;
        }
        if self.start.elapsed() >= WARM_UP {
            if self.target.traced {
                self.tracer = Tracer::attach(self.target.pid);
            }
            self.counting = Some((Instant::now(), Cpu::of(self.target.pid)));
        }
        false
    }

    /// What the server took for each operation.
    pub fn sample(self) -> Sample {
        let cpu = Cpu::of(self.target.pid);
        let Some((began, before)) = self.counting else {
            return Vec::new();
        };
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu.since(before));
        let operations = self.operations.max(1) as f64;
        if self.target.traced {
            let calls = self.tracer.and_then(|tracer| tracer.calls().ok());
            let calls = calls.map(|calls| ("calls", calls / operations));
            return calls.into_iter().collect();
        }
        vec![
            ("CPU µs", cpu.total as f64 / 1e3 / operations),
            ("ops/s", self.operations as f64 / seconds),
            ("user µs", cpu.user() / 1e3 / operations),
            ("busy", cpu.total as f64 / 1e9 / seconds),
            ("most MB", memory_kb(self.target.pid, "VmHWM") / 1024.0),
        ]
    }

    pub fn operations(&self) -> u64 {
        self.operations
    }
}
