//! The client with everything on.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use torsade_http::{
    AgentOptions, Client, FileBodyProducer, Form, HttpStatusError, InvalidRequest, RequestError,
    Response, Stage,
};

use crate::support::{Step, URL, World, answer, send};

fn client(world: &World) -> Client {
    Client::over(&world.reactor, Rc::new(world.agent.clone()))
}

/// A world that answers `ok` to a request with a body of so many bytes.
fn world(body: usize) -> World {
    World::new([vec![Step::Request, Step::Bytes(body), answer("ok")]])
}

#[test]
fn a_request_is_built_in_steps() {
    let world = world(0);
    let sent = client(&world)
        .get("http://me:p%40ss@server.test/search?a=1")
        .query(&[("q", "twisted cord"), ("é", "&=")])
        .header("X-Own", "yes")
        .send();
    let text = sent.add_callback(Response::text);
    assert_eq!(world.run(text).unwrap(), "ok");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        world.received(0),
        format!(
            "GET /search?a=1&q=twisted+cord&%C3%A9=%26%3D HTTP/1.1\r\nHost: server.test\r\n\
             Authorization: Basic bWU6cEBzcw==\r\nX-Own: yes\r\nUser-Agent: torsade/{version}\r\n\r\n"
        )
    );
}

#[test]
fn forms_are_encoded_as_browsers_do() {
    let body = "name=A+%26+B&empty=";
    let world = world(body.len());
    let sent = client(&world)
        .post(URL)
        .bearer_auth("token")
        .form(&[("name", "A & B"), ("empty", "")])
        .send();
    world.run(sent).unwrap();
    let received = world.received(0);
    assert!(received.ends_with(&format!("Content-Length: {}\r\n\r\n{body}", body.len())));
    assert!(received.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert!(received.contains("\r\nAuthorization: Bearer token\r\n"));
}

// RFC 7578
#[test]
fn forms_with_files_are_sent_in_parts() {
    let directory = std::env::temp_dir().join(format!("torsade-form-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("large.bin");
    let content = b"0123456789".repeat(30_000);
    std::fs::File::create(&file)
        .unwrap()
        .write_all(&content)
        .unwrap();

    let form = || {
        Form::new()
            .text("title", "On holiday")
            .bytes("a\"b", "c\r\nd.txt", "text/plain", "inside")
            .file("large", &file)
            .unwrap()
    };
    let world = World::new([vec![Step::Request, Step::Bytes(300_000), answer("ok")]]);
    let sent = client(&world).post(URL).multipart(form()).send();
    world.run(sent).unwrap();
    world.pass(Duration::from_secs(1));
    let received = world.seen.borrow().received[0].clone();
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let boundary = head
        .split_once("boundary=")
        .unwrap()
        .1
        .split("\r\n")
        .next()
        .unwrap();
    let content = String::from_utf8(content).unwrap();
    let expected = [
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nOn holiday\r\n"
        ),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22b\"; \
             filename=\"c%0D%0Ad.txt\"\r\nContent-Type: text/plain\r\n\r\ninside\r\n"
        ),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"large\"; \
             filename=\"large.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n"
        ),
        format!("--{boundary}--\r\n"),
    ]
    .concat();
    assert!(body == expected);
    assert!(head.contains(&format!("\r\nContent-Length: {}", expected.len())));
    assert!(Form::new().file("x", "missing.bin").is_err());
    std::fs::remove_dir_all(&directory).unwrap();
}

