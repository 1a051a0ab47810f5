//! Bytes as printing characters: `%`, white space and what does not print are `%XX`.

/// Adds `bytes`, encoded.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' {
            out.push(byte);
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend([b'%', DIGITS[high], DIGITS[low]]);
        }
    }
}

/// `None` where no two digits are behind a `%`.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let ([high, low], behind) = rest.split_first_chunk()?;
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = behind;
    }
    Some(bytes)
}
