//! What can be wrong with descriptors that somebody else made.

use std::error::Error;
use std::fmt;

/// A socket that was handed over is listened on once: that was done already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.AlreadyListened")]
pub struct AlreadyListened;

/// Whoever started this process did not hand over such a descriptor, or it was taken already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHandedOver {
    /// What was asked for, such as `descriptor 0`.
    pub wanted: String,
    /// How many were handed over (LISTEN_FDS).
    pub given: usize,
}

/// The connection was to end, and there were no more bytes to carry a descriptor that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "twisted.internet.error.FileDescriptorOverrun")]
pub struct DescriptorOverrun;

impl fmt::Display for DescriptorOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no bytes followed to carry a descriptor that was sent")
    }
}

impl Error for DescriptorOverrun {}

impl fmt::Display for AlreadyListened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the socket that was handed over is listened on already")
    }
}

impl fmt::Display for NotHandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, given } = self;
        match given {
            0 => write!(f, "there is no {wanted}: LISTEN_FDS handed over none"),
            _ => write!(
                f,
                "there is no {wanted} among the {given} of LISTEN_FDS, or it was taken already"
            ),
        }
    }
}

impl Error for AlreadyListened {}

impl Error for NotHandedOver {}
