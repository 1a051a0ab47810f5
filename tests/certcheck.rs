//! `certcheck` as a stranger runs it, against hosts of its own kind and files.

#[path = "interop/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::peer::{self, Finished, run};
use support::program::example;
use support::serving::Serving;
use tempfile::TempDir;
use torsade::tls::generate::Authority;
use torsade::tls::{
    Certificate, PrivateCertificate, ServerTls, StartTls, TlsVersion, generate, wrap_server_tls,
};
use torsade::{Address, Protocol, Result, Transport};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Has nothing to say.
struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Speaks as much SMTP as comes before TLS, and what is not to be said after it.
struct Mail {
    tls: ServerTls,
    after_agreeing: &'static [u8],
}

impl Protocol for Mail {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"220-hello\r\n220 there\r\n");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        match data {
            b"STARTTLS\r\n" => {
                transport.write_sequence([&b"220 go\r\n"[..], self.after_agreeing]);
                drop(
                    transport
                        .start_tls_server(&self.tls)?
                        .add_errback(|_| Ok(())),
                );
            }
            _ => transport.write(b"250-mail.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
        }
        Ok(())
    }
}

/// Speaks as much LDAP as comes before TLS: whatever is asked, it agrees.
struct Directory {
    tls: ServerTls,
}

impl Protocol for Directory {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        // The extended request 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14).
        assert_eq!(
            data,
            b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
        );
        transport.write(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00");
        drop(
            transport
                .start_tls_server(&self.tls)?
                .add_errback(|_| Ok(())),
        );
        Ok(())
    }
}

/// Servers, and the authority that their certificates are from.
struct World {
    authority: Authority,
    directory: TempDir,
    servers: Vec<Serving>,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("Test CA");
        let directory = peer::temp_dir();
        let world = Self {
            authority,
            directory,
            servers: Vec::new(),
        };
        fs::write(world.ca(), world.authority.certificate().to_pem()).unwrap();
        world
    }

    fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A certificate for `localhost` with so many days left.
    fn with_days(&self, days: u32) -> PrivateCertificate {
        // An hour more, so that the tests can take their time.
        let end = SystemTime::now() + DAY * days + Duration::from_secs(3600);
        self.authority
            .issue_valid(["localhost"], end - 90 * DAY, end)
    }

    fn https(&mut self, certificate: PrivateCertificate) -> u16 {
        self.serve(Serving::start(move |server| {
            let tls = ServerTls::builder().certificate(certificate).build()?;
            wrap_server_tls(server, &tls).listen(|_: &Address| Quiet)
        }))
    }

    fn smtp(&mut self, certificate: PrivateCertificate, after_agreeing: &'static [u8]) -> u16 {
        self.serve(Serving::start(move |server| {
            let tls = ServerTls::builder()
                .certificate(certificate)
                .versions(..=TlsVersion::Tls12)
                .build()?;
            server.listen(move |_: &Address| Mail {
                tls: tls.clone(),
                after_agreeing,
            })
        }))
    }

    /// Keeps a server for as long as this, and gives its port.
    fn serve(&mut self, serving: Serving) -> u16 {
        let port = serving.port();
        self.servers.push(serving);
        port
    }

    fn check(&self, arguments: &[&str]) -> Finished {
        let mut command = example("certcheck");
        command.arg("--cacert").arg(self.ca()).args(arguments);
        run(&mut command, b"")
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

#[track_caller]
fn assert_code(finished: &Finished, code: i32) {
    let text = finished.text();
    assert_eq!(
        finished.status.code(),
        Some(code),
        "{text}{}",
        finished.stderr
    );
}

#[test]
fn what_is_well_is_a_line_in_the_table_and_nothing_for_cron() {
    let mut world = World::new();
    let certificate = world.with_days(60);
    let port = world.https(certificate.clone());
    let smtp = world.smtp(certificate, b"");
    let targets = [
        format!("localhost:{port}"),
        format!("smtp:localhost:{smtp}"),
    ];
    let targets = [targets[0].as_str(), &targets[1]];

    let table = world.check(&targets);
    assert_code(&table, 0);
    let text = table.text();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["TARGET", "NAME", "ISSUER", "DAYS", "VERDICT"]);
    for (line, target) in lines[1..].iter().zip(targets) {
        assert_eq!(*line, [target, "localhost", "Test", "CA", "60", "ok"]);
    }
    assert_eq!(lines.len(), 3);

    let quiet = world.check(&["--quiet", targets[0], targets[1]]);
    assert_code(&quiet, 0);
    assert_eq!(quiet.text(), "");
}

