//! Addresses that cannot be reached, each in its way.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use torsade::endpoints::HostnameClient;
use torsade::http::Stage;
use torsade::names::Hosts as HostsFile;
use torsade::protocols::wire::Echo;
use torsade::testing::AccumulatingProtocol;
use torsade::{
    Address, AllAttemptsFailed, CannotListen, ClientEndpoint, ConnectError, ConnectOptions,
    ConnectStage, ConnectTimedOut, Failure, Reactor, TcpClient, TcpServer,
};

use crate::site::{SOON, agent_with, connect, request_error, serve_echo, turn_until};
use crate::support::hosts::{Hosts, NOBODY, THERE};

fn failure_of(reactor: &Reactor, client: &impl ClientEndpoint) -> Failure {
    let connected = client.connect(|_: &Address| AccumulatingProtocol::new());
    reactor.run_until(connected).map(|_| ()).unwrap_err()
}

#[test]
fn what_the_network_says_of_an_address_is_told_at_once_by_its_kind() {
    // R90
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        let reactor = Reactor::new().unwrap();
        let reject = "iptables -w -A INPUT -i cable -p tcp -j REJECT --reject-with";
        for (number, (way, kind)) in [
            ("tcp-reset", ErrorKind::ConnectionRefused),
            ("icmp-port-unreachable", ErrorKind::ConnectionRefused),
            ("icmp-host-unreachable", ErrorKind::HostUnreachable),
            ("icmp-net-unreachable", ErrorKind::NetworkUnreachable),
            ("icmp-admin-prohibited", ErrorKind::HostUnreachable),
        ]
        .into_iter()
        .enumerate()
        {
            hosts.there("iptables -w -F INPUT");
            hosts.there(&format!("{reject} {way}"));
            let began = Instant::now();
            let failure = failure_of(&reactor, &TcpClient::new(&reactor, server.address()));
            let error = failure.check::<ConnectError>().expect(way);
            assert_eq!(error.error.kind(), kind, "{way}: {failure:#}");
            assert_eq!(error.address, Address::Tcp(server.address()));
            assert!(began.elapsed() < SOON, "{number}: {way}");
        }
        for (route, kind) in [
            ("unreachable 10.66.0.0/16", ErrorKind::HostUnreachable),
            ("prohibit 10.66.0.0/16", ErrorKind::PermissionDenied),
            ("blackhole 10.66.0.0/16", ErrorKind::InvalidInput),
        ] {
            hosts.here(&format!("ip route add {route}"));
            let nowhere = "10.66.0.1:1".parse().unwrap();
            let failure = failure_of(&reactor, &TcpClient::new(&reactor, nowhere));
            let error = failure.check::<ConnectError>().expect(route);
            assert_eq!(error.error.kind(), kind, "{route}: {failure:#}");
            hosts.here(&format!("ip route del {route}"));
        }
        let nowhere = "10.66.0.1:1".parse().unwrap();
        let failure = failure_of(&reactor, &TcpClient::new(&reactor, nowhere));
        let error = failure.check::<ConnectError>().expect("no route at all");
        assert_eq!(error.error.kind(), ErrorKind::NetworkUnreachable);
        assert_eq!(reactor.open_sources(), 0);
    });
}

#[test]
fn an_address_that_swallows_all_is_given_up_in_time() {
    // R90: the same for who asks the agent.
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        hosts.cut();
        let reactor = Reactor::new().unwrap();
        let limit = Duration::from_millis(300);
        let options = ConnectOptions::new().timeout(limit);
        let client = TcpClient::new(&reactor, server.address()).options(options);
        let failure = failure_of(&reactor, &client);
        let error = failure.check::<ConnectTimedOut>().unwrap();
        assert_eq!((error.stage, error.after), (ConnectStage::Tcp, limit));

        let hasty = agent_with(&reactor, None, |options| options.connect_timeout(limit));
        let asked = hasty.get(&format!("http://{}/1", server.address()));
        let failure = reactor.run_until(asked).map(|_| ()).unwrap_err();
        let error = request_error(&failure);
        assert_eq!(error.stage, Stage::Connecting, "{failure:#}");
        assert!(error.is_timeout());
        assert_eq!(reactor.open_sources(), 0);
    });
}

#[test]
fn of_several_addresses_the_one_that_answers_is_found() {
    // C119, C120, R104: silent, refusing, without a way, without a family.
    Hosts::run(|hosts| {
        let server = hosts.over_there(|| serve_echo(THERE.into()));
        hosts.here("ip route add unreachable 10.66.0.0/16");
        hosts.here(&format!("iptables -w -A OUTPUT -d {NOBODY} -j DROP"));
        hosts.set("ipv6/conf/all/disable_ipv6", "1");
        let reactor = Reactor::new().unwrap();
        let dead: [IpAddr; 4] = [
            Ipv6Addr::LOCALHOST.into(),
            "10.66.0.1".parse().unwrap(),
            "127.0.0.1".parse().unwrap(),
            NOBODY.into(),
        ];
        let alive = dead.into_iter().chain([THERE.into()]);
        let names = HostsFile::new()
            .host("alive.test", alive)
            .host("dead.test", dead);
        reactor.set_resolver(names);
        let began = Instant::now();
        let client = HostnameClient::new(&reactor, "alive.test", server.port());
        let connection = connect(&reactor, &client);
        // One is silent: the next is tried after the delay.
        assert!(began.elapsed() < SOON);
        let peer = connection.transport().unwrap().peer();
        assert_eq!(peer.socket_addr(), Some(server.address()));

        // The address resolution gives up by itself on one that nobody has.
        hosts.here("iptables -w -F OUTPUT");
        hosts.set("ipv4/neigh/cable/retrans_time_ms", "50");
        let client = HostnameClient::new(&reactor, "dead.test", server.port());
        let failure = failure_of(&reactor, &client);
        let error = failure.check::<AllAttemptsFailed>().unwrap();
        let tried: Vec<(IpAddr, ErrorKind)> = (error.attempts.iter())
            .map(|(address, failure)| {
                let error = failure.find::<ConnectError>().expect("each is told");
                (address.ip(), error.error.kind())
            })
            .collect();
        assert_eq!(tried.len(), dead.len(), "{failure:#}");
        let kind_of = |ip: IpAddr| tried.iter().find(|it| it.0 == ip).unwrap().1;
        assert_eq!(kind_of(dead[0]), ErrorKind::AddrNotAvailable, "{failure:#}");
        assert_eq!(kind_of(dead[1]), ErrorKind::HostUnreachable);
        assert_eq!(kind_of(dead[2]), ErrorKind::ConnectionRefused);
        assert_eq!(kind_of(dead[3]), ErrorKind::HostUnreachable);
    });
}

#[test]
fn a_family_that_is_switched_off_cannot_be_listened_on() {
    Hosts::run(|hosts| {
        hosts.set("ipv6/conf/all/disable_ipv6", "1");
        let reactor = Reactor::new().unwrap();
        for (address, kind) in [
            ("[::1]:0", ErrorKind::AddrNotAvailable),
            ("192.0.2.1:0", ErrorKind::AddrNotAvailable),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let failure = TcpServer::new(&reactor, address).listen(|_: &Address| Echo);
            let failure = failure.map(|_| ()).unwrap_err();
            let error = failure.check::<CannotListen>().unwrap();
            assert_eq!(error.error.kind(), kind, "{failure:#}");
        }
        turn_until(&reactor, || reactor.open_sources() == 0);
    });
}
