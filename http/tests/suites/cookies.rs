//! Cookies: the cases that were written along with RFC 6265.

use serde_json::Value;
use torsade_http::{CookieJar, Url};

use super::{read, suites};

/// How many of the 218 cases (that are not disabled) are answered as browsers do; it never falls.
const BAR: usize = 217;

fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn cookies_are_kept_and_sent_as_browsers_do() {
    let Some(folder) = suites("http-state") else {
        return;
    };
    let cases: Value = serde_json::from_str(&read(folder.join("http-state/parser.json"))).unwrap();
    let (mut right, mut wrong, mut disabled) = (0, Vec::new(), 0);
    for case in cases.as_array().unwrap() {
        let name = case["test"].as_str().unwrap();
        if name.starts_with("DISABLED") {
            disabled += 1;
            continue;
        }
        let base = Url::parse("http://home.example.org:8888/").unwrap();
        let from = base.join(&format!("/cookie-parser?{name}")).unwrap();
        let to = case["sent-to"].as_str().unwrap_or("/cookie-parser-result");
        let to = base.join(to).unwrap();
        let jar = CookieJar::new();
        for line in texts(&case["received"]) {
            // Three were written when that year was far away.
            let line = line.replace("Aug 2019", "Aug 2099");
            jar.store(line.as_bytes(), &from);
        }
        let sent = jar.header_for(&to);
        let sent = sent.map_or_else(Vec::new, |value| value.as_bytes().to_vec());
        let sent = String::from_utf8_lossy(&sent).into_owned();
        let expected: Vec<String> = case["sent"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cookie| {
                let field = |name: &str| cookie[name].as_str().unwrap_or_default();
                match field("name") {
                    "" => field("value").to_owned(),
                    name => format!("{name}={}", field("value")),
                }
            })
            .collect();
        match sent == expected.join("; ") {
            true => right += 1,
            false => wrong.push(format!("{name}: {sent:?} for {expected:?}")),
        }
    }
    println!(
        "http-state: {right} of {} right, {disabled} disabled",
        right + wrong.len()
    );
    for case in &wrong {
        println!("  {case}");
    }
    assert!(right >= BAR, "{wrong:#?}");
}
