//! The examples as a stranger runs them: what they print, where, and what they exit with.

#[path = "interop/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};

use support::peer::{self, Finished, Peer, run};
use support::pki::Pki;
use support::program::{Server, example};

fn fetch(arguments: &[&str]) -> Finished {
    run(example("fetch").args(arguments), b"")
}

/// A server that takes one request and answers it with what was given.
struct Canned {
    address: SocketAddr,
    request: JoinHandle<String>,
}

impl Canned {
    fn new(reply: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let reply = reply.to_owned();
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&stream);
            stream.write_all(reply.as_bytes()).unwrap();
            request
        });
        Self { address, request }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn request(self) -> String {
        self.request.join().unwrap()
    }
}

/// A request: its head, and the body that its length tells of.
fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let start = request.len();
        reader.read_line(&mut request).unwrap();
        let line = &request[start..];
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.len() <= 2 {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request + &String::from_utf8(body).unwrap()
}

/// Fetches from a server that answers with `reply`; gives what that server got, too.
fn fetch_canned(arguments: &[&str], reply: &str) -> (Finished, String) {
    let server = Canned::new(reply);
    let url = server.url();
    let mut all = arguments.to_vec();
    all.push(&url);
    let finished = fetch(&all);
    (finished, server.request())
}

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: b\r\n\r\nhello\n";

/// One line on standard error that names all of `words`, and nothing on standard output.
#[track_caller]
fn assert_complains(finished: &Finished, code: i32, words: &[&str]) {
    let stderr = &finished.stderr;
    assert_eq!(finished.status.code(), Some(code), "{stderr}");
    assert_eq!(finished.text(), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
}

/// An address at which nobody listens.
fn dead_address() -> SocketAddr {
    peer::free_address()
}

#[test]
fn fetch_without_arguments_serves_itself_and_shows_what_tls_agreed_on() {
    let finished = fetch(&[]).expect_success();
    let text = finished.text();
    for word in ["200", "TLS", "1.3", "localhost", "days", "https://"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[test]
fn fetch_writes_the_body_to_standard_output_and_nothing_else() {
    let (finished, request) = fetch_canned(&[], HELLO);
    assert_eq!(finished.text(), "hello\n");
    assert_eq!(finished.stderr, "");
    assert_eq!(finished.status.code(), Some(0));
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
}

#[test]
fn fetch_shows_the_head_where_it_is_asked_to() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: b\r\n\r\n";
    let (finished, _) = fetch_canned(&["-i"], HELLO);
    assert_eq!(finished.text(), format!("{head}hello\n"));

    let (finished, request) = fetch_canned(&["-I"], head);
    assert_eq!(finished.text(), head);
    assert!(request.starts_with("HEAD / "), "{request}");

    let (finished, _) = fetch_canned(&["-v"], HELLO);
    assert_eq!(finished.text(), "hello\n");
    for word in ["127.0.0.1", "200 OK", "X-A: b"] {
        assert!(finished.stderr.contains(word), "{}", finished.stderr);
    }
}

#[test]
fn fetch_sends_what_it_is_told_to() {
    let (_, request) = fetch_canned(&["-d", "a=b", "-H", "X-Color: red"], HELLO);
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nX-Color: red\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\na=b"), "{request}");

    let (_, request) = fetch_canned(&["-X", "DELETE"], HELLO);
    assert!(request.starts_with("DELETE / "), "{request}");
}

#[test]
fn fetch_sends_a_file_and_writes_one() {
    let dir = peer::temp_dir();
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::write(&input, "from a file").unwrap();
    let data = format!("@{}", input.display());
    let arguments = ["-d", &data, "-o", output.to_str().unwrap()];
    let (finished, request) = fetch_canned(&arguments, HELLO);
    assert!(request.ends_with("\r\n\r\nfrom a file"), "{request}");
    assert_eq!(finished.text(), "");
    assert_eq!(finished.stderr, "", "no progress bar outside a terminal");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "hello\n");
}

#[test]
fn fetch_sends_a_file_as_it_is_read_and_what_comes_on_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "content").unwrap();
    let (_, request) = fetch_canned(&["-T", file.to_str().unwrap()], HELLO);
    assert!(request.starts_with("PUT / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nContent-Length: 7\r\n") && request.ends_with("content"));

    let server = Canned::new(HELLO);
    let finished = run(example("fetch").args(["-T", "-", &server.url()]), b"piped");
    finished.expect_success();
    let request = server.request();
    assert!(
        request.contains("\r\nTransfer-Encoding: chunked\r\n"),
        "{request}"
    );

    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let finished = fetch(&["-T", missing, "http://127.0.0.1:1/"]);
    assert_complains(&finished, 1, &[missing]);
}

