use std::io::Write;

use super::decoder::Decoded;
use super::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw(data: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn brotli(data: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let params = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &data[..], &mut coded, &params).unwrap();
    coded
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 3).unwrap()
}

/// Decodes in pieces of so many bytes: what came out, and what went wrong.
fn decode(field: &str, coded: &[u8], piece: usize) -> (Vec<u8>, Option<DecodeError>) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, field.parse().unwrap());
    let (codings, left) = known(&headers);
    assert_eq!(left, None);
    let mut decoder = Decoder::new(&codings, Bounds::default()).unwrap();
    let (mut plain, mut block) = (Vec::new(), [0; 1000]);
    let mut pieces = coded.chunks(piece.max(1));
    loop {
        match decoder.read(&mut block) {
            Ok(Decoded::Bytes(count)) => plain.extend_from_slice(&block[..count]),
            Ok(Decoded::End) => return (plain, None),
            Ok(Decoded::NeedsMore) => match pieces.next() {
                Some(bytes) => decoder.push(bytes),
                None => decoder.finish(),
            },
            Err(error) => return (plain, Some(error)),
        }
    }
}

fn text() -> Vec<u8> {
    (0..20_000)
        .flat_map(|number: u32| format!("line {number}\n").into_bytes())
        .collect()
}

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 6] = [
    ("gzip", gzip),
    ("x-gzip", gzip),
    ("deflate", zlib),
    ("deflate", raw),
    ("br", brotli),
    ("zstd", zstd),
];

// R40
#[test]
fn each_coding_is_undone_in_pieces_of_any_size() {
    let text = text();
    for (name, encode) in CODINGS {
        let coded = encode(&text);
        for piece in [1, 2, 7, 1000, usize::MAX] {
            let (plain, error) = decode(name, &coded, piece);
            assert!(
                error.is_none() && plain == text,
                "{name} in {piece}: {error:?}"
            );
        }
        for short in [&b""[..], b"x"] {
            let (plain, error) = decode(name, &encode(short), 1);
            assert!(error.is_none() && plain == short, "{name}: {error:?}");
        }
    }
}

#[test]
fn a_body_without_a_byte_is_in_no_coding() {
    for (name, _) in CODINGS {
        assert_eq!(decode(name, b"", 1).0, b"", "{name}");
        assert!(decode(name, b"", 1).1.is_none(), "{name}");
    }
}

// R35
#[test]
fn all_members_of_gzip_and_all_frames_of_zstd_are_read() {
    for (name, encode) in [("gzip", gzip as Encode), ("zstd", zstd)] {
        let coded = [encode(b"one, "), encode(b""), encode(b"two")].concat();
        for piece in 1..coded.len() {
            let (plain, error) = decode(name, &coded, piece);
            assert!(error.is_none(), "{name} in {piece}: {error:?}");
            assert_eq!(plain, b"one, two", "{name} in {piece}");
        }
    }
}

#[test]
fn all_that_a_header_of_gzip_may_have_is_passed_over() {
    let coded = flate2::GzBuilder::new()
        .extra("more")
        .filename("name")
        .comment("what it is")
        .write(Vec::new(), flate2::Compression::default());
    let mut full = coded;
    full.write_all(b"hello").unwrap();
    let full = full.finish().unwrap();
    // What GzBuilder cannot: a sum of the header (flag 2), and an extra field without a byte.
    let mut summed = vec![0x1f, 0x8b, 8, 2 | 4, 0, 0, 0, 0, 0, 3, 0, 0];
    let mut crc = flate2::Crc::new();
    crc.update(&summed);
    summed.extend(&crc.sum().to_le_bytes()[..2]);
    summed.extend(&gzip(b"hello")[10..]);
    for coded in [&full, &summed] {
        for piece in 1..coded.len() {
            let (plain, error) = decode("gzip", coded, piece);
            assert!(plain == b"hello" && error.is_none(), "{piece}: {error:?}");
        }
    }
    // A method, a flag and a sum that are none.
    for (at, bits) in [(2, 1), (3, 0x80), (12, 1), (13, 1)] {
        let mut broken = summed.clone();
        broken[at] ^= bits;
        let (plain, error) = decode("gzip", &broken, 1);
        assert!(plain.is_empty() && matches!(error, Some(DecodeError::Corrupt { .. })));
    }
}