#[test]
fn ldap_comes_to_tls_as_well() {
    let mut world = World::new();
    let certificate = world.with_days(60);
    let port = world.serve(Serving::start(move |server| {
        let tls = ServerTls::builder().certificate(certificate).build()?;
        server.listen(move |_: &Address| Directory { tls: tls.clone() })
    }));
    assert_code(&world.check(&[&format!("ldap:localhost:{port}")]), 0);
}

#[test]
fn secrets_are_logged_where_the_environment_says() {
    let mut world = World::new();
    let certificate = world.with_days(60);
    let port = world.https(certificate);
    let log = world.directory.path().join("keys.log");
    let mut command = example("certcheck");
    command
        .env("SSLKEYLOGFILE", &log)
        .arg("--cacert")
        .arg(world.ca());
    run(command.arg(format!("localhost:{port}")), b"").expect_success();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("CLIENT_HANDSHAKE_TRAFFIC_SECRET "), "{log}");
    assert!(log.contains("SERVER_TRAFFIC_SECRET_0 "), "{log}");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do_and_exits_with_1() {
    let mut world = World::new();
    let (good, soon) = (world.with_days(60), world.with_days(29));
    let past = SystemTime::now() - DAY;
    let expired = world.authority.issue_valid(["localhost"], past - DAY, past);
    let elsewhere = world.authority.issue(["elsewhere.test"]);
    let unknown = Authority::new("Other CA").issue(["localhost"]);
    let own = generate::self_signed(["localhost"]);
    let certificates = [good, soon, expired, elsewhere, unknown, own];
    let targets = certificates.map(|certificate| format!("localhost:{}", world.https(certificate)));
    let mut arguments = vec!["--quiet"];
    arguments.extend(targets.iter().map(String::as_str));
    arguments.push("localhost:1");

    let told = world.check(&arguments);
    assert_code(&told, 1);
    let text = told.text();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        (&targets[1], "it expires in 29 days"),
        (&targets[2], "its operator has to renew it"),
        (&targets[3], "not for this name but for elsewhere.test"),
        (&targets[4], "issued by \"Other CA\""),
        (&targets[5], "SHA-256 fingerprint"),
        (&"localhost:1".to_owned(), "cannot connect"),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, (target, what)) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(&format!("{target}: ")) && line.contains(what),
            "{line}"
        );
    }
    // The limit is at the user's choice.
    assert_code(&world.check(&["-w", "28", &targets[1]]), 0);
    assert_code(&world.check(&["--name", "elsewhere.test", &targets[3]]), 0);
}

#[test]
fn programs_get_the_whole_chain() {
    let mut world = World::new();
    let below = world.authority.intermediate("Below");
    let port = world.https(below.issue(["localhost", "127.0.0.1"]));
    let told = world.check(&["--json", &format!("127.0.0.1:{port}")]);
    assert_code(&told, 0);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let finding = &told[0];
    assert_eq!(finding["ok"], true);
    assert_eq!(finding["tls_version"], "TLS 1.3");
    let chain = finding["chain"].as_array().unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(
        chain[0]["names"],
        serde_json::json!(["localhost", "127.0.0.1"])
    );
    assert_eq!(chain[0]["issuer"], "CN=Below");
    assert_eq!(chain[1]["issuer"], "CN=Test CA");
    assert_eq!(chain[0]["key"], "ECDSA 256");
    assert!(chain[0]["pin"].as_str().unwrap().starts_with("sha256/"));
    let days = |at: usize| chain[at]["days_left"].as_i64().unwrap();
    assert!((364..=365).contains(&days(0)) && days(1) > 3000);
}

