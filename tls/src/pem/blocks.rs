//! The blocks of a PEM text.

use rustls_pemfile::Item;

use super::PemProblem;

/// A block between a `BEGIN` line and its `END` line.
pub(super) struct Block<'a> {
    /// What is between `BEGIN` and the dashes.
    pub(super) label: String,
    /// The number of the `BEGIN` line.
    pub(super) line: usize,
    /// The lines in between, without blanks around them.
    body: Vec<&'a [u8]>,
}

impl Block<'_> {
    pub(super) fn is_encrypted(&self) -> bool {
        // RFC 5958 has its own label, the older OpenSSL forms a header (RFC 1421).
        self.label == "ENCRYPTED PRIVATE KEY"
            || self
                .body
                .iter()
                .any(|line| line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"))
    }

    /// The decoded content.
    pub(super) fn decode(&self) -> Result<Item, PemProblem> {
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
    pub(super) fn damaged(&self) -> PemProblem {
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
pub(super) fn wanted_blocks<'a>(
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
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is UTF-16 text; save it as UTF-8"),
        _ if is_der(content) => Some(
            "it looks like DER, but of another kind; a .p12 or .pfx file is converted with \
             `openssl pkcs12 -nodes`, a .p7b file with `openssl pkcs7 -inform der -print_certs`",
        ),
        _ => None,
    }
}

/// Whether `content` begins as everything in DER does here: with a SEQUENCE (X.690, 8.9).
pub(super) fn is_der(content: &[u8]) -> bool {
    match *content {
        // A short one may begin like text, but has to be as long as it says.
        [0x30, length @ ..=0x7f, ..] => content.len() == 2 + usize::from(length),
        [0x30, 0x81..=0x84, ..] => true,
        _ => false,
    }
}
