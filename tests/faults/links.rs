//! Connections over a cable that fails in the middle of them.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use torsade::endpoints::ClientService;
use torsade::http::{Agent, Method, PartialBody, Request, Response};
use torsade::protocols::wire::Echo;
use torsade::testing::{AccumulatingProtocol, Ending};
use torsade::{Address, KeepAlive, Reactor, Stage, TcpClient, TcpServer};

use crate::site::{
    SOON, agent, agent_with, connect, request_error, serve_echo, serve_site, turn_until,
};
use crate::support::hosts::{HERE, Hosts, THERE};
use crate::support::peer::{pattern, temp_dir};
use crate::support::pki::Pki;

const SECOND: Duration = Duration::from_secs(1);

/// A probe after one second of silence, and another one after the next.
fn probing() -> KeepAlive {
    KeepAlive::after(SECOND).every(SECOND).probes(1)
}

#[test]
fn a_body_whose_packets_stop_coming_ends_with_its_time_limit_and_what_had_come() {
    Hosts::run(|hosts| {
        let site = hosts.over_there(|| serve_site(THERE.into(), None));
        let reactor = Reactor::new().unwrap();
        let limit = Duration::from_millis(400);
        let agent = agent_with(&reactor, None, |options| {
            options.silence_timeout(Some(limit))
        });
        let url = format!("http://{}/1000000/5000", site.address());
        let began = Instant::now();
        let response = reactor.run_until(agent.get(&url)).unwrap();
        hosts.cut();
        let body = reactor.run_until(response.read_body());
        let failure = body.unwrap_err();
        assert!(began.elapsed() >= limit, "{:?}", began.elapsed());
        assert!(began.elapsed() < limit + SOON, "{:?}", began.elapsed());
        let partial = failure.find::<PartialBody>().expect("some had come");
        assert_eq!(partial.bytes, pattern(1_000_000)[..5000]);
        let error = request_error(&partial.reason);
        assert_eq!(error.stage, torsade::http::Stage::ReadingBody);
        assert!(error.is_timeout(), "{failure:#}");
        // The next one finds no connection that is dead.
        hosts.mend();
        let body = agent.get(&format!("http://{}/10", site.address()));
        let body = reactor.run_until(body.add_callback(Response::read_body));
        assert_eq!(body.unwrap(), pattern(10));
    });
}

#[test]
fn a_silent_peer_that_answers_no_probe_is_lost_in_both_directions() {
    // C93
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        let reactor = Reactor::new().unwrap();
        let client = connect(&reactor, &TcpClient::new(&reactor, server.address()));
        let transport = client.transport().unwrap();
        transport.set_keep_alive(Some(probing())).unwrap();
        hosts.cut();
        turn_until(&reactor, || client.ending().is_some());
        let lost = Ending::Lost(Stage::Reading, ErrorKind::TimedOut);
        assert_eq!(client.ending(), Some(lost));
        assert_eq!(reactor.open_sources(), 0);
    });
}

#[test]
fn a_peer_that_knows_of_no_connection_any_more_ends_it_with_a_reset() {
    // C93, R89: whether we were about to write, read, or paused.
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        let reactor = Reactor::new().unwrap();
        let endpoint = TcpClient::new(&reactor, server.address());
        let [talking, paused] = [(); 2].map(|()| connect(&reactor, &endpoint));
        talking.transport().unwrap().write(b"hello");
        turn_until(&reactor, || talking.data() == b"hello");
        paused.transport().unwrap().pause_reading();
        hosts.there("iptables -w -A INPUT -i cable -p tcp -j REJECT --reject-with tcp-reset");
        for client in [&talking, &paused] {
            client.transport().unwrap().write(b"are you there?");
        }
        turn_until(&reactor, || talking.ending().is_some());
        assert!(talking.ending().unwrap().is_reset(), "{talking:?}");
        paused.transport().unwrap().resume_reading();
        turn_until(&reactor, || paused.ending().is_some());
        assert!(paused.ending().unwrap().is_reset(), "{paused:?}");
        assert_eq!(reactor.open_sources(), 0);
    });
}

#[test]
fn a_peer_that_has_vanished_does_not_keep_a_closing_connection() {
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        let reactor = Reactor::new().unwrap();
        let client = connect(&reactor, &TcpClient::new(&reactor, server.address()));
        hosts.cut();
        // More than the system takes off our hands.
        client.transport().unwrap().write(&pattern(30_000_000));
        client.transport().unwrap().lose_connection();
        let began = Instant::now();
        turn_until(&reactor, || client.ending().is_some());
        let lost = Ending::Lost(Stage::Closing, ErrorKind::TimedOut);
        assert_eq!(client.ending(), Some(lost));
        assert!(began.elapsed() < 3 * SECOND + SOON, "{:?}", began.elapsed());
        assert_eq!(reactor.open_sources(), 0);
    });
}

