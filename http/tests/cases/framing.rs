//! Where a body ends.

use super::{CHUNKED, Case, L5, Right, add};

pub(super) fn add_to(cases: &mut Vec<Case>) {
    use Right::{Broken, BrokenAtEnd, Kept, Once, Refused, ToTheEnd};
    let mut chunks = |name, body: &str, right| {
        add(
            cases,
            name,
            format!("HTTP/1.1 200 OK\r\n{CHUNKED}{body}"),
            right,
        );
    };
    chunks("chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", Kept("hello"));
    chunks("R14 5x", "5x\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R14 0x5", "0x5\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R14 -5", "-5\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R14 0_5", "0_5\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R14 5g", "5g\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R14 X", "5\r\nhello\r\nX\r\n\r\n", Broken("hello"));
    chunks(
        "R14 17 digits",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        Broken(""),
    );
    chunks("R15 +5 chunk", "+5\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks("R16 empty size", "\r\nhello\r\n0\r\n\r\n", Broken(""));
    chunks(
        "R16 empty size later",
        "5\r\nhello\r\n\r\n",
        Broken("hello"),
    );
    chunks(
        "R17 extensions",
        "5;foo=bar\r\nhello\r\n0;x\r\n\r\n",
        Kept("hello"),
    );
    chunks(
        "R17 quoted",
        "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n",
        Kept("hello"),
    );
    chunks(
        "R17 open quote",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        Broken(""),
    );
    chunks(
        "R17 endless",
        &format!("5;{}", "a".repeat(65_536)),
        Broken(""),
    );
    let trailers = "5\r\nhello\r\n0\r\nX-T: 1\r\nContent-Length: 99\r\n\r\n";
    chunks("R18 trailers", trailers, Kept("hello"));
    chunks(
        "R18 NUL in a trailer",
        "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n",
        Broken("hello"),
    );
    chunks("R19 LF", "5\nhello\n0\n\n", Broken(""));
    chunks(
        "R19 LF behind data",
        "5\r\nhello\n0\r\n\r\n",
        Broken("hello"),
    );
    chunks(
        "no CRLF behind data",
        "5\r\nhello0\r\n\r\n",
        Broken("hello"),
    );
    chunks("R21 cut behind a size", "5\r\n", BrokenAtEnd(""));
    chunks("R21 cut in data", "9\r\nhello", BrokenAtEnd("hello"));
    chunks(
        "R21 cut behind data",
        "5\r\nhello\r\n",
        BrokenAtEnd("hello"),
    );
    chunks(
        "R21 cut before the last CRLF",
        "5\r\nhello\r\n0\r\n",
        BrokenAtEnd("hello"),
    );
    chunks(
        "R28 surplus",
        "5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        Once("hello"),
    );

    let mut head = |name, lines: &str, right| {
        add(cases, name, format!("HTTP/1.1 200 OK\r\n{lines}"), right);
    };
    let hello = "5\r\nhello\r\n0\r\n\r\n";
    let coding = |value: &str| format!("Transfer-Encoding: {value}\r\n\r\n{hello}");
    let length = |value: &str| format!("Content-Length: {value}\r\n\r\nhello");
    head(
        "R22 both",
        &format!("Content-Length: 3\r\n{CHUNKED}{hello}"),
        Once("hello"),
    );
    head(
        "R23 equal fields",
        &format!("Content-Length: 5\r\n{L5}"),
        Kept("hello"),
    );
    head("R23 equal list", &length("5, 5"), Kept("hello"));
    head(
        "R23 other fields",
        &format!("Content-Length: 3\r\n{L5}"),
        Refused,
    );
    head("R23 other list", &length("5, 3"), Refused);
    head("R24 +5", &length("+5"), Refused);
    head("R24 -5", &length("-5"), Refused);
    head("R24 5s", &length("5s"), Refused);
    head("R24 empty", &length(""), Refused);
    head("R24 overflow", &length("18446744073709551621"), Refused);
    head("R25 CHUNKED", &coding("CHUNKED"), Kept("hello"));
    head("R25 xchunked", &coding("xchunked"), Refused);
    head("R25 gzip", &coding("gzip, chunked"), Refused);
    head("R25 chunked first", &coding("chunked, identity"), Refused);
    head(
        "R25 twice",
        &format!("Transfer-Encoding: chunked\r\n{}", coding("chunked")),
        Refused,
    );
    head(
        "R25 identity",
        &format!("Transfer-Encoding: identity\r\n{L5}"),
        Once("hello"),
    );
    head(
        "R27 cut",
        "Content-Length: 99\r\n\r\nhello",
        BrokenAtEnd("hello"),
    );
    head("R28 more", "Content-Length: 3\r\n\r\nhello", Once("hel"));
    head(
        "R28 another reply",
        &format!("{L5}HTTP/1.1 200 OK\r\n{L5}"),
        Once("hello"),
    );
    head("R29 to the end", "\r\nhello", ToTheEnd("hello"));
    head(
        "close",
        &format!("Connection: close\r\n{L5}"),
        Once("hello"),
    );
    add(
        cases,
        "HTTP/1.0",
        format!("HTTP/1.0 200 OK\r\n{L5}"),
        Once("hello"),
    );
    let kept = format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{L5}");
    add(cases, "HTTP/1.0 keep-alive", kept, Kept("hello"));
}
