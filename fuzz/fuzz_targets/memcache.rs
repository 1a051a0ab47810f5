//! Whatever a server sends, memcache's answers do not panic, and mean the same in any pieces.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use torsade_core::protocols::Decoder;
use torsade_core::protocols::memcache::{Reply, ReplyFraming};

/// What `bytes` mean, which come in pieces of `size`, until there is a fault.
fn meaning(bytes: &[u8], size: usize) -> (Vec<String>, bool) {
    let (mut framing, mut input) = (ReplyFraming::new().max_value(100), BytesMut::new());
    let mut meaning = Vec::new();
    for piece in bytes.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            match framing.decode(&mut input) {
                Ok(Some(answer)) => meaning.push(format!("{:?}", Reply::parse(&answer))),
                Ok(None) => break,
                Err(_) => return (meaning, true),
            }
        }
        // Nothing that is incomplete is longer than the longest line, or value.
        assert!(input.len() <= 2049 + 100 + 2 + size.min(bytes.len()));
    }
    (meaning, false)
}

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let size = usize::from(*size) + 1;
    assert_eq!(meaning(bytes, size), meaning(bytes, usize::MAX));
});
