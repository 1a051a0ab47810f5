//! `replies.json`: replies seen in the wild, with the right verdict for each.

use super::{Method, Verdict, play, read, suites};

/// One reply. The file is flat enough to be read without a JSON parser.
#[derive(Debug, Default)]
struct Reply {
    name: String,
    method: String,
    close_after: bool,
    bytes: Vec<u8>,
    right: String,
}

#[test]
fn replies_are_judged_right() {
    let Some(folder) = suites("replies") else {
        return;
    };
    let replies = parse(&read(folder.join("replies.json")));
    assert!(
        replies.len() >= 60,
        "only {} replies were found",
        replies.len()
    );
    let mut wrong = Vec::new();
    for reply in &replies {
        let method = reply.method.parse().unwrap();
        let whole = play(&method, &reply.bytes, usize::MAX, reply.close_after);
        let split = play(&method, &reply.bytes, 1, reply.close_after);
        let failed = [whole, split]
            .into_iter()
            .find(|verdict| !is_right(reply, &method, verdict));
        if let Some(verdict) = failed {
            wrong.push(format!(
                "{}: want {}, got {verdict:?}",
                reply.name, reply.right
            ));
        }
    }
    println!(
        "replies: {} of {} judged right",
        replies.len() - wrong.len(),
        replies.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_right(reply: &Reply, method: &Method, verdict: &Verdict) -> bool {
    let complete = verdict.error.is_none() && verdict.complete.is_some();
    let refused = verdict.error.is_some() && verdict.status.is_none();
    let broken = verdict.error.is_some() && verdict.status == Some(200);
    // Content codings are undone a floor above: here the coded body must come through whole.
    let coded = reply
        .bytes
        .windows(16)
        .any(|bytes| bytes == b"Content-Encoding")
        && !reply.name.ends_with("identity");
    if coded {
        return complete && !verdict.body.is_empty();
    }
    let ok = complete && verdict.status == Some(200);
    match reply.right.as_str() {
        "ok" | "ok*" => ok && (verdict.body == b"hello" || reply.name == "headers-64k"),
        "ok, flagged" => ok && verdict.body == b"hello" && verdict.until_close,
        "ok, no reuse" => ok && verdict.body == b"hello" && verdict.complete == Some(false),
        "hel, no reuse" => ok && verdict.body == b"hel" && verdict.complete == Some(false),
        "ok or cap E" | "E or ok" => (ok && verdict.body == b"hello") || refused,
        "E" | "ok* or E" | "E or decoded" => refused,
        "limit E" => refused && verdict.error.as_ref().is_some_and(|error| error.is_limit()),
        "B" => broken,
        "304, empty, connection reusable" => reusable(verdict, 304),
        "200, empty, connection reusable" => method == Method::HEAD && reusable(verdict, 200),
        other => panic!("{}: unknown verdict {other}", reply.name),
    }
}

fn reusable(verdict: &Verdict, status: u16) -> bool {
    verdict.status == Some(status) && verdict.body.is_empty() && verdict.complete == Some(true)
}

fn parse(json: &str) -> Vec<Reply> {
    let mut replies = Vec::new();
    let mut reply = Reply::default();
    for line in json.lines() {
        let line = line.trim().trim_end_matches(',');
        let Some((key, value)) = line.split_once("\": ") else {
            if line == "}" {
                replies.push(std::mem::take(&mut reply));
            }
            continue;
        };
        let text = value.trim_matches('"');
        match key.trim_start_matches('"') {
            "name" => reply.name = text.to_owned(),
            "method" => reply.method = text.to_owned(),
            "close_after" => reply.close_after = value == "true",
            "reply_base64" => reply.bytes = base64(text),
            "right" => reply.right = text.to_owned(),
            _ => {}
        }
    }
    replies
}

fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().filter(|&byte| byte != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => panic!("{other} in base64"),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
