//! What torsade's client makes of a command line.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use torsade_core::endpoints::HostnameClient;
use torsade_core::testing::Simulation;
use torsade_core::{Address, Deferred, Failure, Reactor, TcpServer};
use torsade_http::{
    Agent, AgentOptions, AuthAgent, BodyProducer, BodyWriter, Client, ClientRequest,
    ContentDecoderAgent, CookieAgent, CookieJar, Credentials, Form, Method, PartialBody, Proxies,
    Proxy, RedirectAgent, RequestAgent, Response, RetryAgent, Url,
};

use super::case::{ADDRESS, Case, FOLDER, PORT, When};
use super::command::{Command, Group, file_name};
use super::outcome::{End, Outcome};
use super::server::{Script, Server};

struct World<'a> {
    case: &'a Case,
    files: HashMap<String, Vec<u8>>,
    reactor: Reactor,
    jar: CookieJar,
}

pub(super) fn run(case: &Rc<Case>, command: &Command) -> Outcome {
    let localhost: IpAddr = ADDRESS.parse().unwrap();
    let mut simulation = Simulation::new().host("localhost", [localhost]);
    for given in &command.resolve {
        let name = given.split(':').next().unwrap_or_default();
        if name == "*" {
            simulation = simulation.host("example.com", [localhost]);
        } else {
            simulation = simulation.host(name.trim_end_matches('.'), [localhost]);
        }
    }
    simulation = simulation.host("curlmachine.localhost", [localhost]);
    let reactor = simulation.reactor();
    let script = Rc::new(RefCell::new(Script::new(case)));
    let known = Rc::clone(&script);
    TcpServer::new(&reactor, (localhost, PORT).into())
        .listen(move |_: &Address| Server::new(&known))
        .unwrap();
    let world = World {
        case,
        files: case.files(When::Before),
        reactor,
        jar: CookieJar::new(),
    };
    let mut outcome = Outcome {
        bodies: Vec::new(),
        end: End::Done,
        why: String::new(),
        sent: Vec::new(),
    };
    'all: for group in &command.groups {
        match world.client(group) {
            Err(failure) => outcome.fail(&failure),
            Ok(client) => {
                for (url, upload) in group.transfers() {
                    (outcome.end, outcome.why) = (End::Done, String::new());
                    outcome.bodies.push(Vec::new());
                    world.transfer(&client, group, url, upload, &mut outcome);
                    if command.stops_early && outcome.end != End::Done {
                        break 'all;
                    }
                }
            }
        }
    }
    outcome.sent = std::mem::take(&mut script.borrow_mut().received);
    outcome
}

