use http::HeaderValue;

use super::*;
use crate::wire::Limits;
use crate::wire::head::HeadParser;

fn head(text: &str) -> ResponseHead {
    let text = text.replace('\n', "\r\n") + "\r\n\r\n";
    let (_, head) = HeadParser::new(Limits::default())
        .parse(text.as_bytes())
        .unwrap();
    head.unwrap()
}

fn ok(fields: &str) -> ResponseHead {
    head(&format!(
        "HTTP/1.1 200 OK{}{fields}",
        if fields.is_empty() { "" } else { "\n" }
    ))
}

fn framing(fields: &str) -> Result<Framing, WireError> {
    of_reply(&Method::GET, &ok(fields)).map(|(framing, _)| framing)
}

// C155, R31: 6.3 rule 1.
#[test]
fn some_replies_have_no_body_whatever_they_say() {
    let fields = "Content-Length: 5\nTransfer-Encoding: chunked";
    for status in [100, 103, 199, 204, 304] {
        let reply = head(&format!("HTTP/1.1 {status} X\n{fields}"));
        assert_eq!(
            of_reply(&Method::GET, &reply),
            Ok((Framing::Empty, None)),
            "{status}"
        );
    }
    // Even a length that would be an error elsewhere.
    let reply = ok("Content-Length: nonsense");
    assert_eq!(of_reply(&Method::HEAD, &reply), Ok((Framing::Empty, None)));
}

// R64: 6.3 rule 2.
#[test]
fn only_a_2xx_to_connect_is_a_tunnel() {
    let length = "Content-Length: 10";
    assert_eq!(
        of_reply(&Method::CONNECT, &ok(length)),
        Ok((Framing::Tunnel, None))
    );
    let refused = head(&format!("HTTP/1.1 407 X\n{length}"));
    assert_eq!(
        of_reply(&Method::CONNECT, &refused),
        Ok((Framing::Length(10), None))
    );
}

// R22, C158: 6.3 rule 3.
#[test]
fn chunked_beats_length_and_the_connection_is_done_for() {
    let (framing, doubt) = of_reply(
        &Method::GET,
        &ok("Content-Length: 3\nTransfer-Encoding: chunked"),
    )
    .unwrap();
    assert_eq!(framing, Framing::Chunked);
    assert_eq!(doubt, Some(CloseReason::LengthAndTransferEncoding));
    let old = head("HTTP/1.0 200 OK\nTransfer-Encoding: chunked\nConnection: keep-alive");
    assert_eq!(
        of_reply(&Method::GET, &old),
        Ok((
            Framing::Chunked,
            Some(CloseReason::TransferEncodingInHttp10)
        ))
    );
}

// R25, C158: 6.3 rule 4.
#[test]
fn only_a_single_chunked_is_understood() {
    for fields in ["chunked", "CHUNKED", " chunked ,", ", chunked"] {
        assert_eq!(
            framing(&format!("Transfer-Encoding: {fields}")),
            Ok(Framing::Chunked)
        );
    }
    for fields in [
        "xchunked",
        "chunkedchunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, identity",
        "identity, chunked",
        "chunked, chunked",
        "chunked\nTransfer-Encoding: chunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\n abc",
        "",
        ",",
    ] {
        let found = framing(&format!("Transfer-Encoding: {fields}"));
        assert!(
            matches!(found, Err(WireError::BadTransferEncoding { .. })),
            "{fields}: {found:?}"
        );
    }
    let (framing, doubt) = of_reply(
        &Method::GET,
        &ok("Transfer-Encoding: identity\nContent-Length: 5"),
    )
    .unwrap();
    assert_eq!(
        (framing, doubt),
        (Framing::Length(5), Some(CloseReason::IdentityCoding))
    );
}

// R15, R23, R24, C158: 6.3 rules 5 and 6.
#[test]
fn a_length_is_digits_and_only_one_number() {
    for (fields, length) in [
        ("5", 5),
        ("0", 0),
        ("005", 5),
        ("\t5 ", 5),
        ("5, 5", 5),
        ("5,5,5", 5),
        ("5\nContent-Length: 5", 5),
        ("5\nContent-Length: 5, 5", 5),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(
            framing(&format!("Content-Length: {fields}")),
            Ok(Framing::Length(length))
        );
    }
    for fields in [
        "",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5s",
        "5 5",
        "5.0",
        "1e3",
        "5;",
        "5,",
        ",5",
        "5,,5",
        "\"5\"",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999",
        "\u{b2}",
        "5\n junk",
        "5, 5s",
    ] {
        let found = framing(&format!("Content-Length: {fields}"));
        assert!(
            matches!(found, Err(WireError::BadContentLength { .. })),
            "{fields}: {found:?}"
        );
    }
    for fields in ["5, 3", "5\nContent-Length: 3"] {
        assert_eq!(
            framing(&format!("Content-Length: {fields}")),
            Err(WireError::ConflictingContentLengths {
                first: 5,
                second: 3
            })
        );
    }
}

// R29: 6.3 rule 8.
#[test]
fn without_any_length_the_body_lasts_until_close() {
    assert_eq!(
        of_reply(&Method::GET, &ok("Content-Length-X: 0")),
        Ok((Framing::UntilClose, Some(CloseReason::BodyUntilClose)))
    );
}

// C162: tokens, in any case, over several fields, and the version.
#[test]
fn persistence_reads_tokens_and_the_version() {
    use CloseReason::{Http10, ReplySaidClose};
    for (version, connection, expected) in [
        ("1.1", "", Ok(())),
        ("1.1", "Connection: keep-alive", Ok(())),
        ("1.1", "Connection: close", Err(ReplySaidClose)),
        ("1.1", "Connection: Close", Err(ReplySaidClose)),
        ("1.1", "Connection: foo, CLOSE", Err(ReplySaidClose)),
        (
            "1.1",
            "Connection: foo\nConnection: bar ,close",
            Err(ReplySaidClose),
        ),
        ("1.1", "Connection: closed, not-close", Ok(())),
        ("1.1", "Proxy-Connection: close", Ok(())),
        ("1.0", "", Err(Http10)),
        ("1.0", "Connection: Keep-Alive", Ok(())),
        ("1.0", "Connection: x,keep-alive", Ok(())),
        ("1.0", "Connection: keep-alive, close", Err(ReplySaidClose)),
    ] {
        let mut text = format!("HTTP/{version} 200 OK");
        if !connection.is_empty() {
            text = text + "\n" + connection;
        }
        let head = head(&text);
        assert_eq!(
            persistence(head.version, &head.headers),
            expected,
            "{version} {connection}"
        );
    }
}

#[test]
fn a_value_that_is_no_text_is_no_token() {
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_bytes(b"\xff, close").unwrap());
    assert!(has_token(&headers, &CONNECTION, "close"));
    assert!(!has_token(&headers, &CONNECTION, "keep-alive"));
}
