use proptest::prelude::*;

use super::*;
use crate::error::FieldFault;

/// All data, and the end if it came.
type Decoded = (Vec<u8>, Option<Option<HeaderMap>>);

fn decode_with(pieces: &[&[u8]], limits: Limits) -> Result<Decoded, WireError> {
    let mut decoder = Decoder::new(limits);
    let mut data = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (used, chunk) = decoder.decode(rest)?;
            rest = &rest[used..];
            match chunk {
                None => break,
                Some(Chunk::Data(bytes)) => data.extend_from_slice(bytes),
                Some(Chunk::End(trailers)) => {
                    assert!(decoder.is_done());
                    return Ok((data, Some(trailers)));
                }
            }
        }
        assert!(rest.is_empty(), "{rest:?} unused");
    }
    Ok((data, None))
}

fn decode(body: &[u8]) -> Result<Decoded, WireError> {
    let whole = decode_with(&[body], Limits::default());
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(
        decode_with(&bytes, Limits::default()),
        whole,
        "byte by byte"
    );
    whole
}

fn fault(body: &[u8]) -> (ChunkFault, u64) {
    match decode(body) {
        Err(WireError::BadChunk { fault, offset }) => (fault, offset),
        other => panic!("{}: {other:?}", body.escape_ascii()),
    }
}

#[test]
fn chunks_are_joined() {
    let complete = |body: &[u8]| assert_eq!(decode(body).unwrap(), (b"hello".to_vec(), Some(None)));
    complete(b"5\r\nhello\r\n0\r\n\r\n");
    complete(b"1\r\nh\r\n04\r\nello\r\n000\r\n\r\n");
    complete(b"0000000000000005\r\nhello\r\n0\r\n\r\n");
    // White space behind a size is bad, and harmless.
    complete(b"5 \r\nhello\r\n0\t\r\n\r\n");
    let (data, _) = decode(b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n").unwrap();
    assert_eq!(data.len(), 21);
}

// R17
#[test]
fn extensions_are_skipped() {
    for extension in [
        ";foo=bar",
        ";x",
        " ; x = y",
        ";a=\"b;c\\\"d\"",
        ";a=\"\u{e9}\"",
        ";a;b=c;d",
        ";a=\"x\";b",
    ] {
        let body = format!("5{extension}\r\nhello\r\n0{extension}\r\n\r\n");
        assert_eq!(
            decode(body.as_bytes()).unwrap(),
            (b"hello".to_vec(), Some(None)),
            "{extension}"
        );
    }
    assert_eq!(fault(b"5;\r\nhello"), (ChunkFault::Extension(b'\r'), 2));
    assert_eq!(fault(b"5;a=\"b\r\n"), (ChunkFault::Extension(b'\r'), 6));
    assert_eq!(fault(b"5;a\n"), (ChunkFault::Extension(b'\n'), 3));
    assert_eq!(fault(b"5;a\0"), (ChunkFault::Extension(0), 3));
    assert_eq!(fault(b"5;;a"), (ChunkFault::Extension(b';'), 2));
    let mut body = b"5;".to_vec();
    body.resize(64 * 1024, b'a');
    assert_eq!(
        decode(&body),
        Err(WireError::ChunkLineTooLong {
            limit: 16 * 1024,
            offset: 16 * 1024
        })
    );
}

// R14, R15, R16
#[test]
fn a_size_is_hexadecimal_digits() {
    use ChunkFault::{NoSize, SizeByte, SizeTooLong};
    for (body, expected) in [
        (&b"5x\r\nhello"[..], (SizeByte(b'x'), 1)),
        (b"0x5\r\nhello", (SizeByte(b'x'), 1)),
        (b"+5\r\nhello", (SizeByte(b'+'), 0)),
        (b"-5\r\nhello", (SizeByte(b'-'), 0)),
        (b"0_5\r\nhello", (SizeByte(b'_'), 1)),
        (b"5g\r\nhello", (SizeByte(b'g'), 1)),
        (b"X\r\n", (SizeByte(b'X'), 0)),
        (b"5 5\r\nhello", (SizeByte(b'5'), 2)),
        (b"2 erfrferferf\r\naa", (SizeByte(b'e'), 2)),
        (b" 5\r\nhello", (NoSize, 0)),
        (b"\r\nhello\r\n0\r\n\r\n", (NoSize, 0)),
        (b";x\r\n", (NoSize, 0)),
        (b"00000000000000005\r\nhello", (SizeTooLong, 16)),
        (b"FFFFFFFFFFFFFFFFF\r\n", (SizeTooLong, 16)),
        (b"5\r\nhello\r\n\r\n", (NoSize, 10)),
    ] {
        assert_eq!(fault(body), expected, "{}", body.escape_ascii());
    }
    // The largest size is no reason to reserve anything.
    assert_eq!(
        decode(b"FFFFFFFFFFFFFFFF\r\nab").unwrap(),
        (b"ab".to_vec(), None)
    );
}

// R19
#[test]
fn crlf_is_required_at_once() {
    use ChunkFault::{DataTooLong, NoCrLf};
    for (body, expected) in [
        (&b"5\n"[..], (NoCrLf(b'\n'), 1)),
        (b"5\r\r", (NoCrLf(b'\r'), 2)),
        (b"5\r\nhello\n", (DataTooLong(b'\n'), 8)),
        (b"5\r\nhelloX", (DataTooLong(b'X'), 8)),
        (b"5\r\nhello\rX", (DataTooLong(b'X'), 9)),
        (b"0\r\n\n", (NoCrLf(b'\n'), 3)),
        (b"0\r\n\rX", (NoCrLf(b'X'), 4)),
    ] {
        assert_eq!(fault(body), expected, "{}", body.escape_ascii());
    }
}

// R21
#[test]
fn only_the_final_crlf_completes() {
    for body in [
        &b""[..],
        b"5",
        b"5\r\n",
        b"5\r\nhel",
        b"5\r\nhello\r\n",
        b"5\r\nhello\r\n0\r\n",
        b"0\r\n\r",
        b"0\r\nX: y\r\n",
    ] {
        assert_eq!(decode(body).unwrap().1, None, "{}", body.escape_ascii());
    }
}

#[test]
fn nothing_behind_the_end_is_touched() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(
        decoder.decode(b"0\r\n\r\nHTTP/1.1"),
        Ok((5, Some(Chunk::End(None))))
    );
    assert_eq!(decoder.decode(b"HTTP/1.1"), Ok((0, None)));
}

