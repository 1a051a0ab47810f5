//! A chunked body is the same however its bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torsade_http::wire::chunked::{Chunk, Decoder};
use torsade_http::wire::{Limits, WireError};

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let whole = decode(std::iter::once(bytes));
    let split = decode(bytes.chunks(usize::from(cut).max(1)));
    assert_eq!(whole, split);
});

/// The data, and the bytes used up to the end or the kind of error.
fn decode<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (
    Vec<u8>,
    Result<Option<usize>, std::mem::Discriminant<WireError>>,
) {
    let limits = Limits {
        chunk_line_bytes: 30,
        trailer_bytes: 60,
        line_bytes: 20,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(limits);
    let (mut data, mut total) = (Vec::new(), 0);
    for mut piece in pieces {
        loop {
            match decoder.decode(piece) {
                Ok((used, chunk)) => {
                    total += used;
                    piece = &piece[used..];
                    match chunk {
                        Some(Chunk::Data(bytes)) => data.extend_from_slice(bytes),
                        Some(Chunk::End(_)) => return (data, Ok(Some(total))),
                        None => break,
                    }
                }
                Err(error) => return (data, Err(std::mem::discriminant(&error))),
            }
        }
        assert!(piece.is_empty());
    }
    (data, Ok(None))
}