#[test]
fn zeros_behind_a_member_of_gzip_are_padding_and_nothing_else_is() {
    let padded = [gzip(b"one, "), vec![0; 700], gzip(b"two"), vec![0; 3]].concat();
    for piece in 1..padded.len() {
        let (plain, error) = decode("gzip", &padded, piece);
        assert!(error.is_none(), "in {piece}: {error:?}");
        assert_eq!(plain, b"one, two", "in {piece}");
    }
    for junk in [&b"x"[..], b"junk!", b"\0\0x", b"\x1f", b"\x1f\x8b\x07"] {
        for piece in [1, 1000] {
            let (plain, error) = decode("gzip", &[&gzip(b"one")[..], junk].concat(), piece);
            assert_eq!(plain, b"one");
            assert!(error.is_some(), "{}", junk.escape_ascii());
        }
    }
}

// Found by fuzzing: whether it was noticed was up to how the bytes came.
#[test]
fn what_is_behind_the_end_is_an_error_however_it_comes() {
    for (name, encode) in CODINGS {
        let coded = encode(b"hello");
        for junk in [&b"x"[..], b"more junk", &[0xff; 40_000]] {
            let behind = [&coded[..], junk].concat();
            for piece in [1, coded.len(), 1000, usize::MAX] {
                let (plain, error) = decode(name, &behind, piece);
                assert!(
                    matches!(error, Some(DecodeError::Corrupt { .. })),
                    "{name} in {piece}: {error:?}"
                );
                assert_eq!(plain, b"hello", "{name} in {piece}");
            }
        }
    }
    for (field, inner) in [("deflate, br", zlib as Encode), ("deflate, br", raw)] {
        let behind = [&brotli(&inner(b"hello"))[..], b"x"].concat();
        for piece in 1..=behind.len() {
            let (plain, error) = decode(field, &behind, piece);
            assert_eq!(plain, b"hello", "in {piece}");
            assert!(error.is_some(), "in {piece}");
        }
    }
}

/// A window of 1 GiB, which is no part of RFC 7932.
#[test]
fn a_large_window_of_brotli_is_refused() {
    let (_, error) = decode("br", &[0x11, 30, 0, 0, 0, 0, 0, 0], 1);
    assert!(
        matches!(error, Some(DecodeError::Corrupt { .. })),
        "{error:?}"
    );
}

fn flushed(name: &str, text: &[u8]) -> Vec<u8> {
    use flate2::Compression;
    let mut out = Vec::new();
    macro_rules! flush {
        ($encoder:expr) => {{
            let mut encoder = $encoder;
            encoder.write_all(text).unwrap();
            encoder.flush().unwrap();
            // It is not ended.
            std::mem::forget(encoder);
        }};
    }
    match name {
        "gzip" => flush!(flate2::write::GzEncoder::new(&mut out, Compression::best())),
        "deflate" => flush!(flate2::write::ZlibEncoder::new(
            &mut out,
            Compression::best()
        )),
        "br" => flush!(brotli::CompressorWriter::new(&mut out, 4096, 5, 22)),
        _ => flush!(zstd::Encoder::new(&mut out, 3).unwrap()),
    }
    out
}

