use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use super::socks_request::{Outcome, Parser, Step};
use super::{PortForward, SocksServer};
use crate::filter::{Socks5, Socks5Error};
use crate::protocols::wire::Echo;
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::{
    Address, ClientEndpoint, ConnectionLost, Failure, Protocol, ProtocolRef, Reactor, Result,
    TcpClient, TcpServer, Transport,
};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a client or a server has seen.
#[derive(Clone, Default)]
struct Seen(Rc<RefCell<(Vec<u8>, Vec<&'static str>)>>);

impl Seen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow().0).into_owned()
    }

    fn len(&self) -> usize {
        self.0.borrow().0.len()
    }

    fn events(&self) -> Vec<&'static str> {
        self.0.borrow().1.clone()
    }
}

/// Notes what comes, and stays half open.
struct Noting(Seen);

impl Protocol for Noting {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.0.borrow_mut().0.extend_from_slice(data);
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        self.0.0.borrow_mut().1.push("read closed");
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let is_reset = reason.check::<ConnectionLost>().is_some();
        let event = if is_reset { "broken" } else { "lost" };
        self.0.0.borrow_mut().1.push(event);
    }
}

fn simulation() -> Reactor {
    Simulation::new()
        .host("server.test", [HOST])
        .host("far.test", [HOST])
        .unreachable([192, 0, 2, 1].into())
        .reactor()
}

fn pass(reactor: &Reactor, seconds: u64) {
    let later = defer_later(reactor, Duration::from_secs(seconds), || ());
    reactor.run_until(later).unwrap();
}

fn connect(reactor: &Reactor, endpoint: &impl ClientEndpoint) -> Result<(Seen, Transport)> {
    let seen = Seen::default();
    let made = seen.clone();
    let connected = endpoint.connect(move |_: &Address| Noting(made.clone()));
    let connected: ProtocolRef<Noting> = reactor.run_until(connected)?;
    Ok((seen, connected.transport().clone()))
}

fn tcp(reactor: &Reactor, port: u16) -> TcpClient {
    TcpClient::new(reactor, (HOST, port).into())
}

fn listen<F: crate::Factory>(reactor: &Reactor, port: u16, factory: F) {
    TcpServer::new(reactor, (HOST, port).into())
        .listen(factory)
        .unwrap();
}

/// A port 1 that leads to port 2, where a server notes what comes.
fn forwarded() -> (Reactor, Seen, Rc<RefCell<Option<Transport>>>) {
    let reactor = simulation();
    let (seen, server) = (Seen::default(), Rc::new(RefCell::new(None)));
    let (noted, kept) = (seen.clone(), Rc::clone(&server));
    struct Keeping(Noting, Rc<RefCell<Option<Transport>>>);
    impl Protocol for Keeping {
        fn connection_made(&mut self, transport: &Transport) {
            *self.1.borrow_mut() = Some(transport.clone());
        }
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            self.0.data_received(transport, data)
        }
        fn read_closed(&mut self, transport: &Transport) {
            self.0.read_closed(transport);
        }
        fn connection_lost(&mut self, reason: &Failure) {
            self.0.connection_lost(reason);
        }
    }
    listen(&reactor, 2, move |_: &Address| {
        Keeping(Noting(noted.clone()), Rc::clone(&kept))
    });
    listen(&reactor, 1, PortForward::to(tcp(&reactor, 2)));
    (reactor, seen, server)
}

// C112
#[test]
fn what_comes_on_one_side_goes_out_on_the_other_also_what_came_too_early() {
    let (reactor, seen, server) = forwarded();
    let (client, transport) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
    transport.write(b"early");
    pass(&reactor, 1);
    assert_eq!(seen.text(), "early");
    server.borrow().as_ref().unwrap().write(b"answer");
    pass(&reactor, 1);
    assert_eq!(client.text(), "answer");
}

// C112
#[test]
fn one_that_does_not_read_keeps_the_other_from_being_read() {
    let (reactor, seen, server) = forwarded();
    let (_, transport) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
    pass(&reactor, 1);
    let server = server.borrow().clone().unwrap();
    server.pause_reading();
    transport.write(&vec![b'x'; 10_000_000]);
    pass(&reactor, 60);
    let left = transport.queued();
    assert!(left > 9_000_000, "{left} are still at the sender");
    server.resume_reading();
    pass(&reactor, 60);
    assert_eq!((seen.len(), transport.queued()), (10_000_000, 0));
}

// C112
#[test]
fn an_end_of_one_direction_ends_that_direction_only() {
    let (reactor, seen, server) = forwarded();
    let (client, transport) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
    transport.write(b"question");
    transport.lose_write_connection();
    pass(&reactor, 1);
    assert_eq!(
        (seen.text().as_str(), seen.events()),
        ("question", vec!["read closed"])
    );
    let server = server.borrow().clone().unwrap();
    server.write(b"late answer");
    server.lose_connection();
    pass(&reactor, 1);
    assert_eq!(client.text(), "late answer");
    assert_eq!(seen.events().last(), Some(&"lost"));
    assert_eq!(client.events().last(), Some(&"lost"));
    assert_eq!(reactor.open_sources(), 2, "the two listening ports");
}

