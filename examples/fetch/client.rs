//! The client that does what was asked for, and no more.

use std::io::Write;
use std::rc::Rc;

use torsade::http::{
    Agent, AgentOptions, AuthAgent, Client, ClientRequest, ContentDecoderAgent, CookieAgent,
    CookieJar, Credentials, FileBodyProducer, Form, RedirectAgent, RequestAgent, RetryAgent,
};
use torsade::tls::ClientTls;
use torsade::{Reactor, Result};

use crate::arguments::{Arguments, Auth};
use crate::{in_file, say};

/// A client that keeps its cookies in `jar`.
pub(crate) fn client(
    reactor: &Reactor,
    arguments: &Arguments,
    jar: Option<&CookieJar>,
) -> Result<Client> {
    Ok(Client::over(reactor, agent(reactor, arguments, jar)?))
}

/// What is to be sent to `url`.
pub(crate) fn request(client: &Client, arguments: &Arguments, url: &str) -> Result<ClientRequest> {
    let mut request = client.request(arguments.method(), url);
    for (name, value) in arguments.headers() {
        request = request.header(name, value);
    }
    if let Some((user, password)) = &arguments.user {
        request = match arguments.auth {
            Auth::Basic => request.basic_auth(user, password),
            Auth::Digest => request.digest_auth(user, password),
            // Without it they would be sent in clear as well.
            Auth::Any => request.credentials(Credentials::new(user, password).basic_in_clear()),
        };
    }
    match arguments.range {
        Some((first, Some(last))) => request = request.range(first..=last),
        Some((first, None)) => request = request.range(first..),
        None => {}
    }
    if let Some(data) = &arguments.data {
        request = request.body(data.clone());
    }
    if let Some(file) = &arguments.upload {
        let reactor = client.reactor();
        request = request.body_producer(match file.as_os_str() == "-" {
            true => FileBodyProducer::from_reader(reactor, std::io::stdin(), None),
            false => FileBodyProducer::open(reactor, file).map_err(in_file(file))?,
        });
    }
    if !arguments.form.is_empty() {
        request = request.multipart(form(&arguments.form)?);
    }
    Ok(request)
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

fn agent(
    reactor: &Reactor,
    arguments: &Arguments,
    jar: Option<&CookieJar>,
) -> Result<Rc<dyn RequestAgent>> {
    let mut agent: Rc<dyn RequestAgent> =
        Rc::new(Agent::with_options(reactor, options(arguments)?));
    if let Some(retries) = arguments.retries {
        agent = Rc::new(RetryAgent::new(reactor, agent).attempts(retries.saturating_add(1)));
    }
    if let Some(jar) = jar {
        agent = Rc::new(CookieAgent::new(agent, jar));
    }
    if arguments.auth != Auth::Basic {
        agent = Rc::new(AuthAgent::new(agent));
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
    let is_tls = |url: &String| url.starts_with("https:");
    if arguments.urls.iter().any(is_tls) || arguments.follows {
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
