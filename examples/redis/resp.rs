//! RESP, the way in which Redis writes values, in its versions 2 and 3: sans-io.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

/// The longest line; long texts do not come as lines.
const MAX_LINE: usize = 64 * 1024;
/// The most that one reply may make us keep.
const MAX_REPLY: usize = 64 * 1024 * 1024;
/// How deep values are nested at most.
const MAX_DEPTH: usize = 32;
/// What a value costs besides its bytes.
const VALUE: usize = size_of::<Value>();

/// What a server sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Error(String),
    Integer(i64),
    Boolean(bool),
    Double(f64),
    /// In decimal.
    BigNumber(String),
    Bytes(Bytes),
    Array(Vec<Self>),
    Set(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// What nobody asked for: messages, and what becomes of subscriptions.
    Push(Vec<Self>),
}

/// What came is no RESP, or more than is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RespError {
    /// A line that means nothing, as it begins.
    Malformed(String),
    /// A string that does not end where its length says.
    NoLineEnd,
    TooLong,
    TooDeep,
}

/// Makes values of bytes, which may be cut anywhere.
#[derive(Default)]
pub(crate) struct Parser {
    /// The values that have begun, the outermost first.
    open: Vec<Open>,
    /// What the present reply makes us keep.
    kept: usize,
    /// How much of the input is known to hold no line's end.
    searched: usize,
}

/// A value that is made of others.
struct Open {
    kind: u8,
    missing: usize,
    parts: Vec<Value>,
}

/// What a line begins.
enum Begun {
    Whole(Value),
    String { kind: u8, length: usize },
    Parts { kind: u8, count: usize },
}

impl Parser {
    /// Takes the next value from the front of `input`; `None` when it is not complete.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Value>, RespError> {
        while let Some(begun) = self.step(input)? {
            let mut value = match begun {
                Begun::Whole(value) => value,
                Begun::String { .. } => return Ok(None),
                Begun::Parts {
                    count: 0,
                    kind: b'|',
                } => continue,
                Begun::Parts { count: 0, kind } => close(kind, Vec::new()),
                Begun::Parts { kind, count } => {
                    if self.open.len() == MAX_DEPTH {
                        return Err(RespError::TooDeep);
                    }
                    self.open.push(Open {
                        kind,
                        missing: count,
                        // It grows as they come: a count alone costs nothing.
                        parts: Vec::new(),
                    });
                    continue;
                }
            };
            // A value may complete the one that it is part of, and so on.
            loop {
                let Some(outer) = self.open.last_mut() else {
                    self.kept = 0;
                    return Ok(Some(value));
                };
                outer.parts.push(value);
                outer.missing -= 1;
                if outer.missing > 0 {
                    break;
                }
                let (kind, parts) = (outer.kind, std::mem::take(&mut outer.parts));
                self.open.pop();
                if kind == b'|' {
                    // Remarks about the value that comes next: nobody here wants them.
                    break;
                }
                value = close(kind, parts);
            }
        }
        Ok(None)
    }

    /// Takes a line, and the string that it announces. `None` if there is no whole line,
    /// `Begun::String` if there is no whole string.
    fn step(&mut self, input: &mut BytesMut) -> Result<Option<Begun>, RespError> {
        let Some(end) = self.line_end(input)? else {
            return Ok(None);
        };
        let begun = begin(&input[..end])?;
        let mut used = end + 2;
        let begun = match begun {
            Begun::String { kind, length } => {
                self.keep(length)?;
                let (start, end) = (used, used + length);
                match input.get(end..end + 2) {
                    None => {
                        // It is looked at again when more has come.
                        self.kept -= VALUE + length;
                        return Ok(Some(Begun::String { kind, length }));
                    }
                    Some(b"\r\n") => used = end + 2,
                    Some(_) => return Err(RespError::NoLineEnd),
                }
                Begun::Whole(string(kind, &input[start..end])?)
            }
            other => {
                self.keep(end)?;
                other
            }
        };
        input.advance(used);
        self.searched = 0;
        Ok(Some(begun))
    }

    fn line_end(&mut self, input: &[u8]) -> Result<Option<usize>, RespError> {
        let from = self.searched.min(input.len());
        let window = &input[from..input.len().min(MAX_LINE + 2)];
        if let Some(at) = window.windows(2).position(|pair| pair == b"\r\n") {
            // A string that is not complete is not searched again, either.
            self.searched = from + at;
            return Ok(Some(from + at));
        }
        if input.len() >= MAX_LINE + 2 {
            return Err(RespError::TooLong);
        }
        self.searched = input.len().saturating_sub(1);
        Ok(None)
    }

    fn keep(&mut self, length: usize) -> Result<(), RespError> {
        let kept = self.kept.saturating_add(VALUE).saturating_add(length);
        if kept > MAX_REPLY {
            return Err(RespError::TooLong);
        }
        self.kept = kept;
        Ok(())
    }
}