// C112
#[test]
fn the_loss_of_one_closes_the_other_also_one_that_reads_nothing() {
    for client_goes in [true, false] {
        let (reactor, seen, server) = forwarded();
        let (client, transport) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
        pass(&reactor, 1);
        let server = server.borrow().clone().unwrap();
        let (goes, stays) = match client_goes {
            true => (&transport, &server),
            false => (&server, &transport),
        };
        stays.write(&vec![b'x'; 1_000_000]);
        goes.pause_reading();
        pass(&reactor, 1);
        goes.abort_connection();
        pass(&reactor, 200);
        let (gone, told) = match client_goes {
            true => (&client, &seen),
            false => (&seen, &client),
        };
        assert!(gone.events().contains(&"lost") && !told.events().is_empty());
        stays.lose_connection();
        pass(&reactor, 200);
        assert_eq!(reactor.open_sources(), 2);
    }
}

// C112
#[test]
fn what_is_cut_off_on_one_side_is_cut_off_on_the_other_behind_what_came() {
    for client_goes in [true, false] {
        let (reactor, seen, server) = forwarded();
        let (client, transport) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
        pass(&reactor, 1);
        let server = server.borrow().clone().unwrap();
        let (goes, stays, told) = match client_goes {
            true => (&transport, &server, &seen),
            false => (&server, &transport, &client),
        };
        // More than a window, so that some of it waits at the forwarder.
        stays.pause_reading();
        goes.write(&vec![b'x'; 100_000]);
        pass(&reactor, 1);
        goes.abort_connection();
        pass(&reactor, 1);
        stays.resume_reading();
        pass(&reactor, 1);
        assert_eq!(told.events(), ["broken"]);
        assert_eq!(told.len(), 100_000);
        assert_eq!(reactor.open_sources(), 2);
    }
}

#[test]
fn one_that_cannot_be_connected_is_closed_and_one_that_goes_is_not_connected() {
    let reactor = simulation();
    listen(&reactor, 1, PortForward::to(tcp(&reactor, 2)));
    let (client, _) = connect(&reactor, &tcp(&reactor, 1)).unwrap();
    pass(&reactor, 1);
    assert_eq!(client.events(), ["broken"]);

    let silent = Simulation::new().silent([192, 0, 2, 9].into()).reactor();
    let far = TcpClient::new(&silent, ([192, 0, 2, 9], 2).into());
    listen(&silent, 1, PortForward::to(far));
    let (_, transport) = connect(&silent, &tcp(&silent, 1)).unwrap();
    transport.abort_connection();
    // It is not read before it is connected, so its end is seen only then.
    pass(&silent, 60);
    assert_eq!((silent.open_sources(), silent.delayed_calls()), (1, 0));
}

/// A world with an echo at `far.test:7`, and a SOCKS server at port 1080.
fn socks(server: impl FnOnce(SocksServer) -> SocksServer) -> Reactor {
    let reactor = simulation();
    listen(&reactor, 7, |_: &Address| Echo);
    let allowed = SocksServer::new(&reactor, |_, port| port != 25);
    listen(&reactor, 1080, server(allowed));
    reactor
}

fn by_socks5(
    reactor: &Reactor,
    host: &'static str,
    port: u16,
    login: Option<&'static str>,
) -> Result<String> {
    let proxy = tcp(reactor, 1080).filter(move || {
        let filter = Socks5::connect(host, port)?;
        Ok(match login {
            Some(password) => filter.credentials("me", password)?,
            None => filter,
        })
    });
    let (seen, transport) = connect(reactor, &proxy)?;
    transport.write(b"hello");
    pass(reactor, 1);
    Ok(seen.text())
}

fn refusal(result: Result<String>) -> Socks5Error {
    let failure = result.unwrap_err();
    failure
        .find::<Socks5Error>()
        .unwrap_or_else(|| panic!("{failure:#}"))
        .clone()
}

#[test]
fn our_own_client_of_socks5_is_connected_or_told_why_not() {
    let reactor = socks(|server| server);
    assert_eq!(by_socks5(&reactor, "far.test", 7, None).unwrap(), "hello");
    assert_eq!(by_socks5(&reactor, "127.0.0.1", 7, None).unwrap(), "hello");
    let error = |host, port| refusal(by_socks5(&reactor, host, port, None));
    assert_eq!(error("far.test", 25), Socks5Error::Refused(2));
    assert_eq!(error("no-such.test", 7), Socks5Error::Refused(4));
    assert_eq!(error("far.test", 8), Socks5Error::Refused(5));
    assert_eq!(error("192.0.2.1", 7), Socks5Error::Refused(4));
}

