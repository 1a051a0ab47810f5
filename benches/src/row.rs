//! What is measured: rows, each of a few cases, each done by several peers.

use crate::machine::{Machine, Result};

/// Somebody who does the work.
#[derive(Clone)]
pub struct Peer {
    pub name: String,
    /// The program and its first arguments.
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Peer {
    /// `None` if the program is not here.
    pub fn new(name: &str, command: Option<Vec<String>>) -> Option<Self> {
        Some(Self {
            name: name.into(),
            command: command?,
            environment: Vec::new(),
        })
    }

    #[must_use]
    pub fn argument(mut self, argument: impl ToString) -> Self {
        self.command.push(argument.to_string());
        self
    }

    #[must_use]
    pub fn env(mut self, key: &str, value: impl ToString) -> Self {
        self.environment.push((key.into(), value.to_string()));
        self
    }

    /// The same once more, to show what is noise.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            name: format!("{} again", self.name),
            ..self.clone()
        }
    }
}

/// What came out once: names with their units, the one that ratios are judged by first. Less is better of
/// that; the second is usually the throughput.
pub type Sample = Vec<(&'static str, f64)>;

/// One of its values; not a number if it has none of that name.
pub fn value(sample: &Sample, name: &str) -> f64 {
    let found = sample.iter().find(|(metric, _)| *metric == name);
    found.map_or(f64::NAN, |(_, value)| *value)
}

/// How a peer is measured once.
pub type Measure = Box<dyn Fn(&Machine, &Peer) -> Result<Sample>>;

/// One size of a row's work.
pub struct Case {
    pub label: String,
    /// Which peers cannot do it, by name.
    pub without: Vec<&'static str>,
    /// What grows from case to case, and how large it is here.
    pub growth: Option<(&'static str, f64)>,
    /// Only measured when growth is asked for.
    pub for_growth_only: bool,
    pub measure: Measure,
}

impl Case {
    pub fn new(
        label: impl Into<String>,
        measure: impl Fn(&Machine, &Peer) -> Result<Sample> + 'static,
    ) -> Self {
        Self {
            label: label.into(),
            without: Vec::new(),
            growth: None,
            for_growth_only: false,
            measure: Box::new(measure),
        }
    }

    #[must_use]
    pub fn without(mut self, peers: &[&'static str]) -> Self {
        self.without.extend(peers);
        self
    }

    /// One of those from which the exponent of its growth is taken.
    #[must_use]
    pub fn growing(mut self, series: &'static str, size: f64) -> Self {
        self.growth = Some((series, size));
        self
    }

    /// It says nothing that other cases do not, but how it grows.
    #[must_use]
    pub fn for_growth_only(mut self) -> Self {
        self.for_growth_only = true;
        self
    }
}

/// A kind of work.
pub struct Row {
    /// The first is the base of all ratios, and is measured twice.
    pub peers: Vec<Peer>,
    pub cases: Vec<Case>,
}