#[test]
fn fetch_writes_several_bodies_in_their_order_and_goes_on_after_one_that_failed() {
    let reply = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}\n");
    let (first, last) = (Canned::new(&reply("1")), Canned::new(&reply("2")));
    let dead = format!("http://{}/", dead_address());
    let finished = fetch(&[&first.url(), &dead, &last.url()]);
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.text(), "1\n2\n");
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("refused"), "{}", finished.stderr);
}

#[test]
fn fetch_asks_side_by_side_and_writes_each_body_to_its_file() {
    let dir = peer::temp_dir();
    let names = ["a", "b"].map(|name| dir.path().join(name));
    let paths = names.each_ref().map(|path| path.to_str().unwrap());
    // Neither is answered before both have been asked.
    let asked = Arc::new(Barrier::new(2));
    let servers = ["first", "second"].map(|body| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::clone(&asked);
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&stream);
            asked.wait();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).unwrap();
        });
        format!("http://{address}/")
    });
    let arguments = [
        "-Z",
        &servers[0],
        "-o",
        paths[0],
        &servers[1],
        "-o",
        paths[1],
    ];
    let finished = fetch(&arguments).expect_success();
    assert_eq!(finished.text(), "");
    let bodies = names.map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(bodies, ["first", "second"]);
}

#[test]
fn fetch_goes_on_where_an_earlier_one_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let path = file.to_str().unwrap();
    let head = "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: 10\r\n\r\n";
    let first = Canned::new(&format!("{head}0123"));
    let second = Canned::new(
        "HTTP/1.1 206 Rest\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
    );
    let (url, other) = (first.url(), second.url());
    let finished = fetch(&["-C", "-", "-o", path, &url]);
    assert_complains(&finished, 1, &["4 of 10 bytes"]);
    assert!(!file.exists());
    // A part is of one URL; this is the same server, elsewhere.
    let note = folder.path().join("file.part.from");
    let text = std::fs::read_to_string(&note)
        .unwrap()
        .replace(&url, &other);
    std::fs::write(&note, text).unwrap();
    fetch(&["-C", "-", "-o", path, &other]).expect_success();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "0123456789");
    let request = second.request();
    assert!(request.contains("Range: bytes=4-\r\n"), "{request}");
}

#[test]
fn fetch_tells_afterwards_what_it_is_asked_to() {
    let format = "|%{http_code} %{size_download} %{exitcode}%%\\n%{url_effective}";
    let (finished, request) = fetch_canned(&["-w", format, "-r", "0-5"], HELLO);
    let finished = finished.expect_success();
    let text = String::from_utf8(finished.stdout).unwrap();
    let (_, told) = text.split_once('|').unwrap();
    assert!(told.starts_with("200 6 0%\nhttp://127.0.0.1:"), "{told}");
    assert!(request.contains("Range: bytes=0-5\r\n"), "{request}");
}

#[test]
fn fetch_tries_again_if_told_to() {
    let late = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for reply in [late, HELLO] {
            let reply = reply.replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&stream);
            stream.write_all(reply.as_bytes()).unwrap();
        }
    });
    let finished = fetch(&["--retry", "2", "-f", &url]).expect_success();
    assert_eq!(finished.text(), "hello\n");
}

#[test]
fn fetch_exits_with_22_for_a_refusal_if_it_must_succeed() {
    let refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n";
    let (finished, _) = fetch_canned(&[], refusal);
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(finished.text(), "no\n");
    let (finished, _) = fetch_canned(&["--fail"], refusal);
    assert_eq!(finished.status.code(), Some(22));
    assert!(finished.stderr.contains("404"), "{}", finished.stderr);
}

#[test]
fn fetch_says_in_one_line_what_went_wrong_with_whom() {
    let dead = dead_address();
    let finished = fetch(&[&format!("http://{dead}/")]);
    assert_complains(&finished, 1, &[&dead.to_string(), "refused"]);

    let (finished, _) = fetch_canned(&[], "SSH-2.0-OpenSSH_9.6\r\n");
    assert_complains(&finished, 1, &["127.0.0.1:", "SSH"]);

    let finished = fetch(&["http://no-such-name.invalid/"]);
    assert_complains(&finished, 1, &["no-such-name.invalid"]);

    let (finished, _) = fetch_canned(&["-o", "/nowhere/at/all"], HELLO);
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.contains("/nowhere/at/all"),
        "{}",
        finished.stderr
    );
}

