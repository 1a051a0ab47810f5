//! From the bytes of a head, or of trailers, to a status and a map of fields: the part of httparse.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use httparse::{Header, ParserConfig, Response, Status};

use super::head::ResponseHead;
use super::lines::{excerpt, reason, strip_line_end};
use crate::error::{FieldFault, WireError};

/// What [`parse_head`] found.
pub(super) enum Parsed {
    Head {
        used: usize,
        fields: usize,
        head: ResponseHead,
    },
    Not(Refused),
}

/// Why there is no map of fields.
pub(super) enum Refused {
    /// More fields than slots, or than a `HeaderMap` takes.
    TooMany,
    /// Unfinished, or wrong.
    Malformed,
}

impl Refused {
    /// The error for a block of lines that passed our own checks.
    pub(super) fn error(self, block: &[u8], fields: usize) -> WireError {
        match self {
            Self::TooMany => WireError::TooManyHeaders {
                limit: fields.saturating_sub(1),
            },
            // Should our checks and httparse ever differ, the stricter of them wins.
            Self::Malformed => WireError::BadField {
                fault: FieldFault::Other,
                line: 1,
                offset: 0,
                excerpt: excerpt(block),
            },
        }
    }
}

/// Parses `input`, of which `shared` is the same bytes if the caller has them in that form.
pub(super) fn parse_head<'b>(
    input: &'b [u8],
    shared: Option<&Bytes>,
    slots: &mut [MaybeUninit<Header<'b>>],
) -> Parsed {
    let mut response = Response::new(&mut []);
    let used = match ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response_with_uninit_headers(&mut response, input, slots)
    {
        Ok(Status::Complete(used)) => used,
        Err(httparse::Error::TooManyHeaders) => return Parsed::Not(Refused::TooMany),
        Ok(Status::Partial) | Err(_) => return Parsed::Not(Refused::Malformed),
    };
    let Some(status) = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
    else {
        return Parsed::Not(Refused::Malformed);
    };
    // httparse turns a phrase that is not ASCII into nothing, hence our own look at the line.
    let line_end = input.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let phrase = reason(strip_line_end(&input[..=line_end]));
    let canonical = status.canonical_reason().unwrap_or_default();
    let reason = if phrase == canonical.as_bytes() {
        Bytes::from_static(canonical.as_bytes())
    } else {
        Bytes::copy_from_slice(phrase)
    };
    // One copy that all values share, instead of one allocation for each.
    let copy;
    let shared = match shared {
        Some(shared) => shared,
        None => {
            copy = Bytes::copy_from_slice(&input[..used]);
            &copy
        }
    };
    let fields = response.headers.len();
    let headers = match header_map(response.headers, input, shared) {
        Ok(headers) => headers,
        Err(refused) => return Parsed::Not(refused),
    };
    let version = if response.version == Some(0) {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    };
    Parsed::Head {
        used,
        fields,
        head: ResponseHead {
            version,
            status,
            reason,
            headers,
        },
    }
}

fn header_map(fields: &[Header<'_>], input: &[u8], shared: &Bytes) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::try_with_capacity(fields.len()).map_err(|_| Refused::TooMany)?;
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Refused::Malformed)?;
        let value = if field.value.contains(&b'\n') {
            Bytes::from(unfold(field.value))
        } else {
            let start = field.value.as_ptr().addr() - input.as_ptr().addr();
            shared.slice(start..start + field.value.len())
        };
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| Refused::Malformed)?;
        headers
            .try_append(name, value)
            .map_err(|_| Refused::TooMany)?;
    }
    Ok(headers)
}

/// Parses trailers: field lines and the empty line, all of which have been checked.
pub(super) fn parse_trailers(block: Vec<u8>, fields: usize) -> Result<HeaderMap, WireError> {
    let block = Bytes::from(block);
    let mut slots = vec![httparse::EMPTY_HEADER; fields];
    let parsed = match httparse::parse_headers(&block, &mut slots) {
        Ok(Status::Complete((_, fields))) => header_map(fields, &block, &block),
        _ => Err(Refused::Malformed),
    };
    parsed.map_err(|refused| refused.error(&block, fields))
}

/// Replaces each fold by a space, as a user agent must (RFC 9112 section 5.2), before anybody can
/// see or forward the line ends that httparse leaves in the value.
fn unfold(value: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(value.len());
    for line in value.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if !line.is_empty() {
            if !joined.is_empty() {
                joined.push(b' ');
            }
            joined.extend_from_slice(line);
        }
    }
    joined
}
