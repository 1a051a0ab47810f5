//! The grammar of single lines: what httparse does not tell us.
//!
//! httparse says that a head is wrong, but not where. These checks do, one line at a time; they
//! also find a fault as soon as its line is complete, when the head comes in pieces.

use crate::error::{FieldFault, Foreign, WireError};

/// Bytes of an excerpt in an error.
const EXCERPT: usize = 40;

/// A name is no longer than this, or `http::HeaderName` refuses it.
const NAME: usize = u16::MAX as usize - 1;

/// The first bytes of `bytes`, escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let cut = bytes.len().min(EXCERPT);
    let mut text = bytes[..cut].escape_ascii().to_string();
    if cut < bytes.len() {
        text.push_str("...");
    }
    text
}

/// `line` without its LF or CRLF (a single LF may end a line: RFC 9112 section 2.2).
pub(super) fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Looks at the start of a reply, before its first line is complete, for what is no HTTP at all.
///
/// A peer that speaks first, or TLS, may send no LF ever: waiting for one would end in a timeout
/// that explains nothing. `complete` means that no more of the first line will come.
pub(super) fn check_start(start: &[u8], complete: bool) -> Result<(), WireError> {
    const NAME: &[u8] = b"HTTP/";
    let common = start.len().min(NAME.len());
    if start[..common] == NAME[..common] && !(complete && common < NAME.len()) {
        return Ok(());
    }
    let looks_like = recognize(start);
    // A TLS alert is all that its sender says; nine bytes tell HTTP/2 from noise.
    let enough = if looks_like == Foreign::Tls { 7 } else { 9 };
    if !complete && start.len() < enough {
        return Ok(());
    }
    Err(WireError::NotHttp {
        looks_like,
        excerpt: excerpt(start),
    })
}

fn recognize(start: &[u8]) -> Foreign {
    match start {
        // Alert, handshake; then the version's major number (RFC 8446 section 5.1).
        [0x15 | 0x16, 0x03, ..] => Foreign::Tls,
        // A SETTINGS frame on stream 0 comes first (RFC 9113 sections 3.4 and 4.1).
        [0, _, _, 4, _, 0, 0, 0, 0, ..] => Foreign::Http2,
        [b'S', b'S', b'H', b'-', ..] => Foreign::Ssh,
        [b'I', b'C', b'Y', b' ', ..] => Foreign::Icy,
        [a, b, c, b' ' | b'-', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => {
            Foreign::Greeting
        }
        [b'<' | b'{' | b'[', ..] => Foreign::Http09,
        _ => Foreign::Unknown,
    }
}

/// Checks `HTTP/1.1 200 OK` (RFC 9112 section 4), line end stripped.
///
/// The phrase may be missing, and the space before it too: many servers leave them out.
pub(super) fn check_status_line(line: &[u8]) -> Result<(), WireError> {
    let bad = || WireError::BadStatusLine {
        excerpt: excerpt(line),
    };
    let rest = match line.strip_prefix(b"HTTP/") {
        Some([b'1', b'.', b'0' | b'1', rest @ ..]) => rest,
        Some([major, b'.', minor, b' ', ..])
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(WireError::UnsupportedVersion {
                excerpt: excerpt(line),
            });
        }
        _ => return Err(bad()),
    };
    let [b' ', b'1'..=b'9', tens, ones, rest @ ..] = rest else {
        return Err(bad());
    };
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return Err(bad());
    }
    match rest {
        [] => Ok(()),
        [b' ', reason @ ..] if check_value(reason).is_ok() => Ok(()),
        _ => Err(bad()),
    }
}

/// The phrase of a valid status line.
pub(super) fn reason(line: &[u8]) -> &[u8] {
    line.get("HTTP/1.1 200 ".len()..).unwrap_or_default()
}

/// Checks `name: value`, line end stripped; says what is wrong, and at which byte.
pub(super) fn check_field(line: &[u8]) -> Result<(), (FieldFault, usize)> {
    let colon = line.iter().position(|&byte| byte == b':');
    let name_end = line.iter().position(|&byte| !is_token(byte));
    match (colon, name_end) {
        (Some(0), _) => Err((FieldFault::EmptyName, 0)),
        (Some(colon), Some(end)) if colon == end => {
            if colon > NAME {
                return Err((FieldFault::NameTooLong, NAME));
            }
            let value = colon + 1;
            check_value(&line[value..]).map_err(|(fault, at)| (fault, value + at))
        }
        (Some(colon), Some(end)) => {
            let space = line[end..colon]
                .iter()
                .all(|&byte| byte == b' ' || byte == b'\t');
            if space {
                Err((FieldFault::SpaceBeforeColon, end))
            } else {
                Err((
                    byte_fault(line[end]).unwrap_or(FieldFault::NameByte(line[end])),
                    end,
                ))
            }
        }
        (None, Some(end)) => Err((byte_fault(line[end]).unwrap_or(FieldFault::NoColon), end)),
        _ => Err((FieldFault::NoColon, line.len())),
    }
}

/// Checks the value of a field, or a line that continues one.
pub(super) fn check_value(value: &[u8]) -> Result<(), (FieldFault, usize)> {
    // A plain condition on all bytes is many times faster than asking for each one's fault.
    if !value.iter().any(|&byte| is_control(byte)) {
        return Ok(());
    }
    let faults = value.iter().map(|&byte| byte_fault(byte));
    match faults
        .enumerate()
        .find_map(|(at, fault)| Some((fault?, at)))
    {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Control characters are refused (RFC 9110 section 5.5 allows that), as `http::HeaderValue` does.
fn byte_fault(byte: u8) -> Option<FieldFault> {
    match byte {
        _ if !is_control(byte) => None,
        0 => Some(FieldFault::Nul),
        b'\r' => Some(FieldFault::LoneCr),
        _ => Some(FieldFault::Control(byte)),
    }
}

fn is_control(byte: u8) -> bool {
    (byte < b' ') & (byte != b'\t') | (byte == 0x7f)
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let punctuation = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < punctuation.len() {
        table[punctuation[at] as usize] = true;
        at += 1;
    }
    table
};
