//! What Digest hashes with.

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

/// The hash functions, weakest first (RFC 7616 section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

/// The parameter `algorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithm {
    pub(super) hash: Hash,
    /// Whether the secret is bound to the first nonces of a session: `-sess`.
    pub(super) is_session: bool,
}

const KNOWN: [(&str, Hash, bool); 6] = [
    ("MD5", Hash::Md5, false),
    ("MD5-sess", Hash::Md5, true),
    ("SHA-256", Hash::Sha256, false),
    ("SHA-256-sess", Hash::Sha256, true),
    ("SHA-512-256", Hash::Sha512_256, false),
    ("SHA-512-256-sess", Hash::Sha512_256, true),
];

impl Algorithm {
    /// What is meant where none is named.
    pub(super) const DEFAULT: Self = Self {
        hash: Hash::Md5,
        is_session: false,
    };

    /// `None` for one that is not known here.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let known = KNOWN
            .iter()
            .find(|(known, ..)| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Self {
            hash: known.1,
            is_session: known.2,
        })
    }

    pub(super) fn name(self) -> &'static str {
        let known = KNOWN
            .iter()
            .find(|known| (known.1, known.2) == (self.hash, self.is_session));
        known.map_or("MD5", |known| known.0)
    }

    /// The hash, in hexadecimal, of these with colons between.
    pub(super) fn of(self, parts: &[&[u8]]) -> String {
        match self.hash {
            Hash::Md5 => hex::<Md5>(parts),
            Hash::Sha256 => hex::<Sha256>(parts),
            Hash::Sha512_256 => hex::<Sha512_256>(parts),
        }
    }
}

fn hex<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|four| char::from_digit(four.into(), 16));
    let bytes = hash.finalize();
    bytes.iter().flat_map(digits).flatten().collect()
}