impl World<'_> {
    fn client(&self, group: &Group) -> Result<Client, Failure> {
        let mut options = AgentOptions::new();
        let proxies = match group.proxy.as_deref() {
            None => Proxies::from_variables(|name| self.variable(name))?,
            Some("") => Proxies::none(),
            Some(proxy) => {
                let mut proxy: Proxy = proxy.parse()?;
                if let Some((user, password)) = group
                    .proxy_user
                    .as_ref()
                    .and_then(|text| text.split_once(':'))
                {
                    proxy = proxy.credentials(user, password);
                }
                if group.tunnels {
                    proxy = proxy.always_tunnel();
                }
                Proxies::all(proxy)
            }
        };
        options = options.proxies(match &group.no_proxy {
            Some(list) => proxies.no_proxy(list),
            None => proxies,
        });
        if !group.connect_to.is_empty() {
            let (rules, reactor) = (group.connect_to.clone(), self.reactor.clone());
            options = options.endpoints(move |host, port| {
                let (host, port) = redirected(&rules, host, port);
                Ok(Box::new(HostnameClient::new(&reactor, &host, port)))
            });
        }
        let mut agent: Rc<dyn RequestAgent> = Rc::new(Agent::with_options(&self.reactor, options));
        if let Some(retries) = group.retries {
            let retry = RetryAgent::new(&self.reactor, agent).attempts(retries.saturating_add(1));
            agent = Rc::new(retry);
        }
        if group.keeps_cookies || group.cookies.iter().any(|text| !text.contains('=')) {
            for file in group.cookies.iter().filter(|text| !text.contains('=')) {
                self.load(file);
            }
            agent = Rc::new(CookieAgent::new(agent, &self.jar));
        }
        if group.asks_first {
            agent = Rc::new(AuthAgent::new(agent));
        }
        if group.is_compressed {
            agent = Rc::new(ContentDecoderAgent::new(agent));
        }
        if group.follows {
            let redirect = RedirectAgent::new(agent).browser_like();
            agent = Rc::new(redirect.limit(group.redirects.unwrap_or(50)));
        }
        Ok(Client::over(&self.reactor, agent))
    }

    /// Cookies out of a file: in Netscape's format, or as fields of a head.
    fn load(&self, file: &str) {
        let Some(text) = self.files.get(file) else {
            return;
        };
        for line in String::from_utf8_lossy(text).lines() {
            let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
            if line.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            let [domain, _, path, secure, expires, name, value] = columns[..] else {
                continue;
            };
            let host = domain.trim_start_matches('.');
            let Ok(url) = Url::parse(&format!("https://{host}{path}")) else {
                continue;
            };
            let domain = if domain.starts_with('.') {
                format!("; Domain={host}")
            } else {
                String::new()
            };
            let secure = if secure == "TRUE" { "; Secure" } else { "" };
            let age = if expires == "0" {
                ""
            } else {
                "; Max-Age=100000"
            };
            let cookie = format!("{name}={value}; Path={path}{domain}{secure}{age}");
            self.jar.store(cookie.as_bytes(), &url);
        }
    }

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String> {
        let text = self.case.text("setenv")?;
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = pairs.find(|(variable, _)| *variable == name)?;
        Some(value.trim().to_owned())
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        if matches!(name, "-" | ".") {
            return self
                .case
                .section("stdin")
                .map(|section| section.text.clone());
        }
        self.files.get(name).cloned()
    }

    fn request(
        &self,
        client: &Client,
        group: &Group,
        url: &str,
        upload: Option<&str>,
    ) -> Result<ClientRequest, End> {
        let mut url = url.to_owned();
        if let Some(file) = upload
            && url.ends_with('/')
            && file != "-"
        {
            url += file_name(file);
        }
        let method = match &group.method {
            Some(method) => method.as_str(),
            None if group.is_head => "HEAD",
            None if upload.is_some() => "PUT",
            None if group.is_get => "GET",
            None if group.data.is_some() || !group.form.is_empty() => "POST",
            None => "GET",
        };
        if let (true, Some(data)) = (group.is_get, &group.data) {
            url = format!("{url}?{}", String::from_utf8_lossy(data));
        }
        let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), &url);
        for field in &group.fields {
            if let Some((name, value)) = field.split_once(':') {
                // How the body is framed says the body.
                let is_framing = matches!(
                    &*name.to_ascii_lowercase(),
                    "transfer-encoding" | "content-length"
                );
                if !value.trim().is_empty() && !is_framing {
                    request = request.header(name, value.trim());
                }
            } else if let Some(name) = field.strip_suffix(';') {
                request = request.header(name, "");
            }
        }
        let strings: Vec<&str> = group
            .cookies
            .iter()
            .filter(|text| text.contains('='))
            .map(|text| text.trim())
            .collect();
        if !strings.is_empty() {
            request = request.header("Cookie", strings.join("; "));
        }
        if let Some((user, password)) = group.user.as_ref().and_then(|text| text.split_once(':')) {
            request = match group.asks_first {
                true => request.credentials(Credentials::new(user, password).basic_in_clear()),
                false => request.basic_auth(user, password),
            };
        }
        if let Some(token) = &group.token {
            request = request.bearer_auth(token);
        }
        if let Some(range) = &group.range {
            request = request.header("Range", format!("bytes={range}"));
        }
        if let Some(from) = &group.resume {
            let left = self.left(group).unwrap_or_default().len() as u64;
            request = request.range(from.parse().unwrap_or(left)..);
        }
        if let Some(file) = upload {
            let content = self.content(file).ok_or(End::Upload)?;
            request = if matches!(file, "-" | ".") || group.is_chunked() {
                request.body_producer(Given::new(content, group.declared_length()))
            } else {
                request.body(content)
            };
        } else if let (Some(data), false) = (&group.data, group.is_get) {
            let is_typed = group
                .fields
                .iter()
                .any(|field| field.to_ascii_lowercase().starts_with("content-type:"));
            if !is_typed {
                request = request.header("Content-Type", "application/x-www-form-urlencoded");
            }
            request = match group.is_chunked() {
                true => request.body_producer(Given::new(data.clone(), None)),
                false => request.body(data.clone()),
            };
        } else if !group.form.is_empty() {
            request = request.multipart(self.form(&group.form));
        }
        Ok(request)
    }

    fn form(&self, fields: &[(String, String)]) -> Form {
        let mut form = Form::new();
        for (name, value) in fields {
            form = match value.strip_prefix('@') {
                Some(file) => {
                    let file = file.split(';').next().unwrap_or_default();
                    let content = self.content(file).unwrap_or_default();
                    form.bytes(name, file_name(file), "application/octet-stream", content)
                }
                None => form.text(name, value.split(';').next().unwrap_or_default()),
            };
        }
        form
    }

    /// What an earlier run is said to have left, for `-C -`.
    fn left(&self, group: &Group) -> Option<Vec<u8>> {
        group.resume.as_ref()?;
        let file = format!("{FOLDER}/curl{}.out", self.case.number);
        let left = self.files.get(&file)?;
        Some(left.clone())
    }

    fn transfer(
        &self,
        client: &Client,
        group: &Group,
        url: &str,
        upload: Option<&str>,
        outcome: &mut Outcome,
    ) {
        let request = match self.request(client, group, url, upload) {
            Ok(request) => request,
            Err(end) => {
                outcome.end = end;
                return;
            }
        };
        let response = match self.reactor.run_until(request.send()) {
            Ok(response) => response,
            Err(failure) => return outcome.fail(&failure),
        };
        let status = response.status().as_u16();
        if group.fails && status >= 400 && group.resume.is_none() {
            outcome.end = End::Status;
            return;
        }
        if group.resume.is_some() {
            // As a download goes on.
            let range = response.content_range();
            outcome.receive(&self.left(group).unwrap_or_default());
            match status {
                200 => {
                    outcome.end = End::Range;
                    return;
                }
                416 => return,
                206 => assert!(range.is_some_and(|range| range.bytes.is_some())),
                _ => {}
            }
        }
        self.receive(group, response, outcome);
        if group.fails_with_body && status >= 400 && outcome.end == End::Done {
            outcome.end = End::Status;
        }
    }

    fn receive(&self, group: &Group, response: Response, outcome: &mut Outcome) {
        let body = match group.most {
            Some(most)
                if response
                    .body_length()
                    .is_some_and(|length| length > most as u64) =>
            {
                outcome.end = End::TooLong;
                return;
            }
            Some(most) => response.read_body_up_to(most),
            None => response.read_body(),
        };
        match self.reactor.run_until(body) {
            Ok(bytes) => outcome.receive(&bytes),
            Err(failure) => {
                if let Some(partial) = failure.check::<PartialBody>() {
                    outcome.receive(&partial.bytes);
                }
                outcome.fail(&failure);
            }
        }
    }
}

