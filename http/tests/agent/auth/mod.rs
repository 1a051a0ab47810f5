//! Servers and proxies that ask who we are, and what they are told.

mod bodies;
mod nonces;
mod origins;
mod proxies;

use md5::{Digest, Md5};
use torsade_core::Result;
use torsade_http::{Agent, AuthAgent, Challenge, Credentials, Method, Request, RequestAgent};

use crate::support::{Step, URL, World, send};

/// A refusal with these challenges, and a body.
pub(super) fn refusal(challenges: &[&str]) -> Step {
    let fields: String = challenges
        .iter()
        .map(|challenge| format!("WWW-Authenticate: {challenge}\r\n"))
        .collect();
    send(format!(
        "HTTP/1.1 401 Who\r\n{fields}Content-Length: 5\r\n\r\nwho?\n"
    ))
}

pub(super) fn digest(nonce: &str) -> String {
    format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"")
}

pub(super) fn refused(nonce: &str) -> Step {
    refusal(&[&digest(nonce)])
}

pub(super) fn agent(world: &World) -> AuthAgent<Agent> {
    AuthAgent::new(world.agent.clone())
        .credentials(URL, Credentials::new("me", "secret"))
        .unwrap()
}

pub(super) fn request(method: Method, path: &str) -> Request {
    Request::new(method, &format!("http://server.test{path}")).unwrap()
}

/// The status and the body of an answer.
pub(super) fn fetch(
    world: &World,
    agent: &impl RequestAgent,
    request: Request,
) -> Result<(u16, String)> {
    let response = world.run(agent.request(request))?;
    let status = response.status().as_u16();
    Ok((status, world.run(response.text())?))
}

pub(super) fn get(world: &World, agent: &impl RequestAgent, path: &str) -> (u16, String) {
    fetch(world, agent, request(Method::GET, path)).unwrap()
}

/// The heads that came on a connection.
pub(super) fn heads(world: &World, connection: usize) -> Vec<String> {
    let received = world.received(connection);
    received
        .split_inclusive("\r\n\r\n")
        .map(str::to_owned)
        .collect()
}

/// What a head says in a field, if it is there.
pub(super) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The parameters of an answer by Digest.
pub(super) struct Answer(Challenge);

impl Answer {
    fn of(head: &str, name: &str) -> Self {
        let value = field(head, name).unwrap_or_else(|| panic!("there is no {name} in {head}"));
        let mut answers = Challenge::parse(value.as_bytes());
        assert_eq!(answers.len(), 1, "{value}");
        Self(answers.remove(0))
    }

    fn get(&self, name: &str) -> &str {
        let value = self.0.parameter(name);
        let value = value.unwrap_or_else(|| panic!("there is no {name} in {}", self.0));
        std::str::from_utf8(value).unwrap()
    }
}

pub(super) fn md5(text: &str) -> String {
    let digits = Md5::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>();
    digits.concat()
}

/// The nonce and the count of an answer in `head`, which must be right as a server sees it.
pub(super) fn proven(head: &str) -> (String, u32) {
    proven_in(head, "Authorization", "")
}

pub(super) fn proven_in(head: &str, name: &str, body: &str) -> (String, u32) {
    let answer = Answer::of(head, name);
    let mut line = head.split(' ');
    let (method, target) = (line.next().unwrap(), line.next().unwrap());
    assert_eq!(answer.get("uri"), target);
    assert_eq!(answer.get("username"), "me");
    let (nonce, count, quality) = (answer.get("nonce"), answer.get("nc"), answer.get("qop"));
    let secret = md5(&format!("me:{}:secret", answer.get("realm")));
    let request = match quality {
        "auth-int" => md5(&format!("{method}:{target}:{}", md5(body))),
        _ => md5(&format!("{method}:{target}")),
    };
    let cnonce = answer.get("cnonce");
    let expected = md5(&format!(
        "{secret}:{nonce}:{count}:{cnonce}:{quality}:{request}"
    ));
    assert_eq!(answer.get("response"), expected, "{head}");
    (nonce.to_owned(), u32::from_str_radix(count, 16).unwrap())
}

pub(super) fn is_unknown(head: &str) -> bool {
    field(head, "Authorization").is_none()
}