// C172
#[test]
fn a_file_is_sent_as_fast_as_it_is_taken_and_closed_when_nobody_wants_it() {
    let mut file = tempfile::tempfile().unwrap();
    let content: Vec<u8> = (0..1_000_000_u32)
        .map(|number| (number / 251) as u8)
        .collect();
    file.write_all(&content).unwrap();
    let from_start = || {
        use std::io::Seek;
        let mut file = file.try_clone().unwrap();
        file.rewind().unwrap();
        file
    };
    // A server that does not read for a while.
    let world = World::new([vec![
        Step::Request,
        Step::StopReading,
        Step::Sleep(Duration::from_secs(10)),
        Step::Read,
        Step::Bytes(content.len()),
        answer("ok"),
    ]]);
    let body = FileBodyProducer::new(&world.reactor, from_start()).unwrap();
    let sent = client(&world).put(URL).body_producer(body).send();
    world.run(sent).unwrap();
    let received = world.seen.borrow().received[0].clone();
    assert!(received.ends_with(&content));
    assert!(String::from_utf8_lossy(&received).contains("\r\nContent-Length: 1000000\r\n"));

    // One that answers at once: the rest is not sent.
    let early = "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let script = vec![Step::Request, Step::StopReading, send(early), Step::Fin];
    let world = World::new([script]);
    let body = FileBodyProducer::new(&world.reactor, from_start()).unwrap();
    let response = world
        .run(client(&world).put(URL).body_producer(body).send())
        .unwrap();
    assert_eq!(response.status(), 413);
    drop(response);
    world.is_clean();

    // From the middle, and to nobody.
    use std::io::Seek;
    let mut middle = from_start();
    middle.seek(std::io::SeekFrom::Start(999_990)).unwrap();
    let world = World::new([vec![Step::Request, Step::Bytes(10), answer("ok")]]);
    let body = FileBodyProducer::new(&world.reactor, middle).unwrap();
    world
        .run(client(&world).put(URL).body_producer(body).send())
        .unwrap();
    assert!(world.received(0).contains("Content-Length: 10\r\n"));
    assert!(FileBodyProducer::open(&world.reactor, "missing.bin").is_err());
}

/// Whether this process has a file open.
#[cfg(target_os = "linux")]
fn is_open(path: &std::path::Path) -> bool {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut targets = descriptors.flatten().map(|entry| entry.path().read_link());
    targets.any(|target| target.is_ok_and(|target| target == path))
}

// C172
#[cfg(target_os = "linux")]
#[test]
fn a_file_is_closed_when_it_is_sent_when_nobody_wants_it_and_when_nobody_can_have_it() {
    let large = vec![b'x'; 1_000_000];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&large).unwrap();
    let path = file.into_temp_path();
    let early = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";
    for script in [
        vec![Step::Request, Step::Bytes(large.len()), answer("ok")],
        vec![Step::Request, Step::StopReading, send(early)],
        vec![Step::Request, Step::StopReading, Step::Reset],
        vec![Step::Request, Step::StopReading, Step::HANG],
    ] {
        let world = World::new([script]);
        let body = FileBodyProducer::open(&world.reactor, &path).unwrap();
        assert!(is_open(&path));
        let sent = client(&world).put(URL).body_producer(body);
        let sent = sent.timeout(Duration::from_secs(5)).send();
        drop(world.run(sent));
        world.pass(Duration::from_secs(1));
        assert!(!is_open(&path));
    }
}

#[test]
fn the_defaults_follow_decode_and_remember() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"unpacked").unwrap();
    let packed = encoder.finish().unwrap();
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: /in\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let script = vec![
        Step::Request,
        send(redirect),
        Step::Request,
        send([head.as_bytes(), &packed].concat()),
    ];
    let world = World::new([script]);
    let client = Client::with_options(&world.reactor, AgentOptions::new());
    let response = world.run(client.get(URL).send()).unwrap();
    assert_eq!(response.url().path(), "/in");
    assert_eq!(world.run(response.text()).unwrap(), "unpacked");
    assert!(world.received(0).contains("GET /in HTTP/1.1\r\n"));
    assert!(world.received(0).contains("\r\nCookie: a=b\r\n"));
}

