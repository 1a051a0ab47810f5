//! What is said before TLS, until it may begin: sans-io.

/// A protocol in which TLS begins in mid-stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Smtp,
    Imap,
    Pop3,
    Ftp,
    Ldap,
    Postgres,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, before more comes.
    Wait,
    Send(&'static [u8]),
    /// TLS begins.
    Start,
    /// The server does not want to.
    Refused(String),
}

/// Begins TLS over LDAP: the extended request 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14).
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// PostgreSQL's SSLRequest: its length, and a version that there never was.
const POSTGRES_REQUEST: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

/// More than any greeting has.
const MOST: usize = 64 * 1024;

impl Protocol {
    const ALL: [(Self, &str, u16); 6] = [
        (Self::Smtp, "smtp", 25),
        (Self::Imap, "imap", 143),
        (Self::Pop3, "pop3", 110),
        (Self::Ftp, "ftp", 21),
        (Self::Ldap, "ldap", 389),
        (Self::Postgres, "postgres", 5432),
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == name);
        found.map(|(protocol, _, _)| *protocol)
    }

    pub(crate) fn name(self) -> &'static str {
        self.entry().1
    }

    pub(crate) fn port(self) -> u16 {
        self.entry().2
    }

    fn entry(self) -> &'static (Self, &'static str, u16) {
        let mut all = Self::ALL.iter();
        all.find(|(protocol, _, _)| *protocol == self)
            .expect("all are listed")
    }
}

/// One conversation.
pub(crate) struct Dialogue {
    protocol: Protocol,
    received: Vec<u8>,
    /// How often something was sent.
    sent: usize,
    /// The server has said that it can.
    is_offered: bool,
}

impl Dialogue {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            received: Vec::new(),
            sent: 0,
            is_offered: false,
        }
    }

    /// What to say before the server says anything.
    pub(crate) fn begin(&mut self) -> Step {
        match self.protocol {
            Protocol::Ldap => self.send(LDAP_REQUEST),
            Protocol::Postgres => self.send(POSTGRES_REQUEST),
            _ => Step::Wait,
        }
    }

    pub(crate) fn receive(&mut self, data: &[u8]) -> Step {
        self.received.extend_from_slice(data);
        let step = match self.protocol {
            Protocol::Ldap => self.ldap(),
            Protocol::Postgres => self.postgres(),
            _ => self.lines(),
        };
        match step {
            // What came behind it was not encrypted, but would be taken for it (CVE-2011-0411).
            Step::Start if !self.received.is_empty() => {
                Step::Refused("it went on in plain text after it agreed to TLS".to_owned())
            }
            Step::Wait if self.received.len() > MOST => {
                Step::Refused("it talks without end".to_owned())
            }
            step => step,
        }
    }

    fn send(&mut self, bytes: &'static [u8]) -> Step {
        self.sent += 1;
        Step::Send(bytes)
    }

    fn lines(&mut self) -> Step {
        while let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let step = match self.protocol {
                Protocol::Smtp => self.smtp(&line),
                Protocol::Imap => self.imap(&line),
                Protocol::Pop3 => self.pop3(&line),
                _ => self.ftp(&line),
            };
            if step != Step::Wait {
                return step;
            }
        }
        Step::Wait
    }

    /// RFC 3207.
    fn smtp(&mut self, line: &str) -> Step {
        self.is_offered |= line
            .get(4..)
            .is_some_and(|word| word.eq_ignore_ascii_case("STARTTLS"));
        match (self.sent, line.get(..4).unwrap_or(line)) {
            (_, "220-" | "250-") => Step::Wait,
            (0, "220" | "220 ") => self.send(b"EHLO certcheck.invalid\r\n"),
            (1, "250" | "250 ") if self.is_offered => self.send(b"STARTTLS\r\n"),
            (1, "250" | "250 ") => Step::Refused("it does not offer STARTTLS".to_owned()),
            (2, "220" | "220 ") => Step::Start,
            _ => Step::Refused(line.to_owned()),
        }
    }

    /// RFC 3501, 6.2.1.
    fn imap(&mut self, line: &str) -> Step {
        match (self.sent, line) {
            (0, greeting) if greeting.starts_with("* OK") => self.send(b"a STARTTLS\r\n"),
            (1, untagged) if untagged.starts_with("* ") => Step::Wait,
            (1, done) if done.starts_with("a OK") => Step::Start,
            _ => Step::Refused(line.to_owned()),
        }
    }

    /// RFC 2595, 4.
    fn pop3(&mut self, line: &str) -> Step {
        match (self.sent, line.starts_with("+OK")) {
            (0, true) => self.send(b"STLS\r\n"),
            (1, true) => Step::Start,
            _ => Step::Refused(line.to_owned()),
        }
    }

    /// RFC 4217, 4.
    fn ftp(&mut self, line: &str) -> Step {
        let is_final = line.as_bytes().get(3) != Some(&b'-')
            && line.bytes().take(3).all(|byte| byte.is_ascii_digit());
        match (self.sent, line.get(..3)) {
            _ if !is_final => Step::Wait,
            (0, Some("220")) => self.send(b"AUTH TLS\r\n"),
            (1, Some("234")) => Step::Start,
            _ => Step::Refused(line.to_owned()),
        }
    }

    /// A message is a SEQUENCE; the result is the first ENUMERATED in it (RFC 4511, 4.1.9).
    fn ldap(&mut self) -> Step {
        let (length, header) = match *self.received.as_slice() {
            [0x30, length @ 0..=0x7f, ..] => (usize::from(length), 2),
            [0x30, 0x81, length, ..] => (usize::from(length), 3),
            [0x30, 0x82, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 4),
            [0x30, 0x84, 0, 0, high, low, ..] => (usize::from(u16::from_be_bytes([high, low])), 6),
            [] | [0x30] | [0x30, 0x81 | 0x82 | 0x84, ..] if self.received.len() < 6 => {
                return Step::Wait;
            }
            _ => return Step::Refused("it does not speak LDAP".to_owned()),
        };
        if self.received.len() < header + length {
            return Step::Wait;
        }
        let message: Vec<u8> = self.received.drain(..header + length).collect();
        match message.windows(3).find(|bytes| bytes[..2] == [0x0a, 1]) {
            Some([.., 0]) => Step::Start,
            Some([.., code]) => Step::Refused(format!("it answers with the LDAP result {code}")),
            _ => Step::Refused("it does not speak LDAP".to_owned()),
        }
    }

    /// One byte: `S` or `N`.
    fn postgres(&mut self) -> Step {
        if self.received.is_empty() {
            return Step::Wait;
        }
        match self.received.remove(0) {
            b'S' => Step::Start,
            b'N' => Step::Refused("it does not offer TLS".to_owned()),
            _ => Step::Refused("it does not speak PostgreSQL's protocol".to_owned()),
        }
    }
}
