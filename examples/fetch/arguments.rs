//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use torsade::http::{InvalidProxy, Method, Proxies, Proxy};

use crate::report;

pub(crate) const USAGE: &str = "\
usage: fetch [OPTIONS] URL...
       fetch                    serves itself a page over https, and fetches it

  -i, --include                 put the head of the response before its body
  -I, --head                    ask for the head only, and print it
  -v, --verbose                 tell on standard error what happens
  -f, --fail                    exit with 22 if the status is 400 or more
  -L, --location                follow redirects, as browsers do
      --compressed              ask for a compressed body, and decode it
  -X, --request METHOD          use this method
  -H, --header 'NAME: VALUE'    send this field; may be repeated
  -d, --data, --data-binary DATA
                                send DATA (or @FILE, as it is) as the body, by POST
  -T, --upload-file FILE        send FILE as it is read, by PUT; - is standard input
  -F, --form NAME=VALUE         send a form by POST, as browsers do with files: NAME=@FILE; may be
                                repeated
  -u, --user USER:PASSWORD      be known by these, which are sent at once (Basic)
      --digest                  with --user: prove to know the password when asked, and never send it
      --anyauth                 with --user: wait to be asked, and take the best way that is offered
      --cookies FILE            send the cookies in FILE, and keep those that come there
  -o, --output FILE             write the body to FILE; for several URLs, the first FILE is for the
                                first and so on
  -C, --continue-at -           go on where an earlier fetch with -C broke off; what has come of FILE is
                                in FILE.part until it is whole
  -r, --range FIRST-LAST        ask for these bytes only; without LAST, for all from FIRST on
  -w, --write-out FORMAT        tell afterwards on standard output, as in '%{http_code} %{time_total}\\n'
  -Z, --parallel                fetch several URLs at once, each into its FILE
      --retry COUNT             try again so often after what may be chance, if that does no harm
  -x, --proxy URL               by way of this proxy: http://, https:// or socks5://, with user name
                                and password if need be; else of those that http_proxy, https_proxy
                                and ALL_PROXY name
      --proxy-digest            prove to that proxy to know the password, and never send it
      --noproxy LIST            connect to these hosts directly; else to those that NO_PROXY names
      --cacert FILE             trust the certificates in FILE, and no others
      --cert FILE --key FILE    be known by this certificate
      --connect-timeout SECONDS
      --max-time SECONDS        for all of a request and its response
  -k, --insecure                accept any certificate: anybody on the way can read and change all
  -h, --help

Exit codes: 0 after a complete response, 1 if there was none, 2 for wrong arguments, 22 see --fail;
of several URLs, that of the first that went wrong.
";

/// What is to be done.
pub(crate) enum Parsed {
    Demo,
    Help,
    Fetch(Box<Arguments>),
}

/// What is to be fetched, and how.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) urls: Vec<String>,
    pub(crate) shows_head: bool,
    pub(crate) only_head: bool,
    pub(crate) is_verbose: bool,
    pub(crate) must_succeed: bool,
    pub(crate) follows: bool,
    pub(crate) is_compressed: bool,
    method: Option<Method>,
    fields: Vec<(String, String)>,
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) upload: Option<PathBuf>,
    pub(crate) form: Vec<(String, String)>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) auth: Auth,
    pub(crate) cookies: Option<PathBuf>,
    pub(crate) is_insecure: bool,
    /// The first is for the first URL; those without one go to standard output.
    pub(crate) outputs: Vec<PathBuf>,
    pub(crate) goes_on: bool,
    pub(crate) range: Option<(u64, Option<u64>)>,
    pub(crate) write_out: Option<String>,
    pub(crate) is_parallel: bool,
    pub(crate) retries: Option<u32>,
    proxy: Option<Proxy>,
    is_proxy_digest: bool,
    no_proxy: Option<String>,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_time: Option<Duration>,
}

