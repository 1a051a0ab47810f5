//! Cookies of responses go with later requests.

use torsade_http::{
    CookieAgent, CookieJar, Method, RedirectAgent, Request, RequestAgent, Response,
};

use crate::support::{Step, URL, World, answer, send};

fn with_cookies(status: u16, fields: &str) -> Step {
    send(format!(
        "HTTP/1.1 {status} X\r\n{fields}Content-Length: 0\r\n\r\n"
    ))
}

// C171
#[test]
fn what_a_response_sets_goes_with_the_next_request_and_an_own_field_wins() {
    let script = vec![
        Step::Request,
        with_cookies(200, "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/other\r\n"),
        Step::Request,
        answer("two"),
        Step::Request,
        answer("three"),
    ];
    let world = World::new([script]);
    let jar = CookieJar::new();
    let agent = CookieAgent::new(world.agent.clone(), &jar);
    let get = || Request::new(Method::GET, URL).unwrap();
    world
        .run(agent.request(get()).add_callback(Response::text))
        .unwrap();
    assert_eq!(jar.len(), 2);
    world
        .run(agent.request(get()).add_callback(Response::text))
        .unwrap();
    let own = get().header("Cookie", "mine=1").unwrap();
    world
        .run(agent.request(own).add_callback(Response::text))
        .unwrap();
    let received = world.received(0);
    let cookies: Vec<Option<&str>> = received
        .split_terminator("\r\n\r\n")
        .map(|head| head.lines().find(|line| line.starts_with("Cookie")))
        .collect();
    assert_eq!(cookies, [None, Some("Cookie: a=1"), Some("Cookie: mine=1")]);
}

#[test]
fn a_redirect_sets_cookies_too_and_they_stay_with_their_host() {
    let script = vec![
        Step::Request,
        with_cookies(302, "Set-Cookie: seen=yes\r\nLocation: /in\r\n"),
        Step::Request,
        with_cookies(302, "Location: http://other.test/\r\n"),
    ];
    let world = World::new([script, vec![Step::Request, answer("ok")]]);
    let jar = CookieJar::new();
    let agent = RedirectAgent::new(CookieAgent::new(world.agent.clone(), &jar));
    let request = Request::new(Method::GET, URL).unwrap();
    world.run(agent.request(request)).unwrap();
    assert_eq!(world.received(0).matches("Cookie: seen=yes").count(), 1);
    assert!(
        !world.received(1).contains("Cookie"),
        "{}",
        world.received(1)
    );
}
