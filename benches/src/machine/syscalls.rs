//! How many system calls a server makes, counted by strace.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::Result;

/// An strace beside a process.
pub struct Tracer {
    child: Child,
    file: PathBuf,
}

impl Tracer {
    /// `None` if there is no strace, or it may not look.
    pub fn attach(pid: u32) -> Option<Self> {
        let file = env::temp_dir().join(format!("torsade-benches-strace-{}", process::id()));
        let mut command = Command::new("strace");
        command
            .args(["-c", "-f", "-o"])
            .arg(&file)
            .args(["-p", &pid.to_string()]);
        let child = command.stderr(Stdio::null()).spawn().ok()?;
        // Until it has stopped the process and let it go on.
        let status = format!("/proc/{pid}/status");
        for _ in 0..100 {
            thread::sleep(Duration::from_millis(20));
            let status = fs::read_to_string(&status).unwrap_or_default();
            if status.contains("TracerPid:") && !status.contains("TracerPid:\t0\n") {
                break;
            }
        }
        Some(Self { child, file })
    }

    /// Ends it: how many calls there were.
    pub fn calls(mut self) -> Result<f64> {
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
