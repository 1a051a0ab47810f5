//! Parts of a representation (RFC 9110 section 14).

use std::fmt;
use std::ops::{Bound, RangeBounds};

use http::{HeaderMap, HeaderValue, header};

use crate::response::Response;

/// Which part of a whole a response has: its field `Content-Range`, in bytes (RFC 9110 section 14.4).
///
/// ```
/// use torsade_http::ContentRange;
///
/// let range = ContentRange::parse(b"bytes 100-199/1000").unwrap();
/// assert_eq!(range.complete_length, Some(1000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRange {
    /// The offsets of the first byte and of the last; `None` says that nothing of what was asked for
    /// is there (status 416).
    pub bytes: Option<(u64, u64)>,
    /// How long the whole is, if the server knows.
    pub complete_length: Option<u64>,
}

impl ContentRange {
    /// Reads a value such as `bytes 0-99/1234`, `bytes 0-99/*` or `bytes */1234`.
    ///
    /// `None` is for anything else: also for offsets that contradict each other.
    ///
    /// ```
    /// use torsade_http::ContentRange;
    ///
    /// let range = ContentRange::parse(b"bytes 40-99/100").unwrap();
    /// assert_eq!((range.bytes, range.complete_length), (Some((40, 99)), Some(100)));
    /// assert_eq!(ContentRange::parse(b"bytes 99-40/100"), None);
    /// ```
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?.trim();
        let (unit, rest) = value.split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (bytes, complete) = rest.trim_start().split_once('/')?;
        let complete_length = match complete {
            "*" => None,
            length => Some(number(length)?),
        };
        let bytes = match bytes {
            "*" => {
                complete_length?;
                None
            }
            bytes => {
                let (first, last) = bytes.split_once('-')?;
                let (first, last) = (number(first)?, number(last)?);
                let is_inside = complete_length.is_none_or(|length| last < length);
                (first <= last && is_inside).then_some(())?;
                Some((first, last))
            }
        };
        Some(Self {
            bytes,
            complete_length,
        })
    }

    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(header::CONTENT_RANGE)?.as_bytes())
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some((first, last)) => write!(f, "bytes {first}-{last}/")?,
            None => f.write_str("bytes */")?,
        }
        match self.complete_length {
            Some(length) => write!(f, "{length}"),
            None => f.write_str("*"),
        }
    }
}

/// Digits only: `parse` would take a sign as well.
fn number(text: &str) -> Option<u64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// The field `Range` that asks for these bytes; `None` for those that are none or all.
pub(crate) fn field(bytes: impl RangeBounds<u64>) -> Option<HeaderValue> {
    let first = match bytes.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let last = match bytes.end_bound() {
        Bound::Included(&last) => Some(last),
        Bound::Excluded(&end) => Some(end.checked_sub(1)?),
        Bound::Unbounded => None,
    };
    let text = match last {
        Some(last) if last < first => return None,
        Some(last) => format!("bytes={first}-{last}"),
        None if first == 0 => return None,
        None => format!("bytes={first}-"),
    };
    HeaderValue::try_from(text).ok()
}

impl Response {
    /// Which part of the whole this is, if the server says so: a response of status 206 has one part
    /// if it has this field, and one of status 416 may tell how long the whole is.
    ///
    /// ```
    /// use torsade_http::{AgentOptions, Client};
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 206 Part\r\nContent-Range: bytes 0-4/11\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// # let client = Client::with_options(&reactor, AgentOptions::new());
    /// let response = reactor.run_until(client.get("http://127.0.0.1/").range(..5).send())?;
    /// let range = response.content_range().expect("the server does ranges");
    /// assert_eq!((range.bytes, range.complete_length), (Some((0, 4)), Some(11)));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn content_range(&self) -> Option<ContentRange> {
        ContentRange::of(self.headers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_no_range() {
        let range = |bytes, complete_length| {
            Some(ContentRange {
                bytes,
                complete_length,
            })
        };
        for (text, expected) in [
            ("bytes 0-0/1", range(Some((0, 0)), Some(1))),
            ("Bytes 5-9/*", range(Some((5, 9)), None)),
            ("bytes */100", range(None, Some(100))),
            ("bytes */*", None),
            ("bytes 0-100/100", None),
            ("bytes 5-4/100", None),
            ("bytes +5-9/100", None),
            ("bytes 5-9", None),
            ("bytes -9/100", None),
            ("bytes 0-18446744073709551616/*", None),
            ("lines 0-9/100", None),
            ("bytes=0-9/100", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(text.as_bytes()), expected, "{text}");
        }
        let range = ContentRange::parse(b"bytes 5-9/*").unwrap();
        assert_eq!(range.to_string(), "bytes 5-9/*");
    }

    #[test]
    fn a_range_asks_for_what_rust_means_by_it() {
        let text =
            |value: Option<HeaderValue>| value.map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(text(field(0..10)).as_deref(), Some("bytes=0-9"));
        assert_eq!(text(field(5..=5)).as_deref(), Some("bytes=5-5"));
        assert_eq!(text(field(5..)).as_deref(), Some("bytes=5-"));
        assert_eq!(text(field(..1)).as_deref(), Some("bytes=0-0"));
        assert_eq!(text(field(..)), None);
        assert_eq!(text(field(5..5)), None);
        assert_eq!(text(field(..0)), None);
        assert_eq!(
            text(field(9..=u64::MAX)).as_deref(),
            Some("bytes=9-18446744073709551615")
        );
    }
}
