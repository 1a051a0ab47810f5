//! The watcher of Marathon, with two servers of Marathon and two load balancers, over https.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use torsade::http::HttpStatusError;
use torsade::testing::{Network, Simulation, assert_clean, failure_result_of, take_logged_errors};
use torsade::tls::{ClientTls, ServerTls, generate, wrap_server_tls};
use torsade::{Address, Cancelled, Deferred, ListeningPort, Reactor, TcpServer};

use super::marathon::Watcher;
use super::marathon::api::{LoadBalancers, Marathon, Unexpected};
use super::marathon_site::{Book, Connection, Shelf, Site};

const HOSTS: [&str; 4] = ["one.test", "two.test", "left.test", "right.test"];

struct World {
    reactor: Reactor,
    network: Network,
    client: ClientTls,
    server: ServerTls,
    sites: [Site; 4],
    ports: Vec<ListeningPort>,
    book: Book,
}

fn address(host: usize) -> SocketAddr {
    ([192, 0, 2, host as u8 + 1], 443).into()
}

impl World {
    /// With these hosts up.
    fn new(hosts: &[usize]) -> Self {
        let mut simulation = Simulation::new();
        for (number, name) in HOSTS.iter().enumerate() {
            let ip: IpAddr = address(number).ip();
            simulation = simulation.host(name, [ip]);
        }
        let (reactor, network) = simulation.start();
        let authority = generate::Authority::new("test");
        let own = ServerTls::builder().certificate(authority.issue(HOSTS));
        let trusting = ClientTls::builder().trust(authority.trust());
        let mut world = Self {
            reactor,
            network,
            client: trusting.build().unwrap(),
            server: own.build().unwrap(),
            sites: Default::default(),
            ports: Vec::new(),
            book: Book::default(),
        };
        for &host in hosts {
            world.serve(host);
        }
        world
    }

    fn serve(&mut self, host: usize) {
        let (site, tcp) = (
            &self.sites[host],
            TcpServer::new(&self.reactor, address(host)),
        );
        let site = site.clone();
        let server = wrap_server_tls(tcp, &self.server);
        let port = server.listen(move |_: &Address| Connection::new(&site));
        self.ports.push(port.unwrap());
    }

    fn watch(&self) -> Deferred<()> {
        let urls = |hosts: &[&str]| -> Vec<_> {
            let urls = hosts
                .iter()
                .map(|host| format!("https://me:secret@{host}/"));
            urls.map(|url| url.parse().unwrap()).collect()
        };
        let marathon = Marathon::new(&self.reactor, &self.client, urls(&HOSTS[..2]));
        let balancers = LoadBalancers::new(&self.reactor, &self.client, urls(&HOSTS[2..]));
        let certificates = Shelf(self.book.clone());
        Watcher::new(&self.reactor, "external", marathon, balancers, certificates).run()
    }

    fn pass(&self, seconds: u64) {
        self.reactor.advance(Duration::from_secs(seconds)).unwrap();
    }

    /// One program for each, with that domain.
    fn run_apps(&self, domains: &[&str]) {
        let apps = domains.iter().map(|domain| {
            json!({
                "id": format!("/{domain}"),
                "labels": { "HAPROXY_GROUP": "external", "MARATHON_ACME_0_DOMAIN": domain },
                "portDefinitions": [{ "port": 80 }],
            })
        });
        let apps = json!({ "apps": apps.collect::<Vec<_>>() });
        for site in &self.sites {
            site.0.borrow_mut().apps = apps.to_string();
        }
    }

    fn tell(&self, host: usize, kind: &str) {
        self.sites[host].say(&format!(
            "event: {kind}\r\ndata: {{\"timestamp\":\r\ndata: \"now\"}}\r\n\r\n"
        ));
        self.pass(1);
    }

    /// What it was asked, without what is the same each time.
    fn asked(&self, host: usize) -> Vec<String> {
        let site = self.sites[host].0.borrow();
        let first = |head: &String| head.lines().next().unwrap().to_owned();
        site.heads.iter().map(first).collect()
    }