/// A body whose length is told or not, whatever it is.
struct Given {
    content: Vec<u8>,
    length: Option<u64>,
}

impl Given {
    fn new(content: Vec<u8>, length: Option<u64>) -> Self {
        Self { content, length }
    }
}

impl BodyProducer for Given {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        writer.write(&self.content);
        Deferred::succeed(())
    }
}

/// `HOST:PORT:HOST:PORT`: who connects to the first goes to the second; an empty part is any.
fn redirected(rules: &[String], host: &str, port: u16) -> (String, u16) {
    for rule in rules {
        let Some((from_host, rest)) = host_of(rule) else {
            continue;
        };
        let Some((from_port, rest)) = rest.split_once(':') else {
            continue;
        };
        let Some((to_host, to_port)) = host_of(rest) else {
            continue;
        };
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let is_host = from_host.is_empty() || bare(from_host) == bare(host);
        let is_port = from_port.is_empty() || from_port.parse() == Ok(port);
        if is_host && is_port {
            let to_host = if to_host.is_empty() { host } else { to_host };
            return (to_host.to_owned(), to_port.parse().unwrap_or(port));
        }
    }
    (host.to_owned(), port)
}

/// A host, which may be an IPv6 address in brackets, and what follows its colon.
fn host_of(text: &str) -> Option<(&str, &str)> {
    let from = if text.starts_with('[') {
        text.find(']')?
    } else {
        0
    };
    let colon = from + text[from..].find(':')?;
    Some((&text[..colon], &text[colon + 1..]))
}