#[test]
fn files_are_checked_as_a_host_would_be() {
    let world = World::new();
    let below = world.authority.intermediate("Below");
    let leaf = below.issue(["*.files.test"]);
    let whole = world.file("whole.pem", &leaf.chain_pem());
    let alone = world.file("alone.pem", &leaf.certificate().to_pem());
    let ca = world.ca().display().to_string();
    assert_code(&world.check(&[&whole, &ca]), 0);

    let missing = world
        .directory
        .path()
        .join("missing.pem")
        .display()
        .to_string();
    let junk = world.file("junk.crt", "hello\n");
    let mut reversed: Vec<String> = leaf.chain().iter().map(Certificate::to_pem).collect();
    reversed.reverse();
    let reversed = world.file("reversed.pem", &reversed.concat());
    let told = world.check(&["-q", &alone, &missing, &junk, &reversed]);
    assert_code(&told, 1);
    let text = told.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[3].contains("has to be the first"), "{text}");
    assert!(lines[0].contains("chain is incomplete"), "{text}");
    assert!(lines[1].contains("cannot be read"), "{text}");
    assert!(lines[2].contains("no PEM block"), "{text}");
}

/// A server that says its lines, each after it got one (or at once, for the first), and then hangs.
fn scripted(replies: &'static [&'static [u8]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        for (at, reply) in replies.iter().enumerate() {
            if at > 0 {
                lines.read_line(&mut String::new()).unwrap();
            }
            stream.write_all(reply).unwrap();
        }
        let _ = stream.read(&mut [0; 1]);
    });
    address
}

#[test]
fn a_server_that_does_not_come_to_tls_is_told_by_its_words() {
    let world = World::new();
    let cases: [(&str, &[&[u8]], &str); 7] = [
        ("smtp", &[b"554 no service\r\n"], "554 no service"),
        (
            "smtp",
            &[b"220 hi\r\n", b"250 mail.test\r\n"],
            "does not offer STARTTLS",
        ),
        (
            "imap",
            &[b"* OK hi\r\n", b"* 1 x\r\na BAD no\r\n"],
            "a BAD no",
        ),
        ("pop3", &[b"+OK\r\n", b"-ERR never\r\n"], "-ERR never"),
        (
            "ftp",
            &[b"220-hi\r\n there\r\n220 ready\r\n", b"502 no\r\n"],
            "502 no",
        ),
        // An ExtendedResponse with the result unwillingToPerform.
        (
            "ldap",
            &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00"],
            "LDAP result 53",
        ),
        ("postgres", &[b"N"], "does not offer TLS"),
    ];
    for (protocol, replies, words) in cases {
        let port = scripted(replies).port();
        let told = world.check(&["-q", &format!("{protocol}:127.0.0.1:{port}")]);
        assert_code(&told, 1);
        assert!(told.text().contains(words), "{}", told.text());
    }
    let silent = scripted(&[b""]).port();
    let told = world.check(&[
        "-q",
        "--timeout",
        "0.2",
        &format!("smtp:127.0.0.1:{silent}"),
    ]);
    assert_code(&told, 1);
}

// R86
#[test]
fn what_comes_in_plain_after_the_agreement_is_no_part_of_tls() {
    let mut world = World::new();
    let certificate = world.with_days(60);
    let port = world.smtp(certificate, b"250 AUTH PLAIN\r\n");
    let told = world.check(&["-q", &format!("smtp:localhost:{port}")]);
    assert_code(&told, 1);
    assert!(told.text().contains("plain"), "{}", told.text());
}

#[test]
fn wrong_arguments_are_explained() {
    let world = World::new();
    for (arguments, words) in [
        (&[][..], "no target"),
        (&["gopher:host"], "gopher"),
        (&["host:99999"], "99999"),
        (&["::1"], "brackets"),
        (&["--warn-days", "x", "host"], "x"),
        (&["--parallel", "0", "host"], "0"),
        (&["--nonsense"], "nonsense"),
    ] {
        let told = world.check(arguments);
        assert_code(&told, 2);
        assert!(
            told.stderr.contains(words) && told.stderr.contains("usage:"),
            "{}",
            told.stderr
        );
    }
    let mut command = example("certcheck");
    command.args(["--cacert", "missing.pem", "localhost:1"]);
    let told = run(&mut command, b"");
    assert_code(&told, 2);
    assert!(told.stderr.contains("missing.pem"), "{}", told.stderr);
    assert!(Path::new(&world.ca()).exists());
}
