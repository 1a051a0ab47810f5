//! A command line of curl's, taken apart.

use std::collections::VecDeque;

use super::case::{Case, FOLDER, When};
use super::text::{config, encoded, globbed, words};

/// What is done with some URLs: all options up to `--next`.
#[derive(Clone, Default)]
pub(super) struct Group {
    pub(super) urls: Vec<String>,
    pub(super) method: Option<String>,
    pub(super) is_head: bool,
    /// The data go into the URL.
    pub(super) is_get: bool,
    pub(super) fields: Vec<String>,
    pub(super) data: Option<Vec<u8>>,
    pub(super) form: Vec<(String, String)>,
    pub(super) uploads: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) token: Option<String>,
    pub(super) asks_first: bool,
    pub(super) proxy: Option<String>,
    pub(super) proxy_user: Option<String>,
    pub(super) tunnels: bool,
    pub(super) no_proxy: Option<String>,
    pub(super) cookies: Vec<String>,
    pub(super) keeps_cookies: bool,
    pub(super) follows: bool,
    pub(super) is_trusting: bool,
    pub(super) keeps_post: bool,
    pub(super) redirects: Option<usize>,
    pub(super) is_compressed: bool,
    pub(super) range: Option<String>,
    pub(super) resume: Option<String>,
    pub(super) connect_to: Vec<String>,
    pub(super) retries: Option<u32>,
    pub(super) fails: bool,
    pub(super) fails_with_body: bool,
    pub(super) most: Option<usize>,
    pub(super) globs: bool,
    /// The files to send are given by one pattern.
    pub(super) globs_up: bool,
}

