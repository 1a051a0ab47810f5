//! What the watcher of Marathon reads: events and descriptions of programs.

use serde_json::{Value, json};

use super::marathon::apps::domains;
use super::marathon::events::{Events, TooLong};

/// The events in `text`, when it comes in pieces of so many bytes.
fn events(text: &str, size: usize) -> Vec<(String, String)> {
    let (mut events, mut told) = (Events::default(), Vec::new());
    for piece in text.as_bytes().chunks(size) {
        let tell = |kind: &str, data: &str| {
            told.push((kind.to_owned(), data.to_owned()));
            Ok(())
        };
        events.take(piece, tell).unwrap();
    }
    told
}

#[test]
fn events_are_the_same_however_they_are_cut_and_their_lines_end() {
    let text = "data: first\n\n: a comment\nevent:named\ndata: a\ndata:  b\ndata\nid: 7\nretry: 9\n\n\
                event: without data\n\n\ndata:{\"é\": 1}\n\ndata: not over\n";
    let expected = [
        ("message", "first"),
        ("named", "a\n b\n"),
        ("message", "{\"é\": 1}"),
    ];
    let expected: Vec<_> = expected
        .map(|(kind, data)| (kind.into(), data.into()))
        .into();
    for end in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', end);
        for size in 1..text.len() {
            assert_eq!(events(&text, size), expected, "{end:?}, {size}");
        }
    }
}

#[test]
fn an_event_that_is_too_long_or_no_text_is_an_error() {
    for line in [
        "x".repeat(100),
        "data: x\n".repeat(100),
        "data\n".repeat(100),
    ] {
        let (mut events, tell) = (Events::default(), |_: &str, _: &str| Ok(()));
        let failure = (0..60_000).find_map(|_| events.take(line.as_bytes(), tell).err());
        assert!(failure.unwrap().check::<TooLong>().is_some());
    }
    // What is no part of an event is no part of its length.
    let (mut events, tell) = (Events::default(), |_: &str, _: &str| Ok(()));
    for _ in 0..60_000 {
        events
            .take(b": for somebody who listens still\n", tell)
            .unwrap();
    }
    let failure = events.take(b"data: \xff\n", tell).unwrap_err();
    assert!(failure.check::<std::str::Utf8Error>().is_some());
}

fn app(rest: Value) -> Value {
    let mut app = json!({
        "id": "/app",
        "labels": {
            "HAPROXY_GROUP": "external",
            "HAPROXY_1_GROUP": "internal",
            "MARATHON_ACME_0_DOMAIN": "zero.example,other.example",
            "MARATHON_ACME_1_DOMAIN": "one.example",
            "MARATHON_ACME_2_DOMAIN": " two.example ",
            "MARATHON_ACME_3_DOMAIN": "",
        },
    });
    let fields = rest.as_object().unwrap().clone();
    app.as_object_mut().unwrap().extend(fields);
    app
}

#[test]
fn each_port_of_the_group_has_its_domain() {
    let app = app(json!({ "portDefinitions": [1, 2, 3, 4] }));
    assert_eq!(
        domains(&app, "external").unwrap(),
        ["zero.example", "two.example"]
    );
    assert_eq!(domains(&app, "internal").unwrap(), ["one.example"]);
    assert_eq!(domains(&app, "nobody").unwrap(), [""; 0]);
    assert_eq!(
        domains(&json!({ "ports": [1] }), "external").unwrap(),
        [""; 0]
    );
}

#[test]
fn where_the_ports_are_written_depends_on_the_network() {
    let three = json!([1, 2, 3]);
    let with_three = [
        json!({ "portDefinitions": three }),
        json!({ "ports": three }),
        json!({ "networks": [{ "mode": "host" }], "portDefinitions": three }),
        json!({ "networks": [{ "mode": "container/bridge" }], "container": { "portMappings": three } }),
        json!({ "networks": [{ "name": "x" }], "container": { "portMappings": three } }),
        json!({ "container": { "docker": { "network": "USER", "portMappings": three } } }),
        json!({ "container": { "docker": { "network": "BRIDGE", "portMappings": three } } }),
        json!({ "container": { "docker": { "network": "HOST" } }, "ports": three }),
        json!({ "ipAddress": { "discovery": { "ports": three } } }),
        json!({ "ipAddress": { "discovery": { "ports": [] } }, "container": { "portMappings": three } }),
    ];
    for fields in with_three {
        let found = domains(&app(fields.clone()), "external").unwrap();
        assert_eq!(found, ["zero.example", "two.example"], "{fields}");
    }
    let none = [
        json!({}),
        json!({ "container": null }),
        json!({ "networks": [] }),
    ];
    for fields in none {
        assert_eq!(domains(&app(fields), "external").unwrap(), [""; 0]);
    }
    let unknown = app(json!({ "networks": [{ "mode": "pigeon" }] }));
    let failure = domains(&unknown, "external").unwrap_err();
    assert_eq!(
        failure.error().to_string(),
        "\"pigeon\" is no mode of networking"
    );
}
