//! Certificates and keys out of PEM or DER; the only place that uses rustls-pemfile.
//!
//! A block is found by our own scan, which knows line numbers, and decoded by rustls-pemfile.
//! Byte order marks, CRLF line ends, indentation and any text between blocks are fine. Blocks of
//! another kind are passed over when there is also what was looked for, so that a certificate and
//! its key can share a file. What is DER instead is known by its first bytes.
//!
//! ```
//! use torsade_tls::generate::self_signed;
//! use torsade_tls::{Certificate, KeyPair};
//!
//! let own = self_signed(["example.com"]);
//! let file = format!("our server\n{}\n{}", own.key_pair().to_pem(), own.chain_pem());
//! assert_eq!(Certificate::from_pem(file.as_str())?, own.chain());
//! assert_eq!(KeyPair::from_pem(file)?.hash(), own.key_pair().hash());
//! # torsade_core::Result::<()>::Ok(())
//! ```

mod blocks;
mod error;

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls_pemfile::Item;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use self::blocks::{is_der, wanted_blocks};
pub use self::error::{PemError, PemProblem};

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
            if is_der(pem) && X509Certificate::from_der(pem).is_ok_and(|(rest, _)| rest.is_empty())
            {
                return Ok(vec![CertificateDer::from(pem.to_vec())]);
            }
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

    /// The revocation lists; at least one.
    pub(crate) fn revocation_lists(
        &self,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, PemError> {
        self.read(|pem| {
            if is_der(pem)
                && CertificateRevocationList::from_der(pem).is_ok_and(|(rest, _)| rest.is_empty())
            {
                return Ok(vec![CertificateRevocationListDer::from(pem.to_vec())]);
            }
            let blocks = wanted_blocks(pem, "X509 CRL", |label| label == "X509 CRL")?;
            blocks
                .iter()
                .map(|block| match block.decode()? {
                    Item::Crl(list) => Ok(list),
                    _ => Err(block.damaged()),
                })
                .collect()
        })
    }

    /// The one private key, in PKCS#8, PKCS#1 (RSA) or SEC1 (EC) form.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemError> {
        self.read(|pem| {
            if is_der(pem) {
                if let Ok(key) = PrivateKeyDer::try_from(pem) {
                    return Ok(key.clone_key());
                }
                if is_encrypted_key(pem) {
                    return Err(PemProblem::Encrypted { line: None });
                }
            }
            let blocks = wanted_blocks(pem, "PRIVATE KEY", |label| label.ends_with("PRIVATE KEY"))?;
            if let Some(block) = blocks.iter().find(|block| block.is_encrypted()) {
                return Err(PemProblem::Encrypted {
                    line: Some(block.line),
                });
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

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes(_) => None,
        }
    }

    /// What is in it.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, PemError> {
        self.read(|bytes| Ok(bytes.to_vec()))
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

/// Whether this is a key in PKCS#8 form encrypted by a passphrase: a SEQUENCE that begins not with
/// a version but with another, the algorithm (RFC 5208, 6).
fn is_encrypted_key(der: &[u8]) -> bool {
    let length = match der.get(1) {
        Some(&byte @ 0x80..) => usize::from(byte & 0x7f),
        _ => 0,
    };
    der.get(2 + length) == Some(&0x30) && X509Certificate::from_der(der).is_err()
}

/// A PEM block (RFC 7468).
pub(crate) fn write(label: &str, der: &[u8]) -> String {
    /// The characters of a line (RFC 7468, 2).
    const WIDTH: usize = 64;
    let text = BASE64.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(WIDTH) {
        pem += &text[start..text.len().min(start + WIDTH)];
        pem += "\n";
    }
    pem += &format!("-----END {label}-----\n");
    pem
}

#[cfg(test)]
mod tests;