#[test]
fn fetch_keeps_what_came_of_a_body_that_broke_off() {
    let (finished, _) = fetch_canned(&[], "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhello\n");
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.text(), "hello\n");
    assert!(finished.stderr.contains("6 of 60"), "{}", finished.stderr);
}

#[test]
fn fetch_tells_http_and_https_apart() {
    // A plain server for https, and the other way round.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    let finished = fetch(&[&format!("https://{address}/")]);
    assert_complains(&finished, 1, &[&address.to_string(), "try http:// instead"]);
    answering.join().unwrap();

    let dir = peer::temp_dir();
    let identity = Pki::new(dir.path()).server();
    let arguments = [
        "--tls".as_ref(),
        identity.certificate.as_os_str(),
        identity.key.as_os_str(),
    ];
    let server = Server::start("echo_server", &arguments);
    let finished = fetch(&[&format!("http://{}/", server.address)]);
    assert_complains(
        &finished,
        1,
        &[&server.address.to_string(), "try https:// instead"],
    );
}

#[test]
fn fetch_names_the_file_and_the_line_of_a_certificate_that_is_none() {
    let dir = peer::temp_dir();
    let url = "https://localhost:1/";
    let missing = dir.path().join("missing.pem");
    let missing = missing.to_str().unwrap();
    assert_complains(&fetch(&["--cacert", missing, url]), 1, &[missing]);

    let broken = dir.path().join("broken.pem");
    let text = "-----BEGIN CERTIFICATE-----\nMIIB\n!!!!\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, text).unwrap();
    let broken = broken.to_str().unwrap();
    let finished = fetch(&["--cacert", broken, url]);
    assert_complains(&finished, 1, &[broken, "line"]);
}

#[test]
fn fetch_gives_up_when_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Connections are taken by the system, and nobody answers.
    let finished = fetch(&["--max-time", "0.2", &format!("http://{address}/")]);
    assert_complains(&finished, 1, &[&address.to_string(), "timed out"]);
}

/// Runs `fetch` with its standard output closed, as `fetch | true` has it.
fn fetch_without_a_reader(arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = example("fetch");
    let command = command.args(arguments).stdout(writer);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let finished = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(finished.stderr).unwrap();
    (finished.status.code(), stderr)
}

#[test]
fn fetch_says_that_nobody_reads_and_does_not_panic() {
    let server = Canned::new(HELLO);
    for arguments in [vec![], vec![server.url()], vec!["--help".to_owned()]] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, stderr) = fetch_without_a_reader(&arguments);
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        if arguments != ["--help"] {
            assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
            assert!(stderr.contains("Broken pipe"), "{stderr}");
        }
    }
}

#[test]
fn wrong_arguments_are_told_with_the_usage_and_exit_with_2() {
    for arguments in [
        ["--no-such-option", "http://localhost/"],
        ["-H", "X-A: b"],
        ["--max-time", "soon"],
        ["--write-out", "%{no_such_variable}"],
        ["--continue-at", "100"],
        ["--continue-at=-", "http://localhost/"],
        ["--range", "9-1"],
        ["--upload-file=x", "--data=y"],
    ] {
        let finished = fetch(&arguments);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}");
        assert_eq!(finished.text(), "");
        assert!(!finished.stderr.is_empty());
    }
    for name in [
        "echo_server",
        "echo_client",
        "endpoints",
        "many_reactors",
        "chat",
        "service",
        "http2",
        "websocket",
        "redis",
        "send_mail",
        "metrics",
        "ported",
        // Those of the gallery that take arguments at all.
        "portforward",
        "sendfd",
        "recvfd",
        "getpage",
        "dlpage",
        "httpclient",
    ] {
        let finished = run(&mut example(name), b"");
        assert_eq!(finished.status.code(), Some(2), "{name}");
        assert!(finished.stderr.contains("usage: "), "{}", finished.stderr);
    }
}

#[test]
fn a_server_whose_port_is_taken_says_which() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["echo_server", "many_reactors", "chat"] {
        let finished = run(example(name).arg(&address), b"");
        assert_complains(&finished, 1, &[&address, "in use"]);
    }
}

#[test]
fn the_echo_client_says_who_does_not_answer() {
    let dead = dead_address();
    let finished = run(
        example("echo_client").args([&dead.to_string(), "hello"]),
        b"",
    );
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.contains(&dead.to_string()),
        "{}",
        finished.stderr
    );
}