impl Group {
    /// Each URL with what goes up to it.
    pub(super) fn transfers(&self) -> Vec<(&str, Option<&str>)> {
        let uploads: Vec<Option<&str>> = match &self.uploads[..] {
            [] => vec![None],
            files => files.iter().map(|file| Some(&**file)).collect(),
        };
        if uploads.len() > 1 && !self.globs_up {
            return self.urls.iter().map(|url| &**url).zip(uploads).collect();
        }
        let all = self
            .urls
            .iter()
            .flat_map(|url| uploads.iter().map(move |upload| (&**url, *upload)));
        all.collect()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter().filter_map(|field| field.split_once(':'));
        let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// Whether the body is to be sent in chunks, though its length is known.
    pub(super) fn is_chunked(&self) -> bool {
        self.field("transfer-encoding")
            .is_some_and(|value| value == "chunked")
    }

    /// How long the body is said to be.
    pub(super) fn declared_length(&self) -> Option<u64> {
        self.field("content-length")?.parse().ok()
    }
}

pub(super) struct Command {
    pub(super) groups: Vec<Group>,
    /// Names, and the addresses given for them.
    pub(super) resolve: Vec<String>,
    pub(super) stops_early: bool,
    /// The names of files that bodies go to; "-" is standard output.
    pub(super) outputs: Vec<String>,
    /// Something that no client of ours does.
    pub(super) unsupported: Option<String>,
}

/// Options with a value that changes nothing of what goes over the wire.
const IDLE_WITH_VALUE: &[&str] = &[
    "-D",
    "--dump-header",
    "-w",
    "--write-out",
    "--output-dir",
    "--etag-save",
    "--stderr",
    "--max-time",
    "--interface",
    "--retry-max-time",
    "--proxy-header",
    "--retry-delay",
];

/// The same without a value.
const IDLE: &[&str] = &[
    "-i",
    "-s",
    "-sS",
    "-S",
    "--silent",
    "--show-error",
    "--no-progress-meter",
    "-#",
    "-4",
    "-O",
    "-j",
    "--create-dirs",
    "--remote-name-all",
    "--no-remote-name",
    "--out-null",
    "--http1.1",
    "--remote-time",
    "--no-clobber",
    "--retry-all-errors",
    "--no-http0.9",
    "--http0.9",
    "-JO",
    "--negotiate",
    "--no-basic",
    "--raw",
];

pub(super) fn parse(case: &Case) -> Command {
    let line = case.text("command").expect("each case has a command");
    let mut arguments: VecDeque<String> = words(&line).into();
    let files = case.files(When::Before);
    let content = |name: &str| -> Vec<u8> {
        match name {
            "-" => case
                .section("stdin")
                .map(|s| s.text.clone())
                .unwrap_or_default(),
            name => files.get(name).cloned().unwrap_or_default(),
        }
    };

    let mut group = Group {
        globs: true,
        ..Group::default()
    };
    let mut command = Command {
        groups: Vec::new(),
        resolve: Vec::new(),
        stops_early: false,
        outputs: Vec::new(),
        unsupported: None,
    };
    let mut scheme = "http".to_owned();
    while let Some(argument) = arguments.pop_front() {
        let attached = argument.starts_with("-F") && argument.len() > 2;
        let (name, given) = match argument.split_once('=') {
            _ if attached => ("-F".to_owned(), Some(argument[2..].to_owned())),
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => (argument, None),
        };
        let mut value = || {
            given
                .clone()
                .or_else(|| arguments.pop_front())
                .unwrap_or_default()
        };
        match &*name {
            "-K" => {
                let text = content(&value());
                for word in config(&String::from_utf8_lossy(&text)).into_iter().rev() {
                    arguments.push_front(word);
                }
            }
            "--next" => {
                let done = std::mem::replace(
                    &mut group,
                    Group {
                        globs: true,
                        ..Group::default()
                    },
                );
                command.groups.push(done);
            }
            "--fail-early" => command.stops_early = true,
            "--resolve" => command.resolve.push(value()),
            "-o" | "--output" => command.outputs.push(value()),
            "--proto-default" => scheme = value(),
            "--url" => {
                let url = value();
                match url.strip_prefix('@') {
                    Some(file) => {
                        let text = String::from_utf8_lossy(&content(file)).into_owned();
                        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                        group.urls.extend(
                            lines
                                .filter(|line| !line.starts_with('#'))
                                .map(str::to_owned),
                        );
                    }
                    None => group.urls.push(url),
                }
            }
            "-X" | "--request" => group.method = Some(value()),
            "-I" | "--head" => group.is_head = true,
            "-G" => group.is_get = true,
            "-H" | "--header" => {
                let field = value();
                match field.strip_prefix('@') {
                    Some(file) => {
                        let text = String::from_utf8_lossy(&content(file)).into_owned();
                        group.fields.extend(
                            text.lines()
                                .filter(|line| !line.is_empty())
                                .map(str::to_owned),
                        );
                    }
                    None => group.fields.push(field),
                }
            }
            "-d" | "--data" | "--data-binary" => {
                let text = value();
                let mut piece = match text.strip_prefix('@') {
                    Some(file) => content(file),
                    None => text.into_bytes(),
                };
                if name != "--data-binary" {
                    piece.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                add(&mut group.data, &piece);
            }
            "--data-urlencode" => {
                let piece = encoded(&value(), &content);
                add(&mut group.data, piece.as_bytes());
            }
            "-F" => {
                let text = value();
                let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                group.form.push((name.to_owned(), value.to_owned()));
            }
            "-T" | "--upload-file" => group.uploads.push(value()),
            "-u" | "--user" => group.user = Some(value()),
            "--oauth2-bearer" => group.token = Some(value()),
            "--anyauth" => group.asks_first = true,
            "-x" | "--proxy" | "--proxy1.0" => group.proxy = Some(value()),
            "--socks5" => group.proxy = Some(format!("socks5://{}", value())),
            "-U" | "--proxy-user" => group.proxy_user = Some(value()),
            "-p" | "--proxytunnel" => group.tunnels = true,
            "--noproxy" => group.no_proxy = Some(value()),
            "-b" => group.cookies.push(value()),
            "-c" => {
                group.keeps_cookies = true;
                value();
            }
            "-L" | "--location" | "--follow" => group.follows = true,
            "--location-trusted" => {
                group.follows = true;
                group.is_trusting = true;
            }
            "--post301" | "--post302" | "--post303" => group.keeps_post = true,
            "--max-redirs" => group.redirects = value().parse().ok(),
            "--compressed" => group.is_compressed = true,
            "-r" | "--range" => group.range = Some(value()),
            "-C" => group.resume = Some(value()),
            "-A" => group.fields.push(format!("User-Agent: {}", value())),
            "-e" | "--referer" => group.fields.push(format!("Referer: {}", value())),
            "-z" => {
                let time = value();
                match time.strip_prefix('-') {
                    Some(time) => group
                        .fields
                        .push(format!("If-Unmodified-Since: {}", date(time))),
                    None => group
                        .fields
                        .push(format!("If-Modified-Since: {}", date(&time))),
                }
            }
            "--etag-compare" => {
                let etag = String::from_utf8_lossy(&content(&value()))
                    .trim()
                    .to_owned();
                let etag = if etag.is_empty() { "\"\"".into() } else { etag };
                group.fields.push(format!("If-None-Match: {etag}"));
            }
            "--connect-to" => group.connect_to.push(value()),
            "--retry" => group.retries = value().parse().ok(),
            "-f" | "--fail" => group.fails = true,
            "--fail-with-body" => group.fails_with_body = true,
            "--max-filesize" => group.most = value().parse().ok(),
            "-g" => group.globs = false,
            idle if IDLE_WITH_VALUE.contains(&idle) => drop(value()),
            idle if IDLE.contains(&idle) => {}
            other if other.starts_with('-') => {
                command.unsupported.get_or_insert_with(|| other.to_owned());
                if matches!(
                    other,
                    "--request-target" | "--haproxy-clientip" | "--ipfs-gateway" | "--ssl-sessions"
                ) {
                    value();
                }
            }
            url => group.urls.push(url.to_owned()),
        }
    }
    command.groups.push(group);
    for group in &mut command.groups {
        if group.globs {
            group.urls = group.urls.iter().flat_map(|url| globbed(url)).collect();
            group.globs_up = group.uploads.iter().any(|file| file.contains('{'));
            group.uploads = group
                .uploads
                .iter()
                .flat_map(|file| globbed(file))
                .collect();
        }
        for url in &mut group.urls {
            if !url.contains("://") && !url.starts_with("http:") {
                *url = format!("{scheme}://{url}");
            }
        }
    }
    command
}

fn add(data: &mut Option<Vec<u8>>, piece: &[u8]) {
    let all = data.get_or_insert_default();
    if !all.is_empty() {
        all.push(b'&');
    }
    all.extend_from_slice(piece);
}

/// The date as HTTP has it; the cases have `dec 12 12:00:00 1999 GMT`.
fn date(text: &str) -> String {
    match text {
        "dec 12 12:00:00 1999 GMT" => "Sun, 12 Dec 1999 12:00:00 GMT".into(),
        other => panic!("what day is {other}?"),
    }
}

/// What of a path is a file's name.
pub(super) fn file_name(path: &str) -> &str {
    path.strip_prefix(FOLDER)
        .unwrap_or(path)
        .trim_start_matches('/')
}
