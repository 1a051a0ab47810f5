//! Work within one thread that asks nothing of the system.

pub mod chains;
pub mod framing;
pub mod timers;

use crate::machine::own_cpu_ns;
use crate::stats::{median, range};

/// Something that is measured by itself.
pub struct Work<'a> {
    pub name: String,
    /// How many operations `run` does.
    pub operations: u64,
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Work<'a> {
    pub fn new(name: impl Into<String>, operations: u64, run: impl FnMut() + 'a) -> Self {
        Self {
            name: name.into(),
            operations,
            run: Box::new(run),
        }
    }

    /// Takes the time of so many runs: `ns=` is the median, and `min=` of the one that others disturbed least.
    pub fn time(&mut self, runs: usize) -> String {
        (self.run)();
        let each: Vec<f64> = (0..runs)
            .map(|_| {
                let start = own_cpu_ns();
                (self.run)();
                (own_cpu_ns() - start) as f64 / self.operations as f64
            })
            .collect();
        format!("ns={:.2} min={:.2}", median(&each), range(&each).0)
    }
}
