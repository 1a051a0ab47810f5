//! Redirects: where they lead, what goes along, and when they are not followed.

use torsade_core::{Deferred, Result};
use torsade_http::{
    BodyProducer, BodyWriter, Method, RedirectAgent, RedirectError, Request, RequestAgent, Response,
};

use crate::support::{Step, World, answer, send};

fn redirect(status: u16, location: &str) -> Step {
    send(format!(
        "HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\ngone"
    ))
}

/// A world in which each request on the one connection gets the next of these answers.
fn world(answers: &[Step]) -> World {
    let steps = answers
        .iter()
        .flat_map(|answer| [Step::Request, answer.clone()]);
    World::new([steps.collect()])
}

fn follow(world: &World, request: Request) -> Result<Response> {
    world.run(RedirectAgent::new(world.agent.clone()).request(request))
}

fn browse(world: &World, request: Request) -> Result<Response> {
    let agent = RedirectAgent::new(world.agent.clone()).browser_like();
    world.run(agent.request(request))
}

fn request(method: Method) -> Request {
    Request::new(method, "http://server.test/start").unwrap()
}

/// The heads (and bodies) that the server got, connection by connection, without what all have.
fn received(world: &World) -> String {
    let all: Vec<String> = (0..world.connections())
        .map(|at| world.received(at))
        .collect();
    all.concat()
        .replace(" HTTP/1.1\r\nHost: server.test\r\n", " ")
}

fn error(result: Result<Response>) -> RedirectError {
    let failure = result.unwrap_err();
    let error = failure.find::<RedirectError>();
    error.unwrap_or_else(|| panic!("{failure:#}")).clone()
}

// C167, C169
#[test]
fn each_location_is_seen_from_the_url_before() {
    let world = world(&[
        redirect(301, "/dir/page"),
        redirect(302, "next?x=1"),
        redirect(307, "//server.test/other"),
        redirect(308, "?last"),
        answer("there"),
    ]);
    let response = follow(&world, request(Method::GET)).unwrap();
    assert_eq!(response.url().as_str(), "http://server.test/other?last");
    let history: Vec<(u16, String)> = response
        .history()
        .map(|response| (response.status().as_u16(), response.url().path().to_owned()))
        .collect();
    // C168
    let expected = [
        (308, "/other"),
        (307, "/dir/next"),
        (302, "/dir/page"),
        (301, "/start"),
    ];
    assert_eq!(
        history,
        expected.map(|(status, path)| (status, path.to_owned()))
    );
    assert_eq!(world.run(response.text()).unwrap(), "there");
    let expected = "GET /start \r\nGET /dir/page \r\nGET /dir/next?x=1 \r\nGET /other \r\n\
                    GET /other?last \r\n";
    assert_eq!(received(&world), expected);
    // The bodies on the way were read, and the connection kept.
    assert_eq!(world.connections(), 1);
    assert_eq!(world.agent.pool_statistics().idle, 1);
}

/// The request behind a redirect: its method, and whether the body goes along.
fn rule(status: u16, method: &Method) -> (Method, bool) {
    match (status, method.as_str()) {
        (_, "GET" | "HEAD") => (method.clone(), false),
        (303, _) | (301 | 302, "POST") => (Method::GET, false),
        _ => (method.clone(), true),
    }
}

// R55, C167, C169, complaint 5
#[test]
fn methods_and_bodies_change_as_the_status_says() {
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
    ];
    let all = [301, 302, 303, 307, 308]
        .into_iter()
        .flat_map(|status| methods.iter().map(move |method| (status, method)));
    // What goes with a body, and nowhere without one.
    let about_body = "Content-Type: a/b\r\nContent-Language: en\r\nExpect: 100-continue\r\n\
                      Content-Length: 4\r\n\r\ndata";
    for (status, method) in all {
        let has_body = !matches!(*method, Method::GET | Method::HEAD);
        let (next, keeps_body) = rule(status, method);
        let head = format!("HTTP/1.1 {status} X\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
        let mut script = Vec::new();
        for (answer, has_body) in [
            (head.as_str(), has_body),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", keeps_body),
        ] {
            script.push(Step::Request);
            script.extend(has_body.then_some(Step::Bytes(4)));
            script.push(send(answer));
        }
        let with_body = |request: Request| {
            if !has_body {
                return request;
            }
            let fields = [
                ("Content-Type", "a/b"),
                ("Content-Language", "en"),
                ("Expect", "100-continue"),
            ];
            let request = fields.into_iter().fold(request, |request, (name, value)| {
                request.header(name, value).unwrap()
            });
            request.body("data")
        };
        let world = World::new([script.clone()]);
        browse(&world, with_body(request(method.clone()))).unwrap();
        let sent = |has_body| if has_body { about_body } else { "\r\n" };
        let expected = format!(
            "{method} /start {}{next} /to {}",
            sent(has_body),
            sent(keeps_body)
        );
        assert_eq!(received(&world), expected, "{status} {method}");
        // Without asking, only what is safe and 303 is followed.
        if has_body && status != 303 {
            let world = World::new([script]);
            let error = error(follow(&world, with_body(request(method.clone()))));
            assert!(
                matches!(error, RedirectError::NotFollowed { .. }),
                "{error}"
            );
            assert!(!received(&world).contains("/to"));
        }
    }
}