#[test]
fn servers_end_with_0_when_they_are_told_to() {
    for signal in ["TERM", "INT"] {
        for name in ["echo_server", "many_reactors", "chat", "metrics"] {
            let mut server = Server::start(name, &[]);
            let mut client = TcpStream::connect(server.address).unwrap();
            client.set_read_timeout(Some(peer::PATIENCE)).unwrap();
            server.peer.signal(signal);
            assert_eq!(server.peer.ends().code(), Some(0), "{name} {signal}");
            // The client is not left hanging: it sees an end, or a reset.
            let _ = client.read_to_end(&mut Vec::new());
        }
    }
}

#[test]
fn metrics_answers_one_request_and_tells_on_a_signal_what_is_pending() {
    let mut server = Server::start("metrics", &[]);
    let mut client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(peer::PATIENCE)).unwrap();
    client
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    client.read_to_string(&mut page).unwrap();
    assert!(page.contains("\ntorsade_listening_ports 2\n"), "{page}");
    server.peer.signal("USR1");
    let listens = format!("a listening port on {}", server.address);
    server.peer.logs(&listens);
}

#[test]
fn many_reactors_share_a_port_and_count_together() {
    let dir = peer::temp_dir();
    let mut command = example("many_reactors");
    let mut server = Peer::spawn(
        "many_reactors",
        command.args(["127.0.0.1:0", "3"]),
        dir.path(),
    );
    let address = server.announces("listening on ");
    for _ in 0..30 {
        let finished = run(example("echo_client").args([&address, "hello"]), b"");
        assert_eq!(finished.expect_success().text(), "hello\n");
    }
    server.signal("TERM");
    assert_eq!(server.ends().code(), Some(0));
    let said = server.stdout();
    assert!(said.contains("3 reactors echoed 180 bytes"), "{said}");
}

/// A client of the chat server.
struct Person {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Person {
    fn join(server: &Server, name: &str) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(peer::PATIENCE)).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap());
        let mut person = Self { stream, lines };
        person.hears("What is your name?");
        person.says(name);
        person
    }

    fn says(&mut self, line: &str) {
        writeln!(self.stream, "{line}").unwrap();
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), expected);
    }
}

#[test]
fn people_in_the_chat_hear_each_other() {
    let server = Server::start("chat", &[]);
    let mut ann = Person::join(&server, "ann");
    ann.hears("* here are:");
    let mut bob = Person::join(&server, "bob");
    bob.hears("* here are: ann");
    ann.hears("* bob is here");
    bob.says("hello");
    ann.hears("<bob> hello");
    let mut second = Person::join(&server, "ann");
    second.hears("That name is taken. What is yours?");
    ann.says("hello to you");
    bob.hears("<ann> hello to you");
    drop(bob);
    ann.hears("* bob has left");
}

#[test]
fn fetch_believes_anybody_only_when_told_and_says_so() {
    let authority = torsade::tls::generate::Authority::new("Unknown CA");
    let certificate = authority.issue(["localhost"]);
    let serving = support::serving::Serving::start(move |server| {
        let tls = torsade::tls::ServerTls::builder()
            .certificate(certificate)
            .build()?;
        torsade::tls::wrap_server_tls(server, &tls).listen(|_: &torsade::Address| Page)
    });
    let url = format!("https://localhost:{}/", serving.port());
    let refused = fetch(&[&url]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("add its root to the trust"),
        "{}",
        refused.stderr
    );
    let believed = fetch(&["-k", &url]).expect_success();
    assert_eq!(believed.text(), "hi");
    assert!(
        believed.stderr.contains("whoever answers is believed"),
        "{}",
        believed.stderr
    );
}

/// Says `hi` to everybody.
struct Page;

impl torsade::Protocol for Page {
    fn data_received(&mut self, transport: &torsade::Transport, _: &[u8]) -> torsade::Result<()> {
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        Ok(())
    }
}

#[test]
fn fetch_explains_options_that_do_not_go_together() {
    for (arguments, words) in [
        (&["-u", "name", "http://localhost/"][..], "password"),
        (&["-F", "name", "http://localhost/"], "="),
        (&["-d", "x", "-F", "a=b", "http://localhost/"], "only one"),
        (&["-x", "ftp://proxy", "http://localhost/"], "proxy"),
        (&["-o", "a", "-o", "b", "http://localhost/"], "more"),
        (&["-Z", "-o", "a", "localhost", "localhost"], "parallel"),
        (&["--retry", "often", "localhost"], "often"),
    ] {
        let told = fetch(arguments);
        assert_eq!(told.status.code(), Some(2), "{arguments:?}");
        assert!(told.stderr.contains(words), "{}", told.stderr);
    }
}
