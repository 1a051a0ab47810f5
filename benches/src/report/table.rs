//! Tables for people, in Markdown.

use super::{CaseReport, Measured, RowReport};

/// Prints a case: medians, of the first two metrics ratios as well, and the range of the first.
pub fn print(row: &RowReport, case: &CaseReport) {
    let metrics = case.metrics();
    let Some((judged, base)) = metrics.first().zip(case.peers.first()) else {
        return;
    };
    let rounds = case
        .peers
        .iter()
        .map(|peer| peer.samples.len())
        .max()
        .unwrap_or(0);
    println!(
        "\n{}: {} (medians of {rounds}, x: to {})\n",
        row.name, case.label, base.peer
    );
    let mut header = vec!["".to_owned()];
    for (index, metric) in metrics.iter().enumerate() {
        header.push((*metric).to_owned());
        if index < 2 {
            header.push("x".to_owned());
        }
    }
    header.push(format!("range of {judged}"));
    let mut lines = vec![header];
    for peer in &case.peers {
        lines.push(line(case, peer, &metrics));
    }
    print_aligned(&lines);
}

fn line(case: &CaseReport, peer: &Measured, metrics: &[&str]) -> Vec<String> {
    let mut cells = vec![peer.peer.clone()];
    for (index, metric) in metrics.iter().enumerate() {
        cells.push(number(peer.median(metric)));
        if index < 2 {
            let ratio = case.ratio(peer, metric);
            cells.push(if ratio.is_nan() {
                number(ratio)
            } else {
                format!("{ratio:.2}")
            });
        }
    }
    let (low, high) = peer.range(metrics.first().unwrap_or(&""));
    cells.push(format!("{} to {}", number(low), number(high)));
    cells
}

/// Prints the exponents of what grew.
pub fn print_growth(row: &RowReport) {
    for (what, peers) in row.growth() {
        let sizes = peers.first().map_or(0, |growth| growth.points.len());
        if sizes < 3 {
            continue;
        }
        println!("\n{}: growth with {what}\n", row.name);
        let mut lines = vec![vec![
            "".to_owned(),
            "exponent".to_owned(),
            "size: cost".to_owned(),
        ]];
        for growth in peers.into_iter().filter(|growth| growth.points.len() > 2) {
            let points: Vec<String> = growth
                .points
                .iter()
                .map(|(size, cost)| format!("{}: {}", number(*size), number(*cost)))
                .collect();
            lines.push(vec![
                growth.peer,
                format!("{:.2}", growth.exponent),
                points.join(", "),
            ]);
        }
        print_aligned(&lines);
    }
}

/// Three digits that count, or all before the point.
pub fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        size if size >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) && !text.ends_with('-') {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn print_aligned(lines: &[Vec<String>]) {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (index, line) in lines.iter().enumerate() {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
        if index == 0 {
            let rules = widths.iter().map(|width| "-".repeat(width + 2));
            println!("|{}|", rules.collect::<Vec<_>>().join("|"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_digits_that_count() {
        let numbers = [0.0, 0.12345, 1.239, 45.67, 123.4, 1234.5, 1_234_567.0].map(number);
        assert_eq!(
            numbers,
            ["0.00", "0.123", "1.24", "45.7", "123", "1,234", "1,234,567"]
        );
    }
}
