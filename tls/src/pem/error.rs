//! What can be wrong with the files of certificates and keys.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why certificates or a key could not be read.
///
/// ```
/// use std::io;
/// use torsade_tls::pem::PemProblem;
/// use torsade_tls::{ConfigError, KeyPair};
///
/// let error = KeyPair::from_pem_file("no-such-key.pem").unwrap_err();
/// let ConfigError::Pem(pem) = error else { panic!("{error}") };
/// assert_eq!(pem.file.as_deref(), Some("no-such-key.pem".as_ref()));
/// assert!(matches!(pem.problem, PemProblem::Unreadable(why) if why.kind() == io::ErrorKind::NotFound));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct PemError {
    /// The file, or `None` when the PEM was given as bytes.
    pub file: Option<PathBuf>,
    /// What is wrong with it.
    pub problem: PemProblem,
}

/// What is wrong with some PEM. Lines are counted from 1.
///
/// ```
/// use torsade_tls::pem::PemProblem;
/// use torsade_tls::generate::self_signed;
/// use torsade_tls::{ConfigError, KeyPair};
///
/// // The two files were mixed up.
/// let error = KeyPair::from_pem(self_signed(["example.com"]).chain_pem()).unwrap_err();
/// let ConfigError::Pem(pem) = error else { panic!("{error}") };
/// match pem.problem {
///     PemProblem::Unexpected { found, line, .. } => assert_eq!((&*found, line), ("CERTIFICATE", 1)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PemProblem {
    /// The file is missing or cannot be read.
    Unreadable(io::Error),
    /// There is not a single byte.
    Empty,
    /// There is no `-----BEGIN` line.
    NoBlock {
        /// What the content seems to be instead, and how to convert it.
        hint: Option<&'static str>,
    },
    /// There are blocks, but none of the kind that is needed here.
    Unexpected {
        /// The kind that is needed: `CERTIFICATE` or `PRIVATE KEY`.
        wanted: &'static str,
        /// The kind of the first block.
        found: String,
        /// The line of its `BEGIN`.
        line: usize,
    },
    /// The base64 text of a block is damaged.
    BadBase64 {
        /// The kind of the block.
        label: String,
        /// The damaged line, or that of the block's `BEGIN` if no single line is to blame.
        line: usize,
    },
    /// The key is protected by a passphrase.
    Encrypted {
        /// The line of its `BEGIN`; `None` when it is not PEM but DER.
        line: Option<usize>,
    },
    /// A block has no matching `END` line: the file was cut off or badly pasted.
    Truncated {
        /// The kind of the block.
        label: String,
        /// The line of its `BEGIN`.
        line: usize,
    },
    /// There are two private keys, and no telling which one is meant.
    SeveralKeys {
        /// The line of the first `BEGIN`.
        first: usize,
        /// The line of the second `BEGIN`.
        second: usize,
    },
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().map(Path::display);
        match &file {
            Some(file) => write!(f, "{file}: ")?,
            None => f.write_str("PEM given as bytes: ")?,
        }
        match &self.problem {
            PemProblem::Unreadable(_) => f.write_str("cannot be read"),
            PemProblem::Empty => f.write_str("is empty"),
            PemProblem::NoBlock { hint } => {
                f.write_str("no PEM block (a line `-----BEGIN ...-----`) in it")?;
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            PemProblem::Unexpected {
                wanted,
                found,
                line,
            } => {
                write!(
                    f,
                    "line {line}: found a block {found}, but a {wanted} is needed here"
                )
            }
            PemProblem::BadBase64 { label, line } => {
                write!(f, "line {line}: damaged base64 text in the block {label}")
            }
            PemProblem::Encrypted { line } => {
                if let Some(line) = line {
                    write!(f, "line {line}: ")?;
                }
                f.write_str(
                    "the private key is encrypted with a passphrase; decrypt it with `openssl \
                     pkey -in ",
                )?;
                match &file {
                    Some(file) => write!(f, "{file}")?,
                    None => f.write_str("key.pem")?,
                }
                f.write_str(" -out decrypted.pem`")
            }
            PemProblem::Truncated { label, line } => {
                write!(
                    f,
                    "line {line}: the block {label} that begins here has no END line"
                )
            }
            PemProblem::SeveralKeys { first, second } => write!(
                f,
                "two private keys, at lines {first} and {second}; keep the one that belongs to \
                 the certificate"
            ),
        }
    }
}

impl std::error::Error for PemError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            PemProblem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
