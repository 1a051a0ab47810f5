//! TLS that begins in mid-stream, with mail and file servers of the distribution, and their clients.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use torsade::endpoints::ClientEndpoint;
use torsade::tls::{ClientTls, ServerTls, StartTls, TlsInfo};
use torsade::{
    Address, Deferred, Failure, HostnameClient, Protocol, Reactor, Resolver, Result, Transport,
};

use crate::support::daemon::{self, Daemon, Files};
use crate::support::peer::{find, run};
use crate::support::program::example;
use crate::support::serving::Serving;

#[path = "../../examples/certcheck/starttls.rs"]
#[expect(dead_code, reason = "the example uses more of it")]
mod dialogue;

use dialogue::{Dialogue, Step};

/// Begins TLS, says something, and gives the answer.
struct Upgrades {
    dialogue: Dialogue,
    tls: ClientTls,
    question: &'static str,
    answer: Vec<u8>,
    is_encrypted: Rc<RefCell<bool>>,
    done: Option<Resolver<String>>,
}

impl Protocol for Upgrades {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        if *self.is_encrypted.borrow() {
            self.answer.extend_from_slice(data);
            if self.answer.ends_with(b"\r\n")
                && let Some(done) = self.done.take()
            {
                done.callback(String::from_utf8_lossy(&self.answer).into_owned());
                transport.lose_connection();
            }
            return Ok(());
        }
        match self.dialogue.receive(data) {
            Step::Wait => {}
            Step::Send(bytes) => transport.write(bytes),
            Step::Refused(why) => panic!("{why}"),
            Step::Start => {
                let (handle, question) = (transport.clone(), self.question);
                let is_encrypted = Rc::clone(&self.is_encrypted);
                let started = transport.start_tls(&self.tls, "localhost")?;
                // A handshake that fails ends the connection with its error.
                drop(started.map(move |()| {
                    assert!(handle.negotiated::<TlsInfo>().is_some());
                    *is_encrypted.borrow_mut() = true;
                    handle.write(question.as_bytes());
                }));
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Some(done) = self.done.take() {
            done.errback(std::io::Error::other(format!("{reason:#}")));
        }
    }
}

/// What a server answers to `question` over TLS.
fn ask(server: &Daemon, protocol: &str, question: &'static str) -> String {
    let reactor = Reactor::new().unwrap();
    let tls = ClientTls::builder().trust(server.trust()).build().unwrap();
    let protocol = dialogue::Protocol::parse(protocol).unwrap();
    let (resolver, answer) = Deferred::new();
    let mut resolver = Some(resolver);
    let client = HostnameClient::new(&reactor, "127.0.0.1", server.address().port());
    let connected = client.connect(move |_: &Address| Upgrades {
        dialogue: Dialogue::new(protocol),
        tls: tls.clone(),
        question,
        answer: Vec::new(),
        is_encrypted: Rc::default(),
        done: resolver.take(),
    });
    let answer = connected.add_callback(move |_| answer);
    let limit = Duration::from_secs(30);
    reactor
        .run_until(answer.add_timeout(&reactor, limit))
        .unwrap()
}

/// `certcheck` on that server.
fn check(server: &Daemon, protocol: &str) {
    let target = format!("{protocol}:localhost:{}", server.address().port());
    let ca = server.files().path("ca.pem");
    let told = run(
        example("certcheck").args(["--cacert", daemon::text(&ca), &target]),
        b"",
    );
    assert!(told.expect_success().text().contains(" ok\n"));
}

#[test]
fn postfix_goes_on_over_tls() {
    let Some(server) = daemon::postfix() else {
        return;
    };
    check(&server, "smtp");
    let answer = ask(&server, "smtp", "EHLO test.invalid\r\n");
    // It demanded STARTTLS before, and offers it no more.
    assert!(
        answer.contains("250") && !answer.contains("STARTTLS"),
        "{answer}"
    );
}

#[test]
fn dovecot_goes_on_over_tls() {
    let Some(server) = daemon::dovecot("imap") else {
        return;
    };
    check(&server, "imap");
    let answer = ask(&server, "imap", "b LOGIN somebody secret\r\n");
    assert!(answer.contains("b OK"), "{answer}");
    let Some(server) = daemon::dovecot("pop3") else {
        return;
    };
    check(&server, "pop3");
}

#[test]
fn vsftpd_begins_tls() {
    let Some(server) = daemon::vsftpd() else {
        return;
    };
    check(&server, "ftp");
    let answer = ask(&server, "ftp", "PBSZ 0\r\n");
    assert!(answer.starts_with("200"), "{answer}");
}

/// As much of an SMTP server as takes mail, after STARTTLS only.
struct Mail {
    tls: ServerTls,
    lines: Vec<u8>,
    is_encrypted: Rc<RefCell<bool>>,
    in_message: bool,
    heard: mpsc::Sender<String>,
}

impl Mail {
    fn hear(&mut self, transport: &Transport, line: &str) -> Result<()> {
        if self.in_message {
            if line == "." {
                self.in_message = false;
                transport.write(b"250 thanks\r\n");
            }
            return Ok(());
        }
        let command = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let is_encrypted = *self.is_encrypted.borrow();
        let _ = self.heard.send(format!("{command} {is_encrypted}"));
        match command.as_str() {
            "EHLO" if is_encrypted => transport.write(b"250 mail.test\r\n"),
            "EHLO" => transport.write(b"250-mail.test\r\n250 STARTTLS\r\n"),
            "STARTTLS" if self.lines.is_empty() => {
                transport.write(b"220 go\r\n");
                let is_encrypted = Rc::clone(&self.is_encrypted);
                let started = transport.start_tls_server(&self.tls)?;
                drop(
                    started
                        .map(move |()| *is_encrypted.borrow_mut() = true)
                        .add_errback(|_| Ok(())),
                );
            }
            // RFC 3207, 4.2; CVE-2011-0411.
            "STARTTLS" => {
                transport.write(b"501 nothing may follow\r\n");
                transport.lose_connection();
            }
            "QUIT" => {
                transport.write(b"221 bye\r\n");
                transport.lose_connection();
            }
            "DATA" => {
                self.in_message = true;
                transport.write(b"354 go on\r\n");
            }
            _ if is_encrypted => transport.write(b"250 ok\r\n"),
            _ => transport.write(b"530 STARTTLS first\r\n"),
        }
        Ok(())
    }
}

impl Protocol for Mail {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"220 mail.test\r\n");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.lines.extend_from_slice(data);
        while let Some(end) = self.lines.windows(2).position(|end| end == b"\r\n") {
            let line: Vec<u8> = self.lines.drain(..end + 2).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            self.hear(transport, &line)?;
        }
        Ok(())
    }
}