    fn end(self, watching: Deferred<()>) {
        watching.cancel();
        self.pass(1);
        let failure = failure_result_of(watching);
        assert!(failure.find::<Cancelled>().is_some(), "{failure:?}");
        for port in &self.ports {
            drop(port.stop_listening());
        }
        self.pass(5);
        assert_clean(&self.reactor);
    }
}

const EVENTS: &str =
    "GET /v2/events?event_type=api_post_event&event_type=event_stream_attached HTTP/1.1";
const APPS: &str = "GET /v2/apps HTTP/1.1";
const RELOAD: &str = "POST /_mlb_signal/usr1 HTTP/1.1";

#[test]
fn each_new_domain_gets_a_certificate_and_the_load_balancers_are_told() {
    let world = World::new(&[0, 1, 2, 3]);
    world.run_apps(&["a.example", "b.example"]);
    world.book.store("b.example");
    let watching = world.watch();
    world.pass(1);
    assert_eq!(world.asked(0), [EVENTS]);
    world.tell(0, "event_stream_attached");
    assert_eq!(world.book.asked(), ["a.example"]);
    assert_eq!(world.asked(0), [EVENTS, APPS]);
    // Marathon says so again now and then; what it says besides does not matter.
    world.tell(0, "event_stream_attached");
    world.tell(0, "status_update_event");
    assert_eq!(world.asked(0), [EVENTS, APPS]);

    world.run_apps(&["a.example", "b.example", "c.example"]);
    world.tell(0, "api_post_event");
    assert_eq!(world.book.asked(), ["a.example", "c.example"]);
    assert_eq!(world.asked(0), [EVENTS, APPS, APPS]);
    assert_eq!(world.asked(1), [""; 0]);
    assert_eq!(world.asked(2), [RELOAD; 2]);
    assert_eq!(world.asked(3), [RELOAD; 2]);
    let head = world.sites[0].0.borrow().heads[0].to_lowercase();
    for field in [
        "accept: text/event-stream",
        "cache-control: no-store",
        "authorization: basic bwu6c2vjcmv0",
    ] {
        assert!(head.contains(field), "{head}");
    }
    world.end(watching);
}

#[test]
fn the_next_server_is_asked_when_one_is_away_or_says_nothing() {
    let world = World::new(&[1]);
    let watching = world.watch();
    world.pass(1);
    assert_eq!(world.asked(1), [EVENTS]);
    take_logged_errors(&world.reactor);
    world.end(watching);

    let world = World::new(&[0, 1]);
    world.sites[0].0.borrow_mut().is_mute = true;
    let watching = world.watch();
    world.pass(4);
    assert_eq!(world.asked(1), [""; 0]);
    world.pass(2);
    assert_eq!(
        (world.asked(0), world.asked(1)),
        (vec![EVENTS.into()], vec![EVENTS.into()])
    );
    world.end(watching);
}

#[test]
fn a_cancel_while_one_server_is_asked_asks_no_other() {
    let world = World::new(&[0, 1]);
    world.sites[0].0.borrow_mut().is_mute = true;
    let watching = world.watch();
    world.pass(1);
    watching.cancel();
    world.pass(60);
    assert_eq!((world.asked(0).len(), world.asked(1).len()), (1, 0));
    assert!(failure_result_of(watching).find::<Cancelled>().is_some());
}

#[test]
fn it_ends_when_no_server_answers_and_tells_the_last_failure() {
    let world = World::new(&[]);
    let watching = world.watch();
    world.pass(5);
    let failure = failure_result_of(watching);
    assert!(format!("{failure:#}").contains("two.test"), "{failure:#}");
    assert_clean(&world.reactor);
}

#[test]
fn events_that_break_off_or_fall_silent_are_asked_for_again() {
    let world = World::new(&[0, 1, 2, 3]);
    let watching = world.watch();
    world.pass(1);
    world.network.reset(address(0));
    world.pass(2);
    assert_eq!(world.asked(0), [EVENTS; 2]);
    // An empty line now and then is a sign of life.
    for _ in 0..300 {
        world.pass(30);
        world.sites[0].say("\r\n");
    }
    assert_eq!(world.asked(0), [EVENTS; 2]);
    world.pass(63);
    assert_eq!(world.asked(0), [EVENTS; 3]);
    // One that is no JSON ends it as well, as does the server's end.
    world.sites[0].say("event: api_post_event\ndata: {\n\n");
    world.pass(2);
    assert_eq!(world.asked(0), [EVENTS; 4]);
    world.sites[0].end();
    world.pass(2);
    assert_eq!(world.asked(0), [EVENTS; 5]);
    // After each, all programs are asked for anew.
    world.tell(0, "event_stream_attached");
    assert_eq!(world.asked(0).last().unwrap(), APPS);
    world.end(watching);
}