#[test]
fn a_service_connects_anew_when_the_link_is_back() {
    // C126
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        let reactor = Reactor::new().unwrap();
        let endpoint = TcpClient::new(&reactor, server.address());
        let made = Rc::new(std::cell::Cell::new(0));
        let count = Rc::clone(&made);
        let factory = move |_: &Address| {
            count.set(count.get() + 1);
            AccumulatingProtocol::new()
        };
        let service = ClientService::new(&reactor, endpoint, factory)
            .retry_policy(|_| Duration::from_millis(50))
            .prepare_connection(|served| served.transport().set_keep_alive(Some(probing())));
        service.start();
        reactor.run_until(service.when_connected()).unwrap();
        hosts.here("ip link set cable down");
        turn_until(&reactor, || !service.is_connected());
        // While it is down there is no way there.
        let failed = reactor.run_until(service.when_connected_within(3));
        assert!(failed.is_err());
        hosts.here("ip link set cable up");
        reactor.run_until(service.when_connected()).unwrap();
        assert_eq!(made.get(), 2);
        reactor.run_until(service.stop()).unwrap();
        // Until the server has closed it, too.
        turn_until(&reactor, || reactor.open_sources() == 0);
    });
}

/// Sends so many bytes there and back over TCP, and there and back over TLS in bodies, while
/// `meanwhile` does what it wants to the link.
fn all_arrives(hosts: &Hosts, size: usize, meanwhile: impl FnOnce()) {
    let dir = temp_dir();
    let pki = Pki::new(dir.path());
    let echo = hosts.over_there(|| serve_echo(THERE.into()));
    let site = hosts.over_there(|| serve_site(THERE.into(), Some(&pki)));
    let reactor = Reactor::new().unwrap();
    let client = connect(&reactor, &TcpClient::new(&reactor, echo.address()));
    let agent = agent(&reactor, Some(&pki));
    let url = format!("https://{}/{size}", site.address());
    // Both are ready, so that what happens now happens in the middle.
    let [first, second] = [(); 2].map(|()| read(&agent, &format!("https://{}/1", site.address())));
    let ready = torsade::gather((first, second));
    reactor.run_until(ready).unwrap();

    let body = pattern(size);
    client.transport().unwrap().write(&body);
    let download = read(&agent, &url);
    let request = Request::new(Method::PUT, &url).unwrap().body(body.clone());
    let upload = agent.request(request);
    meanwhile();
    let (downloaded, uploaded) = reactor
        .run_until(torsade::gather((download, upload)))
        .unwrap();
    assert!(downloaded == body, "another body came");
    assert_eq!(uploaded.status(), 200);
    turn_until(&reactor, || client.data().len() == size);
    assert!(client.data() == body, "another echo came");
    assert_eq!(client.ending(), None);
    client.transport().unwrap().lose_connection();
    turn_until(&reactor, || client.ending().is_some());
    assert_eq!(client.ending(), Some(Ending::Done));
}

fn read(agent: &Agent, url: &str) -> torsade::Deferred<Vec<u8>> {
    let body = agent.get(url).add_callback(Response::read_body);
    body.map(|body| body.to_vec())
}

#[test]
fn all_arrives_once_and_in_order_though_packets_are_lost() {
    Hosts::run(|hosts| {
        // So that what is lost is sent again soon.
        hosts.here(&format!(
            "ip route change 10.9.0.0/24 dev cable src {HERE} rto_min 5ms"
        ));
        hosts.there(&format!(
            "ip route change 10.9.0.0/24 dev cable src {THERE} rto_min 5ms"
        ));
        let lossy =
            "iptables -w -A INPUT -i cable -m statistic --mode random --probability 0.1 -j DROP";
        all_arrives(hosts, 300_000, || {
            hosts.here(lossy);
            hosts.there(lossy);
        });
        assert!(hosts.dropped() > 0);
    });
}

#[test]
fn all_arrives_once_and_in_order_through_tiny_buffers_and_packets() {
    Hosts::run(|hosts| {
        hosts.set("ipv4/tcp_rmem", "2048 2048 4096");
        hosts.set("ipv4/tcp_wmem", "2048 2048 4096");
        all_arrives(hosts, 300_000, || {
            hosts.here("ip link set cable mtu 600");
            hosts.there("ip link set cable mtu 600");
        });
    });
}

#[test]
fn all_arrives_once_and_in_order_though_the_link_was_down() {
    Hosts::run(|hosts| {
        all_arrives(hosts, 1_000_000, || {
            hosts.here("ip link set cable down");
            std::thread::sleep(SECOND);
            hosts.here("ip link set cable up");
        });
    });
}

#[test]
fn a_client_that_vanishes_costs_a_server_its_connection_only_for_a_while() {
    Hosts::run(|hosts| {
        let reactor = Reactor::new().unwrap();
        let any = (HERE, 0).into();
        let probed = |_: &Address| ProbedEcho;
        let port = TcpServer::new(&reactor, any).listen(probed).unwrap();
        let address = port.socket_addr().unwrap();
        let client = hosts.over_there(|| std::net::TcpStream::connect(address).unwrap());
        turn_until(&reactor, || reactor.open_sources() == 2);
        hosts.cut();
        // Its farewell does not get through, either.
        drop(client);
        turn_until(&reactor, || reactor.open_sources() == 1);
    });
}

/// Probes its client.
struct ProbedEcho;

impl torsade::Protocol for ProbedEcho {
    fn connection_made(&mut self, transport: &torsade::Transport) {
        transport.set_keep_alive(Some(probing())).unwrap();
        Echo.connection_made(transport);
    }

    fn data_received(
        &mut self,
        transport: &torsade::Transport,
        data: &[u8],
    ) -> torsade::Result<()> {
        Echo.data_received(transport, data)
    }
}
