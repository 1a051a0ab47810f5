//! A test case of curl's: a file of sections in tags, with macros in it (curl's FILEFORMAT.md).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Where the server of all cases is.
pub(super) const ADDRESS: &str = "127.0.0.1";
pub(super) const PORT: u16 = 47001;
/// Where nobody listens.
pub(super) const DEAD_PORT: u16 = 47002;
/// The folder that files of a case are said to be in.
pub(super) const FOLDER: &str = "log";

/// What the client under test can do, in curl's words.
const FEATURES: &[&str] = &[
    "proxy",
    "cookies",
    "libz",
    "brotli",
    "zstd",
    "PSL",
    "Mime",
    "http",
    "IDN",
    "IPv6",
    "SSL",
    "local-http",
    "codeset-utf8",
    "large-time",
];

pub(super) struct Section {
    pub(super) name: String,
    attributes: String,
    pub(super) text: Vec<u8>,
}

impl Section {
    /// The value of the attribute `name`, or "".
    pub(super) fn attribute(&self, name: &str) -> &str {
        let start = format!("{name}=\"");
        let Some(at) = self.attributes.find(&start) else {
            return "";
        };
        let value = &self.attributes[at + start.len()..];
        value.split('"').next().unwrap_or_default()
    }
}

pub(super) struct Case {
    pub(super) number: u32,
    sections: Vec<Section>,
}

impl Case {
    pub(super) fn parse(number: u32, source: &[u8]) -> Self {
        let text = Macros::new(number).lines(source);
        Self {
            number,
            sections: sections(&text),
        }
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = &self.section(name)?.text;
        Some(String::from_utf8_lossy(text).trim().to_owned())
    }

    /// The files that are there before the client runs, or that it has to leave.
    pub(super) fn files(&self, when: When) -> HashMap<String, Vec<u8>> {
        let verify = self.sections.iter().position(|s| s.name == "verify");
        let (before, after) = self
            .sections
            .split_at(verify.unwrap_or(self.sections.len()));
        let sections = if when == When::Before { before } else { after };
        sections
            .iter()
            .filter(|section| section.name.starts_with("file"))
            .map(|section| (section.attribute("name").to_owned(), section.text.clone()))
            .collect()
    }

