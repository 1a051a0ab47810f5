//! How much memory a process has, as Linux tells.

use std::fmt;
use std::fs;

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// The most that was resident.
    pub(crate) peak: u64,
}

impl Memory {
    /// Of the process with that number.
    pub(crate) fn of(id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
        let kilobytes = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .expect("Linux tells it in kB")
        };
        Self {
            resident: kilobytes("VmRSS:") * 1024,
            peak: kilobytes("VmHWM:") * 1024,
        }
    }

    /// Makes what this process has now its most.
    pub(crate) fn forget_peak() {
        fs::write("/proc/self/clear_refs", "5").expect("Linux forgets it");
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes| bytes as f64 / (1 << 20) as f64;
        write!(
            f,
            "{:.1} MiB (at most {:.1})",
            megabytes(self.resident),
            megabytes(self.peak)
        )
    }
}
