//! The client against web servers in Python: uvicorn, and Twisted's own.

use std::process::Command;

use torsade::http::{Method, PartialBody, Request, RequestError, Response, Stage, StatusCode};

use crate::support::client::Client;
use crate::support::daemon::text;
use crate::support::peer::{pattern, run, temp_dir};
use crate::support::program::example;
use crate::support::python::{Over, PythonServer};
use crate::support::upload::Upload;

const BOTH: [Over; 2] = [Over::Tcp, Over::Tls];

/// The length, the digest and the framing that `/digest` of the uvicorn peer should tell.
fn told(bytes: &[u8], framing: &str) -> String {
    let summed = run(&mut Command::new("sha256sum"), bytes)
        .expect_success()
        .text();
    let digest = summed.split(' ').next().unwrap();
    format!("{} {digest} {framing}", bytes.len())
}

#[test]
fn an_upload_of_20_mb_arrives_whole_at_uvicorn_in_chunks_or_not() {
    let body = pattern(20_000_000);
    // A piece is not a record, a buffer or the like.
    let piece = &body[..77_777];
    let repeated: Vec<u8> = piece.iter().copied().cycle().take(body.len()).collect();
    for over in BOTH {
        let Some(server) = PythonServer::uvicorn(over) else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let send = |request: Request| {
            let text = client.agent.request(request).add_callback(Response::text);
            client.run(text).unwrap()
        };
        let put = || Request::new(Method::PUT, &server.url("/digest")).unwrap();
        for (is_told, framing) in [(false, "chunked"), (true, "length")] {
            let length = body.len() as u64;
            let upload = Upload::new(&client.reactor, piece.to_vec(), length, is_told);
            let answer = send(put().body_producer(upload));
            assert_eq!(answer, told(&repeated, framing), "{over:?}");
        }
        assert_eq!(send(put().body(body.clone())), told(&body, "length"));
        let idle = client.agent.pool_statistics().idle;
        assert_eq!(idle, 1, "one connection for all of it");
    }
}

#[test]
fn fetch_uploads_a_file_to_uvicorn() {
    let Some(server) = PythonServer::uvicorn(Over::Tls) else {
        return;
    };
    let body = pattern(3_000_000);
    let dir = temp_dir();
    std::fs::write(dir.path().join("file"), &body).unwrap();
    let mut fetch = example("fetch");
    fetch
        .current_dir(dir.path())
        .args(["--cacert", text(&server.pki().authority())])
        .args(["--data-binary", "@file", &server.url("/digest")]);
    let fetched = run(&mut fetch, b"").expect_success();
    assert_eq!(fetched.text(), told(&body, "length"));
}

#[test]
fn a_reply_in_many_pieces_comes_whole_and_leaves_the_connection_usable() {
    for over in BOTH {
        let Some(server) = PythonServer::uvicorn(over) else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let lines: String = (0..5000).map(|number| format!("line {number}\n")).collect();
        for _ in 0..3 {
            assert!(
                client.text(&server.url("/stream?5000")) == lines,
                "{over:?}"
            );
        }
        let statistics = client.agent.pool_statistics();
        assert_eq!((statistics.open, statistics.idle), (1, 1));
    }
}

#[test]
fn an_answer_before_the_upload_has_ended_is_given() {
    // R94
    for over in BOTH {
        let Some(server) = PythonServer::uvicorn(over) else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let upload = Upload::new(&client.reactor, pattern(50_000), 50_000_000, false);
        let request = Request::new(Method::POST, &server.url("/early")).unwrap();
        let response = client.request(request.body_producer(upload)).unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(client.run(response.text()).unwrap(), "no");
        assert_eq!(client.text(&server.url("/stream?1")), "line 0\n");
    }
}

#[test]
fn a_reply_that_breaks_off_is_an_error_with_its_stage() {
    for over in BOTH {
        let (Some(uvicorn), Some(twisted)) =
            (PythonServer::uvicorn(over), PythonServer::twisted_web(over))
        else {
            return;
        };
        for (server, begins) in [(uvicorn, "so far"), (twisted, "piece 0\n")] {
            let client = Client::new(server.pki(), None);
            let body = client.get(&server.url("/break")).unwrap().read_body();
            let failure = client.run(body).unwrap_err();
            let error = failure.find::<RequestError>().unwrap();
            assert_eq!(error.stage, Stage::ReadingBody, "{failure:#}");
            let partial = failure.find::<PartialBody>().unwrap();
            assert!(partial.bytes.starts_with(begins.as_bytes()), "{failure:#}");
        }
    }
}

#[test]
fn a_file_of_twisted_comes_whole_in_ranges_and_by_conditions() {
    for over in BOTH {
        let Some(server) = PythonServer::twisted_web(over) else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let (url, file) = (server.url("/file"), pattern(64 << 10));
        assert!(client.body(&url) == file);
        let with = |method: Method, name: &str, value: &str| {
            let request = Request::new(method, &url).unwrap();
            client
                .request(request.header(name, value).unwrap())
                .unwrap()
        };
        let body = |response: Response| client.run(response.read_body()).unwrap();

        let head = with(Method::HEAD, "Accept", "*/*");
        assert_eq!(head.headers()["content-length"], "65536");
        let modified = head.headers()["last-modified"].to_str().unwrap().to_owned();
        assert_eq!(body(head), "");
        for (range, part) in [
            ("bytes=100-199", 100..200),
            ("bytes=65000-", 65000..65536),
            ("bytes=-36", 65500..65536),
        ] {
            let response = with(Method::GET, "Range", range);
            assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
            let content_range = format!("bytes {}-{}/65536", part.start, part.end - 1);
            assert_eq!(response.headers()["content-range"], content_range);
            assert_eq!(body(response), file[part]);
        }
        let beyond = with(Method::GET, "Range", "bytes=70000-");
        assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        body(beyond);
        let unchanged = with(Method::GET, "If-Modified-Since", &modified);
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(body(unchanged), "");
        assert_eq!(client.agent.pool_statistics().open, 1, "one connection");
    }
}

#[test]
fn requests_to_twisted_follow_one_another_on_a_connection() {
    for over in BOTH {
        let Some(server) = PythonServer::twisted_web(over) else {
            return;
        };
        let client = Client::new(server.pki(), None);
        let port = client.text(&server.url("/from"));
        let pieces: String = (0..10).map(|number| format!("piece {number}\n")).collect();
        assert_eq!(client.text(&server.url("/slowly")), pieces);
        let sent = pattern(300_000);
        let echo = Request::new(Method::POST, &server.url("/echo")).unwrap();
        let upload = Upload::new(&client.reactor, sent.clone(), 300_000, false);
        let echoed = client.agent.request(echo.body_producer(upload));
        let echoed = client.run(echoed.add_callback(Response::read_body));
        assert!(echoed.unwrap() == sent);
        for _ in 0..100 {
            assert_eq!(client.text(&server.url("/from")), port, "{over:?}");
        }
    }
}
