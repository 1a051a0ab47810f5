//! Requests as they came over the wire, and what matters of them.

/// What a client says about itself.
const MATTERS_OF_TASTE: &[&str] = &[
    "user-agent",
    "accept",
    "accept-encoding",
    "proxy-connection",
    "expect",
];

/// A request: its head, and its body without the frame.
pub(super) struct Received<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    fields: Vec<(String, &'a str)>,
    body: Vec<u8>,
}

impl Received<'_> {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| *value)
    }

    /// All that must be the same, in one order and one spelling.
    pub(super) fn canonical(&self) -> String {
        let mut fields: Vec<String> = self
            .fields
            .iter()
            .filter(|(name, _)| !MATTERS_OF_TASTE.contains(&&**name))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        fields.sort();
        let (method, target) = (self.method, self.target);
        let body = self.body.escape_ascii();
        format!("{method} {target}\n{}\n\n{body}\n", fields.join("\n"))
    }
}

/// The first request in `bytes` and its length, once it is whole.
pub(super) fn first(bytes: &[u8]) -> Option<(Received<'_>, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.splitn(3, ' ');
    let (method, target) = (words.next()?, words.next().unwrap_or_default());
    let fields = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let mut received = Received {
        method,
        target,
        fields,
        body: Vec::new(),
    };
    let rest = &bytes[end..];
    let is_chunked = received
        .field("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = if is_chunked {
        let (body, used) = dechunked(rest)?;
        received.body = body;
        used
    } else {
        let length = received.field("content-length").unwrap_or("0");
        let length = length.parse().ok()?;
        received.body = rest.get(..length)?.to_vec();
        length
    };
    Some((received, end + length))
}

fn dechunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + size)?);
        bytes.get(at + size..at + size + 2)?;
        at += size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

/// All requests in `bytes`, canonical; what is left at the end stands there as it is.
pub(super) fn canonical(mut bytes: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    while let Some((request, length)) = first(bytes) {
        all.push(request.canonical());
        bytes = &bytes[length..];
    }
    if !bytes.is_empty() {
        all.push(format!("rest: {}", bytes.escape_ascii()));
    }
    all
}
