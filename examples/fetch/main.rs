//! Fetches a URL, as curl does. Without a URL it serves itself a page over https and fetches that.
//!
//! ```text
//! cargo run --release --example fetch -- https://example.org/
//! ```

mod arguments;
mod demo;
mod hints;
mod output;

use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use arguments::{Arguments, Parsed, USAGE};
use output::Output;
use torsade::http::{
    Agent, AgentOptions, Client, ContentDecoderAgent, CookieAgent, CookieJar, Form, Method,
    RedirectAgent, RequestAgent, Response,
};
use torsade::tls::{ClientTls, TlsInfo};
use torsade::{Deferred, Failure, Reactor, Result};

/// Tells something on standard error. Nobody may be listening, which is no reason to panic.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

/// What `--fail` gives for a status of 400 and up, as curl does.
const FAILED_STATUS: u8 = 22;
const USAGE_ERROR: u8 = 2;

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

/// Fetches, and tells in one line what went wrong if something does.
fn fetch(reactor: &Reactor, arguments: Arguments) -> Deferred<ExitCode> {
    if arguments.is_verbose {
        output::log_to_stderr();
    }
    let name = arguments.url.clone();
    let started = match start(reactor, arguments) {
        Ok(started) => started,
        Err(failure) => Deferred::fail(failure),
    };
    started.add_errback(move |failure| {
        say!("fetch: {}", hints::explain(&name, &failure));
        Ok(ExitCode::FAILURE)
    })
}

fn start(reactor: &Reactor, arguments: Arguments) -> Result<Deferred<ExitCode>> {
    let jar = arguments
        .cookies
        .as_ref()
        .map(CookieJar::open)
        .transpose()?;
    let client = Client::over(reactor, agent(reactor, &arguments, jar.as_ref())?);
    let mut request = client.request(arguments.method(), &arguments.url);
    for (name, value) in arguments.headers() {
        request = request.header(name, value);
    }
    if let Some((user, password)) = &arguments.user {
        request = request.basic_auth(user, password);
    }
    if let Some(data) = &arguments.data {
        request = request.body(data.clone());
    }
    if !arguments.form.is_empty() {
        request = request.multipart(form(&arguments.form)?);
    }
    if arguments.is_verbose {
        say!("> {} {}", arguments.method(), arguments.url);
    }
    let done = request
        .send()
        .add_callback(move |response| receive(response, &arguments).map(|code| (code, arguments)));
    Ok(done.add_callback(move |(code, arguments)| {
        if let (Some(jar), Some(file)) = (jar, arguments.cookies) {
            jar.save_to(file)?;
        }
        Ok(code)
    }))
}

fn form(fields: &[(String, String)]) -> Result<Form> {
    let mut form = Form::new();
    for (name, value) in fields {
        form = match value.strip_prefix('@') {
            Some(file) => form.file(name, file).map_err(in_file(file.as_ref()))?,
            None => form.text(name, value),
        };
    }
    Ok(form)
}

/// An agent that does what was asked for, and no more.
fn agent(
    reactor: &Reactor,
    arguments: &Arguments,
    jar: Option<&CookieJar>,
) -> Result<Rc<dyn RequestAgent>> {
    let mut agent: Rc<dyn RequestAgent> =
        Rc::new(Agent::with_options(reactor, options(arguments)?));
    if let Some(jar) = jar {
        agent = Rc::new(CookieAgent::new(agent, jar));
    }
    if arguments.is_compressed {
        agent = Rc::new(ContentDecoderAgent::new(agent));
    }
    if arguments.follows {
        agent = Rc::new(RedirectAgent::new(agent).browser_like());
    }
    Ok(agent)
}

/// The TLS settings are read only when they are needed: a machine without root certificates can
/// still fetch over http.
fn options(arguments: &Arguments) -> Result<AgentOptions> {
    let mut options = AgentOptions::new().proxies(arguments.proxies()?);
    // A redirect may lead there as well.
    if arguments.url.starts_with("https:") || arguments.follows {
        let mut tls = ClientTls::builder().alpn(["http/1.1"]).key_log();
        if let Some(file) = &arguments.cacert {
            tls = tls.roots_from_pem_file(file);
        }
        if let Some((certificate, key)) = &arguments.identity {
            tls = tls.client_certificate_files(certificate, key);
        }
        if arguments.is_insecure {
            say!("fetch: whoever answers is believed (--insecure)");
            tls = tls.dangerous().accept_any_certificate();
        }
        options = options.tls(&tls.build()?);
    }
    if let Some(timeout) = arguments.connect_timeout {
        options = options.connect_timeout(timeout);
    }
    if let Some(timeout) = arguments.max_time {
        options = options
            .total_timeout(Some(timeout))
            .head_timeout(Some(timeout));
    }
    Ok(options)
}

fn receive(response: Response, arguments: &Arguments) -> Deferred<ExitCode> {
    if arguments.is_verbose {
        say!("* the response comes from {}", response.peer());
        if let Some(tls) = response.tls() {
            let _ = write!(std::io::stderr(), "{}", describe(tls));
        }
        for line in output::head(&response).lines() {
            say!("< {line}");
        }
    }
    let status = response.status();
    if arguments.must_succeed && status.as_u16() >= 400 {
        say!("fetch: {} answered {status}", arguments.url);
        return Deferred::succeed(ExitCode::from(FAILED_STATUS));
    }
    let mut output = match Output::open(arguments.output.as_deref(), response.body_length()) {
        Ok(output) => output,
        Err(failure) => return Deferred::fail(failure),
    };
    if (arguments.shows_head || response_has_head_only(arguments))
        && let Err(failure) = output.write_head(&output::head(&response))
    {
        return Deferred::fail(failure);
    }
    output.receive(response).map(|()| ExitCode::SUCCESS)
}

fn response_has_head_only(arguments: &Arguments) -> bool {
    arguments.method() == Method::HEAD
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