// R18
#[test]
fn trailers_are_given_but_not_those_that_frame() {
    let (_, end) = decode(
        b"0\r\nX-T: 1\r\nContent-Length: 99\r\nX-T:2 \r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    .unwrap();
    let trailers = end.unwrap().unwrap();
    let values: Vec<_> = trailers.get_all("x-t").into_iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(trailers.keys_len(), 1);
    // Nothing is left of these.
    assert_eq!(decode(b"0\r\nHost: x\r\n\r\n").unwrap().1, Some(None));
}

#[test]
fn broken_trailers_are_refused() {
    for (block, fault, line, offset) in [
        (&b"X: a\0b\r\n"[..], FieldFault::Nul, 1, 4),
        (b"X: a\r\nY\r\n", FieldFault::NoColon, 2, 7),
        (b"X: a\n", FieldFault::LoneLf, 1, 4),
        (b"X: a\r\n b\r\n", FieldFault::Folded, 2, 6),
        (b" X: a\r\n", FieldFault::Folded, 1, 0),
        (b": a\r\n", FieldFault::EmptyName, 1, 0),
        (b"X : a\r\n", FieldFault::SpaceBeforeColon, 1, 1),
        (b"X: a\r\n\n", FieldFault::LoneLf, 2, 6),
    ] {
        let body = [b"0\r\n", block].concat();
        match decode(&body) {
            Err(WireError::BadField {
                fault: f,
                line: l,
                offset: o,
                ..
            }) => {
                assert_eq!((f, l, o), (fault, line, offset), "{}", block.escape_ascii());
            }
            other => panic!("{}: {other:?}", block.escape_ascii()),
        }
    }
}

#[test]
fn trailers_are_bounded() {
    let limits = Limits {
        trailer_bytes: 20,
        line_bytes: 10,
        header_count: 2,
        ..Limits::default()
    };
    let error = |block: &[u8]| {
        let body = [b"0\r\n", block].concat();
        let whole = decode_with(&[&body], limits).unwrap_err();
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        let split = decode_with(&bytes, limits).unwrap_err();
        assert_eq!(
            std::mem::discriminant(&whole),
            std::mem::discriminant(&split)
        );
        whole
    };
    assert!(matches!(
        error(b"X: 4567890\r\n"),
        WireError::LineTooLong {
            limit: 10,
            line: 1,
            ..
        }
    ));
    assert!(matches!(
        error(b"X: 45678901234567890"),
        WireError::LineTooLong { .. }
    ));
    assert_eq!(
        error(b"X: 45\r\nY: 45\r\nZ: 45\r\n"),
        WireError::TrailersTooLong { limit: 20 }
    );
    assert_eq!(
        error(b"X:\r\nY:\r\nZ:\r\n"),
        WireError::TooManyHeaders { limit: 2 }
    );
}

#[test]
fn a_chunk_head_is_lower_case_hexadecimal() {
    for (length, line) in [
        (0, &b""[..]),
        (1, b"1\r\n"),
        (15, b"f\r\n"),
        (16, b"10\r\n"),
        (0xabc_def0, b"abcdef0\r\n"),
        (usize::MAX, format!("{:x}\r\n", usize::MAX).as_bytes()),
    ] {
        assert_eq!(ChunkHead::new(length).as_bytes(), line);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..8),
        cut in 1_usize..64,
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend_from_slice(ChunkHead::new(chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(CHUNK_END);
        }
        body.extend_from_slice(LAST_CHUNK);
        let pieces: Vec<&[u8]> = body.chunks(cut).collect();
        let decoded = decode_with(&pieces, Limits::default()).unwrap();
        prop_assert_eq!(decoded, (chunks.concat(), Some(None)));
    }

    #[test]
    fn any_split_gives_the_same(
        body in "[0-9a-f]{0,2}[ ;\r\nx=\"]{0,4}(3\r\nabc\r\n){0,2}(0\r\n)?(X: y\r\n|\n| z\r\n){0,3}(\r\n)?",
        cut in 1_usize..6,
    ) {
        let limits = Limits { chunk_line_bytes: 8, trailer_bytes: 16, ..Limits::default() };
        let whole = decode_with(&[body.as_bytes()], limits);
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(cut).collect();
        prop_assert_eq!(decode_with(&pieces, limits), whole);
    }
}