/// What a line means by itself.
fn begin(line: &[u8]) -> Result<Begun, RespError> {
    let malformed = || RespError::Malformed(line[..line.len().min(60)].escape_ascii().to_string());
    let (&kind, rest) = line.split_first().ok_or_else(malformed)?;
    let text = std::str::from_utf8(rest).map_err(|_| malformed());
    let whole = |value| Ok(Begun::Whole(value));
    match kind {
        b'+' => whole(Value::Text(String::from_utf8_lossy(rest).into_owned())),
        b'-' => whole(Value::Error(String::from_utf8_lossy(rest).into_owned())),
        b':' => whole(Value::Integer(text?.parse().map_err(|_| malformed())?)),
        b',' => whole(Value::Double(text?.parse().map_err(|_| malformed())?)),
        b'(' => {
            let number = text?;
            let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(malformed());
            }
            whole(Value::BigNumber(number.to_owned()))
        }
        b'#' if rest == b"t" => whole(Value::Boolean(true)),
        b'#' if rest == b"f" => whole(Value::Boolean(false)),
        b'_' if rest.is_empty() => whole(Value::Null),
        b'$' | b'*' if rest == b"-1" => whole(Value::Null),
        b'$' | b'!' | b'=' => Ok(Begun::String {
            kind,
            length: count(rest).ok_or_else(malformed)?,
        }),
        b'*' | b'~' | b'>' => Ok(Begun::Parts {
            kind,
            count: count(rest).ok_or_else(malformed)?,
        }),
        b'%' | b'|' => {
            let pairs = count(rest).ok_or_else(malformed)?;
            let count = pairs.checked_mul(2).ok_or(RespError::TooLong)?;
            Ok(Begun::Parts { kind, count })
        }
        _ => Err(malformed()),
    }
}

/// A length: digits only, and of something that fits.
fn count(digits: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

fn string(kind: u8, bytes: &[u8]) -> Result<Value, RespError> {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match kind {
        b'!' => Ok(Value::Error(text())),
        // `txt:` or `mkd:`, and the text.
        b'=' => match bytes.get(3) {
            Some(b':') => Ok(Value::Bytes(Bytes::copy_from_slice(&bytes[4..]))),
            _ => Err(RespError::Malformed("a text without a format".to_owned())),
        },
        _ => Ok(Value::Bytes(Bytes::copy_from_slice(bytes))),
    }
}

fn close(kind: u8, parts: Vec<Value>) -> Value {
    match kind {
        b'~' => Value::Set(parts),
        b'>' => Value::Push(parts),
        b'%' => {
            let (mut pairs, mut parts) = (Vec::with_capacity(parts.len() / 2), parts.into_iter());
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        _ => Value::Array(parts),
    }
}

/// A command, as an array of strings.
pub(crate) fn command<A: AsRef<[u8]>>(words: &[A]) -> Vec<u8> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        command.extend_from_slice(word);
        command.extend_from_slice(b"\r\n");
    }
    command
}

impl Value {
    /// The bytes of a text.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Display for RespError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(line) => write!(f, "no RESP: \"{line}\""),
            Self::NoLineEnd => f.write_str("no RESP: a string of another length than it says"),
            Self::TooLong => write!(f, "a reply of more than {MAX_REPLY} bytes"),
            Self::TooDeep => write!(f, "a reply of more than {MAX_DEPTH} levels"),
        }
    }
}

impl std::error::Error for RespError {}
