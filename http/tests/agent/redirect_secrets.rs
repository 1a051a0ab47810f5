//! What a redirect to somebody else does not take along.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use torsade_core::TcpServer;
use torsade_core::testing::Simulation;
use torsade_http::{
    AgentOptions, Method, Proxies, Proxy, RedirectAgent, RedirectError, Request, RequestAgent,
    Response,
};
use torsade_tls::{ClientTls, ServerTls, wrap_server_tls};

use crate::support::{Step, URL, World, answer, send};

fn redirect(location: &str) -> Step {
    send(format!(
        "HTTP/1.1 302 Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// The fields that are for one origin, and one that is for all.
fn secret(url: &str) -> Request {
    let fields = [
        ("Authorization", "Basic x"),
        ("Cookie", "a=b"),
        ("Cookie2", "$Version=1"),
        ("Proxy-Authorization", "Basic y"),
        ("WWW-Authenticate", "Basic"),
        ("X-Own", "kept"),
    ];
    let request = Request::new(Method::GET, url).unwrap();
    fields.into_iter().fold(request, |request, (name, value)| {
        request.header(name, value).unwrap()
    })
}

/// Whether each request that was made held the secrets, connection by connection.
fn held_secrets(world: &World) -> Vec<bool> {
    let all: Vec<String> = (0..world.connections())
        .map(|at| world.received(at))
        .collect();
    let heads = all.iter().flat_map(|all| all.split_inclusive("\r\n\r\n"));
    heads
        .map(|head| {
            assert!(head.contains("X-Own: kept"), "{head}");
            let secrets = [
                "Authorization: Basic x",
                "Cookie: ",
                "Cookie2: ",
                "y\r\n",
                "WWW-",
            ];
            let count = secrets
                .iter()
                .filter(|&secret| head.contains(secret))
                .count();
            assert!(count == 0 || count == secrets.len(), "{head}");
            count > 0
        })
        .collect()
}

fn follow(world: &World, request: Request) {
    let agent = RedirectAgent::new(world.agent.clone()).allow_downgrade();
    let sent = agent.request(request).add_callback(Response::text);
    assert_eq!(world.run(sent).unwrap(), "there");
}

// R54, C168
#[test]
fn another_host_gets_no_secrets_nor_does_the_first_one_after_it() {
    let first = vec![
        Step::Request,
        redirect("/same"),
        Step::Request,
        redirect("//other.test/"),
        Step::Request,
        answer("there"),
    ];
    let second = vec![Step::Request, redirect("http://server.test/back")];
    let world = World::new([first, second]);
    follow(&world, secret(URL));
    // Two of the first host's, the one back, and that of the other.
    assert_eq!(held_secrets(&world), [true, true, false, false]);
}

// R54, C168
#[test]
fn another_port_gets_no_secrets() {
    let world = World::new([vec![Step::Request, redirect("http://server.test:81/")]]);
    world.serve(|server| server, 81, [vec![Step::Request, answer("there")]]);
    follow(&world, secret(URL));
    assert_eq!(held_secrets(&world), [true, false]);
    // The same one, in other words.
    let words = "http://SERVER.test:80/x";
    let world = World::new([vec![
        Step::Request,
        redirect(words),
        Step::Request,
        answer("there"),
    ]]);
    follow(&world, secret(URL));
    assert_eq!(held_secrets(&world), [true, true]);
}

/// How server.test speaks https, and how its clients do.
fn tls() -> (ServerTls, ClientTls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["server.test".to_owned()]).unwrap();
    let server = ServerTls::builder().certificate_pem(cert.pem(), signing_key.serialize_pem());
    let client = ClientTls::builder().roots_from_pem(cert.pem());
    (server.build().unwrap(), client.build().unwrap())
}

// R54, C168
#[test]
fn another_scheme_gets_no_secrets() {
    for is_downgrade in [true, false] {
        let (server, client) = tls();
        let options = AgentOptions::new().tls(&client);
        let leads_to = |url| vec![Step::Request, redirect(url)];
        let there = vec![Step::Request, answer("there")];
        let (secure, plain) = match is_downgrade {
            true => (leads_to("http://server.test/"), there),
            false => (there, leads_to("https://server.test/")),
        };
        let wrap = |endpoint: TcpServer| wrap_server_tls(endpoint, &server);
        let world = World::wrapped(wrap, 443, Simulation::new(), options, [secure]);
        world.serve(|server| server, 80, [plain]);
        let start = if is_downgrade {
            "https://server.test/"
        } else {
            URL
        };
        follow(&world, secret(start));
        assert_eq!(held_secrets(&world), [true, false]);
    }
}

#[test]
fn https_is_not_left_without_being_asked() {
    let (server, client) = tls();
    let options = AgentOptions::new().tls(&client);
    let script = [vec![Step::Request, redirect("http://server.test/")]];
    let wrap = |endpoint: TcpServer| wrap_server_tls(endpoint, &server);
    let world = World::wrapped(wrap, 443, Simulation::new(), options, script);
    let sent = RedirectAgent::new(world.agent.clone()).request(secret("https://server.test/"));
    let failure = world.run(sent).unwrap_err();
    let error = failure.find::<RedirectError>();
    assert!(
        matches!(error, Some(RedirectError::Downgrade { .. })),
        "{failure:#}"
    );
    assert_eq!(world.connections(), 1);
}

// R68: the proxy's credentials are added for the proxy alone, hop by hop.
#[test]
fn a_redirect_past_the_proxy_leaves_its_credentials_behind() {
    let proxy: Proxy = "http://me:secret@server.test:3128".parse().unwrap();
    let proxies = Proxies::all(proxy).no_proxy("other.test");
    let options = AgentOptions::new().proxies(proxies);
    let by_proxy = vec![Step::Request, redirect("http://two.test/")];
    let scripts = [
        by_proxy,
        vec![Step::Request, redirect("http://other.test/")],
    ];
    let world = World::at_port(3128, Simulation::new(), options, scripts);
    world.serve(|server| server, 80, [vec![Step::Request, answer("there")]]);
    follow(
        &world,
        Request::new(Method::GET, "http://one.test/").unwrap(),
    );
    let of_proxy = "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n";
    let sent: Vec<bool> = (0..3)
        .map(|at| world.received(at).contains(of_proxy))
        .collect();
    assert_eq!(sent, [true, true, false]);
    assert!(
        !world.received(2).contains("Proxy-"),
        "{}",
        world.received(2)
    );
}
