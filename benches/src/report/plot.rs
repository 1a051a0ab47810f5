//! Plots: ratios as bars, growth as lines.

use super::svg::{Anchor, Svg};
use super::table::number;
use super::{CaseReport, RowReport};

const COLOURS: [&str; 8] = [
    "#888888", "#c05020", "#3070b0", "#50a060", "#a060b0", "#b09030", "#40a0a0", "#d07090",
];
const OWN: &str = "#d02020";
const GREY: &str = "#dddddd";

fn colour(peer: &str, index: usize) -> &'static str {
    if peer.starts_with("torsade") {
        OWN
    } else {
        COLOURS[index % COLOURS.len()]
    }
}

/// A bar for each peer in each case: its ratio to the base. Longer ones than three are cut, and say how long
/// they would be.
pub fn ratios(row: &RowReport) -> String {
    const LEFT: f64 = 190.0;
    const SCALE: f64 = 150.0;
    const MOST: f64 = 3.0;
    let lines: usize = row.cases.iter().map(|case| case.peers.len() + 2).sum();
    let height = 40.0 + 18.0 * lines as f64;
    let mut svg = Svg::new(LEFT + MOST * SCALE + 90.0, height);
    svg.text(10.0, 20.0, Anchor::Start, row.about);
    for tick in 0..=MOST as usize {
        let x = LEFT + tick as f64 * SCALE;
        svg.line((x, 30.0), (x, height - 10.0), GREY);
        svg.text(x, height - 2.0, Anchor::Middle, &tick.to_string());
    }
    let mut y = 44.0;
    for case in &row.cases {
        svg.text(10.0, y, Anchor::Start, &title(case));
        for (index, peer) in case.peers.iter().enumerate() {
            y += 18.0;
            let ratio = case.ratio(peer, case.metrics().first().unwrap_or(&""));
            let width = if ratio.is_finite() {
                ratio.min(MOST) * SCALE
            } else {
                0.0
            };
            svg.text(LEFT - 6.0, y, Anchor::End, &peer.peer);
            svg.rectangle(LEFT, y - 11.0, width, 13.0, colour(&peer.peer, index));
            svg.text(LEFT + width + 5.0, y, Anchor::Start, &format!("{ratio:.2}"));
        }
        y += 36.0;
    }
    svg.finish()
}

fn title(case: &CaseReport) -> String {
    let metric = case.metrics().first().copied().unwrap_or_default();
    let base = case.peers.first();
    let value = base.map_or(f64::NAN, |base| base.median(metric));
    let name = base.map_or("", |base| &base.peer);
    format!("{} ({metric}; 1 = {name}: {})", case.label, number(value))
}

/// Cost over size, both on logarithmic scales, one below the other for all that grows. `None` if nothing does.
pub fn growth(row: &RowReport) -> Option<String> {
    const WIDTH: f64 = 560.0;
    const HEIGHT: f64 = 260.0;
    let mut series = row.growth();
    series.retain(|(_, peers)| peers.iter().any(|growth| growth.points.len() > 1));
    if series.is_empty() {
        return None;
    }
    let mut svg = Svg::new(WIDTH + 220.0, (HEIGHT + 70.0) * series.len() as f64);
    for (panel, (what, peers)) in series.iter().enumerate() {
        let top = panel as f64 * (HEIGHT + 70.0) + 40.0;
        svg.text(
            10.0,
            top - 18.0,
            Anchor::Start,
            &format!("{}: cost over {what}", row.name),
        );
        let points = || peers.iter().flat_map(|growth| &growth.points);
        let x = Axis::over(points().map(|point| point.0), 70.0, 70.0 + WIDTH - 90.0);
        let y = Axis::over(points().map(|point| point.1), top + HEIGHT - 10.0, top);
        for (value, place) in x.decades() {
            svg.line((place, top), (place, top + HEIGHT), GREY);
            svg.text(place, top + HEIGHT + 14.0, Anchor::Middle, &number(value));
        }
        for (value, place) in y.decades() {
            svg.line((70.0, place), (WIDTH - 20.0, place), GREY);
            svg.text(64.0, place + 4.0, Anchor::End, &number(value));
        }
        for (index, growth) in peers.iter().enumerate() {
            let colour = colour(&growth.peer, index);
            let places = growth
                .points
                .iter()
                .map(|(size, cost)| (x.place(*size), y.place(*cost)));
            svg.path(&places.collect::<Vec<_>>(), colour);
            let label = format!("{}: exponent {:.2}", growth.peer, growth.exponent);
            let line = top + 14.0 + 18.0 * index as f64;
            svg.rectangle(WIDTH, line - 9.0, 10.0, 10.0, colour);
            svg.text(WIDTH + 16.0, line, Anchor::Start, &label);
        }
    }
    Some(svg.finish())
}

/// A logarithmic scale, from where to where on the picture.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// In whole powers of ten around the values.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let usable = values.filter(|value| *value > 0.0 && value.is_finite());
        let logs: Vec<f64> = usable.map(f64::log10).collect();
        let low = logs.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let high = logs
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max)
            .ceil();
        let (low, high) = if low.is_finite() {
            (low, high.max(low + 1.0))
        } else {
            (0.0, 1.0)
        };
        Self {
            low,
            high,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = (f64, f64)> {
        let exponents = self.low as i32..=self.high as i32;
        exponents
            .map(|exponent| 10_f64.powi(exponent))
            .map(|value| (value, self.place(value)))
    }
}
