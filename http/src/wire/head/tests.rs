use proptest::prelude::*;

use super::*;

fn parse_with_limits(
    pieces: &[&[u8]],
    limits: Limits,
) -> Result<Option<(usize, ResponseHead)>, WireError> {
    let mut parser = HeadParser::new(limits);
    let mut total = 0;
    for piece in pieces {
        let (used, head) = parser.parse(piece)?;
        total += used;
        if let Some(head) = head {
            assert!(!parser.is_started(), "ready for the next");
            return Ok(Some((total, head)));
        }
        assert_eq!(used, piece.len());
    }
    Ok(None)
}

/// Parses `bytes` in one piece and byte by byte, which must give the same.
fn parse(bytes: &[u8]) -> Result<Option<(usize, ResponseHead)>, WireError> {
    let whole = parse_with_limits(&[bytes], Limits::default());
    let split: Vec<&[u8]> = bytes.chunks(1).collect();
    let split = parse_with_limits(&split, Limits::default());
    assert_eq!(kind(&split), kind(&whole), "{}", bytes.escape_ascii());
    whole
}

/// Excerpts differ: less may have been read when an error is found.
fn kind<T: Clone>(parsed: &Result<T, WireError>) -> Result<T, mem::Discriminant<WireError>> {
    parsed.clone().map_err(|error| mem::discriminant(&error))
}

