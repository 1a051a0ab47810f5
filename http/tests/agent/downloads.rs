//! Downloads that are gone on with.

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Failure, Result};
use torsade_http::{AgentOptions, Client, ContentDecoderAgent, HttpStatusError, RequestError};

use crate::support::{Step, URL, World, answer, send};

const HEAD: &str = "HTTP/1.1 200 OK\r\nETag: \"one\"\r\n";

fn client(world: &World) -> Client {
    let agent = ContentDecoderAgent::new(world.agent.clone());
    Client::over(&world.reactor, Rc::new(agent))
}

fn download(world: &World, path: &Path) -> Result<u64> {
    world.run(client(world).get(URL).download(path))
}

/// A world that sends so much of ten bytes, and breaks off.
fn broken(head: &str, sent: &str) -> World {
    let reply = format!("{head}Content-Length: 10\r\n\r\n{sent}");
    World::new([vec![Step::Request, send(reply), Step::Fin]])
}

fn partial(bytes: &str, rest: &str) -> Step {
    let length = rest.len();
    send(format!(
        "HTTP/1.1 206 Rest\r\nETag: \"one\"\r\nContent-Range: bytes {bytes}/10\r\n\
         Content-Length: {length}\r\n\r\n{rest}"
    ))
}

/// A folder in which four bytes of ten have come.
fn begun() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let world = broken(HEAD, "0123");
    let failure = download(&world, &file).unwrap_err();
    assert!(failure.find::<RequestError>().is_some(), "{failure:#}");
    assert!(!file.exists());
    world.is_clean();
    (folder, file)
}

fn is_alone(file: &Path) -> bool {
    fs::read_dir(file.parent().unwrap()).unwrap().count() == 1
}