#[test]
fn only_those_with_a_password_are_served_where_there_is_one() {
    let reactor =
        socks(|server| server.password(|user, password| user == "me" && password == "secret"));
    assert_eq!(
        by_socks5(&reactor, "far.test", 7, Some("secret")).unwrap(),
        "hello"
    );
    let wrong = by_socks5(&reactor, "far.test", 7, Some("wrong"));
    assert_eq!(refusal(wrong), Socks5Error::CredentialsRefused);
    let none = by_socks5(&reactor, "far.test", 7, None);
    assert_eq!(refusal(none), Socks5Error::NoCommonMethod);
}

#[test]
fn a_client_that_never_says_what_it_wants_is_given_up() {
    let reactor = socks(|server| server);
    let (client, _) = connect(&reactor, &tcp(&reactor, 1080)).unwrap();
    pass(&reactor, 29);
    assert!(client.events().is_empty());
    pass(&reactor, 2);
    assert_eq!(client.events(), ["read closed"]);
}

#[test]
fn socks4_and_4a_are_served_with_what_comes_behind_the_request() {
    let by_address = b"\x04\x01\x00\x07\x7f\x00\x00\x01me\0hello";
    let by_name = b"\x04\x01\x00\x07\x00\x00\x00\x01me\0far.test\0hello";
    for request in [&by_address[..], &by_name[..]] {
        for cut in 0..request.len() {
            let reactor = socks(|server| server);
            let (client, transport) = connect(&reactor, &tcp(&reactor, 1080)).unwrap();
            transport.write(&request[..cut]);
            pass(&reactor, 1);
            transport.write(&request[cut..]);
            pass(&reactor, 1);
            assert_eq!(
                client.0.borrow().0,
                b"\0\x5a\0\0\0\0\0\0hello",
                "cut at {cut}"
            );
        }
    }
}

/// All that a client is told that sends this.
fn steps(needs_password: bool, bytes: &[u8]) -> Vec<Step> {
    let mut parser = Parser::new(needs_password);
    parser.receive(bytes);
    let mut all = Vec::new();
    loop {
        let step = parser.next();
        let is_last = !matches!(step, Step::Answer(_));
        all.push(step);
        if is_last {
            return all;
        }
    }
}

#[test]
fn nonsense_is_refused_as_soon_as_it_is_seen() {
    let refused = |bytes: &[u8]| match steps(false, bytes).pop() {
        Some(Step::Refuse(reply)) => reply.get(1).copied(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(b"GET / HTTP/1.1\r\n"), None);
    assert_eq!(refused(b"\x05\x01\x02"), Some(0xff), "no method in common");
    assert_eq!(
        refused(b"\x05\x01\0\x05\x02\0\x01\x7f\0\0\x01\0\x07"),
        Some(7),
        "BIND"
    );
    assert_eq!(
        refused(b"\x05\x01\0\x05\x01\0\x09\0\0\0\0\0\0"),
        Some(8),
        "an address of no kind"
    );
    assert_eq!(
        refused(b"\x05\x01\0\x04\x01\0\x01\0\0"),
        Some(1),
        "another version"
    );
    assert_eq!(
        refused(b"\x05\x01\0\x05\x01\0\x03\0\0\x07"),
        Some(1),
        "a name without letters"
    );
    assert_eq!(refused(b"\x04\x02\0\x07\x7f\0\0\x01\0"), Some(91), "BIND");
    assert_eq!(
        refused(b"\x04\x01\0\x07\0\0\0\x01\0\0"),
        Some(91),
        "a name without letters"
    );
    // It never ends its name.
    let endless = [&b"\x04\x01\0\x07\x7f\0\0\x01"[..], &[b'x'; 256]].concat();
    assert_eq!(refused(&endless), Some(91));
    assert_eq!(
        steps(true, b"\x04\x01"),
        [Step::Refuse(vec![0, 93, 0, 0, 0, 0, 0, 0])]
    );
}

#[test]
fn each_version_has_its_own_answers() {
    let mut parser = Parser::new(false);
    parser.receive(b"\x05\x01\0\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbbrest");
    assert_eq!(parser.next(), Step::Answer(vec![5, 0]));
    assert_eq!(parser.next(), Step::Connect("::1".into(), 443));
    assert_eq!(parser.rest(), b"rest");
    assert_eq!(parser.reply(Outcome::Connected)[..2], [5, 0]);
    assert_eq!(parser.reply(Outcome::NotAllowed)[..2], [5, 2]);

    let mut parser = Parser::new(false);
    parser.receive(b"\x04\x01\0\x50\x7f\0\0\x01\0");
    assert_eq!(parser.next(), Step::Connect("127.0.0.1".into(), 80));
    assert_eq!(parser.reply(Outcome::Connected)[..2], [0, 90]);
    assert_eq!(parser.reply(Outcome::Failed)[..2], [0, 91]);
}
