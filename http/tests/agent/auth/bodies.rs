//! The bodies of requests that are made again, and those of refusals.

use std::time::Duration;

use torsade_core::Deferred;
use torsade_http::{
    AuthError, BodyProducer, BodyWriter, Method, RequestAgent, RequestError, Response,
};

use super::{agent, digest, fetch, get, proven_in, refusal, refused, request};
use crate::support::{Step, World, answer, send};

struct Produced;

impl BodyProducer for Produced {
    fn length(&self) -> Option<u64> {
        Some(4)
    }
    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        writer.write(b"data");
        Deferred::succeed(())
    }
}

#[test]
fn a_body_is_sent_again_if_there_can_be_another() {
    let script = || {
        [vec![
            Step::Request,
            Step::Bytes(4),
            refused("one"),
            Step::Request,
            Step::Bytes(4),
            answer("stored"),
        ]]
    };
    let put = || request(Method::PUT, "/x");
    for request in [put().body("data"), put().body_producers(|| Produced)] {
        let world = World::new(script());
        let (status, text) = fetch(&world, &agent(&world), request).unwrap();
        assert_eq!((status, &*text), (200, "stored"));
        let received = world.received(0);
        assert_eq!(received.matches("data").count(), 2, "{received}");
    }
    let world = World::new(script());
    let failure = fetch(&world, &agent(&world), put().body_producer(Produced)).unwrap_err();
    let expected = AuthError::BodyIsGone {
        url: "http://server.test/x".to_owned(),
    };
    assert_eq!(failure.check::<AuthError>(), Some(&expected));
    world.pass(Duration::from_secs(100));
    world.is_clean();
}

#[test]
fn a_body_is_hashed_where_the_server_wants_that() {
    let integrity = "Digest realm=\"r\", nonce=\"one\", qop=\"auth-int\"";
    let script = || {
        [vec![
            Step::Request,
            Step::Bytes(4),
            refusal(&[integrity]),
            Step::Request,
            Step::Bytes(4),
            answer("stored"),
        ]]
    };
    let world = World::new(script());
    let put = request(Method::PUT, "/x").body("data");
    assert_eq!(fetch(&world, &agent(&world), put).unwrap().0, 200);
    let received = world.received(0);
    let second = &received[received.rfind("PUT ").unwrap()..];
    proven_in(second, "Authorization", "data");
    // What is not known yet cannot be hashed.
    let world = World::new(script());
    let put = request(Method::PUT, "/x").body_producers(|| Produced);
    assert_eq!(fetch(&world, &agent(&world), put).unwrap().0, 401);
}

#[test]
fn the_connection_of_a_refusal_is_used_again_if_its_body_is_short() {
    let challenge = digest("one");
    let long = "x".repeat(100_000);
    let chunk = format!("186a0\r\n{long}");
    for (fields, body, connections) in [
        ("Content-Length: 0", "", 1),
        ("Content-Length: 3", "who", 1),
        ("Transfer-Encoding: chunked", "3\r\nwho\r\n0\r\n\r\n", 1),
        ("Content-Length: 100000", &*long, 2),
        ("Transfer-Encoding: chunked", &*chunk, 2),
        ("Connection: close\r\nContent-Length: 0", "", 2),
    ] {
        let head = format!("HTTP/1.1 401 Who\r\nWWW-Authenticate: {challenge}\r\n{fields}\r\n\r\n");
        let world = World::new([
            vec![
                Step::Request,
                send(head),
                Step::Sleep(Duration::from_millis(1)),
                send(body),
                Step::Request,
                answer("ok"),
            ],
            vec![Step::Request, answer("ok")],
        ]);
        assert_eq!(get(&world, &agent(&world), "/"), (200, "ok".to_owned()));
        assert_eq!(world.connections(), connections, "{fields} {body:.20}");
    }
}

#[test]
fn a_body_that_breaks_off_behind_a_refusal_does_not_matter() {
    let challenge = digest("one");
    let broken = format!(
        "HTTP/1.1 401 Who\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 10\r\n\r\nwho"
    );
    let world = World::new([
        vec![Step::Request, send(broken), Step::Fin],
        vec![Step::Request, answer("ok")],
    ]);
    assert_eq!(get(&world, &agent(&world), "/"), (200, "ok".to_owned()));
}

#[test]
fn a_body_that_does_not_come_behind_a_refusal_is_not_waited_for() {
    let challenge = digest("one");
    let silent = format!(
        "HTTP/1.1 401 Who\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 10\r\n\r\nwho"
    );
    let world = World::new([
        vec![Step::Request, send(silent), Step::HANG],
        vec![Step::Request, answer("ok")],
    ]);
    let start = world.reactor.now();
    assert_eq!(get(&world, &agent(&world), "/"), (200, "ok".to_owned()));
    let waited = (world.reactor.now() - start).as_secs();
    assert_eq!(waited, 3);
}

// C160
#[test]
fn cancelling_at_any_time_leaves_nothing() {
    let mut seen = [false; 2];
    for tenths in 0..150 {
        let step = Duration::from_millis(1);
        let world = World::new([vec![
            Step::Request,
            send(format!(
                "HTTP/1.1 401 Who\r\nWWW-Authenticate: {}\r\nContent-Length: 6\r\n\r\n",
                digest("one")
            )),
            Step::Sleep(step),
            send("who"),
            Step::Sleep(step),
            send("me?"),
            Step::Request,
            Step::Sleep(step),
            answer("ok"),
        ]]);
        let limit = Duration::from_micros(100 * tenths + 50);
        let text = agent(&world)
            .request(request(Method::GET, "/"))
            .add_callback(Response::text);
        let result = world.run(text.add_timeout(&world.reactor, limit));
        if let Err(failure) = &result {
            let is_typed = failure.find::<RequestError>().is_some()
                || failure.check::<torsade_http::PartialBody>().is_some()
                || failure.check::<torsade_core::TimedOut>().is_some();
            assert!(is_typed, "{failure:#}");
            world.pass(Duration::from_secs(1));
            let open = world.agent.pool_statistics().open;
            assert_eq!(open, 0, "after {limit:?}");
        }
        assert!(world.connections() <= 1, "again after {limit:?}");
        seen[usize::from(result.is_ok())] = true;
    }
    assert_eq!(seen, [true, true]);
}