    /// What the server answers to a request for `part`.
    pub(super) fn reply(&self, kind: &str, part: u32) -> Option<&[u8]> {
        let name = match part {
            0 => kind.to_owned(),
            part => format!("{kind}{part}"),
        };
        self.section(&name).map(|section| &*section.text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// The sections that hold text, and `verify` as a mark; the tags are on lines of their own.
fn sections(text: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    while let Some(line) = lines.next() {
        let Some((name, attributes)) = opening(line) else {
            continue;
        };
        let mut section = Section {
            name,
            attributes,
            text: Vec::new(),
        };
        if !matches!(
            &*section.name,
            "testcase" | "info" | "reply" | "client" | "verify"
        ) {
            let end = format!("</{}>", section.name);
            for line in lines.by_ref() {
                if line.trim_ascii() == end.as_bytes() {
                    break;
                }
                section.text.extend_from_slice(line);
            }
            section.finish();
        }
        sections.push(section);
    }
    sections
}

impl Section {
    fn finish(&mut self) {
        match self.attribute("crlf") {
            "yes" => self.text = with_crlf(&self.text, |_| true),
            "headers" => {
                let mut is_head = true;
                self.text = with_crlf(&self.text, |line| {
                    if line.starts_with(b"HTTP/")
                        || line.ends_with(b" HTTP/1.1")
                        || line.ends_with(b" HTTP/1.0")
                    {
                        is_head = true;
                    }
                    let was_head = is_head;
                    is_head &= !line.is_empty();
                    was_head
                });
            }
            _ => {}
        }
        if self.attribute("nonewline") == "yes" {
            self.text.pop_if(|byte| *byte == b'\n');
            self.text.pop_if(|byte| *byte == b'\r');
        }
    }
}

/// Ends those lines by CRLF that `wants` names.
fn with_crlf(text: &[u8], mut wants: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut changed = Vec::new();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
        if wants(bare) {
            changed.extend_from_slice(bare);
            changed.extend_from_slice(b"\r\n");
        } else {
            changed.extend_from_slice(line);
        }
    }
    changed
}

fn opening(line: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(line.trim_ascii()).ok()?;
    let inner = text.strip_prefix('<')?.strip_suffix('>')?;
    let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    is_name.then(|| (name.to_owned(), attributes.to_owned()))
}

struct Macros {
    variables: Vec<(&'static str, String)>,
}

impl Macros {
    fn new(number: u32) -> Self {
        // The longer ones first, since some begin like others.
        let variables = vec![
            ("NOLISTENPORT", DEAD_PORT.to_string()),
            ("PROXYPORT", DEAD_PORT.to_string()),
            ("TESTNUMBER", number.to_string()),
            ("CLIENTIP", ADDRESS.into()),
            ("HTTPPORT", PORT.to_string()),
            ("HOSTIP", ADDRESS.into()),
            ("VERSION", "8.0.0".into()),
            ("LOGDIR", FOLDER.into()),
            ("TESTNUM", number.to_string()),
            ("PWD", "/".into()),
            ("DEV_NULL", "/dev/null".into()),
            ("AMP", "&".into()),
            ("TAB", "\t".into()),
            ("GT", ">".into()),
            ("LT", "<".into()),
            ("CR", "\r".into()),
            ("SP", " ".into()),
        ];
        Self { variables }
    }

    /// All of a file, without the lines whose condition does not hold.
    fn lines(&self, source: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut conditions: Vec<bool> = Vec::new();
        for line in source.split_inclusive(|&byte| byte == b'\n') {
            let bare = line.trim_ascii();
            if let Some(feature) = bare.strip_prefix(b"%if ") {
                let feature = String::from_utf8_lossy(feature);
                let (wanted, feature) = match feature.strip_prefix('!') {
                    Some(feature) => (false, feature),
                    None => (true, &*feature),
                };
                conditions.push(FEATURES.contains(&feature) == wanted);
            } else if bare == b"%else" {
                let last = conditions.last_mut().expect("an %if before it");
                *last = !*last;
            } else if bare == b"%endif" {
                conditions.pop();
            } else if conditions.iter().all(|&holds| holds) {
                text.extend_from_slice(line);
            }
        }
        self.functions(&self.substitute(&text))
    }

    fn substitute(&self, text: &[u8]) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
            replaced.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            let found = self
                .variables
                .iter()
                .find(|(name, _)| rest[1..].starts_with(name.as_bytes()));
            match found {
                Some((name, value)) => {
                    replaced.extend_from_slice(value.as_bytes());
                    rest = &rest[1 + name.len()..];
                }
                None => {
                    replaced.push(b'%');
                    rest = &rest[1..];
                }
            }
        }
        replaced.extend_from_slice(rest);
        replaced
    }

    /// `%b64[...]b64%`, `%hex[...]hex%`, `%repeat[N x ...]%` and `%days[N]`, in the order of curl's.
    fn functions(&self, text: &[u8]) -> Vec<u8> {
        let text = replace(text, b"%b64[", b"]b64%", |inner| {
            BASE64.encode(percent_decoded(inner)).into_bytes()
        });
        let text = replace(&text, b"%hex[", b"]hex%", percent_decoded);
        let text = replace(&text, b"%days[", b"]", |inner| inner.to_vec());
        replace(&text, b"%repeat[", b"]%", |inner| {
            let at = inner
                .windows(3)
                .position(|three| three == b" x ")
                .expect("N x TEXT");
            let count = std::str::from_utf8(&inner[..at]).unwrap().trim();
            percent_decoded(&inner[at + 3..]).repeat(count.parse().unwrap())
        })
    }
}

fn replace(text: &[u8], start: &[u8], end: &[u8], make: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|part| part == what);
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest, start) {
        let inner = &rest[at + start.len()..];
        let Some(length) = find(inner, end) else {
            break;
        };
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend(make(&inner[..length]));
        rest = &inner[length + end.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}
