//! Bodies that were compressed for the way.

use std::io::Write;

use super::{Case, Right, add};

pub(super) fn add_to(cases: &mut Vec<Case>) {
    use Right::{Kept, Undecodable};
    let mut coded = |name, coding, body: &[u8], right| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
        );
        add(cases, name, [head.as_bytes(), body].concat(), right);
    };
    let hello = gzip(b"hello");
    let with = |more: &[u8]| [&hello, more].concat();
    let mut bad_sum = hello.clone();
    let at = bad_sum.len() - 8;
    bad_sum[at] ^= 1;
    coded("gzip", "gzip", &hello, Kept("hello"));
    coded("gzip by another name", "x-GZIP", &hello, Kept("hello"));
    coded("identity", "identity", b"hello", Kept("hello"));
    coded("R35 two members", "gzip", &with(&hello), Kept("hellohello"));
    coded(
        "R35 an empty member",
        "gzip",
        &with(&gzip(b"")),
        Kept("hello"),
    );
    coded("zeros behind gzip", "gzip", &with(&[0; 8]), Kept("hello"));
    coded(
        "junk behind gzip",
        "gzip",
        &with(b"junk!"),
        Undecodable("hello"),
    );
    coded(
        "a member behind zeros",
        "gzip",
        &[&with(&[0; 8])[..], &hello].concat(),
        Kept("hellohello"),
    );
    coded(
        "R37 no trailer",
        "gzip",
        &hello[..hello.len() - 8],
        Undecodable("hello"),
    );
    coded(
        "R37 half a trailer",
        "gzip",
        &hello[..hello.len() - 4],
        Undecodable("hello"),
    );
    coded(
        "R37 half a member",
        "gzip",
        &with(&hello[..4]),
        Undecodable("hello"),
    );
    coded("R38 bad sum", "gzip", &bad_sum, Undecodable("hello"));
    coded("R38 plain", "gzip", b"hello", Undecodable(""));
    coded("nothing in gzip", "gzip", b"", Kept(""));
    coded("R40 zlib", "deflate", &zlib(b"hello"), Kept("hello"));
    coded("R40 raw", "deflate", &raw(b"hello"), Kept("hello"));
    coded("R42 twice", "gzip, gzip", &gzip(&hello), Kept("hello"));
}

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
