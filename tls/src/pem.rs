//! Certificates and keys out of PEM; the only place that uses rustls-pemfile.
//!
//! A block is found by our own scan, which knows line numbers, and decoded by rustls-pemfile.
//! Byte order marks, CRLF line ends, indentation and any text between blocks are fine. Blocks of
//! another kind are passed over when there is also what was looked for, so that a certificate and
//! its key can share a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_pemfile::Item;

/// Why certificates or a key could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct PemError {
    /// The file, or `None` when the PEM was given as bytes.
    pub file: Option<PathBuf>,
    /// What is wrong with it.
    pub problem: PemProblem,
}

/// What is wrong with some PEM. Lines are counted from 1.
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
        /// The line of its `BEGIN`.
        line: usize,
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
                write!(
                    f,
                    "line {line}: the private key is encrypted with a passphrase; decrypt it \
                     with `openssl pkey -in "
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

/// Where PEM comes from: a file that is read when it is needed, or bytes.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

// Keys travel in here, so the bytes are never shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(_) => f.write_str("Bytes(..)"),
        }
    }
}

impl Source {
    /// The certificates, in their order; at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PemError> {
        self.read(|pem| {
            let blocks = wanted_blocks(pem, "CERTIFICATE", |label| label == "CERTIFICATE")?;
            blocks
                .iter()
                .map(|block| match block.decode()? {
                    Item::X509Certificate(certificate) => Ok(certificate),
                    _ => Err(block.damaged()),
                })
                .collect()
        })
    }

    /// The one private key, in PKCS#8, PKCS#1 (RSA) or SEC1 (EC) form.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemError> {
        self.read(|pem| {
            let blocks = wanted_blocks(pem, "PRIVATE KEY", |label| label.ends_with("PRIVATE KEY"))?;
            if let Some(block) = blocks.iter().find(|block| block.is_encrypted()) {
                return Err(PemProblem::Encrypted { line: block.line });
            }
            if let [first, second, ..] = blocks.as_slice() {
                return Err(PemProblem::SeveralKeys {
                    first: first.line,
                    second: second.line,
                });
            }
            let block = &blocks[0];
            match block.decode()? {
                Item::Pkcs8Key(key) => Ok(key.into()),
                Item::Pkcs1Key(key) => Ok(key.into()),
                Item::Sec1Key(key) => Ok(key.into()),
                _ => Err(block.damaged()),
            }
        })
    }

    /// Applies `parse` to the content, and adds the file's name to the error.
    fn read<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, PemProblem>) -> Result<T, PemError> {
        match self {
            Self::File(path) => std::fs::read(path)
                .map_err(PemProblem::Unreadable)
                .and_then(|pem| parse(&pem))
                .map_err(|problem| PemError {
                    file: Some(path.clone()),
                    problem,
                }),
            Self::Bytes(pem) => parse(pem).map_err(|problem| PemError {
                file: None,
                problem,
            }),
        }
    }
}

/// A block between a `BEGIN` line and its `END` line.
struct Block<'a> {
    /// What is between `BEGIN` and the dashes.
    label: String,
    /// The number of the `BEGIN` line.
    line: usize,
    /// The lines in between, without blanks around them.
    body: Vec<&'a [u8]>,
}

impl Block<'_> {
    fn is_encrypted(&self) -> bool {
        // RFC 5958 has its own label, the older OpenSSL forms a header (RFC 1421).
        self.label == "ENCRYPTED PRIVATE KEY"
            || self
                .body
                .iter()
                .any(|line| line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"))
    }

    /// The decoded content.
    fn decode(&self) -> Result<Item, PemProblem> {
        // Written anew, because the decoder accepts neither indentation nor blanks at line ends.
        let mut text = format!("-----BEGIN {}-----\n", self.label).into_bytes();
        for line in &self.body {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text.extend_from_slice(format!("-----END {}-----\n", self.label).as_bytes());
        match rustls_pemfile::read_one_from_slice(&text) {
            Ok(Some((item, _))) => Ok(item),
            // A label that the decoder does not know, such as DSA PRIVATE KEY.
            Ok(None) => Err(PemProblem::Unexpected {
                wanted: "PRIVATE KEY",
                found: self.label.clone(),
                line: self.line,
            }),
            Err(_) => Err(self.damaged()),
        }
    }

    /// The error for content that is not base64, with the first line that shows it.
    fn damaged(&self) -> PemProblem {
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        let bad = self
            .body
            .iter()
            .position(|line| !line.iter().all(is_base64));
        PemProblem::BadBase64 {
            label: self.label.clone(),
            line: bad.map_or(self.line, |index| self.line + 1 + index),
        }
    }
}

/// The blocks whose label is wanted; at least one.
fn wanted_blocks<'a>(
    pem: &'a [u8],
    wanted: &'static str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Block<'a>>, PemProblem> {
    if pem.is_empty() {
        return Err(PemProblem::Empty);
    }
    let mut blocks = blocks(pem)?;
    let Some(first) = blocks.first() else {
        return Err(PemProblem::NoBlock {
            hint: foreign_format(pem),
        });
    };
    let unexpected = PemProblem::Unexpected {
        wanted,
        found: first.label.clone(),
        line: first.line,
    };
    blocks.retain(|block| is_wanted(&block.label));
    if blocks.is_empty() {
        Err(unexpected)
    } else {
        Ok(blocks)
    }
}

/// All blocks, whatever their label.
fn blocks(pem: &[u8]) -> Result<Vec<Block<'_>>, PemProblem> {
    let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in pem.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        let begin = boundary(line, b"-----BEGIN ");
        let end = boundary(line, b"-----END ");
        match (&mut open, begin, end) {
            (None, Some(label), _) => {
                open = Some(Block {
                    label,
                    line: index + 1,
                    body: Vec::new(),
                });
            }
            // Between blocks anything may stand.
            (None, None, _) => {}
            (Some(block), None, Some(label)) if block.label == label => {
                blocks.extend(open.take());
            }
            (Some(block), None, None) => block.body.push(line),
            // Another BEGIN, or the END of something else.
            (Some(block), _, _) => {
                return Err(PemProblem::Truncated {
                    label: std::mem::take(&mut block.label),
                    line: block.line,
                });
            }
        }
    }
    match open {
        Some(block) => Err(PemProblem::Truncated {
            label: block.label,
            line: block.line,
        }),
        None => Ok(blocks),
    }
}

/// The label of a boundary line that starts with `prefix`.
fn boundary(line: &[u8], prefix: &[u8]) -> Option<String> {
    let label = line.strip_prefix(prefix)?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
}

/// What `content` without a PEM block seems to be.
fn foreign_format(content: &[u8]) -> Option<&'static str> {
    match content {
        // A DER SEQUENCE with a length of two bytes: a certificate, a key or a PKCS#12 bundle.
        [0x30, 0x82, ..] => Some(
            "it looks like DER; convert it with `openssl x509 -inform der` (a certificate), \
             `openssl pkey -inform der` (a key) or `openssl pkcs12 -nodes` (a .p12 or .pfx file)",
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is UTF-16 text; save it as UTF-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