#[test]
fn an_answer_without_events_ends_it() {
    let world = World::new(&[0]);
    world.sites[0].0.borrow_mut().status = "503 Service Unavailable";
    let watching = world.watch();
    world.pass(1);
    let failure = failure_result_of(watching);
    let error = failure.check::<HttpStatusError>().unwrap();
    assert_eq!(error.status, 503);

    world.sites[0].0.borrow_mut().status = "200 OK";
    world.sites[0].0.borrow_mut().events_type = "text/html; charset=utf-8";
    let watching = world.watch();
    world.pass(1);
    let failure = failure_result_of(watching);
    assert!(matches!(failure.check(), Some(Unexpected::Type { .. })));
    assert_eq!(
        failure.error().to_string(),
        "the answer should be text/event-stream and is text/html; charset=utf-8"
    );
}

#[test]
fn a_sync_that_fails_is_tried_again_at_the_next_change() {
    let world = World::new(&[0, 1, 2, 3]);
    world.sites[0].0.borrow_mut().apps = "{\"tasks\": []}".into();
    let watching = world.watch();
    world.pass(1);
    world.tell(0, "event_stream_attached");
    world.run_apps(&["a.example"]);
    assert_eq!(world.book.asked(), [""; 0]);
    world.tell(0, "api_post_event");
    assert_eq!(world.book.asked(), ["a.example"]);
    take_logged_errors(&world.reactor);
    world.end(watching);
}

#[test]
fn one_refusal_does_not_keep_the_others_from_their_certificates() {
    let world = World::new(&[0, 1, 2, 3]);
    world.run_apps(&["a.example", "b.example", "c.example"]);
    world.book.refuse("a.example", "rateLimited");
    world.book.refuse("b.example", "malformed");
    let watching = world.watch();
    world.pass(1);
    world.tell(0, "event_stream_attached");
    assert_eq!(world.book.asked(), ["a.example", "b.example", "c.example"]);
    assert_eq!(world.asked(2), [RELOAD]);
    // Those that have none are tried again.
    world.tell(0, "api_post_event");
    assert_eq!(world.book.asked()[3..], ["a.example", "b.example"]);
    take_logged_errors(&world.reactor);
    world.end(watching);
}

#[test]
fn many_changes_at_once_are_one_sync_more() {
    let world = World::new(&[0, 1, 2, 3]);
    let watching = world.watch();
    world.pass(1);
    let event = "event: api_post_event\ndata: {}\n\n";
    world.sites[0].say(&event.repeat(1000));
    world.pass(10);
    assert!(
        (2..=3).contains(&world.asked(0).len()),
        "{:?}",
        world.asked(0)
    );
    world.end(watching);
}

#[test]
fn one_load_balancer_that_is_away_is_no_failure() {
    let world = World::new(&[0, 3]);
    world.run_apps(&["a.example"]);
    let balancers = |hosts: &[&str]| {
        let urls = hosts
            .iter()
            .map(|host| format!("https://{host}").parse().unwrap());
        LoadBalancers::new(&world.reactor, &world.client, urls.collect())
    };
    let told = balancers(&HOSTS[2..]).reload();
    world.reactor.run_until(told).unwrap();
    assert_eq!(world.asked(3), [RELOAD]);
    world.sites[3].0.borrow_mut().status = "500 Oh";
    let told = balancers(&HOSTS[2..]).reload();
    let failure = world.reactor.run_until(told).unwrap_err();
    assert!(matches!(failure.check(), Some(Unexpected::NobodyTold)));
    world.reactor.run_until(balancers(&[]).reload()).unwrap();
}
