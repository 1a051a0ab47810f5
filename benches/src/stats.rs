//! Medians, and how fast something grows.

/// The middle one, or the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The smallest and the largest.
pub fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        })
}

/// The `e` of `cost = c * size^e` that fits best: the slope of the logarithms' line. `None` for fewer than
/// two sizes.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let usable = points
        .iter()
        .filter(|(size, cost)| *size > 0.0 && *cost > 0.0);
    let logs: Vec<(f64, f64)> = usable.map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), log| {
        (x + log.0 / count, y + log.1 / count)
    });
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let slope: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    (spread > 0.0).then(|| slope / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_exponent_of_a_square_is_two() {
        let squares: Vec<_> = [1.0, 10.0, 100.0]
            .map(|size| (size, 3.0 * size * size))
            .into();
        let exponent = exponent(&squares).expect("there are three sizes");
        assert!((exponent - 2.0).abs() < 1e-9, "{exponent}");
    }

    #[test]
    fn one_size_has_no_exponent() {
        assert_eq!(exponent(&[(5.0, 1.0), (5.0, 2.0)]), None);
        assert_eq!(exponent(&[]), None);
    }
}
