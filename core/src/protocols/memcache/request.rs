//! What is sent.

use super::error::{KeyFault, MemcacheError};
use super::item::{Expiry, Item};

/// The longest key that memcached takes.
const MAX_KEY: usize = 250;

/// Looks at a key before anything is sent: one with a line end would be commands of its own.
pub(super) fn check_key(key: &[u8]) -> Result<(), MemcacheError> {
    let length = key.len();
    let fault = match key.iter().position(|byte| matches!(byte, 0..=b' ' | 0x7f)) {
        _ if length == 0 => KeyFault::Empty,
        _ if length > MAX_KEY => KeyFault::TooLong { length },
        Some(at) => KeyFault::Forbidden { byte: key[at], at },
        None => return Ok(()),
    };
    Err(MemcacheError::Key(fault))
}

/// The words with a space between them, and the line's end.
pub(super) fn line(words: &[&[u8]]) -> Vec<u8> {
    let mut line = words.join(&b' ');
    line.extend_from_slice(b"\r\n");
    line
}

/// The line before an item.
pub(super) fn storage_line(command: &str, key: &[u8], item: &Item, cas: Option<u64>) -> Vec<u8> {
    let Item {
        data,
        flags,
        expiry: Expiry(expiry),
    } = item;
    let numbers = format!("{flags} {expiry} {}", data.len());
    match cas {
        None => line(&[command.as_bytes(), key, numbers.as_bytes()]),
        Some(cas) => {
            let numbers = format!("{numbers} {cas}");
            line(&[command.as_bytes(), key, numbers.as_bytes()])
        }
    }
}
