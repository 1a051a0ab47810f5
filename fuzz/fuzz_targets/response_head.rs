//! A head is the same however its bytes are cut, and our checks are as strict as httparse's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torsade_http::wire::head::HeadParser;
use torsade_http::wire::{FieldFault, Limits, ResponseHead, WireError};

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let whole = parse(std::iter::once(bytes));
    let split = parse(bytes.chunks(usize::from(cut).max(1)));
    assert_eq!(whole, split);
});

/// The bytes used and the head, or the kind of error.
fn parse<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<(usize, ResponseHead)>, std::mem::Discriminant<WireError>> {
    let mut parser = HeadParser::new(Limits {
        head_bytes: 500,
        line_bytes: 100,
        ..Limits::default()
    });
    let mut total = 0;
    for piece in pieces {
        let (used, head) = parser.parse(piece).map_err(|error| {
            assert!(!matches!(
                error,
                WireError::BadField {
                    fault: FieldFault::Other,
                    ..
                }
            ));
            std::mem::discriminant(&error)
        })?;
        total += used;
        if let Some(head) = head {
            return Ok(Some((total, head)));
        }
        assert_eq!(used, piece.len());
    }
    Ok(None)
}
