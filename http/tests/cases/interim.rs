//! What comes before a reply, and replies without a body.

use super::{Case, L5, Right, add};

pub(super) fn add_to(cases: &mut Vec<Case>) {
    use Right::{Kept, Once, Refused, RefusedAtEnd};
    let ok = format!("HTTP/1.1 200 OK\r\n{L5}");
    let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let mut after = |name, early: &str, right| add(cases, name, format!("{early}{ok}"), right);
    after("R32 103", early, Kept("hello"));
    after(
        "R32 length in a 100",
        "HTTP/1.1 100 C\r\nContent-Length: 5\r\n\r\n",
        Kept("hello"),
    );
    after("R32 50 of them", &early.repeat(50), Kept("hello"));
    after("R32 1000 of them", &early.repeat(1_000), Refused);
    add(
        cases,
        "R32 100 and the end",
        "HTTP/1.1 100 C\r\n\r\n",
        RefusedAtEnd,
    );
    let switch = "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello";
    add(cases, "R33 unasked", switch, Refused);

    for (name, method, head, right) in [
        (
            "R31 length",
            "HEAD",
            "200 OK\r\nContent-Length: 5\r\n\r\n",
            Kept(""),
        ),
        (
            "R31 chunked",
            "HEAD",
            "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            Kept(""),
        ),
        (
            "R31 a real body",
            "HEAD",
            "200 OK\r\nContent-Length: 5\r\n\r\nhello",
            Once(""),
        ),
        (
            "204",
            "GET",
            "204 No Content\r\nContent-Length: 5\r\n\r\n",
            Kept(""),
        ),
        (
            "304",
            "GET",
            "304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            Kept(""),
        ),
    ] {
        let reply = format!("HTTP/1.1 {head}").into_bytes();
        cases.push(Case {
            name,
            method,
            reply,
            right,
        });
    }
}
