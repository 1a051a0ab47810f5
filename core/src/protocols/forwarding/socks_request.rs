//! What a client asks of a SOCKS server: SOCKS4, SOCKS4a and SOCKS5 (RFC 1928, RFC 1929), without a
//! socket.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What has to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More has to come.
    More,
    /// These bytes have to be sent; then go on.
    Answer(Vec<u8>),
    /// A name and a password have to be looked at: [`Parser::logged_in`].
    LogIn(String, String),
    /// A connection is wanted: [`Parser::reply`] has the answer.
    Connect(String, u16),
    /// These bytes have to be sent, and the connection closed.
    Refuse(Vec<u8>),
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Connected,
    NotAllowed,
    Unreachable,
    Refused,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Version,
    Methods,
    Password,
    LoggingIn,
    Request,
    Done,
}

/// Reads what a client sends until it has said what it wants.
#[derive(Debug)]
pub(super) struct Parser {
    state: State,
    /// 4 or 5, once it is known.
    version: u8,
    needs_password: bool,
    begun: Vec<u8>,
}

/// A user's id in SOCKS4 is no longer than this, nor is a name: both end with a zero.
const LONGEST: usize = 255;

impl Parser {
    pub(super) fn new(needs_password: bool) -> Self {
        Self {
            state: State::Version,
            version: 0,
            needs_password,
            begun: Vec::new(),
        }
    }

    /// Takes what came.
    pub(super) fn receive(&mut self, data: &[u8]) {
        self.begun.extend_from_slice(data);
    }

    /// What came behind the request, for the connection that was asked for.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
    }

    /// What is to be done now.
    pub(super) fn next(&mut self) -> Step {
        match self.state {
            State::Version => match self.begun.first() {
                None => Step::More,
                Some(4) if !self.needs_password => {
                    self.version = 4;
                    self.state = State::Request;
                    self.next()
                }
                // Its user names prove nothing.
                Some(4) => Step::Refuse(vec![0, 93, 0, 0, 0, 0, 0, 0]),
                Some(5) => {
                    self.version = 5;
                    self.state = State::Methods;
                    self.next()
                }
                Some(_) => Step::Refuse(Vec::new()),
            },
            State::Methods => self.methods(),
            State::Password => self.password(),
            State::Request if self.version == 4 => self.request4(),
            State::Request => self.request5(),
            State::LoggingIn | State::Done => Step::More,
        }
    }

    fn methods(&mut self) -> Step {
        let Some(&[_, count]) = self.begun.first_chunk() else {
            return Step::More;
        };
        let Some(methods) = self.begun.get(2..2 + usize::from(count)) else {
            return Step::More;
        };
        let wanted = if self.needs_password { 2 } else { 0 };
        let has_it = methods.contains(&wanted);
        self.begun.drain(..2 + usize::from(count));
        if !has_it {
            return Step::Refuse(vec![5, 0xff]);
        }
        self.state = match self.needs_password {
            true => State::Password,
            false => State::Request,
        };
        Step::Answer(vec![5, wanted])
    }

    fn password(&mut self) -> Step {
        let parts = || {
            let name_length = usize::from(*self.begun.get(1)?);
            let name = self.begun.get(2..2 + name_length)?;
            let length = usize::from(*self.begun.get(2 + name_length)?);
            let password = self.begun.get(3 + name_length..3 + name_length + length)?;
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            Some((text(name), text(password), 3 + name_length + length))
        };
        if self.begun.first().is_some_and(|&version| version != 1) {
            return Step::Refuse(vec![1, 1]);
        }
        let Some((name, password, length)) = parts() else {
            return Step::More;
        };
        self.begun.drain(..length);
        self.state = State::LoggingIn;
        Step::LogIn(name, password)
    }

    /// The name and the password were right or not.
    pub(super) fn logged_in(&mut self, is_right: bool) -> Step {
        if !is_right {
            self.state = State::Done;
            return Step::Refuse(vec![1, 1]);
        }
        self.state = State::Request;
        Step::Answer(vec![1, 0])
    }

    fn request5(&mut self) -> Step {
        let Some(&[version, command, _, kind, first]) = self.begun.first_chunk() else {
            return Step::More;
        };
        if version != 5 {
            return self.refuse(5, 1);
        }
        let length = match kind {
            1 => 4,
            3 => 1 + usize::from(first),
            4 => 16,
            _ => return self.refuse(5, 8),
        };
        let Some(address) = self.begun.get(4..4 + length) else {
            return Step::More;
        };
        let Some(&[high, low]) = self.begun.get(4 + length..).and_then(<[u8]>::first_chunk) else {
            return Step::More;
        };
        let host = match kind {
            1 => <[u8; 4]>::try_from(address)
                .ok()
                .map(|four| Ipv4Addr::from(four).to_string()),
            4 => <[u8; 16]>::try_from(address)
                .ok()
                .map(|bytes| Ipv6Addr::from(bytes).to_string()),
            _ => std::str::from_utf8(&address[1..]).ok().map(str::to_owned),
        };
        self.begun.drain(..4 + length + 2);
        match host.filter(|host| !host.is_empty()) {
            // Neither BIND nor UDP.
            Some(_) if command != 1 => self.refuse(5, 7),
            Some(host) => {
                self.state = State::Done;
                Step::Connect(host, u16::from_be_bytes([high, low]))
            }
            None => self.refuse(5, 1),
        }
    }

    fn request4(&mut self) -> Step {
        let Some(&[_, command, high, low, a, b, c, d]) = self.begun.first_chunk() else {
            return Step::More;
        };
        // The user's id; then, in 4a, the host's name.
        let has_name = (a, b, c) == (0, 0, 0) && d != 0;
        let texts: Vec<&[u8]> = self.begun[8..].split(|&byte| byte == 0).collect();
        let wanted = if has_name { 2 } else { 1 };
        let is_whole = texts.len() > wanted;
        if texts.iter().take(wanted).any(|text| text.len() > LONGEST) {
            return self.refuse(4, 91);
        }
        if !is_whole {
            return Step::More;
        }
        let host = match has_name {
            true => std::str::from_utf8(texts[1]).ok().map(str::to_owned),
            false => Some(Ipv4Addr::new(a, b, c, d).to_string()),
        };
        let length = 8 + texts
            .iter()
            .take(wanted)
            .map(|text| text.len() + 1)
            .sum::<usize>();
        self.begun.drain(..length);
        match host.filter(|host| !host.is_empty()) {
            Some(host) if command == 1 => {
                self.state = State::Done;
                Step::Connect(host, u16::from_be_bytes([high, low]))
            }
            _ => self.refuse(4, 91),
        }
    }

    fn refuse(&mut self, version: u8, code: u8) -> Step {
        self.state = State::Done;
        Step::Refuse(answer(version, code))
    }

    /// The answer to the request.
    pub(super) fn reply(&self, outcome: Outcome) -> Vec<u8> {
        let code = match (self.version, outcome) {
            (4, Outcome::Connected) => 90,
            (4, _) => 91,
            (_, Outcome::Connected) => 0,
            (_, Outcome::Failed) => 1,
            (_, Outcome::NotAllowed) => 2,
            (_, Outcome::Unreachable) => 4,
            (_, Outcome::Refused) => 5,
        };
        answer(self.version, code)
    }
}

/// Where we connect from is nobody's business.
fn answer(version: u8, code: u8) -> Vec<u8> {
    match version {
        4 => vec![0, code, 0, 0, 0, 0, 0, 0],
        _ => vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0],
    }
}