/// How a user is known to a server.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Auth {
    #[default]
    Basic,
    Digest,
    Any,
}

impl Arguments {
    pub(crate) fn method(&self) -> Method {
        match &self.method {
            Some(method) => method.clone(),
            None if self.only_head => Method::HEAD,
            None if self.upload.is_some() => Method::PUT,
            None if self.data.is_some() || !self.form.is_empty() => Method::POST,
            None => Method::GET,
        }
    }

    /// By way of whom.
    pub(crate) fn proxies(&self) -> Result<Proxies, InvalidProxy> {
        let proxies = match &self.proxy {
            Some(proxy) if self.is_proxy_digest => Proxies::all(proxy.clone().digest_only()),
            Some(proxy) => Proxies::all(proxy.clone()),
            None => Proxies::from_env()?,
        };
        Ok(match &self.no_proxy {
            Some(list) => proxies.no_proxy(list),
            None => proxies,
        })
    }

    /// The fields to send: those that were asked for, and those that every such tool sends.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let mut fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut default = |name: &'static str, value: &'static str| {
            if !self
                .fields
                .iter()
                .any(|(given, _)| given.eq_ignore_ascii_case(name))
            {
                fields.push((name, value));
            }
        };
        default(
            "User-Agent",
            concat!("torsade-fetch/", env!("CARGO_PKG_VERSION")),
        );
        default("Accept", "*/*");
        if self.data.is_some() {
            default("Content-Type", "application/x-www-form-urlencoded");
        }
        fields
    }
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut parsed = Arguments::default();
    let (mut certificate, mut key, mut is_demo) = (None, None, true);
    while let Some(argument) = parser.next()? {
        is_demo = false;
        match argument {
            Short('h') | Long("help") => return Ok(Parsed::Help),
            Short('i') | Long("include") => parsed.shows_head = true,
            Short('I') | Long("head") => parsed.only_head = true,
            Short('v') | Long("verbose") => parsed.is_verbose = true,
            Short('f') | Long("fail") => parsed.must_succeed = true,
            Short('L') | Long("location") => parsed.follows = true,
            Long("compressed") => parsed.is_compressed = true,
            Short('x') | Long("proxy") => {
                parsed.proxy = Some(parser.value()?.parse_with(str::parse::<Proxy>)?);
            }
            Long("noproxy") => parsed.no_proxy = Some(parser.value()?.string()?),
            Short('X') | Long("request") => {
                parsed.method = Some(parser.value()?.parse_with(|text| {
                    Method::from_bytes(text.as_bytes()).map_err(|_| "it is not a method")
                })?);
            }
            Short('H') | Long("header") => {
                parsed.fields.push(parser.value()?.parse_with(field)?);
            }
            Short('d') | Long("data" | "data-binary") => {
                let piece = data(&parser.value()?.string()?)?;
                match &mut parsed.data {
                    // As a form's fields are joined.
                    Some(before) => {
                        before.push(b'&');
                        before.extend(piece);
                    }
                    None => parsed.data = Some(piece),
                }
            }
            Short('T') | Long("upload-file") => parsed.upload = Some(parser.value()?.into()),
            Short('F') | Long("form") => parsed.form.push(parser.value()?.parse_with(pair)?),
            Short('u') | Long("user") => {
                parsed.user = Some(parser.value()?.parse_with(credentials)?);
            }
            Long("digest") => parsed.auth = Auth::Digest,
            Long("anyauth") => parsed.auth = Auth::Any,
            Long("proxy-digest") => parsed.is_proxy_digest = true,
            Long("cookies") => parsed.cookies = Some(parser.value()?.into()),
            Short('k') | Long("insecure") => parsed.is_insecure = true,
            Short('o') | Long("output") => parsed.outputs.push(parser.value()?.into()),
            Short('C') | Long("continue-at") => {
                parsed.goes_on = parser.value()?.parse_with(automatic)?;
            }
            Short('r') | Long("range") => {
                parsed.range = Some(parser.value()?.parse_with(range)?);
            }
            Short('w') | Long("write-out") => {
                parsed.write_out = Some(parser.value()?.parse_with(report::check)?);
            }
            Short('Z') | Long("parallel") => parsed.is_parallel = true,
            Long("retry") => parsed.retries = Some(parser.value()?.parse()?),
            Long("cacert") => parsed.cacert = Some(parser.value()?.into()),
            Long("cert") => certificate = Some(parser.value()?.into()),
            Long("key") => key = Some(parser.value()?.into()),
            Long("connect-timeout") => {
                parsed.connect_timeout = Some(parser.value()?.parse_with(seconds)?);
            }
            Long("max-time") => parsed.max_time = Some(parser.value()?.parse_with(seconds)?),
            Value(url) => parsed.urls.push(with_scheme(url.string()?)),
            other => return Err(other.unexpected()),
        }
    }
    if is_demo {
        return Ok(Parsed::Demo);
    }
    parsed.identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("--cert and --key go together".into()),
    };
    if parsed.urls.is_empty() {
        return Err("there is no URL".into());
    }
    if parsed.outputs.len() > parsed.urls.len() {
        return Err("there are more --output than URLs".into());
    }
    if parsed.is_parallel && parsed.outputs.len() < parsed.urls.len() {
        return Err("with --parallel, each URL needs its --output".into());
    }
    if parsed.goes_on && parsed.outputs.len() < parsed.urls.len() {
        return Err("with --continue-at, each URL needs its --output".into());
    }
    if parsed.goes_on && (parsed.range.is_some() || parsed.shows_head || parsed.write_out.is_some())
    {
        return Err("--continue-at goes with none of --range, --include and --write-out".into());
    }
    if parsed.user.is_none() && parsed.auth != Auth::Basic {
        return Err("--digest and --anyauth need --user".into());
    }
    if parsed.proxy.is_none() && parsed.is_proxy_digest {
        return Err("--proxy-digest needs --proxy".into());
    }
    let bodies = [
        parsed.data.is_some(),
        !parsed.form.is_empty(),
        parsed.upload.is_some(),
    ];
    if bodies.into_iter().filter(|&is_there| is_there).count() > 1 {
        return Err("only one of --data, --form and --upload-file can be sent".into());
    }
    Ok(Parsed::Fetch(Box::new(parsed)))
}

