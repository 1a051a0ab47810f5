//! Redirects: where they lead, what goes along, and when they are not followed.

use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Result};
use torsade_http::{
    Agent, AgentOptions, BodyProducer, BodyWriter, Method, RedirectAgent, RedirectError, Request,
    RequestAgent, Response,
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

// R55, C167, C169
#[test]
fn methods_and_bodies_change_as_the_status_says() {
    let cases: [(u16, Method, &str); 14] = [
        (301, Method::POST, "GET /to \r\n"),
        (302, Method::POST, "GET /to \r\n"),
        (303, Method::POST, "GET /to \r\n"),
        (
            307,
            Method::POST,
            "POST /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (
            308,
            Method::POST,
            "POST /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (
            301,
            Method::PUT,
            "PUT /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (
            302,
            Method::PUT,
            "PUT /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (303, Method::PUT, "GET /to \r\n"),
        (
            307,
            Method::PUT,
            "PUT /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (303, Method::DELETE, "GET /to \r\n"),
        (
            302,
            Method::DELETE,
            "DELETE /to Content-Type: a/b\r\nContent-Length: 4\r\n\r\ndata",
        ),
        (301, Method::HEAD, "HEAD /to "),
        (303, Method::HEAD, "HEAD /to "),
        (308, Method::HEAD, "HEAD /to "),
    ];
    for (status, method, second) in cases {
        let is_head = method == Method::HEAD;
        let (first, last) = match is_head {
            true => (
                send(format!("HTTP/1.1 {status} X\r\nLocation: /to\r\n\r\n")),
                send("HTTP/1.1 200 OK\r\n\r\n"),
            ),
            false => (redirect(status, "/to"), answer("ok")),
        };
        let mut request = request(method.clone());
        if !is_head {
            request = request.header("Content-Type", "a/b").unwrap().body("data");
        }
        let script = |answer: Step| match is_head {
            true => vec![Step::Request, answer],
            false => vec![Step::Request, Step::Bytes(4), answer],
        };
        let mut all = script(first);
        all.extend(match second.starts_with("GET") {
            true => vec![Step::Request, last],
            false => script(last),
        });
        let world = World::with(Simulation::new(), AgentOptions::new(), [all]);
        browse(&world, request).unwrap();
        let all = received(&world);
        assert!(
            all.ends_with(second.trim_end_matches(' ')) || all.contains(second),
            "{status} {method}: {all:?}"
        );
        // Without asking, only what is safe and 303 is followed.
        if !is_head && status != 303 {
            let world = World::new([vec![Step::Request, Step::Bytes(4), redirect(status, "/to")]]);
            let again = Request::new(method.clone(), "http://server.test/start")
                .unwrap()
                .body("data");
            let error = error(follow(&world, again));
            assert!(
                matches!(error, RedirectError::NotFollowed { .. }),
                "{error}"
            );
        }
    }
}

// R54, C168
#[test]
fn secrets_are_not_taken_along_to_another_origin_and_not_back() {
    let secret = |method| {
        request(method)
            .header("Authorization", "Basic x")
            .unwrap()
            .header("Cookie", "a=b")
            .unwrap()
            .header("X-Own", "kept")
            .unwrap()
    };
    let there_and_back = World::new([
        vec![
            Step::Request,
            redirect(302, "/same"),
            Step::Request,
            redirect(302, "http://other.test/"),
            Step::Request,
            answer("ok"),
        ],
        vec![Step::Request, redirect(302, "http://server.test/back")],
    ]);
    follow(&there_and_back, secret(Method::GET)).unwrap();
    let all: Vec<String> = (0..there_and_back.connections())
        .map(|at| there_and_back.received(at))
        .collect();
    let heads: Vec<&str> = all
        .iter()
        .flat_map(|all| all.split_inclusive("\r\n\r\n"))
        .collect();
    for head in &heads {
        assert!(head.contains("X-Own: kept"));
        let is_secret = head.contains("Authorization") || head.contains("Cookie");
        assert_eq!(
            is_secret,
            head.contains("/start") || head.contains("/same"),
            "{head}"
        );
    }
    assert_eq!(heads.len(), 4);

    // Another port is another origin.
    let world = world(&[redirect(302, "http://server.test:81/")]);
    let failure = follow(&world, secret(Method::GET)).unwrap_err();
    assert!(
        format!("{failure:#}").contains("server.test:81"),
        "{failure:#}"
    );
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

// C167
#[test]
fn a_redirect_that_makes_no_sense_is_an_error_with_its_reason() {
    let nowhere = world(&[send("HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n")]);
    let error_of = |world: &World| error(follow(world, request(Method::GET)));
    assert!(matches!(
        error_of(&nowhere),
        RedirectError::NoLocation { .. }
    ));
    let odd = world(&[redirect(302, "gopher://x/")]);
    assert!(matches!(error_of(&odd), RedirectError::BadLocation { .. }));
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

#[test]
fn https_is_not_left_without_being_asked() {
    use torsade_core::TcpServer;
    use torsade_tls::{ClientTls, ServerTls, wrap_server_tls};
    let made = rcgen::generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let server =
        ServerTls::builder().certificate_pem(made.cert.pem(), made.signing_key.serialize_pem());
    let server = server.build().unwrap();
    let client = ClientTls::builder()
        .roots_from_pem(made.cert.pem())
        .build()
        .unwrap();
    let options = AgentOptions::new().tls(&client);
    let script = [vec![Step::Request, redirect(302, "http://server.test/")]];
    let wrap = |endpoint: TcpServer| wrap_server_tls(endpoint, &server);
    let world = World::wrapped(wrap, 443, Simulation::new(), options, script);
    let get = || Request::new(Method::GET, "https://server.test/").unwrap();
    let error = error(follow(&world, get()));
    assert!(matches!(error, RedirectError::Downgrade { .. }), "{error}");
    let agent: RedirectAgent<Agent> = RedirectAgent::new(world.agent.clone()).allow_downgrade();
    let failure = world.run(agent.request(get())).unwrap_err();
    // Nobody listens there, but it was tried.
    assert!(failure.find::<RedirectError>().is_none(), "{failure:#}");
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
