//! How many system calls a server makes, counted by strace.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::Result;

/// An strace beside a process.
struct Tracer {
    child: Child,
    file: PathBuf,
}

impl Tracer {
    /// `None` if there is no strace, or it may not look.
    fn attach(pid: u32) -> Option<Self> {
        let file = env::temp_dir().join(format!("torsade-benches-strace-{}", process::id()));
        let mut command = Command::new("strace");
        command
            .args(["-c", "-f", "-o"])
            .arg(&file)
            .args(["-p", &pid.to_string()]);
        let child = command.stderr(Stdio::null()).spawn().ok()?;
        thread::sleep(Duration::from_millis(300));
        Some(Self { child, file })
    }

    /// Ends it: how many calls there were.
    fn calls(mut self) -> Result<f64> {
        if let Some(pid) = Pid::from_raw(i32::try_from(self.child.id())?) {
            kill_process(pid, Signal::INT)?;
        }
        self.child.wait()?;
        let text = fs::read_to_string(&self.file)?;
        fs::remove_file(&self.file)?;
        // % time, seconds, usecs/call, calls, ...
        let total = text.lines().find(|line| line.ends_with(" total"));
        let calls = total.and_then(|line| line.split_whitespace().nth(3));
        Ok(calls
            .and_then(|text| text.parse().ok())
            .ok_or("strace counted nothing")?)
    }
}

/// Runs `load`, which returns how many operations there were: the calls for each.
pub fn traced(pid: u32, load: impl FnOnce() -> Result<u64>) -> Option<f64> {
    let tracer = Tracer::attach(pid)?;
    let operations = load();
    let calls = tracer.calls();
    Some(calls.ok()? / operations.ok()?.max(1) as f64)
}
