//! The conversation, until a message is delivered: sans-io.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::mail::Mail;
use super::reply::{Replies, Reply, SmtpError};

/// Whether TLS begins before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartTls {
    /// If the server does not offer it, nothing is sent.
    Required,
    /// If the server offers it. Whoever is between can take the offer away.
    IfOffered,
    Never,
}

/// A name and a password.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// What has become of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The recipients that the server has taken it for.
    pub(crate) accepted: Vec<String>,
    /// The others, and what it said to them.
    pub(crate) refused: Vec<(String, Reply)>,
    /// What it said to the message.
    pub(crate) reply: Reply,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, before more comes.
    Wait,
    Send(Vec<u8>),
    /// TLS begins; then [`Session::encrypted`].
    StartTls,
    /// It is delivered; this is a farewell.
    Delivered(Delivery, Vec<u8>),
    Close,
}

/// What the next reply is to.
#[derive(Clone, Copy)]
enum State {
    Connecting,
    Hello,
    OldHello,
    StartTls,
    Auth,
    From,
    To(usize),
    Data,
    Message,
    Quit,
}

pub(crate) struct Session {
    mail: Mail,
    start_tls: StartTls,
    login: Option<Login>,
    /// What we call ourselves.
    name: String,
    state: State,
    replies: Replies,
    /// The lines of the greeting that tell what it can do, in capitals.
    offered: Vec<String>,
    is_encrypted: bool,
    accepted: Vec<String>,
    refused: Vec<(String, Reply)>,
}

impl Session {
    pub(crate) fn new(mail: Mail, start_tls: StartTls, login: Option<Login>) -> Self {
        Self {
            mail,
            start_tls,
            login,
            name: "localhost".to_owned(),
            state: State::Connecting,
            replies: Replies::default(),
            offered: Vec::new(),
            is_encrypted: false,
            accepted: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// What to call ourselves: a host's name, or an address in brackets.
    pub(crate) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    /// TLS has begun. What the server said before, anybody may have said (RFC 3207, 4.2).
    pub(crate) fn encrypted(&mut self) -> Step {
        self.is_encrypted = true;
        self.offered.clear();
        self.send(State::Hello, &format!("EHLO {}", self.name))
    }

    /// A line came.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<Step, SmtpError> {
        match self.replies.line(line)? {
            Some(reply) => self.reply(reply),
            None => Ok(Step::Wait),
        }
    }

    fn reply(&mut self, reply: Reply) -> Result<Step, SmtpError> {
        match (self.state, reply.code) {
            (State::Connecting, 220) => Ok(self.send(State::Hello, &format!("EHLO {}", self.name))),
            (State::Hello, 250) => {
                let lines = reply.lines.iter().skip(1);
                self.offered = lines.map(|line| line.to_ascii_uppercase()).collect();
                self.greeted()
            }
            (State::Hello, 500 | 502 | 504) => {
                Ok(self.send(State::OldHello, &format!("HELO {}", self.name)))
            }
            (State::OldHello, 250) => self.greeted(),
            (State::StartTls, 220) => Ok(Step::StartTls),
            (State::Auth, 235) => self.mail_from(),
            (State::From, 250) => self.next_recipient(0),
            (State::To(at), 250 | 251) => {
                self.accepted.push(self.mail.to()[at].clone());
                self.next_recipient(at + 1)
            }
            // It is about to close, and says so to whatever is asked.
            (State::To(at), code) if code != 421 => {
                self.refused.push((self.mail.to()[at].clone(), reply));
                self.next_recipient(at + 1)
            }
            (State::Data, 354) => {
                self.state = State::Message;
                Ok(Step::Send(self.mail.stuffed()))
            }
            (State::Message, 250) => {
                self.state = State::Quit;
                let delivery = Delivery {
                    accepted: std::mem::take(&mut self.accepted),
                    refused: std::mem::take(&mut self.refused),
                    reply,
                };
                Ok(Step::Delivered(delivery, b"QUIT\r\n".to_vec()))
            }
            (State::Quit, _) => Ok(Step::Close),
            (state, _) => Err(SmtpError::Refused {
                command: state.command(),
                reply,
            }),
        }
    }

    /// It has said what it can do.
    fn greeted(&mut self) -> Result<Step, SmtpError> {
        if !self.is_encrypted && self.start_tls != StartTls::Never {
            if self.offers("STARTTLS").is_some() {
                return Ok(self.send(State::StartTls, "STARTTLS"));
            }
            if self.start_tls == StartTls::Required {
                return Err(SmtpError::NotOffered("STARTTLS"));
            }
        }
        let Some(login) = &self.login else {
            return self.mail_from();
        };
        if !self.is_encrypted {
            return Err(SmtpError::NotEncrypted);
        }
        let mechanisms = self.offers("AUTH").unwrap_or_default();
        if !mechanisms.split(' ').any(|mechanism| mechanism == "PLAIN") {
            return Err(SmtpError::NotOffered("AUTH PLAIN"));
        }
        let Login { user, password } = login;
        if user.contains('\0') || password.contains('\0') {
            return Err(SmtpError::BadLogin);
        }
        let plain = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        Ok(self.send(State::Auth, &format!("AUTH PLAIN {plain}")))
    }

    fn mail_from(&mut self) -> Result<Step, SmtpError> {
        let mut command = format!("MAIL FROM:<{}>", self.mail.from());
        if let Some(limit) = self.offers("SIZE") {
            let length = self.mail.length();
            match limit.parse() {
                // 0 is no limit (RFC 1870, 4).
                Ok(limit) if limit > 0 && length > limit => {
                    return Err(SmtpError::TooLarge { length, limit });
                }
                _ => command += &format!(" SIZE={length}"),
            }
        }
        if !self.mail.is_ascii() {
            if self.offers("8BITMIME").is_none() {
                return Err(SmtpError::NotOffered("8BITMIME"));
            }
            command += " BODY=8BITMIME";
        }
        Ok(self.send(State::From, &command))
    }

    fn next_recipient(&mut self, at: usize) -> Result<Step, SmtpError> {
        if at < self.mail.to().len() {
            return Ok(self.recipient(at));
        }
        if self.accepted.is_empty() {
            return Err(SmtpError::NoRecipients(std::mem::take(&mut self.refused)));
        }
        Ok(self.send(State::Data, "DATA"))
    }

    fn recipient(&mut self, at: usize) -> Step {
        let command = format!("RCPT TO:<{}>", self.mail.to()[at]);
        self.send(State::To(at), &command)
    }

    /// What stands behind that word in its greeting.
    fn offers(&self, word: &str) -> Option<&str> {
        let mut lines = self.offered.iter();
        lines.find_map(|line| match line.split_once(' ') {
            Some((first, rest)) => (first == word).then_some(rest),
            None => (line == word).then_some(""),
        })
    }

    fn send(&mut self, state: State, command: &str) -> Step {
        self.state = state;
        Step::Send(format!("{command}\r\n").into_bytes())
    }
}

impl State {
    /// What is said in it, without its secrets.
    fn command(self) -> &'static str {
        match self {
            Self::Connecting => "the connection",
            Self::Hello => "EHLO",
            Self::OldHello => "HELO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::From => "MAIL",
            Self::To(_) => "RCPT",
            Self::Data => "DATA",
            Self::Message => "the message",
            Self::Quit => "QUIT",
        }
    }
}
