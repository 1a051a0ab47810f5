//! Texts that a program is given: descriptions of endpoints, files of hosts, proxies, pins, and the
//! small ones of protocols. What is understood, written down, is understood the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torsade_core::endpoints::Description;
use torsade_core::names::{Hosts, NameResolver};
use torsade_core::protocols::finger::FingerQuery;
use torsade_http::{ContentRange, Proxies, Proxy};
use torsade_tls::Pin;

fn description(text: &str) {
    if let Ok(mut once) = Description::parse(text) {
        let again = Description::parse(text);
        assert_eq!(again.as_ref(), Ok(&once));
        let kind = once.kind.clone();
        let values = once.take_all();
        // Only a value that is one alone and empty cannot be written.
        if values.len() > 1 || values.iter().any(|value| !value.is_empty()) {
            let mut written = Description::escape(&kind);
            for value in &values {
                written += ":";
                written += &Description::escape(value);
            }
            let mut read = Description::parse(&written).expect("nothing is named");
            assert_eq!(read.kind, kind);
            assert_eq!(read.take_all(), values);
            assert_eq!(read.finish(), Ok(()));
        }
    }
    let named = format!("kind:name={}", Description::escape(text));
    let mut read = Description::parse(&named).expect("it is named once");
    assert_eq!(read.take_named("name").as_deref(), Some(text));
    assert_eq!(read.finish(), Ok(()));
}

fn hosts(text: &str) {
    let known = Hosts::from_text(text);
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else {
            continue;
        };
        for name in words {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let found = known.look_up(&name).try_take();
            let found = found.expect("it is known at once").expect("it is there");
            assert!(found.contains(&address), "{name}");
        }
    }
}

fn content_range(bytes: &[u8]) {
    if let Some(range) = ContentRange::parse(bytes) {
        assert_eq!(
            ContentRange::parse(range.to_string().as_bytes()),
            Some(range)
        );
        if let Some((first, last)) = range.bytes {
            assert!(first <= last && range.complete_length.is_none_or(|length| last < length));
        } else {
            assert!(range.complete_length.is_some());
        }
    }
}

fn proxies(text: &str) {
    if let Ok(proxy) = text.parse::<Proxy>() {
        let shown = proxy.to_string();
        let again: Proxy = shown.parse().expect("what is shown is one");
        assert_eq!(again.to_string(), shown);
        assert!(!shown.contains('@'), "credentials are shown: {shown}");
        // An application's list, and that of the environment.
        let _ = Proxies::all(proxy).no_proxy(text);
    }
    let get = |name: &str| (name != "REQUEST_METHOD").then(|| text.to_owned());
    let _ = Proxies::from_variables(get);
}

fn finger_query(bytes: &[u8]) {
    if let Some(FingerQuery {
        user: Some(user), ..
    }) = FingerQuery::parse(bytes)
    {
        // Asked for again, it is the same.
        assert!(!user.is_empty() && !user.contains('@') && user.trim_ascii() == user);
        let is_flag = user.to_ascii_uppercase().split(' ').next() == Some("/W");
        if !is_flag {
            let again = FingerQuery::parse(user.as_bytes()).and_then(|query| query.user);
            assert_eq!(again.as_deref(), Some(user.as_str()));
        }
    }
}

fn pin(text: &str) {
    if let Ok(pin) = text.parse::<Pin>() {
        assert_eq!(pin.to_string().parse::<Pin>().ok(), Some(pin));
    }
}

fuzz_target!(|input: &[u8]| {
    let [which, bytes @ ..] = input else { return };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    match which % 6 {
        0 => description(text),
        1 => hosts(text),
        2 => content_range(bytes),
        3 => proxies(text),
        4 => finger_query(bytes),
        _ => pin(text),
    }
});
