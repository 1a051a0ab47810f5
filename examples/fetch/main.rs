//! Fetches a URL, as curl does. Without a URL it serves itself a page over https and fetches that.
//!
//! ```text
//! cargo run --release --example fetch -- https://example.org/
//! ```

mod arguments;
mod client;
mod demo;
mod hints;
mod output;
mod report;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use arguments::{Arguments, Parsed, USAGE};
use indicatif::MultiProgress;
use output::Output;
use report::Report;
use torsade::http::{Client, ClientRequest, CookieJar, Method, Response};
use torsade::tls::TlsInfo;
use torsade::{Deferred, DeferredSemaphore, Failure, Reactor, Result, gather};

/// Tells something on standard error. Nobody may be listening, which is no reason to panic.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
use say;

const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
/// What `--fail` gives for a status of 400 and up, as curl does.
const FAILED_STATUS: u8 = 22;
const USAGE_ERROR: u8 = 2;

/// So many requests are made at once with `--parallel`.
const SIDE_BY_SIDE: usize = 16;

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os()) {
        Ok(Parsed::Demo) => torsade::react(demo::run),
        Ok(Parsed::Help) => {
            let _ = write!(std::io::stdout(), "{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Parsed::Fetch(arguments)) => torsade::react_with(|reactor| fetch(reactor, *arguments)),
        Err(error) => {
            // Not `eprintln`: nobody may be listening, which is no reason to panic.
            let _ = write!(std::io::stderr(), "fetch: {error}\n\n{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

/// Fetches all of them, one after the other or side by side. The exit code is that of the first that
/// went wrong.
fn fetch(reactor: &Reactor, arguments: Arguments) -> Deferred<ExitCode> {
    if arguments.is_verbose {
        output::log_to_stderr();
    }
    let started = Fetcher::new(reactor, arguments).and_then(|all| Rc::new(all).start());
    let fetched = started.unwrap_or_else(Deferred::fail);
    fetched.map(ExitCode::from).add_errback(move |failure| {
        say!("fetch: {}", hints::explain(None, &failure));
        Ok(ExitCode::FAILURE)
    })
}

struct Fetcher {
    arguments: Arguments,
    client: Client,
    jar: Option<CookieJar>,
    bars: MultiProgress,
}

impl Fetcher {
    fn new(reactor: &Reactor, arguments: Arguments) -> Result<Self> {
        let jar = arguments
            .cookies
            .as_ref()
            .map(CookieJar::open)
            .transpose()?;
        Ok(Self {
            client: client::client(reactor, &arguments, jar.as_ref())?,
            arguments,
            jar,
            bars: MultiProgress::new(),
        })
    }

    fn start(self: Rc<Self>) -> Result<Deferred<u8>> {
        let turns = DeferredSemaphore::new(match self.arguments.is_parallel {
            true => SIDE_BY_SIDE,
            false => 1,
        })?;
        let codes = (0..self.arguments.urls.len()).map(|index| {
            let this = Rc::clone(&self);
            turns.run(move || this.fetch(index))
        });
        let fetched = gather(codes.collect::<Vec<_>>());
        Ok(fetched.add_callback(move |codes| {
            if let (Some(jar), Some(file)) = (&self.jar, &self.arguments.cookies) {
                jar.save_to(file)?;
            }
            let failed = codes.into_iter().find(|&code| code != SUCCESS);
            Ok(failed.unwrap_or(SUCCESS))
        }))
    }

    /// Fetches one, and tells in one line what went wrong if something does.
    fn fetch(self: Rc<Self>, index: usize) -> Deferred<u8> {
        let url = self.arguments.urls[index].clone();
        if self.arguments.is_verbose {
            say!("> {} {url}", self.arguments.method());
        }
        let report = Report::new(&url);
        let done = match client::request(&self.client, &self.arguments, &url) {
            Ok(request) => {
                let told = Rc::clone(&report);
                let request = request.on_progress(move |progress| told.progressed(progress));
                match self.arguments.goes_on {
                    true => self.go_on(request, index),
                    false => self.send(request, &report, index),
                }
            }
            Err(failure) => Deferred::fail(failure),
        };
        let done = done.add_errback(move |failure| {
            say!("fetch: {}", hints::explain(Some(&url), &failure));
            Ok(FAILURE)
        });
        done.map(move |code| {
            if let Some(format) = &self.arguments.write_out {
                let _ = write!(std::io::stdout(), "{}", report.write(format, code));
            }
            code
        })
    }

    fn send(
        self: &Rc<Self>,
        request: ClientRequest,
        report: &Rc<Report>,
        index: usize,
    ) -> Deferred<u8> {
        let (this, report) = (Rc::clone(self), Rc::clone(report));
        request.send().add_callback(move |response| {
            report.responded(&response);
            this.receive(response, index)
        })
    }

    /// Goes on with a file that has come in part.
    fn go_on(&self, request: ClientRequest, index: usize) -> Deferred<u8> {
        let path = self.arguments.outputs[index].clone();
        let is_verbose = self.arguments.is_verbose;
        request.download(&path).map(move |brought| {
            if is_verbose {
                say!("* {brought} bytes came, and {} is whole", path.display());
            }
            SUCCESS
        })
    }

    fn receive(&self, response: Response, index: usize) -> Deferred<u8> {
        let arguments = &self.arguments;
        if arguments.is_verbose {
            tell(&response);
        }
        let status = response.status();
        if arguments.must_succeed && status.as_u16() >= 400 {
            say!("fetch: {} answered {status}", arguments.urls[index]);
            return Deferred::succeed(FAILED_STATUS);
        }
        let path = arguments.outputs.get(index).map(PathBuf::as_path);
        let mut output = match Output::open(path, response.body_length(), &self.bars) {
            Ok(output) => output,
            Err(failure) => return Deferred::fail(failure),
        };
        if (arguments.shows_head || arguments.method() == Method::HEAD)
            && let Err(failure) = output.write_head(&output::head(&response))
        {
            return Deferred::fail(failure);
        }
        output.receive(response).map(|()| SUCCESS)
    }
}

/// What a response tells before its body, on standard error.
fn tell(response: &Response) {
    say!("* the response comes from {}", response.peer());
    if let Some(tls) = response.tls() {
        let _ = write!(std::io::stderr(), "{}", describe(tls));
    }
    for line in output::head(response).lines() {
        say!("< {line}");
    }
}

/// What TLS agreed on, a line for each fact.
fn describe(tls: &TlsInfo) -> String {
    let alpn = tls
        .alpn
        .as_deref()
        .map_or_else(|| "none".into(), String::from_utf8_lossy);
    let mut text = format!("* {}, {}, ALPN {alpn}\n", tls.version, tls.cipher_suite);
    if let Some(certificate) = tls.peer_certificates.first() {
        let days = certificate.days_left(std::time::SystemTime::now());
        let names = certificate.names().join(", ");
        text += &format!("* the certificate is for {names} and has {days} days left\n");
    }
    text
}

/// So that `?` works on what the arguments name.
fn in_file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Failure + '_ {
    move |error| {
        let kind = error.kind();
        std::io::Error::new(kind, format!("{}: {error}", path.display())).into()
    }
}
