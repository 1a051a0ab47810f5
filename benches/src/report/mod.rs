//! What came out, in tables, JSON and plots.

mod json;
mod plot;
mod svg;
mod table;

use std::fs;
use std::path::Path;

pub use json::to_json;
pub use table::{print, print_growth};

use crate::machine::Result;
use crate::row::Sample;
use crate::stats::{exponent, median, range};

/// What one peer did in one case: the samples of all rounds.
pub struct Measured {
    pub peer: String,
    pub samples: Vec<Sample>,
}

impl Measured {
    /// All values of a metric.
    pub fn values(&self, metric: &str) -> Vec<f64> {
        let all = self.samples.iter().flatten();
        all.filter(|(name, _)| *name == metric)
            .map(|(_, value)| *value)
            .collect()
    }

    pub fn median(&self, metric: &str) -> f64 {
        median(&self.values(metric))
    }

    pub fn range(&self, metric: &str) -> (f64, f64) {
        range(&self.values(metric))
    }
}

/// A case, with what each peer did.
pub struct CaseReport {
    pub label: String,
    pub growth: Option<(&'static str, f64)>,
    pub peers: Vec<Measured>,
}

impl CaseReport {
    /// The metrics, in order; the first is the one that is judged by.
    pub fn metrics(&self) -> Vec<&'static str> {
        let mut metrics = Vec::new();
        for (name, _) in self.peers.iter().flat_map(|peer| &peer.samples).flatten() {
            if !metrics.contains(name) {
                metrics.push(*name);
            }
        }
        metrics
    }

    /// A peer's median as a ratio to the first one's.
    pub fn ratio(&self, peer: &Measured, metric: &str) -> f64 {
        peer.median(metric)
            / self
                .peers
                .first()
                .map_or(f64::NAN, |base| base.median(metric))
    }
}

/// A row, with what came out.
pub struct RowReport {
    pub name: &'static str,
    pub about: &'static str,
    pub cases: Vec<CaseReport>,
}

/// How what a peer takes grows with something.
pub struct Growth {
    pub peer: String,
    pub points: Vec<(f64, f64)>,
    pub exponent: f64,
}

impl RowReport {
    /// What grows, and for each the peers' exponents.
    pub fn growth(&self) -> Vec<(&'static str, Vec<Growth>)> {
        let mut series: Vec<(&'static str, Vec<Growth>)> = Vec::new();
        for (what, size, case) in self.growing() {
            let Some(metric) = case.metrics().first().copied() else {
                continue;
            };
            if !series.iter().any(|(name, _)| *name == what) {
                series.push((what, Vec::new()));
            }
            let found = series.iter_mut().find(|(name, _)| *name == what);
            let Some((_, peers)) = found else { continue };
            for peer in &case.peers {
                let point = (size, peer.median(metric));
                match peers.iter_mut().find(|growth| growth.peer == peer.peer) {
                    Some(growth) => growth.points.push(point),
                    None => peers.push(Growth {
                        peer: peer.peer.clone(),
                        points: vec![point],
                        exponent: f64::NAN,
                    }),
                }
            }
        }
        for (_, peers) in &mut series {
            // Of one size, as the base once more mostly is, nothing can be said.
            peers.retain_mut(|growth| match exponent(&growth.points) {
                Some(exponent) => {
                    growth.exponent = exponent;
                    true
                }
                None => false,
            });
        }
        series
    }

    fn growing(&self) -> impl Iterator<Item = (&'static str, f64, &CaseReport)> {
        let cases = self.cases.iter();
        cases.filter_map(|case| case.growth.map(|(what, size)| (what, size, case)))
    }
}

/// Writes `report.json` and a plot for each row.
pub fn write(folder: &Path, rows: &[RowReport], conditions: &[(String, String)]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(&to_json(rows, conditions))?;
    fs::write(folder.join("report.json"), json)?;
    for row in rows {
        fs::write(folder.join(format!("{}.svg", row.name)), plot::ratios(row))?;
        if let Some(plot) = plot::growth(row) {
            fs::write(folder.join(format!("{}-growth.svg", row.name)), plot)?;
        }
    }
    Ok(())
}