#[test]
fn a_status_of_failure_is_an_error_only_for_who_asks() {
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let world = World::new([vec![
        Step::Request,
        send(missing),
        Step::Request,
        send(missing),
    ]]);
    let response = world.run(client(&world).get(URL).send()).unwrap();
    assert_eq!(response.status(), 404);
    let checked = client(&world)
        .get(URL)
        .send()
        .add_callback(Response::error_for_status);
    let failure = world.run(checked).unwrap_err();
    let error = failure.check::<HttpStatusError>().unwrap();
    assert_eq!(
        error.to_string(),
        "http://server.test/ answered 404 Not Found"
    );
}

#[test]
fn what_is_wrong_with_a_request_is_told_when_it_is_sent() {
    let world = world(0);
    let client = client(&world);
    for request in [
        client.get("no url"),
        client.get("ftp://server.test/"),
        client.get(URL).header("bad name", "x"),
        client.get(URL).header("X", "a\r\nb"),
        client.get(URL).bearer_auth("a\nb"),
    ] {
        let failure = world.run(request.send()).unwrap_err();
        assert!(failure.check::<InvalidRequest>().is_some(), "{failure:#}");
    }
    assert_eq!(world.connections(), 0);
}

#[test]
fn a_time_limit_is_kept() {
    let world = World::new([vec![Step::Request, Step::HANG]]);
    let sent = client(&world)
        .get(URL)
        .timeout(Duration::from_secs(3))
        .send();
    let start = world.reactor.now();
    let failure = world.run(sent).unwrap_err();
    let error = failure.check::<RequestError>().unwrap();
    assert_eq!(error.stage, Stage::WaitingForResponse);
    assert!(error.is_timeout() && !error.is_cancelled(), "{failure:#}");
    assert_eq!((world.reactor.now() - start).as_secs(), 3);
    world.is_clean();
}

#[cfg(feature = "json")]
#[test]
fn json_goes_and_comes() {
    let text = r#"{"numbers":[1,2,3]}"#;
    let body = "{\"a\":1}";
    let world = World::new([vec![Step::Request, Step::Bytes(body.len()), answer(text)]]);
    let sent = client(&world)
        .post(URL)
        .json(&serde_json::json!({"a": 1}))
        .send();
    let value = sent.add_callback(Response::json::<serde_json::Value>);
    assert_eq!(world.run(value).unwrap()["numbers"][2], 3);
    assert!(
        world
            .received(0)
            .contains("\r\nContent-Type: application/json\r\n")
    );
    let world = World::new([vec![Step::Request, answer("{")]]);
    let value = client(&world)
        .get(URL)
        .send()
        .add_callback(Response::json::<serde_json::Value>);
    assert!(world.run(value).is_err());
}

// RFC 7616; C168
#[test]
fn digest_is_answered_on_the_way_of_a_redirect_with_cookies() {
    let challenge = "WWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n";
    let refusal =
        format!("HTTP/1.1 401 Who\r\n{challenge}Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /in\r\nContent-Length: 0\r\n\r\n";
    let world = World::new([vec![
        Step::Request,
        send(redirect),
        Step::Request,
        send(refusal),
        Step::Request,
        answer("in"),
    ]]);
    let options = AgentOptions::new();
    let client = Client::with_options(&world.reactor, options);
    let sent = client
        .get("http://ignored@server.test/")
        .digest_auth("me", "secret")
        .send()
        .add_callback(Response::text);
    assert_eq!(world.run(sent).unwrap(), "in");
    let received = world.received(0);
    let heads: Vec<&str> = received.split("\r\n\r\n").collect();
    assert!(!heads[0].contains("Authorization") && !heads[1].contains("Authorization"));
    assert!(heads[2].contains("Authorization: Digest username=\"me\", realm=\"r\", uri=\"/in\""));
    // What the refusal has set is sent along.
    assert!(heads[2].contains("Cookie: a=b"));
    // The last word counts.
    let world = self::world(0);
    let sent = self::client(&world)
        .get(URL)
        .digest_auth("me", "secret")
        .basic_auth("me", "secret")
        .send();
    world.run(sent).unwrap();
    assert!(world.received(0).contains("Authorization: Basic "));
}
