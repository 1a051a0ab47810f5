//! The head of a reply.

use super::{Case, L5, Right, add};

pub(super) fn add_to(cases: &mut Vec<Case>) {
    use Right::{Kept, Refused, RefusedAtEnd, ToTheEnd};
    let mut head = |name, lines: &str, right| {
        add(cases, name, format!("HTTP/1.1 200 OK\r\n{lines}"), right);
    };
    let fields = |count| (0..count).map(|n| format!("X{n}: 1\r\n")).collect();
    let field = |length: usize| format!("X: {}\r\n{L5}", "x".repeat(length));
    let (few, many): (String, String) = (fields(101), fields(5_000));
    head(
        "R3 fold",
        &format!("X-A: one\r\n two\r\n{L5}"),
        Kept("hello"),
    );
    head(
        "R3 folded length",
        "Content-Length: 5\r\n junk\r\n\r\nhello",
        Refused,
    );
    head("R5 no colon", &format!("garbage\r\n{L5}"), Refused);
    head("R5 empty name", &format!(": v\r\n{L5}"), Refused);
    head("R5 space first", &format!(" X: y\r\n{L5}"), Refused);
    head(
        "R5 space before the colon",
        &format!("X : y\r\n{L5}"),
        Refused,
    );
    head(
        "R6 control byte",
        &format!("Set-Cookie: a\x01b\r\n{L5}"),
        Refused,
    );
    head("R7 NUL", &format!("X-A: a\0b\r\n{L5}"), Refused);
    head("R7 lone CR", &format!("X-A: a\rb\r\n{L5}"), Refused);
    head("R7 NUL in a name", &format!("X\0: b\r\n{L5}"), Refused);
    head("R10 101 fields", &format!("{few}{L5}"), Kept("hello"));
    head("R10 5000 fields", &format!("{many}{L5}"), Refused);
    head("R10 64 KB field", &field(64_000), Kept("hello"));
    head("R10 1 MB field", &field(1_000_000), Refused);
    head("R13 cut in a field", "Content-Le", RefusedAtEnd);
    head("R13 cut before the last line", "X: y\r\n", RefusedAtEnd);

    let mut whole = |name, reply: &str, right| add(cases, name, reply, right);
    whole(
        "R1 LF",
        "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        Kept("hello"),
    );
    whole(
        "R2 mixed line ends",
        "HTTP/1.0 200 OK\nServer: x\r\nPragma: no-cache\r\nSet-Cookie: a=1; path=/;\n\nbody",
        ToTheEnd("body"),
    );
    whole(
        "R8 no phrase",
        &format!("HTTP/1.1 200\r\n{L5}"),
        Kept("hello"),
    );
    whole(
        "R8 empty phrase",
        &format!("HTTP/1.1 200 \r\n{L5}"),
        Kept("hello"),
    );
    whole("R13 nothing", "", RefusedAtEnd);
    whole("R13 cut in the status line", "HTTP/1.1 20", RefusedAtEnd);
    whole("HTTP/2.0", &format!("HTTP/2.0 200 OK\r\n{L5}"), Refused);
    whole("status 099", &format!("HTTP/1.1 099 X\r\n{L5}"), Refused);
    whole("Icecast", &format!("ICY 200 OK\r\n{L5}"), Refused);
    whole("HTTP/0.9", "<html>hello</html>\n", Refused);
}
