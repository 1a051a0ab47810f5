//! llhttp's cases for replies: an `http` fence with the bytes and a `log` fence with the verdict.

use std::fs;

use super::{Method, play, read, suites};

/// Where we differ from llhttp, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "invalid.md: Only LFs present",
        "RFC 9112 section 2.2 lets LF end a line",
    ),
    (
        "invalid.md: Only LFs present and no body",
        "RFC 9112 section 2.2 lets LF end a line",
    ),
    (
        "sample.md: No carriage ret",
        "RFC 9112 section 2.2 lets LF end a line",
    ),
    (
        "sample.md: RTSP response",
        "an HTTP client has no use for RTSP",
    ),
    (
        "sample.md: ICE response",
        "an HTTP client has no use for ICE",
    ),
    ("sample.md: HTTP version 0.9", "HTTP/0.9 has no status line"),
    (
        "transfer-encoding.md: Trailing space on chunked body",
        "harmless, and seen in the wild",
    ),
    (
        "transfer-encoding.md: `chunked` before other transfer-encoding",
        "nobody can decode it; raw chunks are no body",
    ),
    (
        "transfer-encoding.md: multiple transfer-encoding where chunked is not the last one",
        "nobody can decode it; raw chunks are no body",
    ),
    (
        "transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked enconding",
        "nobody can decode it; raw chunks are no body",
    ),
];

#[derive(Debug)]
struct Case {
    name: String,
    method: Method,
    bytes: Vec<u8>,
    log: String,
}

/// Status, body, completeness, and whether there was an error.
type Outcome = (Option<u16>, Vec<u8>, bool, bool);

#[test]
fn replies_are_judged_as_by_llhttp() {
    let Some(folder) = suites("llhttp") else {
        return;
    };
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder.join("llhttp/response")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        cases.extend(parse(&file, &read(path)));
    }
    assert!(cases.len() >= 60, "only {} cases were found", cases.len());
    let mut differ = Vec::new();
    for case in &cases {
        let expected = expected(&case.log);
        let outcome = |size| {
            // A fault in an unfinished line is only told at the end.
            let verdict = play(&case.method, &case.bytes, size, expected.3);
            let complete = verdict.complete.is_some() || verdict.switched;
            (
                verdict.status,
                verdict.body,
                complete,
                verdict.error.is_some(),
            )
        };
        let found = outcome(case.bytes.len());
        assert_eq!(outcome(1), found, "{}: byte by byte", case.name);
        if found != expected {
            differ.push((
                case.name.as_str(),
                format!("want {expected:?}, got {found:?}"),
            ));
        }
    }
    let (explained, unexplained): (Vec<_>, Vec<_>) = differ
        .iter()
        .partition(|(name, _)| DIFFERENCES.iter().any(|(known, _)| known == name));
    println!(
        "llhttp: {} of {} as llhttp does, {} differ for a reason",
        cases.len() - differ.len(),
        cases.len(),
        explained.len()
    );
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert_eq!(
        explained.len(),
        DIFFERENCES.len(),
        "a difference is gone: shorten the list"
    );
}

/// What the log says about the first reply that is not informational.
fn expected(log: &str) -> Outcome {
    let (mut status, mut body, mut complete, mut error) = (None, Vec::new(), false, false);
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("headers complete status=") {
            let code: u16 = rest.split(' ').next().unwrap().parse().unwrap();
            if code == 101 || code >= 200 {
                status = Some(code);
            }
        } else if let Some((_, rest)) = line.split_once("span[body]=") {
            match rest {
                "cr" => body.push(b'\r'),
                "lf" => body.push(b'\n'),
                text => body.extend_from_slice(&text.as_bytes()[1..text.len() - 1]),
            }
        } else if line.ends_with("message complete") && status.is_some() {
            // What follows is surplus to us; to llhttp it is the next reply, or an error.
            complete = true;
            break;
        } else if line.contains("error code=") {
            error = true;
        }
    }
    (status, body, complete, error)
}

/// The strict cases of a file.
fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for section in text.split("\n##").skip(1) {
        let title = section
            .lines()
            .next()
            .unwrap()
            .trim_start_matches('#')
            .trim();
        let meta = between(section, "<!-- meta=", "-->").unwrap_or_default();
        let strict = meta.contains("\"response\"") || meta.contains("\"response-finish\"");
        let (Some(http), Some(log)) = (
            between(section, "```http\n", "```"),
            between(section, "```log\n", "```"),
        ) else {
            continue;
        };
        if strict {
            cases.push(Case {
                name: format!("{file}: {title}"),
                method: if meta.contains("skipBody") {
                    Method::HEAD
                } else {
                    Method::GET
                },
                bytes: unescape(http.strip_suffix('\n').unwrap_or(http)),
                log: log.to_owned(),
            });
        }
    }
    cases
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// A line end is CRLF, unless a backslash stands before it; `\r`, `\n`, `\t` and `\f` are spelled.
fn unescape(text: &str) -> Vec<u8> {
    text.replace("\\\n", "")
        .replace('\n', "\r\n")
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\f", "\x0c")
        .into_bytes()
}
