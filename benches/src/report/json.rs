//! All values, for programs to read.

use serde_json::{Map, Value, json};

use super::{CaseReport, Measured, RowReport};

pub fn to_json(rows: &[RowReport], conditions: &[(String, String)]) -> Value {
    let conditions: Map<String, Value> = conditions
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    json!({ "conditions": conditions, "rows": rows.iter().map(row).collect::<Vec<_>>() })
}

fn row(row: &RowReport) -> Value {
    let growth: Map<String, Value> = row
        .growth()
        .into_iter()
        .map(|(what, peers)| {
            let exponents: Map<String, Value> = peers
                .into_iter()
                .map(|growth| (growth.peer, json!(growth.exponent)))
                .collect();
            (what.to_owned(), Value::Object(exponents))
        })
        .collect();
    json!({
        "name": row.name,
        "about": row.about,
        "cases": row.cases.iter().map(case).collect::<Vec<_>>(),
        "exponents": growth,
    })
}

fn case(case: &CaseReport) -> Value {
    let peers: Map<String, Value> = case
        .peers
        .iter()
        .map(|peer| (peer.peer.clone(), measured(case, peer)))
        .collect();
    json!({ "label": case.label, "peers": peers })
}

fn measured(case: &CaseReport, peer: &Measured) -> Value {
    let metrics = case.metrics().into_iter().map(|metric| {
        let (low, high) = peer.range(metric);
        let value = json!({
            "median": peer.median(metric),
            "ratio": case.ratio(peer, metric),
            "low": low,
            "high": high,
            "values": peer.values(metric),
        });
        (metric.to_owned(), value)
    });
    Value::Object(metrics.collect())
}