/// Our server, its files, and the commands it hears, each with whether it was encrypted.
fn mail_server() -> (Serving, Files, mpsc::Receiver<String>) {
    let files = Files::new();
    let (certificate, key) = (files.path("server.pem"), files.path("server.key"));
    let (heard, commands) = mpsc::channel();
    let serving = Serving::start(move |server| {
        let tls = ServerTls::builder()
            .certificate_files(certificate, key)
            .build()?;
        server.listen(move |_: &Address| Mail {
            tls: tls.clone(),
            lines: Vec::new(),
            is_encrypted: Rc::default(),
            in_message: false,
            heard: heard.clone(),
        })
    });
    (serving, files, commands)
}

#[test]
fn swaks_delivers_mail_to_us_over_tls() {
    let Some(swaks) = find("swaks") else { return };
    let (serving, files, commands) = mail_server();
    let mut command = Command::new(swaks);
    command
        .args([
            "--server",
            &serving.address().to_string(),
            "--tls",
            "--tls-verify",
        ])
        .arg("--tls-ca-path")
        .arg(files.path("ca.pem"))
        .args(["--from", "a@localhost", "--to", "b@localhost"]);
    let told = run(&mut command, b"").expect_success();
    assert!(told.text().contains("250 thanks"), "{}", told.text());
    let heard: Vec<String> = commands.try_iter().collect();
    let expected = [
        "EHLO false",
        "STARTTLS false",
        "EHLO true",
        "MAIL true",
        "RCPT true",
        "DATA true",
        "QUIT true",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn openssls_client_upgrades_with_us() {
    let Some(openssl) = find("openssl") else {
        return;
    };
    let (serving, files, commands) = mail_server();
    let mut command = Command::new(openssl);
    command
        .args([
            "s_client",
            "-starttls",
            "smtp",
            "-quiet",
            "-verify_return_error",
        ])
        .args([
            "-verify_hostname",
            "localhost",
            "-connect",
            &serving.address().to_string(),
        ])
        .arg("-CAfile")
        .arg(files.path("ca.pem"));
    let told = run(&mut command, b"NOOP\r\nQUIT\r\n").expect_success();
    assert!(told.text().contains("221 bye"), "{}", told.text());
    // R72: our farewell arrives.
    assert!(!told.stderr.contains("unexpected eof"), "{}", told.stderr);
    let heard: Vec<String> = commands.try_iter().collect();
    assert_eq!(
        heard,
        ["EHLO false", "STARTTLS false", "NOOP true", "QUIT true"]
    );
}

// R86
#[test]
fn what_follows_starttls_in_plain_is_never_taken_for_encrypted() {
    let (serving, _files, commands) = mail_server();
    for sent in [&b"STARTTLS\r\nRSET\r\n"[..], b"STARTTLS\r\n\x16RSET\r\n"] {
        let mut stream = TcpStream::connect(serving.address()).unwrap();
        stream.write_all(b"EHLO x\r\n").unwrap();
        stream.write_all(sent).unwrap();
        let mut told = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut told);
        let heard: Vec<String> = commands.try_iter().collect();
        assert!(!heard.contains(&"RSET true".to_owned()), "{heard:?}");
    }
}
