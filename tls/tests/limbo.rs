//! Certificate paths of the suite x509-limbo, read as data from `TORSADE_SUITES`.
//!
//! Where that is unset or no folder, the test says so and passes, unless `TORSADE_REQUIRE_PEERS` is 1.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use torsade_tls::{Certificate, ClientTls, Revocation, TlsError, Trust};

/// How many cases are answered as they should be (131 by the verifier that ours is built upon): the
/// count never falls.
const BAR: usize = 134;

/// Where a more lenient answer than the suite's comes from, by the beginning of a case's name. These
/// are answers of rustls-webpki; each is a rule that it does not look at, or looks at differently.
const DIFFERENCES: [(&str, &str); 8] = [
    (
        "crl::",
        "a CRL's own number and extensions are not checked beyond what is critical",
    ),
    (
        "pathlen::",
        "an authority is no host, and self-issued certificates count",
    ),
    (
        "rfc5280::aki",
        "key identifiers are hints for building paths only",
    ),
    ("rfc5280::ca-as-leaf", "an authority is no host"),
    (
        "rfc5280::nc::",
        "name constraints hold for names of hosts, and are not checked on roots",
    ),
    (
        "rfc5280::",
        "serial numbers, critical flags and what a root says are not checked",
    ),
    ("webpki::cn", "common names mean nothing"),
    (
        "webpki::",
        "no rule of the CA/Browser Forum but those of RFC 5280 is checked",
    ),
];

fn suite() -> Option<PathBuf> {
    let folder = env::var_os("TORSADE_SUITES").map(|suites| Path::new(&suites).join("x509-limbo"));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        let required = env::var_os("TORSADE_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "no x509-limbo in TORSADE_SUITES, and TORSADE_REQUIRE_PEERS is 1"
        );
        println!("x509-limbo: skipped, it is not in TORSADE_SUITES");
    }
    folder
}

fn read(path: PathBuf) -> Value {
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_reader(file).unwrap()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The time of `2024-03-01T00:00:00.999+00:00`.
fn time(text: &str) -> SystemTime {
    let field = |range| -> u64 { str::parse(&text[range]).unwrap() };
    let (year, month, day) = (field(0..4), field(5..7), field(8..10));
    let day = rcgen::date_time_ymd(
        i32::try_from(year).unwrap(),
        u8::try_from(month).unwrap(),
        u8::try_from(day).unwrap(),
    );
    let seconds = field(11..13) * 3600 + field(14..16) * 60 + field(17..19);
    SystemTime::from(day) + std::time::Duration::from_secs(seconds)
}

/// What we say to a case; `None` if it asks for what there is no way to ask for here.
fn verdict(case: &Value) -> Option<Result<(), String>> {
    // A chain is as long as it may be; there is no way to ask for less.
    let depth = case["max_chain_depth"].as_u64().unwrap_or(u64::MAX);
    if case["validation_kind"] != "SERVER" || depth < 10 {
        return None;
    }
    let roots = texts(&case["trusted_certs"]).collect::<String>();
    let mut client = ClientTls::builder().trust(Trust::none().roots_from_pem(roots));
    let lists: String = texts(&case["crls"]).collect();
    if !lists.is_empty() {
        client = client.revocation(Revocation::lists_from_pem(lists).leaf_only());
    }
    let certificates = || {
        let pem = [case["peer_certificate"].as_str()?]
            .into_iter()
            .chain(texts(&case["untrusted_intermediates"]))
            .collect::<String>();
        Some(Certificate::from_pem(pem))
    };
    let chain = match certificates()? {
        Ok(chain) => chain,
        Err(error) => return Some(Err(error.to_string())),
    };
    // A case without one is about everything but the name.
    let name = match case["expected_peer_name"]["value"].as_str() {
        Some(name) => name.to_owned(),
        None => chain[0].names().first()?.replacen('*', "any", 1),
    };
    let now = case["validation_time"]
        .as_str()
        .map_or_else(SystemTime::now, time);
    let verifier = match client.verifier() {
        Ok(verifier) => verifier,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(match verifier.verify(&chain, &name, now) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            assert!(!error.help().is_empty() && error.certificates() == chain);
            assert!(!matches!(error, TlsError::Protocol { .. }), "{error}");
            Err(error.to_string())
        }
        Err(error) => Err(error.to_string()),
    })
}

// R82, R83
#[test]
fn our_answers_are_never_worse_than_those_of_the_verifier_below() {
    let Some(folder) = suite() else { return };
    let limbo = read(folder.join("limbo.json"));
    let below = read(folder.join("webpki-results.json"));
    let below: HashMap<&str, &str> = below["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let field = |name: &str| result[name].as_str().unwrap();
            (field("id"), field("actual_result"))
        })
        .collect();

    let (mut agree, mut skipped) = (0, 0);
    let mut differ: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut worse = Vec::new();
    let cases = limbo["testcases"].as_array().unwrap();
    for case in cases {
        let (id, expected) = (
            case["id"].as_str().unwrap(),
            case["expected_result"].as_str().unwrap(),
        );
        let Some(ours) = verdict(case) else {
            skipped += 1;
            continue;
        };
        let answer = if ours.is_ok() { "SUCCESS" } else { "FAILURE" };
        if answer == expected {
            agree += 1;
            continue;
        }
        if below[id] == expected {
            worse.push((id, ours));
        }
        let why = DIFFERENCES.iter().find(|(start, _)| id.starts_with(start));
        let (_, why) = why.unwrap_or_else(|| panic!("{id}: an answer that nothing explains"));
        differ.entry(why).or_default().push(id);
    }
    let differing: usize = differ.values().map(Vec::len).sum();
    println!(
        "x509-limbo: {agree} of {} as expected, {differing} otherwise, {skipped} not asked",
        cases.len()
    );
    for (why, ids) in differ {
        println!("  {why}: {}", ids.join(" "));
    }
    assert!(worse.is_empty(), "{worse:#?}");
    assert!(agree >= BAR, "{agree}");
}
