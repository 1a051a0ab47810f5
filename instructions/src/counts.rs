//! The numbers that are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// By how many per cent a number may have grown: where the compiler puts things moves it by one or two.
pub(crate) const TOLERANCE: f64 = 5.0;
/// The same where they were counted with another compiler, C library or valgrind.
pub(crate) const TOLERANCE_ELSEWHERE: f64 = 25.0;
/// Where they are.
pub(crate) const FILE: &str = "instructions/counts.txt";

/// Instructions an operation, by name.
#[derive(Default)]
pub(crate) struct Counts {
    /// The tools that they were counted with.
    pub(crate) conditions: String,
    counts: BTreeMap<String, f64>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.txt")
}

impl Counts {
    /// None yet, counted with these tools.
    pub(crate) fn with(conditions: String) -> Self {
        let counts = BTreeMap::new();
        Self { conditions, counts }
    }

    pub(crate) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(path()).map_err(|error| format!("{FILE}: {error}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        for line in text.lines() {
            if let Some(conditions) = line.strip_prefix("# with ") {
                counts.conditions = conditions.to_owned();
            }
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let (count, name) = line.trim().split_once(' ').unwrap_or_default();
            let count = count
                .parse()
                .map_err(|_| format!("{FILE}: what is {line:?}?"))?;
            counts.set(name.trim(), count);
        }
        Ok(counts)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Instructions an operation. `cargo run --release -p torsade-instructions -- update` writes this.\n\
             # with {}\n",
            self.conditions
        );
        for (name, count) in &self.counts {
            text += &format!("{count:9.0} {name}\n");
        }
        text
    }

    pub(crate) fn write(&self) -> Result<(), String> {
        fs::write(path(), self.text()).map_err(|error| format!("{FILE}: {error}"))
    }

    pub(crate) fn of(&self, name: &str) -> Option<f64> {
        self.counts.get(name).copied()
    }

    pub(crate) fn set(&mut self, name: &str, count: f64) {
        self.counts.insert(name.to_owned(), count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let mut counts = Counts::with("some tools".to_owned());
        counts.set("echo", 1234.0);
        counts.set("a line", 56.0);
        let read = Counts::parse(&counts.text()).unwrap();
        assert_eq!(read.conditions, "some tools");
        assert_eq!(
            (read.of("echo"), read.of("a line"), read.of("x")),
            (Some(1234.0), Some(56.0), None)
        );
        assert!(Counts::parse("many echo").is_err());
    }

    #[test]
    fn every_work_has_a_number() {
        let counts = Counts::read().unwrap();
        for work in &crate::work::ALL {
            assert!(counts.of(work.name).is_some(), "{}", work.name);
        }
    }
}
