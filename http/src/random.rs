//! What nobody can guess.

use std::hash::{BuildHasher, RandomState};

/// 128 bits by a hash whose key the system has drawn, in hexadecimal.
pub(crate) fn random_hex() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(1), random.hash_one(2))
}
