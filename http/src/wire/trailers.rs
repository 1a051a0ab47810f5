//! The lines behind the last chunk (RFC 9112 section 7.1.2).

use http::HeaderMap;
use http::header::{self, HeaderName};

use super::limits::Limits;
use super::lines::{check_field, excerpt};
use super::parse::parse_trailers;
use crate::error::{FieldFault, WireError};

/// The lines behind the last chunk.
#[derive(Debug, Default)]
pub(super) struct Trailers {
    block: Vec<u8>,
    line_start: usize,
    lines: usize,
}

impl Trailers {
    /// Takes bytes up to the end of the line; says how many, and whether it was the empty one.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, bool), WireError> {
        let line_end = input.iter().position(|&byte| byte == b'\n');
        let taken = line_end.map_or(input.len(), |at| at + 1);
        let total = self.block.len() + taken;
        if total > limits.trailer_bytes || total - self.line_start > limits.line_bytes {
            return Err(self.too_long(&input[..taken], limits));
        }
        self.block.extend_from_slice(&input[..taken]);
        if line_end.is_none() {
            return Ok((taken, false));
        }
        let line = &self.block[self.line_start..];
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(self.bad(FieldFault::LoneLf, line.len() - 1));
        };
        if line.is_empty() {
            return Ok((taken, true));
        }
        if self.lines == limits.header_count {
            return Err(WireError::TooManyHeaders {
                limit: limits.header_count,
            });
        }
        if matches!(line[0], b' ' | b'\t') {
            return Err(self.bad(FieldFault::Folded, 0));
        }
        check_field(line).map_err(|(fault, at)| self.bad(fault, at))?;
        self.lines += 1;
        self.line_start = self.block.len();
        Ok((taken, false))
    }

    fn too_long(&self, piece: &[u8], limits: &Limits) -> WireError {
        // Which of the two was passed first does not depend on how the input was cut.
        if limits.trailer_bytes.saturating_sub(self.line_start) <= limits.line_bytes {
            return WireError::TrailersTooLong {
                limit: limits.trailer_bytes,
            };
        }
        WireError::LineTooLong {
            limit: limits.line_bytes,
            line: self.lines + 1,
            excerpt: excerpt(&[&self.block[self.line_start..], piece].concat()),
        }
    }

    fn bad(&self, fault: FieldFault, at: usize) -> WireError {
        WireError::BadField {
            fault,
            line: self.lines + 1,
            offset: self.line_start + at,
            excerpt: excerpt(&self.block[self.line_start..]),
        }
    }

    /// The fields that may stand here, once the empty line has come.
    pub(super) fn finish(&mut self) -> Result<Option<HeaderMap>, WireError> {
        let mut headers = parse_trailers(std::mem::take(&mut self.block), self.lines)?;
        for name in FORBIDDEN {
            headers.remove(name);
        }
        Ok((!headers.is_empty()).then_some(headers))
    }
}

/// Fields that mean nothing, or harm, in trailers: "message framing [...], routing [...], request
/// modifiers [...], authentication [...], response control data [...], or determining how to
/// process the content" (RFC 9110 section 6.5.1).
const FORBIDDEN: [HeaderName; 24] = [
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::HOST,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::RANGE,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::WWW_AUTHENTICATE,
    header::PROXY_AUTHENTICATE,
    header::COOKIE,
    header::SET_COOKIE,
    header::AGE,
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::LOCATION,
    header::RETRY_AFTER,
    header::VARY,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_RANGE,
];
