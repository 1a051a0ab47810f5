//! Whatever a peer sends, the framings of strings do not panic, and mean the same in any pieces.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use torsade_core::protocols::{Framing, IntPrefixed, Netstring};

/// The strings in `bytes`, which come in pieces of `size`, until there is a fault.
fn decode<F: Framing>(mut framing: F, bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut strings, mut input) = (Vec::new(), BytesMut::new());
    for piece in bytes.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            match framing.decode(&mut input) {
                Ok(Some(string)) => strings.push(string.to_vec()),
                Ok(None) => break,
                Err(_) => return (strings, true),
            }
        }
    }
    (strings, false)
}

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let size = usize::from(*size) + 1;
    assert_eq!(
        decode(Netstring::new(), bytes, size),
        decode(Netstring::new(), bytes, usize::MAX)
    );
    assert_eq!(
        decode(IntPrefixed::<2>::new(), bytes, size),
        decode(IntPrefixed::<2>::new(), bytes, usize::MAX)
    );
});