#[test]
fn what_a_server_has_flushed_comes_out_before_it_sends_more() {
    // Much of it in few bytes, so that there is more to come when all that came is used.
    let text = b"a line that is said again and again\n".repeat(10_000);
    for name in ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip"] {
        let coded = (name.split(", ")).fold(text.clone(), |coded, name| flushed(name, &coded));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, name.parse().unwrap());
        let mut decoder = Decoder::new(&known(&headers).0, Bounds::default()).unwrap();
        decoder.push(&coded);
        let (mut plain, mut block) = (Vec::new(), [0; 1000]);
        while let Decoded::Bytes(count) = decoder.read(&mut block).unwrap() {
            plain.extend_from_slice(&block[..count]);
        }
        assert_eq!(plain.len(), text.len(), "{name}");
    }
}

// R37
#[test]
fn what_is_cut_off_is_an_error_behind_what_was_good() {
    let text = text();
    for (name, encode) in CODINGS {
        let coded = encode(&text);
        for cut in [coded.len() - 1, coded.len() / 2, coded.len() / 10, 3, 1] {
            for piece in [1, 1000] {
                let (plain, error) = decode(name, &coded[..cut], piece);
                let is_cut = matches!(
                    error,
                    Some(DecodeError::CutOff { .. } | DecodeError::Corrupt { .. })
                );
                assert!(is_cut, "{name} {cut}: {error:?}");
                assert!(text.starts_with(&plain), "{name} {cut}");
            }
        }
    }
}

// R38
#[test]
fn what_is_broken_is_an_error() {
    for (name, encode) in CODINGS {
        // Plain text with the wrong label.
        let (_, error) = decode(name, b"hello, this is no compressed text at all", 1000);
        assert!(error.is_some(), "{name}");
        let mut coded = encode(&text());
        let at = coded.len() / 2;
        coded[at] ^= 0x55;
        coded[at + 1] ^= 0xaa;
        let (_, error) = decode(name, &coded, 1000);
        // Only some have a checksum; with the others, what comes out may be wrong.
        if ["gzip", "x-gzip"].contains(&name) {
            assert!(error.is_some(), "{name}");
        }
    }
    let mut bad_sum = gzip(b"hello");
    let at = bad_sum.len() - 8;
    bad_sum[at] ^= 1;
    let (plain, error) = decode("gzip", &bad_sum, 1);
    assert_eq!(plain, b"hello");
    let error = error.unwrap();
    assert!(matches!(error, DecodeError::Corrupt { .. }), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

// R42
#[test]
fn several_codings_are_undone_in_reverse_and_bombs_go_off_harmlessly() {
    let coded = brotli(&gzip(b"hello"));
    assert_eq!(decode("gzip, br", &coded, 1).0, b"hello");
    let zeros = vec![0; 100 << 20];
    let bomb = gzip(&gzip(&zeros));
    let (plain, error) = decode("gzip, gzip", &bomb, 1000);
    assert!(
        matches!(error, Some(DecodeError::TooMuch { .. })),
        "{error:?}"
    );
    assert!(plain.len() <= (64 << 20) + 1000);
    let (_, error) = decode("gzip, gzip, gzip, gzip, gzip", b"x", 1);
    assert!(
        matches!(error, Some(DecodeError::TooManyCodings(5))),
        "{error:?}"
    );
    // A few zeros are no bomb.
    assert!(decode("gzip", &gzip(&zeros[..1 << 20]), 1000).1.is_none());
}

// C170
#[test]
fn an_unknown_coding_stays_with_those_beneath_it() {
    let of = |lines: &[&str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_ENCODING, line.parse().unwrap());
        }
        let (codings, left) = known(&headers);
        (
            codings.len(),
            left.map(|left| left.to_str().unwrap().to_owned()),
        )
    };
    assert_eq!(of(&[]), (0, None));
    assert_eq!(of(&["GZip"]), (1, None));
    assert_eq!(of(&["gzip", "br , identity"]), (2, None));
    assert_eq!(
        of(&["gzip, aes128, br"]),
        (1, Some("gzip, aes128".to_owned()))
    );
    assert_eq!(of(&["aes128"]), (0, Some("aes128".to_owned())));
}
