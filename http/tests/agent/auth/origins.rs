//! To whom credentials go, and which.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::Failure;
use torsade_core::testing::Simulation;
use torsade_http::{
    AgentOptions, AuthAgent, AuthError, Credentials, Method, RedirectAgent, Request,
};
use torsade_tls::{ClientTls, ServerTls, wrap_server_tls};

use super::{
    agent, digest, fetch, field, get, heads, is_unknown, proven, refusal, refused, request,
};
use crate::support::{Step, URL, World, answer, send};

#[test]
fn a_protection_space_is_as_large_as_the_server_says() {
    let told = format!(
        "{}, domain=\"/private http://server.test:80/b http://other.test/\"",
        digest("one")
    );
    let mut script = vec![Step::Request, refusal(&[&told])];
    for _ in 0..4 {
        script.extend([Step::Request, answer("")]);
    }
    let world = World::new([script]);
    let agent = agent(&world);
    for path in ["/private/a", "/private/b", "/b?q", "/public"] {
        assert_eq!(get(&world, &agent, path).0, 200);
    }
    let heads = heads(&world, 0);
    assert_eq!(proven(&heads[1]), ("one".to_owned(), 1));
    assert_eq!(proven(&heads[2]), ("one".to_owned(), 2));
    assert_eq!(proven(&heads[3]), ("one".to_owned(), 3));
    assert!(is_unknown(&heads[4]));
}

#[test]
fn the_password_itself_is_sent_only_where_that_is_allowed() {
    let refused = || refusal(&["Negotiate", "Basic realm=\"r\""]);
    let basic = "Basic bWU6c2VjcmV0";
    let credentials = || Credentials::new("me", "secret");
    let known = |world: &World, credentials| {
        let agent = AuthAgent::new(world.agent.clone());
        agent.credentials(URL, credentials).unwrap()
    };

    let world = World::new([vec![Step::Request, refused()]]);
    let failure = fetch(&world, &agent(&world), request(Method::GET, "/x")).unwrap_err();
    let expected = AuthError::BasicInClear {
        url: "http://server.test/x".to_owned(),
    };
    assert_eq!(failure.check::<AuthError>(), Some(&expected));

    let world = World::new([vec![Step::Request, refused()]]);
    let shy = known(&world, credentials().digest_only());
    assert_eq!(get(&world, &shy, "/").0, 401);

    // In its folder it is sent unasked then, and elsewhere it is not.
    let world = World::new([vec![
        Step::Request,
        refused(),
        Step::Request,
        answer("in"),
        Step::Request,
        answer("in"),
        Step::Request,
        refused(),
        Step::Request,
        refused(),
    ]]);
    let open = known(&world, credentials().basic_in_clear());
    for (path, status) in [("/a/b", 200), ("/a/c/d", 200), ("/", 401)] {
        assert_eq!(get(&world, &open, path).0, status, "{path}");
    }
    let sent: Vec<_> = heads(&world, 0)
        .iter()
        .map(|head| field(head, "Authorization").map(str::to_owned))
        .collect();
    let basic = Some(basic.to_owned());
    assert_eq!(sent, [None, basic.clone(), basic.clone(), None, basic]);

    // Digest is better.
    let both = refusal(&["Basic realm=\"r\"", &digest("one")]);
    let world = World::new([vec![Step::Request, both, Step::Request, answer("")]]);
    let open = known(&world, credentials().basic_in_clear());
    assert_eq!(get(&world, &open, "/").0, 200);
    proven(&heads(&world, 0)[1]);
}

#[test]
fn the_password_itself_may_go_over_https() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let tls = ServerTls::builder()
        .certificate_pem(cert.pem(), signing_key.serialize_pem())
        .build()
        .unwrap();
    let client = ClientTls::builder().roots_from_pem(cert.pem());
    let options = AgentOptions::new().tls(&client.build().unwrap());
    let script = vec![
        Step::Request,
        refusal(&["Basic realm=\"r\""]),
        Step::Request,
        answer("safe"),
    ];
    let world = World::wrapped(
        |server| wrap_server_tls(server, &tls),
        443,
        Simulation::new(),
        options,
        [script],
    );
    let request = Request::new(Method::GET, "https://server.test/").unwrap();
    let request = request.credentials(Credentials::new("me", "secret"));
    let agent = AuthAgent::new(world.agent.clone());
    let (status, text) = fetch(&world, &agent, request).unwrap();
    assert_eq!((status, &*text), (200, "safe"));
}

// C168, R54
#[test]
fn credentials_go_to_no_other_origin_and_are_not_brought_back() {
    let to = |url: &str| {
        send(format!(
            "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let scripts = || {
        let here = vec![
            Step::Request,
            refused("one"),
            Step::Request,
            to("http://other.test/"),
            Step::Request,
            refused("three"),
            Step::Request,
            answer("known by origin"),
        ];
        let there = vec![
            Step::Request,
            refused("two"),
            Step::Request,
            to("http://server.test/back"),
        ];
        [here, there]
    };
    // Those of the request are for the origin that it was made to.
    let world = World::new(scripts());
    let redirecting = RedirectAgent::new(AuthAgent::new(world.agent.clone()));
    let own = request(Method::GET, "/").credentials(Credentials::new("me", "secret"));
    let (status, _) = fetch(&world, &redirecting, own).unwrap();
    assert_eq!(status, 401);
    assert_eq!(heads(&world, 1).len(), 1, "that is the end");
    assert!(is_unknown(&heads(&world, 1)[0]));

    // Those of the agent are for the origin that it was told.
    let mut scripts = scripts();
    scripts[1] = vec![Step::Request, to("http://server.test/back")];
    scripts[0].drain(4..6);
    let world = World::new(scripts);
    let redirecting = RedirectAgent::new(agent(&world));
    let (status, text) = fetch(&world, &redirecting, request(Method::GET, "/")).unwrap();
    assert_eq!((status, &*text), (200, "known by origin"));
    assert!(is_unknown(&heads(&world, 1)[0]));
    assert_eq!(proven(&heads(&world, 0)[2]), ("one".to_owned(), 2));

    // And those of a request are gone once it has been elsewhere.
    let world = World::new([
        vec![
            Step::Request,
            to("http://other.test/"),
            Step::Request,
            refused("one"),
        ],
        vec![Step::Request, to("http://server.test/back")],
    ]);
    let redirecting = RedirectAgent::new(AuthAgent::new(world.agent.clone()));
    let own = request(Method::GET, "/").credentials(Credentials::new("me", "secret"));
    assert_eq!(fetch(&world, &redirecting, own).unwrap().0, 401);
    assert_eq!(heads(&world, 0).len(), 2);
}

#[test]
fn a_field_of_the_callers_own_is_sent_as_it_is() {
    let world = World::new([vec![Step::Request, refused("one")]]);
    let own = request(Method::GET, "/")
        .header("Authorization", "Bearer x")
        .unwrap();
    assert_eq!(fetch(&world, &agent(&world), own).unwrap().0, 401);
    assert_eq!(
        field(&heads(&world, 0)[0], "Authorization"),
        Some("Bearer x")
    );
}

#[test]
fn nothing_is_told_of_the_password() {
    let world = World::new([vec![Step::HANG]]);
    let agent = agent(&world);
    let request = request(Method::GET, "/").credentials(Credentials::new("me", "secret"));
    assert!(!format!("{agent:?} {request:?}").contains("secret"));
    let failure: Failure = AuthAgent::new(world.agent.clone())
        .credentials("ftp://x", Credentials::new("a", "b"))
        .unwrap_err()
        .into();
    assert!(failure.check::<torsade_http::InvalidRequest>().is_some());
}