// R56
#[test]
fn a_body_that_was_produced_is_sent_again_only_if_it_can_be() {
    struct Twice;
    impl BodyProducer for Twice {
        fn length(&self) -> Option<u64> {
            Some(4)
        }
        fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
            writer.write(b"data");
            Deferred::succeed(())
        }
    }
    let script = || {
        let (to, end) = (redirect(307, "/to"), answer("ok"));
        [vec![
            Step::Request,
            Step::Bytes(4),
            to,
            Step::Request,
            Step::Bytes(4),
            end,
        ]]
    };
    let world = World::new(script());
    browse(&world, request(Method::POST).body_producers(|| Twice)).unwrap();
    assert_eq!(received(&world).matches("data").count(), 2);
    let world = World::new(script());
    let error = error(browse(&world, request(Method::POST).body_producer(Twice)));
    assert!(matches!(error, RedirectError::BodyIsGone { .. }), "{error}");
}

// R51, R52, R58
#[test]
fn a_location_is_asked_for_byte_by_byte_as_it_came() {
    for (location, target) in [
        ("/caf\u{e9}".as_bytes(), "/caf%C3%A9"),
        (b"/caf\xe9", "/caf%E9"),
        (b"   /a b%2Fc  ", "/a%20b%2Fc"),
        (b"http://server.test:80?q\xff", "/?q%FF"),
        (b"\t/tab", "/tab"),
        (b"#only", "/start"),
        (b"/x\r\nLocation: /x", "/x"),
    ] {
        let head = [
            b"HTTP/1.1 302 X\r\nLocation: ",
            location,
            b"\r\nContent-Length: 0\r\n\r\n",
        ];
        let world = world(&[send(head.concat()), answer("there")]);
        follow(&world, request(Method::GET)).unwrap();
        assert_eq!(
            received(&world),
            format!("GET /start \r\nGET {target} \r\n")
        );
    }
}

// C167
#[test]
fn a_redirect_that_makes_no_sense_is_an_error_with_its_reason() {
    let nowhere = world(&[send("HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n")]);
    let error_of = |world: &World| error(follow(world, request(Method::GET)));
    assert!(matches!(
        error_of(&nowhere),
        RedirectError::NoLocation { .. }
    ));
    for location in [
        "gopher://x/",
        "file:///etc/passwd",
        "http://[",
        "/x\r\nLocation: /y",
    ] {
        let odd = world(&[redirect(302, location)]);
        let error = error_of(&odd);
        assert!(
            matches!(error, RedirectError::BadLocation { .. }),
            "{error}"
        );
    }
    let around = (0..30).flat_map(|_| [Step::Request, redirect(302, "/")]);
    let around = World::new([around.collect()]);
    let error = error_of(&around);
    assert!(
        matches!(error, RedirectError::TooMany { limit: 20, .. }),
        "{error}"
    );
    assert_eq!(received(&around).matches("GET").count(), 21);
    for status in [300, 304, 305, 306] {
        let head = format!("HTTP/1.1 {status} X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        let world = World::new([vec![Step::Request, send(head)]]);
        let response = follow(&world, request(Method::GET)).unwrap();
        assert_eq!(response.status().as_u16(), status);
    }
}

// R58
#[test]
fn fragments_stay_here_and_names_to_log_in_by_are_dropped() {
    let world = world(&[redirect(302, "http://me:pw@server.test/x"), answer("ok")]);
    let request = Request::new(Method::GET, "http://server.test/start#part").unwrap();
    let response = follow(&world, request).unwrap();
    assert_eq!(response.url().as_str(), "http://server.test/x#part");
    assert_eq!(received(&world), "GET /start \r\nGET /x \r\n");
}

// curl test 772
#[test]
fn two_locations_that_differ_lead_nowhere() {
    let twice = |second: &str| {
        send(format!(
            "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: {second}\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let different = world(&[twice("/b"), answer("never")]);
    let error = error(follow(&different, request(Method::GET)));
    assert!(
        matches!(&error, RedirectError::BadLocation { location, .. } if location == "/b"),
        "{error}"
    );
    let same = world(&[twice("/a"), answer("ok")]);
    let response = follow(&same, request(Method::GET)).unwrap();
    assert_eq!(response.url().path(), "/a");
}
