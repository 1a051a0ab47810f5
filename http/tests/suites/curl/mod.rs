//! curl's own tests of HTTP: what curl does with a command line and a server's bytes, torsade's client
//! does too.

mod case;
mod client;
mod command;
mod outcome;
mod requests;
mod server;
mod text;

use std::fs;
use std::rc::Rc;

use self::case::{Case, When};
use self::command::Command;
use self::outcome::{End, Outcome};
use super::{read, suites};

/// The cases that end otherwise than with curl, and why. A case that is no longer different leaves.
const DIFFERENT: &[(&str, &[u32])] = &[
    ("HTTP/1.1 only, both ways", &[47, 66, 180, 181, 1052, 1069]),
    (
        "a transfer coding other than chunked is neither asked for nor taken (R25)",
        &[
            319, 387, 418, 1122, 1123, 1125, 1170, 1277, 1494, 1546, 1617,
        ],
    ),
    ("the chunks of a chunked body are never shown", &[326]),
    ("a chunked body has CRLF, not LF (R19)", &[341, 1417]),
    (
        "a Content-Length without bounds is an error (R24)",
        &[393, 395],
    ),
    ("Content-Length is not ignored", &[269]),
    ("a declared length is kept to (R108)", &[60]),
    (
        "a field before the first one is no blank line (R5)",
        &[1473],
    ),
    (
        "what is no field name is not sent (R60)",
        &[470, 1121, 1147, 2113, 3228],
    ),
    ("a head may be longer than curl's 100 KiB", &[1154, 3229]),
    (
        "the path is sent as RFC 3986 says, and no other target",
        &[391, 1298, 1613],
    ),
    (
        "a host name that ends in a number is an address, as in browsers; and one with an empty or long label is none",
        &[46, 287, 399, 1150, 1213, 1214, 1232, 1246],
    ),
    (
        "two Locations are an error where they are followed, not where they are not",
        &[772],
    ),
    ("If-Modified-Since is not looked after", &[1127]),
    (
        "only the head is waited for again, not a body that has begun",
        &[1909],
    ),
    ("a Content-Range that says nothing is none", &[188]),
    (
        "curl's command line, not its client",
        &[419, 426, 481, 777, 995, 1425, 3019, 3020],
    ),
    ("other protocols", &[727, 1326, 1455, 3201, 3220]),
    ("it is for a curl without IPv6", &[1454]),
    ("its data is not there", &[230, 314]),
];

/// At least so many requests are what curl sends.
const SENT_BAR: usize = 255;

#[test]
fn the_client_does_what_curl_does() {
    let Some(folder) = suites("curl") else { return };
    let folder = folder.join("curl");
    let mut numbers: Vec<u32> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name();
            name.to_str()?.strip_prefix("test")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    let (mut alike, mut different) = (Vec::new(), Vec::new());
    let (mut compared, mut sent_alike) = (0, 0);
    for &number in &numbers {
        let source = fs::read(folder.join(format!("test{number}"))).unwrap();
        let case = Rc::new(Case::parse(number, &source));
        let command = command::parse(&case);
        if let Some(option) = &command.unsupported {
            different.push((number, format!("there is no {option}")));
            continue;
        }
        let outcome = client::run(&case, &command);
        match verdict(&case, &command, &outcome) {
            Ok(()) => alike.push(number),
            Err(why) => different.push((number, why)),
        }
        if let Some(same) = sends_the_same(&case, &command, &outcome) {
            compared += 1;
            sent_alike += usize::from(same.is_ok());
            if let Err(why) = same {
                println!("{number} sends {why}");
            }
        }
    }
    let explained: Vec<u32> = DIFFERENT
        .iter()
        .flat_map(|(_, numbers)| *numbers)
        .copied()
        .collect();
    let unexplained: Vec<_> = different
        .iter()
        .filter(|(number, _)| !explained.contains(number))
        .collect();
    let outdated: Vec<_> = explained
        .iter()
        .filter(|number| alike.contains(number))
        .collect();
    println!("curl: {} of {} as curl does", alike.len(), numbers.len());
    println!("curl: {sent_alike} of {compared} requests as curl sends them");
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert!(outdated.is_empty(), "as curl does after all: {outdated:?}");
    assert!(sent_alike >= SENT_BAR);
    // What curl 7.88.1 itself answers exactly.
    let baseline = read(folder.join("baseline.json"));
    let baseline: serde_json::Value = serde_json::from_str(&baseline).unwrap();
    let exact = baseline["exact_with_curl_7_88_1"].as_array().unwrap();
    assert!(
        alike.len() >= exact.len(),
        "{} are fewer than {}",
        alike.len(),
        exact.len()
    );
}

fn verdict(case: &Case, command: &Command, outcome: &Outcome) -> Result<(), String> {
    let code = case
        .text("errorcode")
        .map_or(0, |text| text.parse().unwrap());
    if !outcome.end.is(code) {
        return Err(format!(
            "ends with {:?} instead of {code}: {}",
            outcome.end, outcome.why
        ));
    }
    let Some(expected) = expected_body(case, command) else {
        return Ok(());
    };
    // A harness of curl's names a file for the output of the first URL only.
    let first = outcome.bodies.first().cloned().unwrap_or_default();
    let all = outcome.bodies.concat();
    if first != expected && all != expected {
        let (got, expected) = (all.escape_ascii(), expected.escape_ascii());
        return Err(format!(
            "body {got}\n   instead of {expected}\n   {}",
            outcome.why
        ));
    }
    Ok(())
}

/// What of the output is no head; `None` if the case does not say.
fn expected_body(case: &Case, command: &Command) -> Option<Vec<u8>> {
    if let [.., file] = &command.outputs[..]
        && let Some(text) = case.files(When::After).get(file)
    {
        return Some(without_heads(text));
    }
    if let Some(section) = case.section("datacheck") {
        return Some(without_heads(&section.text));
    }
    let data = case.section("data")?;
    let is_checked =
        data.attribute("nocheck") != "yes" && command.groups.iter().all(|group| !group.is_head);
    is_checked.then(|| without_heads(&data.text))
}

fn without_heads(output: &[u8]) -> Vec<u8> {
    let (mut bodies, mut is_head) = (Vec::new(), false);
    for line in output.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b"HTTP/") {
            is_head = true;
        }
        if !is_head {
            bodies.extend_from_slice(line);
        }
        is_head &= !matches!(line, b"\n" | b"\r\n");
    }
    bodies
}

/// `None` if the case does not say, or what is different is a matter of taste.
fn sends_the_same(case: &Case, command: &Command, outcome: &Outcome) -> Option<Result<(), String>> {
    let section = case.section("protocol")?;
    // The boundary of a form is anybody's own.
    let has_form = command.groups.iter().any(|group| !group.form.is_empty());
    if outcome.end == End::Upload || has_form {
        return None;
    }
    let (got, expected) = (
        requests::canonical(&outcome.sent),
        requests::canonical(&section.text),
    );
    Some(if got == expected {
        Ok(())
    } else {
        Err(format!(
            "{}\n--- instead of\n{}",
            got.join("\n"),
            expected.join("\n")
        ))
    })
}
