//! Whatever a program asks for, what is sent is one request, or nothing: no byte of a method, target,
//! host or field begins a second one.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use torsade_http::wire::{BodyLength, Exchange, Limits, RequestHead};

/// The lines of a head that is one.
fn lines(head: &[u8]) -> Vec<&[u8]> {
    let head = head.strip_suffix(b"\r\n\r\n").expect("a head has an end");
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    for line in &lines {
        let is_bad = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!line.is_empty() && !line.iter().any(is_bad));
    }
    lines
}

fuzz_target!(|input: (&[u8], &str, &str, Vec<(&[u8], &[u8])>, u8, u64)| {
    let (method, target, host, fields, body, length) = input;
    let Ok(method) = Method::from_bytes(method) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    let body = match body % 3 {
        0 => BodyLength::None,
        1 => BodyLength::Known(length),
        _ => BodyLength::Unknown,
    };
    let head = RequestHead::new(&method, target, host, &headers).body(body);
    let mut wire = Vec::new();
    if Exchange::start(&head, Limits::default(), &mut wire).is_err() {
        // Nothing that was refused has begun to be sent.
        assert!(wire.is_empty());
        return;
    }
    let lines = lines(&wire);
    let words: Vec<_> = lines[0].split(|byte| *byte == b' ').collect();
    assert_eq!(words.len(), 3);
    assert_eq!(
        (words[0], words[2]),
        (method.as_str().as_bytes(), &b"HTTP/1.1"[..])
    );
    let names: Vec<String> = (lines[1..].iter())
        .map(|line| {
            let (name, _) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap());
            String::from_utf8(name.to_ascii_lowercase()).unwrap()
        })
        .collect();
    let count = |name: &str| names.iter().filter(|other| *other == name).count();
    assert_eq!(count("host"), 1);
    assert!(count("content-length") + count("transfer-encoding") <= 1);
});
