//! What is sent: addresses that are checked, and a message as SMTP writes it.

use super::reply::SmtpError;

/// A message and where it goes.
pub(crate) struct Mail {
    from: String,
    to: Vec<String>,
    /// With CR LF at the end of every line, and no more than that.
    message: Vec<u8>,
}

impl Mail {
    /// A message with its header fields. `from` may be empty: nobody wants to hear of failures.
    ///
    /// # Errors
    /// [`SmtpError::BadAddress`]: an address with a line's end or a bracket could be more commands.
    pub(crate) fn new(from: &str, to: &[String], message: &[u8]) -> Result<Self, SmtpError> {
        if !from.is_empty() {
            check_address(from)?;
        }
        to.iter().try_for_each(|address| check_address(address))?;
        Ok(Self {
            from: from.to_owned(),
            to: to.to_vec(),
            message: with_line_ends(message),
        })
    }

    pub(crate) fn from(&self) -> &str {
        &self.from
    }

    pub(crate) fn to(&self) -> &[String] {
        &self.to
    }

    pub(crate) fn length(&self) -> usize {
        self.message.len()
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.message.is_ascii()
    }

    /// What is sent behind DATA: a line that begins with a full stop gets one more, and one alone is
    /// the end (RFC 5321, 4.5.2).
    pub(crate) fn stuffed(&self) -> Vec<u8> {
        let mut stuffed = Vec::with_capacity(self.message.len() + 64);
        for line in self.message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
        }
        stuffed.extend_from_slice(b".\r\n");
        stuffed
    }
}

/// Letters, digits and signs on both sides of an `@`. Quoted names are lawful too, and nobody has
/// one.
fn check_address(address: &str) -> Result<(), SmtpError> {
    let (local, domain) = address.rsplit_once('@').unwrap_or_default();
    let is_sound = address.len() <= 254
        && !local.is_empty()
        && !domain.is_empty()
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>()\\\",;:".contains(&byte));
    if is_sound {
        return Ok(());
    }
    Err(SmtpError::BadAddress(address.to_owned()))
}

/// Every line's end, in whatever way it is written, as CR LF, and one at the end. A lone one is
/// forbidden (RFC 5321, 2.3.8), and what some servers take for the end of the message.
fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.extend_from_slice(&rest[..at]);
        lines.extend_from_slice(b"\r\n");
        let end = if rest[at..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = &rest[at + end..];
    }
    if !rest.is_empty() {
        lines.extend_from_slice(rest);
        lines.extend_from_slice(b"\r\n");
    }
    lines
}
