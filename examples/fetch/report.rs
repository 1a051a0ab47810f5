//! What `--write-out` tells after each transfer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade::http::{Progress, Response, header};

/// The variables that a format may name, as curl calls them.
const VARIABLES: &[&str] = &[
    "content_type",
    "exitcode",
    "http_code",
    "http_version",
    "num_redirects",
    "remote_ip",
    "remote_port",
    "response_code",
    "size_download",
    "speed_download",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
];

/// What a transfer is told of as it goes on.
pub(crate) struct Report {
    url: String,
    begun: Instant,
    /// How long it took until the head of the response was there.
    until_head: Cell<Duration>,
    received: Cell<u64>,
    head: Cell<Option<Head>>,
}

struct Head {
    status: u16,
    version: String,
    url: String,
    redirects: usize,
    peer: Option<std::net::SocketAddr>,
    content_type: String,
}

impl Report {
    pub(crate) fn new(url: &str) -> Rc<Self> {
        Rc::new(Self {
            url: url.to_owned(),
            begun: Instant::now(),
            until_head: Cell::default(),
            received: Cell::default(),
            head: Cell::default(),
        })
    }

    /// The head of the response is there.
    pub(crate) fn responded(&self, response: &Response) {
        self.until_head.set(self.begun.elapsed());
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let version = format!("{:?}", response.version());
        self.head.set(Some(Head {
            status: response.status().as_u16(),
            version: version.trim_start_matches("HTTP/").to_owned(),
            url: response.url().to_string(),
            redirects: response.history().count(),
            peer: response.peer().socket_addr(),
            content_type: content_type.map_or_else(String::new, |value| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            }),
        }));
    }

    /// A piece of the body is there.
    pub(crate) fn progressed(&self, progress: Progress) {
        self.received.set(progress.received);
    }

    /// `format` with what its variables stand for.
    pub(crate) fn write(&self, format: &str, exit_code: u8) -> String {
        let head = self.head.take();
        let value = |name: &str| self.value(name, head.as_ref(), exit_code);
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            text += &rest[..at];
            rest = &rest[at..];
            let variable = rest
                .strip_prefix("%{")
                .and_then(|rest| rest.split_once('}'));
            let (piece, length) = match (variable, rest.as_bytes().get(1)) {
                (Some((name, _)), _) => (value(name), name.len() + 3),
                (None, Some(b'n')) if rest.starts_with('\\') => ("\n".into(), 2),
                (None, Some(b't')) if rest.starts_with('\\') => ("\t".into(), 2),
                (None, Some(b'%')) if rest.starts_with('%') => ("%".into(), 2),
                _ => (rest[..1].to_owned(), 1),
            };
            text += &piece;
            rest = &rest[length..];
        }
        text + rest
    }

    fn value(&self, name: &str, head: Option<&Head>, exit_code: u8) -> String {
        let total = self.begun.elapsed();
        let seconds = |time: Duration| format!("{:.6}", time.as_secs_f64());
        let of_head = |get: fn(&Head) -> String| head.map(get).unwrap_or_default();
        match name {
            "content_type" => of_head(|head| head.content_type.clone()),
            "exitcode" => exit_code.to_string(),
            "http_code" | "response_code" => format!("{:03}", head.map_or(0, |head| head.status)),
            "http_version" => of_head(|head| head.version.clone()),
            "num_redirects" => head.map_or(0, |head| head.redirects).to_string(),
            "remote_ip" => of_head(|head| {
                head.peer
                    .map_or_else(String::new, |peer| peer.ip().to_string())
            }),
            "remote_port" => of_head(|head| {
                head.peer
                    .map_or_else(String::new, |peer| peer.port().to_string())
            }),
            "size_download" => self.received.get().to_string(),
            "speed_download" => {
                format!("{:.0}", self.received.get() as f64 / total.as_secs_f64())
            }
            "time_starttransfer" => seconds(self.until_head.get()),
            "time_total" => seconds(total),
            "url" => self.url.clone(),
            "url_effective" => head.map_or_else(|| self.url.clone(), |head| head.url.clone()),
            _ => String::new(),
        }
    }
}

/// Whether all variables in `format` are known; told with the arguments, before anything is sent.
pub(crate) fn check(format: &str) -> Result<String, String> {
    let mut rest = format;
    while let Some((_, behind)) = rest.split_once("%{") {
        let (name, behind) = behind.split_once('}').ok_or("a %{ without its }")?;
        if !VARIABLES.contains(&name) {
            let known = VARIABLES.join(", ");
            return Err(format!("there is no %{{{name}}}; there are: {known}"));
        }
        rest = behind;
    }
    Ok(format.to_owned())
}
