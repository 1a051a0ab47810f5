//! The parser, whatever comes.

use bytes::BytesMut;

use super::resp::{Parser, RespError, Value};
use super::word;

/// The values in `bytes`, which come in pieces of `size`, and the error at their end.
fn parse(bytes: &[u8], size: usize) -> (Vec<Value>, Option<RespError>) {
    let (mut parser, mut input, mut values) = (Parser::default(), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            match parser.next(&mut input) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(error) => return (values, Some(error)),
            }
        }
    }
    (values, None)
}

#[test]
fn values_of_both_versions_are_the_same_in_any_pieces() {
    use Value::*;
    let cases = [
        ("+OK\r\n", Text("OK".into())),
        ("-ERR no\r\n", Error("ERR no".into())),
        (":-9223372036854775808\r\n", Integer(i64::MIN)),
        ("$0\r\n\r\n", word("")),
        ("$6\r\na\r\nb\r\n\r\n", word("a\r\nb\r\n")),
        ("$-1\r\n", Null),
        ("*-1\r\n", Null),
        ("*0\r\n", Array(vec![])),
        (
            "*3\r\n*1\r\n:1\r\n$-1\r\n*0\r\n",
            Array(vec![Array(vec![Integer(1)]), Null, Array(vec![])]),
        ),
        ("_\r\n", Null),
        ("#t\r\n", Boolean(true)),
        ("#f\r\n", Boolean(false)),
        (",1.5\r\n", Double(1.5)),
        (",-inf\r\n", Double(f64::NEG_INFINITY)),
        (
            "(-123456789012345678901\r\n",
            BigNumber("-123456789012345678901".into()),
        ),
        ("!5\r\nERR x\r\n", Error("ERR x".into())),
        ("=7\r\ntxt:a\r\n\r\n", word("a\r\n")),
        (
            "~2\r\n+a\r\n+b\r\n",
            Set(vec![Text("a".into()), Text("b".into())]),
        ),
        (
            "%2\r\n+a\r\n:1\r\n+b\r\n~0\r\n",
            Map(vec![
                (Text("a".into()), Integer(1)),
                (Text("b".into()), Set(vec![])),
            ]),
        ),
        (
            ">2\r\n+message\r\n_\r\n",
            Push(vec![Text("message".into()), Null]),
        ),
        ("|1\r\n+ttl\r\n:3\r\n:7\r\n", Integer(7)),
        ("|0\r\n:7\r\n", Integer(7)),
        (
            "*2\r\n|1\r\n+ttl\r\n:3\r\n:7\r\n:8\r\n",
            Array(vec![Integer(7), Integer(8)]),
        ),
    ];
    let all: String = cases.iter().map(|(bytes, _)| *bytes).collect();
    let expected: Vec<Value> = cases.into_iter().map(|(_, value)| value).collect();
    for size in 1..40 {
        assert_eq!(parse(all.as_bytes(), size), (expected.clone(), None));
    }
}

#[test]
fn what_is_no_resp_is_an_error_and_costs_nothing() {
    for bytes in [
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        ":\r\n",
        ":1x\r\n",
        "$-2\r\n",
        "$+1\r\n",
        "*x\r\n",
        "#x\r\n",
        "_x\r\n",
        "(\r\n",
        ",x\r\n",
        "*?\r\n",
        "$99999999999999999999\r\n",
        "=3\r\nabc\r\n",
    ] {
        let error = parse(bytes.as_bytes(), 3).1;
        assert!(matches!(error, Some(RespError::Malformed(_))), "{bytes:?}");
    }
    let error = parse(b"$1\r\nabc\r\n", 3).1;
    assert_eq!(error, Some(RespError::NoLineEnd));
    let deep = "*1\r\n".repeat(100);
    assert_eq!(parse(deep.as_bytes(), 7).1, Some(RespError::TooDeep));
    let long = vec![b'+'; 70_000];
    assert_eq!(parse(&long, 1000).1, Some(RespError::TooLong));
    // Refused before any of it has come; the count of an array is believed, and costs nothing.
    assert_eq!(parse(b"$99999999999\r\n", 99).1, Some(RespError::TooLong));
    assert_eq!(parse(b"*99999999999\r\n", 99), (vec![], None));
    assert_eq!(
        parse(b"%18446744073709551615\r\n", 99).1,
        Some(RespError::TooLong)
    );
    // Values that are small by themselves.
    let mut many = b"*99999999999\r\n".to_vec();
    many.extend(b"_\r\n".repeat(3_000_000));
    assert_eq!(parse(&many, 60_000).1, Some(RespError::TooLong));
}