fn head(bytes: &[u8]) -> ResponseHead {
    match parse(bytes) {
        Ok(Some((used, head))) => {
            assert_eq!(used, bytes.len());
            head
        }
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

fn error(bytes: &[u8]) -> WireError {
    match parse(bytes) {
        Err(error) => error,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

#[test]
fn a_whole_head_is_parsed() {
    let bytes = b"HTTP/1.1 404 Not Found\r\nA: 1\r\nb:2\r\na:\t3 \r\n\r\nbody";
    let (used, head) = parse(bytes).unwrap().unwrap();
    assert_eq!(&bytes[used..], b"body");
    assert_eq!(
        (head.version, head.status.as_u16()),
        (Version::HTTP_11, 404)
    );
    assert_eq!(head.reason, "Not Found");
    // C174: the order of values.
    let values: Vec<_> = head.headers.get_all("A").into_iter().collect();
    assert_eq!(values, ["1", "3"]);
    assert_eq!(head.headers["B"], "2");
}

// R1, R2: each line may end as it likes.
#[test]
fn a_bare_lf_ends_a_line() {
    let expected = head(b"HTTP/1.0 200 OK\r\nServer: x\r\nSet-Cookie: a=1; path=/;\r\n\r\n");
    for bytes in [
        &b"HTTP/1.0 200 OK\nServer: x\nSet-Cookie: a=1; path=/;\n\n"[..],
        b"HTTP/1.0 200 OK\nServer: x\r\nSet-Cookie: a=1; path=/;\n\n",
        b"HTTP/1.0 200 OK\r\nServer: x\nSet-Cookie: a=1; path=/;\r\n\n",
        b"\r\n\nHTTP/1.0 200 OK\nServer: x\r\nSet-Cookie: a=1; path=/;\n\r\n",
    ] {
        assert_eq!(head(bytes), expected);
    }
}

// R8
#[test]
fn the_phrase_means_nothing() {
    for (line, reason) in [
        (&b"HTTP/1.1 200"[..], &b""[..]),
        (b"HTTP/1.1 200 ", b""),
        (b"HTTP/1.1 200  OK ", b" OK "),
        (b"HTTP/1.1 200 caf\xe9", b"caf\xe9"),
        (b"HTTP/1.1 200 \t", b"\t"),
    ] {
        let head = head(&[line, b"\r\n\r\n"].concat());
        assert_eq!((head.status.as_u16(), &head.reason[..]), (200, reason));
    }
    assert_eq!(head(b"HTTP/1.1 999 X\r\n\r\n").status.as_u16(), 999);
}

// R3: a fold is a space, and never hides a field from anybody.
#[test]
fn folds_are_joined_by_a_space() {
    for value in [
        "one\r\n two",
        "one \n\ttwo",
        "\r\n one\r\n \r\n  \ttwo\r\n ",
        "one\n\t \n two",
    ] {
        let head = head(format!("HTTP/1.1 200 OK\r\nX-A: {value}\r\nY: z\r\n\r\n").as_bytes());
        assert_eq!(head.headers["x-a"], "one two", "{value:?}");
        assert_eq!(head.headers["y"], "z");
    }
    let head = head(b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n junk\r\n\r\n");
    assert_eq!(head.headers["content-length"], "42 junk");
}

// R5, R6, R7: line, byte and field.
#[test]
fn a_broken_field_is_named() {
    use FieldFault::*;
    for (lines, fault, line, offset, text) in [
        (&b"garbage\r\n"[..], NoColon, 2, 24, "garbage"),
        (b"two words\r\n", NoColon, 2, 20, "two words"),
        (b"A: b\r\ngarbage", NoColon, 3, 30, "garbage"),
        (b": v", EmptyName, 2, 17, ": v"),
        (b" X: y", LeadingSpace, 2, 17, " X: y"),
        (b"X : y", SpaceBeforeColon, 2, 18, "X : y"),
        (b"X\t: y", SpaceBeforeColon, 2, 18, "X\\t: y"),
        (b"X@y: z", NameByte(b'@'), 2, 18, "X@y: z"),
        (b"X y: z", NameByte(b' '), 2, 18, "X y: z"),
        (b"X\xe9: z", NameByte(0xe9), 2, 18, "X\\xe9: z"),
        (b"X\0: z", Nul, 2, 18, "X\\x00: z"),
        (b"X-A: a\0b", Nul, 2, 23, "X-A: a\\x00b"),
        (b"X-A: a\rb", LoneCr, 2, 23, "X-A: a\\rb"),
        (b"X-A: a\r\r\n", LoneCr, 2, 23, "X-A: a\\r"),
        (b"\r\r\n", LoneCr, 2, 17, "\\r"),
        (
            b"Set-Cookie: a\x01b",
            Control(1),
            2,
            30,
            "Set-Cookie: a\\x01b",
        ),
        (b"X-A: a\x7f", Control(0x7f), 2, 23, "X-A: a\\x7f"),
        (b"X-A: a\r\n b\0", Nul, 3, 27, " b\\x00"),
    ] {
        let bytes = [
            b"HTTP/1.1 200 OK\r\n",
            lines,
            b"\r\nContent-Length: 5\r\n\r\n",
        ]
        .concat();
        assert_eq!(
            error(&bytes),
            WireError::BadField {
                fault,
                line,
                offset,
                excerpt: text.to_owned()
            },
            "{}",
            lines.escape_ascii()
        );
    }
}

// A fault is found when its line is there, not when the head is.
#[test]
fn a_fault_does_not_wait_for_the_end_of_the_head() {
    assert!(matches!(
        error(b"HTTP/1.1 200 OK\r\ngarbage\r\n"),
        WireError::BadField { .. }
    ));
    assert!(matches!(
        error(b"HTTP/1.1 2x0 OK\r\n"),
        WireError::BadStatusLine { .. }
    ));
    assert!(matches!(
        error(b"HTTP/2.0 200 OK\r\n"),
        WireError::UnsupportedVersion { .. }
    ));
}

#[test]
fn a_status_line_is_exact() {
    for line in [
        &b"HTTP/1.1  200 OK"[..],
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 099 X",
        b"HTTP/1.1 000 X",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 2 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.01 200 OK",
        b"HTTP/11.1 200 OK",
        b"HTTP/01.1 200 OK",
        b"HTTP/1 200 OK",
        b"HTTP/ 200 OK",
        b"HTTP/1.1 200 O\0K",
        b"HTTP/1.1 200 O\x1bK",
        b"HTTP/1.1 200 OK\r\r",
        b"HTTP/1.1 200 OK\rContent-Length: 0",
    ] {
        let error = error(&[line, b"\r\n\r\n"].concat());
        assert!(
            matches!(error, WireError::BadStatusLine { .. }),
            "{}",
            line.escape_ascii()
        );
    }
    for line in [
        "HTTP/2.0 200 OK",
        "HTTP/5.6 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.2 200 OK",
    ] {
        let error = error(format!("{line}\r\n\r\n").as_bytes());
        assert_eq!(
            error,
            WireError::UnsupportedVersion {
                excerpt: line.to_owned()
            }
        );
    }
}

#[test]
fn strangers_are_recognized() {
    for (bytes, expected) in [
        // Alert: protocol_version.
        (&b"\x15\x03\x03\x00\x02\x02\x46"[..], Foreign::Tls),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            Foreign::Tls,
        ),
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Foreign::Http2),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Foreign::Ssh),
        (b"220 mail.example.org ESMTP\r\n", Foreign::Greeting),
        (b"220-hello\r\n", Foreign::Greeting),
        (b"ICY 200 OK\r\n", Foreign::Icy),
        (b"<html>\n", Foreign::Http09),
        (b"hello\n", Foreign::Unknown),
        (b"hello", Foreign::Unknown),
        (b"HTP/1.1 200 OK\r\n", Foreign::Unknown),
        (b"HTTPER/1.1 200 OK\r\n", Foreign::Unknown),
        (b"http/1.1 200 OK\r\n", Foreign::Unknown),
        (b"PRI * HTTP/2.0\r\n", Foreign::Unknown),
        (b"GET / HTTP/1.1\r\n", Foreign::Unknown),
        (b"\rHTTP/1.1 200 OK\r\n", Foreign::Unknown),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Foreign::Unknown),
        (b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", Foreign::Unknown),
    ] {
        // Some are too short to be sure before the end.
        let mut parser = HeadParser::new(Limits::default());
        let found = bytes
            .chunks(1)
            .map(|byte| parser.parse(byte))
            .find(Result::is_err);
        let error = found.map_or_else(|| parser.closed(), Result::unwrap_err);
        match error {
            WireError::NotHttp { looks_like, .. } => {
                assert_eq!(looks_like, expected, "{}", bytes.escape_ascii());
            }
            other => panic!("{}: {other:?}", bytes.escape_ascii()),
        }
    }
    assert_eq!(
        error(b"SSH-2.0-OpenSSH_9.2\r\n").to_string(),
        "the peer does not speak HTTP/1: this port speaks SSH: \"SSH-2.0-OpenSSH_9.2\""
    );
}

// R13, C157
#[test]
fn the_end_inside_a_head_is_told_from_the_end_before_it() {
    let closed = |bytes: &[u8]| {
        let mut parser = HeadParser::new(Limits::default());
        assert_eq!(parser.parse(bytes), Ok((bytes.len(), None)));
        parser.closed()
    };
    assert_eq!(closed(b""), WireError::ClosedBeforeResponse);
    for bytes in [
        &b"H"[..],
        b"HTTP/",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\n\r",
    ] {
        assert_eq!(
            closed(bytes),
            WireError::ClosedInHead {
                received: bytes.len()
            }
        );
    }
    assert_eq!(closed(b"\r\n"), WireError::ClosedInHead { received: 0 });
}

// R10
#[test]
fn limits_say_which_they_are() {
    let fields = |count: usize| {
        let lines: String = (0..count).map(|n| format!("X{n}: 1\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes()
    };
    for count in [0, 1, 63, 64, 65, 101, 1_000] {
        assert_eq!(head(&fields(count)).headers.len(), count);
    }
    assert_eq!(
        error(&fields(1_001)),
        WireError::TooManyHeaders { limit: 1_000 }
    );
    assert_eq!(
        error(&fields(5_000)),
        WireError::TooManyHeaders { limit: 1_000 }
    );

    let field = |length: usize| {
        [
            b"HTTP/1.1 200 OK\r\nX: ",
            &vec![b'a'; length][..],
            b"\r\n\r\n",
        ]
        .concat()
    };
    assert_eq!(head(&field(65_536)).headers["x"].len(), 65_536);
    assert_eq!(
        head(&field(128 * 1024 - 5)).headers["x"].len(),
        128 * 1024 - 5
    );
    let error_of = |bytes: &[u8]| parse_with_limits(&[bytes], Limits::default()).unwrap_err();
    let too_long = error_of(&field(1 << 20));
    assert!(matches!(
        too_long,
        WireError::LineTooLong {
            limit: 0x2_0000,
            line: 2,
            ..
        }
    ));
    assert!(too_long.to_string().contains("\"X: aaa"), "{too_long}");
    assert!(matches!(
        error_of(&field(128 * 1024 - 4)),
        WireError::LineTooLong { .. }
    ));
    let long = format!(
        "HTTP/1.1 200 OK\r\n{}",
        format!("X: {}\r\n", "a".repeat(1_000)).repeat(300)
    );
    assert_eq!(
        error_of(long.as_bytes()),
        WireError::HeadTooLong { limit: 256 * 1024 }
    );
}

#[test]
fn limits_hold_without_any_line_end() {
    let limits = Limits {
        head_bytes: 100,
        line_bytes: 50,
        ..Limits::default()
    };
    let error = |bytes: &[u8]| {
        let pieces: Vec<&[u8]> = bytes.chunks(7).collect();
        let split = parse_with_limits(&pieces, limits).unwrap_err();
        let whole = parse_with_limits(&[bytes], limits).unwrap_err();
        assert_eq!(mem::discriminant(&split), mem::discriminant(&whole));
        whole
    };
    let endless = |start: &str| [start.as_bytes(), &[b'a'; 200]].concat();
    assert!(matches!(
        error(&endless("HTTP/1.1 200 ")),
        WireError::LineTooLong { line: 1, .. }
    ));
    let head = endless(&format!(
        "HTTP/1.1 200 OK\r\n{}",
        "X: aaaaaaaaa\r\n".repeat(3)
    ));
    assert_eq!(error(&head), WireError::HeadTooLong { limit: 100 });
}

#[test]
fn no_limit_is_too_large() {
    let limits = Limits {
        head_bytes: usize::MAX,
        line_bytes: usize::MAX,
        header_count: usize::MAX,
        ..Limits::default()
    };
    let lines: String = (0..40_000).map(|n| format!("X{n}: 1\r\n")).collect();
    let bytes = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
    let error = parse_with_limits(&[bytes.as_bytes()], limits).unwrap_err();
    assert!(matches!(error, WireError::TooManyHeaders { .. }), "{error}");
    let name = "a".repeat(70_000);
    let bytes = format!("HTTP/1.1 200 OK\r\n{name}: x\r\n\r\n");
    let error = parse_with_limits(&[bytes.as_bytes()], limits).unwrap_err();
    assert!(
        matches!(
            error,
            WireError::BadField {
                fault: FieldFault::NameTooLong,
                ..
            }
        ),
        "{error}"
    );
    let name = "a".repeat(65_534);
    let bytes = format!("HTTP/1.1 200 OK\r\n{name}: x\r\n\r\n");
    assert!(
        parse_with_limits(&[bytes.as_bytes()], limits)
            .unwrap()
            .is_some()
    );
}

// R11: a quadratic parser would take minutes here.
#[test]
fn byte_by_byte_is_linear() {
    let lines: String = (0..900)
        .map(|n| format!("X-{n}: {}\r\n", "v".repeat(200)))
        .collect();
    let bytes = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
    assert!(bytes.len() > 180_000);
    let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
    let (used, head) = parse_with_limits(&pieces, Limits::default())
        .unwrap()
        .unwrap();
    assert_eq!((used, head.headers.len()), (bytes.len(), 900));
}

/// Lines that are mostly right.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[A-Za-z-]{1,6}: ?[ -~]{0,12}".prop_map(String::into_bytes),
        1 => "[ \t][a-z ]{0,4}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => "[A-Z]{0,2} ?:[\x00-\x20a]{0,3}".prop_map(String::into_bytes),
    ]
}

prop_compose! {
    fn message()(
        start in prop_oneof![
            6 => Just("HTTP/1.1 200 OK"), 1 => Just("HTTP/1.0 404"), 1 => Just("HTTP/1.1 099 X"),
            1 => Just(""),
        ],
        lines in proptest::collection::vec((line(), prop_oneof![Just("\r\n"), Just("\n")]), 0..8),
        tail in proptest::collection::vec(any::<u8>(), 0..8),
    ) -> Vec<u8> {
        let mut bytes = format!("{start}\r\n").into_bytes();
        for (line, end) in lines {
            bytes.extend_from_slice(&line);
            bytes.extend_from_slice(end.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&tail);
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_split_gives_the_same(bytes in message(), cut in 1_usize..40, tight in any::<bool>()) {
        let limits = if tight {
            Limits { head_bytes: 60, line_bytes: 20, header_count: 3, ..Limits::default() }
        } else {
            Limits::default()
        };
        let whole = parse_with_limits(&[&bytes], limits);
        let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
        prop_assert_eq!(kind(&parse_with_limits(&pieces, limits)), kind(&whole));
        // Our checks are as strict as httparse's.
        let disagreed = matches!(&whole, Err(WireError::BadField { fault: FieldFault::Other, .. }));
        prop_assert!(!disagreed, "{:?}", whole);
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_with_limits(&[&bytes], Limits::default());
        let _ = parse_with_limits(&[b"HTTP/1.1 200 OK\r\n", &bytes], Limits::default());
    }
}
