//! Time on a core, and memory, as Linux tells of them.

use std::fs;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use super::Result;

/// Time that a process has had on a core.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    /// In nanoseconds, system calls included.
    pub total: u64,
    /// What share of that was its own code; the clock behind it ticks every 10 ms only.
    ticks: (u64, u64),
}

impl Cpu {
    /// Of all threads of a process so far. Nothing if it has ended.
    pub fn of(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        let total = tasks.into_iter().flatten().flatten().map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let first = text.split(' ').next().unwrap_or_default();
            first.parse::<u64>().unwrap_or(0)
        });
        Self {
            total: total.sum(),
            ticks: ticks(pid).unwrap_or_default(),
        }
    }

    /// What came between `earlier` and this.
    pub fn since(self, earlier: Self) -> Self {
        let difference = |of: fn(Self) -> u64| of(self).saturating_sub(of(earlier));
        Self {
            total: difference(|cpu| cpu.total),
            ticks: (difference(|cpu| cpu.ticks.0), difference(|cpu| cpu.ticks.1)),
        }
    }

    /// Nanoseconds in its own code.
    pub fn user(self) -> f64 {
        let (user, system) = self.ticks;
        self.total as f64 * user as f64 / (user + system).max(1) as f64
    }
}

/// Ticks in user space and in the kernel.
fn ticks(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may have spaces.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user = fields.next()?.parse().ok()?;
    Some((user, fields.next()?.parse().ok()?))
}

/// Nanoseconds that this process has been on a core.
pub fn own_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Nanoseconds that children which have ended were on a core, in steps of a tick.
pub fn children_cpu_ns() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields = text
        .rsplit_once(')')
        .ok_or("this is no stat")?
        .1
        .split_whitespace();
    let ticks: u64 = fields
        .skip(13)
        .take(2)
        .filter_map(|text| text.parse::<u64>().ok())
        .sum();
    Ok(ticks * 1_000_000_000 / rustix::param::clock_ticks_per_second())
}

/// A line of `/proc/PID/status` in KiB: `VmRSS`, the memory it has, or `VmHWM`, the most it had.
pub fn memory_kb(pid: u32, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// Keeps this thread, and the processes that it starts, on these cores.
pub fn pin_to(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// What share of all cores was busy during a second, with whatever it was.
pub fn busy_share() -> Result<f64> {
    let times = || -> Result<(u64, u64)> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let fields = line.split_whitespace().skip(1).take(8);
        let fields: Vec<u64> = fields.filter_map(|text| text.parse().ok()).collect();
        let total = fields.iter().sum();
        Ok((total, fields.iter().skip(3).take(2).sum()))
    };
    let (total, idle) = times()?;
    std::thread::sleep(Duration::from_secs(1));
    let (total_now, idle_now) = times()?;
    let passed = total_now.saturating_sub(total).max(1) as f64;
    Ok(1.0 - idle_now.saturating_sub(idle) as f64 / passed)
}