/// People leave `http://` out.
fn with_scheme(url: String) -> String {
    if url.contains("://") {
        url
    } else {
        format!("http://{url}")
    }
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("there is no colon in it")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("there is no = in it")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn credentials(text: &str) -> Result<(String, String), &'static str> {
    let (user, password) = text
        .split_once(':')
        .ok_or("a password has to follow, after a colon")?;
    Ok((user.to_owned(), password.to_owned()))
}

/// Where to go on is found out; curl also takes a number there.
fn automatic(text: &str) -> Result<bool, &'static str> {
    match text {
        "-" => Ok(true),
        _ => Err("it has to be -; for bytes from a place on, there is --range"),
    }
}

fn range(text: &str) -> Result<(u64, Option<u64>), &'static str> {
    let number = |text: &str| text.parse().map_err(|_| "it is not FIRST-LAST");
    let (first, last) = text.split_once('-').ok_or("it is not FIRST-LAST")?;
    let (first, last) = match last {
        "" => (number(first)?, None),
        last => (number(first)?, Some(number(last)?)),
    };
    match last {
        Some(last) if last < first => Err("it ends before it begins"),
        last => Ok((first, last)),
    }
}

fn data(text: &str) -> Result<Vec<u8>, lexopt::Error> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some(path) => std::fs::read(path)
            .map_err(|error| lexopt::Error::Custom(format!("-d @{path}: {error}").into())),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it is not a time to wait"),
    }
}
