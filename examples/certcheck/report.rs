//! How it is told: to people, to programs, and to cron.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use torsade::tls::Certificate;

use crate::check::Finding;

/// A line for each, and below it what is wrong.
pub(crate) fn table(findings: &[Finding], now: SystemTime, warn_days: i64) -> String {
    const TITLES: [&str; 5] = ["TARGET", "NAME", "ISSUER", "DAYS", "VERDICT"];
    let mut rows = vec![TITLES.map(str::to_owned)];
    for finding in findings {
        let own = finding.chain.first();
        rows.push([
            finding.target.clone(),
            own.map_or_else(dash, name),
            own.and_then(|own| own.issuer().map(str::to_owned))
                .unwrap_or_else(dash),
            own.map_or_else(dash, |own| own.days_left(now).to_string()),
            match finding.problems(now, warn_days).len() {
                0 => "ok".to_owned(),
                _ => "WRONG".to_owned(),
            },
        ]);
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for (at, [target, name, issuer, days, verdict]) in rows.iter().enumerate() {
        let _ = writeln!(
            text,
            "{target:0$}  {name:1$}  {issuer:2$}  {days:>3$}  {verdict}",
            widths[0], widths[1], widths[2], widths[3]
        );
        if let Some(finding) = at.checked_sub(1).map(|at| &findings[at]) {
            for problem in finding.problems(now, warn_days) {
                let _ = writeln!(text, "    {problem}");
            }
        }
    }
    text
}

fn dash() -> String {
    "-".to_owned()
}

/// The first of its names, and how many more there are.
fn name(certificate: &Certificate) -> String {
    let names = certificate.names();
    match &names[..] {
        [] => certificate.subject().map_or_else(dash, str::to_owned),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    }
}

/// Only what is wrong, a line each.
pub(crate) fn wrong(findings: &[Finding], now: SystemTime, warn_days: i64) -> String {
    let mut text = String::new();
    for finding in findings {
        for problem in finding.problems(now, warn_days) {
            let _ = writeln!(text, "{}: {problem}", finding.target);
        }
    }
    text
}

/// All that was found, as an array.
pub(crate) fn json(findings: &[Finding], now: SystemTime, warn_days: i64) -> String {
    let all: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let problems = finding.problems(now, warn_days);
            json!({
                "target": finding.target,
                "ok": problems.is_empty(),
                "problems": problems,
                "tls_version": finding.version,
                "chain": finding
                    .chain
                    .iter()
                    .map(|certificate| describe(certificate, now))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(all))
}

fn describe(certificate: &Certificate, now: SystemTime) -> Value {
    json!({
        "subject": certificate.subject_name(),
        "issuer": certificate.issuer_name(),
        "names": certificate.names(),
        "serial": certificate.serial(),
        "not_before": seconds(certificate.not_before()),
        "not_after": seconds(certificate.not_after()),
        "days_left": certificate.days_left(now),
        "key": certificate.public_key().to_string(),
        "signature": certificate.signature_algorithm(),
        "sha256": certificate.fingerprint_hex(),
        "pin": torsade::tls::Pin::of(certificate).to_string(),
    })
}

/// Since 1970, in UTC.
fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs().cast_signed(),
        Err(before) => -before.duration().as_secs().cast_signed(),
    }
}