#[test]
fn what_has_come_is_not_fetched_again() {
    let (_folder, file) = begun();
    let world = World::new([vec![Step::Request, partial("4-9", "456789")]]);
    assert_eq!(download(&world, &file).unwrap(), 6);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789");
    assert!(is_alone(&file));
    let asked = world.received(0);
    assert!(
        asked.contains("\r\nRange: bytes=4-\r\nIf-Range: \"one\"\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("\r\nAccept-Encoding: identity\r\n"),
        "{asked}"
    );
}

#[test]
fn it_may_break_off_again_and_again() {
    let (_folder, file) = begun();
    let head = "HTTP/1.1 206 Rest\r\nETag: \"one\"\r\nContent-Range: bytes 4-9/10\r\n";
    let reply = format!("{head}Content-Length: 6\r\n\r\n45");
    let world = World::new([vec![Step::Request, send(reply), Step::Fin]]);
    download(&world, &file).unwrap_err();
    let world = World::new([vec![Step::Request, partial("6-9", "6789")]]);
    assert_eq!(download(&world, &file).unwrap(), 4);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789");
}

#[test]
fn another_version_begins_anew() {
    let (_folder, file) = begun();
    let reply = "HTTP/1.1 200 OK\r\nETag: \"two\"\r\nContent-Length: 3\r\n\r\nnew";
    let world = World::new([vec![Step::Request, send(reply)]]);
    assert_eq!(download(&world, &file).unwrap(), 3);
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert!(is_alone(&file));
}

#[test]
fn a_part_that_does_not_fit_is_not_taken() {
    let other = "HTTP/1.1 206 Rest\r\nETag: \"two\"\r\nContent-Range: bytes 4-9/10\r\n\
                 Content-Length: 6\r\n\r\nXXXXXX";
    let several = "HTTP/1.1 206 Rest\r\nContent-Type: multipart/byteranges; boundary=x\r\n\
                   Content-Length: 6\r\n\r\nXXXXXX";
    let beyond = "HTTP/1.1 416 No\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\n\r\n";
    for reply in [
        partial("3-9", "XXXXXXX"),
        partial("4-8", "XXXXX"),
        send(other),
        send(several),
        send(beyond),
    ] {
        let (_folder, file) = begun();
        let world = World::new([vec![
            Step::Request,
            reply.clone(),
            Step::Request,
            answer("all"),
        ]]);
        assert_eq!(download(&world, &file).unwrap(), 3, "{reply:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "all");
        let again = world.received(0);
        assert_eq!(
            again.matches("Range:").count(),
            2,
            "the second asks for all: {again}"
        );
    }
}

// curl tests 92 and 1475
#[test]
fn a_file_that_had_come_whole_is_put_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    // The connection broke off after the last byte, so that nobody knew.
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n");
    let world = World::new([vec![Step::Request, send(chunked), Step::Fin]]);
    download(&world, &file).unwrap_err();
    let reply = "HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n";
    let world = World::new([vec![Step::Request, send(reply)]]);
    assert_eq!(download(&world, &file).unwrap(), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789");
    assert!(is_alone(&file));
}

#[test]
fn without_a_version_nothing_is_kept() {
    let weak = "HTTP/1.1 200 OK\r\nETag: W/\"one\"\r\n";
    let coded = "HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Encoding: gzip\r\n";
    let mut heads = vec!["HTTP/1.1 200 OK\r\n", weak];
    // What is decoded here has no version any more.
    if cfg!(feature = "gzip") {
        heads.push(coded);
    }
    for head in heads {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        download(&broken(head, "0123"), &file).unwrap_err();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{head}");
        let world = World::new([vec![Step::Request, answer("whole")]]);
        assert_eq!(download(&world, &file).unwrap(), 5);
        assert!(!world.received(0).contains("Range"));
    }
}

#[test]
fn the_part_of_another_url_is_of_no_use() {
    let (_folder, file) = begun();
    let world = World::new([vec![Step::Request, answer("other")]]);
    let sent = client(&world)
        .get("http://server.test/other")
        .download(&file);
    assert_eq!(world.run(sent).unwrap(), 5);
    assert!(!world.received(0).contains("Range"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "other");
}

#[test]
fn an_error_page_is_no_download() {
    let (_folder, file) = begun();
    let reply = "HTTP/1.1 404 Gone\r\nContent-Length: 5\r\n\r\nsorry";
    let world = World::new([vec![Step::Request, send(reply)]]);
    let failure = download(&world, &file).unwrap_err();
    let error = failure.find::<HttpStatusError>().unwrap();
    assert_eq!(error.status, 404);
    assert!(!file.exists());
    // What there was is still of use.
    let world = World::new([vec![Step::Request, partial("4-9", "456789")]]);
    assert_eq!(download(&world, &file).unwrap(), 6);
}

#[test]
fn two_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let world = World::new([vec![Step::Request, answer("whole")]]);
    let first = client(&world).get(URL).download(&file);
    let failure = download(&world, &file).unwrap_err();
    let error = failure.find::<std::io::Error>().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{failure:#}");
    assert_eq!(world.run(first).unwrap(), 5);
}

#[test]
fn cancelling_keeps_the_part_and_closes_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let options = AgentOptions::new().silence_timeout(None);
    let reply = format!("{HEAD}Content-Length: 10\r\n\r\n0123");
    let script = [vec![Step::Request, send(reply), Step::HANG]];
    let world = World::with(Simulation::new(), options, script);
    let late = client(&world).get(URL).download(&file);
    let late = late.add_timeout(&world.reactor, Duration::from_secs(5));
    world.run(late).unwrap_err();
    world.is_clean();
    let world = World::new([vec![Step::Request, partial("4-9", "456789")]]);
    assert_eq!(download(&world, &file).unwrap(), 6);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789");
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let world = World::new([vec![]]);
    let failure: Failure = download(&world, Path::new("/no/such/folder/x")).unwrap_err();
    assert!(failure.find::<std::io::Error>().is_some(), "{failure:#}");
    let folder = tempfile::tempdir().unwrap();
    let sent = client(&world)
        .get("no url")
        .download(folder.path().join("x"));
    world.run(sent).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(world.connections(), 0);
}
