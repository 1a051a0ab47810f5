//! Requests that failed by chance, made again.

use std::time::Duration;

use torsade_core::endpoints::Backoff;
use torsade_core::{Deferred, Result};
use torsade_http::{BodyProducer, BodyWriter, Method, Request, RequestAgent, Response, RetryAgent};

use crate::support::{Step, URL, World, answer, send};

fn busy(fields: &str) -> Step {
    send(format!(
        "HTTP/1.1 503 Busy\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

/// What came, and after how many seconds.
fn retry(world: &World, request: Request) -> (Result<Response>, u64) {
    let backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(60))
        .factor(2.0)
        .jitter(Duration::ZERO);
    let agent = RetryAgent::new(&world.reactor, world.agent.clone()).backoff(backoff);
    let start = world.reactor.now();
    let result = world.run(agent.request(request));
    (result, (world.reactor.now() - start).as_secs())
}

fn get() -> Request {
    Request::new(Method::GET, URL).unwrap()
}

#[test]
fn what_failed_by_chance_is_made_again_with_growing_pauses() {
    let scripts = [
        vec![Step::Request, Step::Reset],
        vec![Step::Request, busy("")],
        vec![Step::Request, answer("at last")],
    ];
    let world = World::new(scripts);
    let (response, seconds) = retry(&world, get());
    assert_eq!(world.run(response.unwrap().text()).unwrap(), "at last");
    assert_eq!((seconds, world.connections()), (2 + 4, 3));
    // PUT may be made twice as well, if its body can be.
    let with_body = [
        vec![Step::Request, Step::Bytes(4), busy("")],
        vec![Step::Request, Step::Bytes(4), answer("ok")],
    ];
    let world = World::new(with_body);
    let request = Request::new(Method::PUT, URL).unwrap().body("data");
    assert_eq!(retry(&world, request).0.unwrap().status(), 200);
    assert!(world.received(1).ends_with("data"));
}

#[test]
fn the_server_says_how_long_to_wait() {
    let date = |seconds| {
        let time = std::time::SystemTime::now() + Duration::from_secs(seconds);
        format!("Retry-After: {}\r\n", httpdate::fmt_http_date(time))
    };
    for (fields, least, most) in [
        ("Retry-After: 7\r\n".to_owned(), 7, 7),
        (date(30), 27, 30),
        (
            "Retry-After: Fri, 01 Jan 2010 00:00:00 GMT\r\n".to_owned(),
            0,
            0,
        ),
        ("Retry-After: soon\r\n".to_owned(), 2, 2),
    ] {
        let world = World::new([
            vec![Step::Request, busy(&fields)],
            vec![Step::Request, answer("ok")],
        ]);
        let (response, seconds) = retry(&world, get());
        assert_eq!(response.unwrap().status(), 200);
        assert!((least..=most).contains(&seconds), "{fields}: {seconds}");
    }
    // Longer than we want to.
    let world = World::new([vec![Step::Request, busy("Retry-After: 3600\r\n")]]);
    let (response, seconds) = retry(&world, get());
    assert_eq!((response.unwrap().status().as_u16(), seconds), (503, 0));
}

#[test]
fn what_would_do_harm_or_cannot_help_is_made_once() {
    struct Once;
    impl BodyProducer for Once {
        fn length(&self) -> Option<u64> {
            Some(4)
        }
        fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
            writer.write(b"data");
            Deferred::succeed(())
        }
    }
    let request = |method| Request::new(method, URL).unwrap();
    let with_body = || [vec![Step::Request, Step::Bytes(4), busy("")]];
    for (request, scripts) in [
        (request(Method::POST).body("data"), with_body()),
        (request(Method::PUT).body_producer(Once), with_body()),
        (
            get(),
            [vec![
                Step::Request,
                send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
            ]],
        ),
        (
            get(),
            [vec![
                Step::Request,
                send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
            ]],
        ),
    ] {
        let world = World::new(scripts);
        retry(&world, request).0.unwrap();
        assert_eq!(world.connections(), 1);
    }
    // A response had begun.
    let world = World::new([vec![Step::Request, send("HTTP/1.1 2"), Step::Fin]]);
    assert!(retry(&world, get()).0.is_err());
    assert_eq!(world.connections(), 1);
}

#[test]
fn after_the_last_attempt_its_result_is_the_result() {
    let world = World::new([vec![Step::Request, busy("")]]);
    let (response, seconds) = retry(&world, get());
    assert_eq!((response.unwrap().status().as_u16(), seconds), (503, 6));
    assert_eq!(world.connections(), 3);
    let world = World::new([vec![Step::Request, Step::Reset]]);
    assert!(retry(&world, get()).0.is_err());
    assert_eq!(world.connections(), 3);
    world.is_clean();
}
