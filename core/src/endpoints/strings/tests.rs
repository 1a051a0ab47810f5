use proptest::prelude::*;

use super::{Description, DescriptionError, Endpoints, ServerEndpoint};
use crate::endpoints::{ClientEndpoint, HostnameClient};
use crate::testing::Simulation;
use crate::{Address, Protocol, Reactor, Result, Transport};

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn endpoints() -> (Reactor, Endpoints) {
    let reactor = Simulation::new().reactor();
    let endpoints = Endpoints::new(&reactor);
    (reactor, endpoints)
}

/// The peer of a client that connects to a server, both by description.
fn connects(server: &str, client: &str) -> String {
    let (reactor, endpoints) = endpoints();
    let server = endpoints.server(server).unwrap();
    let _listening = server.listen(|_: &Address| Quiet).unwrap();
    let client = endpoints.client(client).unwrap();
    let connected = reactor.run_until(client.connect(|_: &Address| Quiet));
    connected.unwrap().transport().peer().to_string()
}

#[test]
fn each_kind_connects_to_its_server() {
    // C123
    let cases = [
        ("tcp:80", "tcp:127.0.0.1:80", "127.0.0.1:80"),
        ("tcp:port=80", "tcp:host=localhost:port=80", "127.0.0.1:80"),
        (
            "tcp:port=80:interface=127.0.0.1:backlog=5",
            "tcp:port=80:host=127.0.0.1",
            "127.0.0.1:80",
        ),
        (
            "tcp6:80:interface=\\:\\:1",
            "tcp:\\:\\:1:80:timeout=2.5",
            "[::1]:80",
        ),
        (
            "tcp:80",
            "tcp:127.0.0.1:80:bindAddress=127.0.0.1",
            "127.0.0.1:80",
        ),
        ("unix:/run/x:mode=660", "unix:/run/x", "/run/x"),
        (
            "unix:address=/run/a\\:b\\=c\\\\",
            "unix:path=/run/a\\:b\\=c\\\\:timeout=1",
            "/run/a:b=c\\",
        ),
    ];
    for (server, client, peer) in cases {
        assert_eq!(connects(server, client), peer, "{server} and {client}");
    }
}

/// What is wrong with a description of a client, and of a server.
fn wrong(client: &str, server: &str) -> (DescriptionError, DescriptionError) {
    let (_, endpoints) = endpoints();
    let client = endpoints.client(client).map(|_| ()).unwrap_err();
    let server = endpoints.server(server).map(|_| ()).unwrap_err();
    (client.trap().unwrap(), server.trap().unwrap())
}

#[test]
fn an_unknown_kind_is_told_with_those_that_there_are() {
    // C123
    let (client, server) = wrong("ftp:x", "");
    assert_eq!(
        client.to_string(),
        "there are no \"ftp\" endpoints, only process, stdio, tcp, unix"
    );
    assert!(matches!(server, DescriptionError::UnknownKind { .. }));
}

#[test]
fn missing_and_unknown_and_bad_arguments_are_told_when_it_is_read() {
    // C123
    let (client, server) = wrong("tcp:host=x", "tcp");
    let missing = DescriptionError::Missing { argument: "port" };
    assert_eq!((&client, &server), (&missing, &missing));

    let (client, server) = wrong("tcp:x:80:retries=5", "tcp:80:81");
    assert_eq!(
        client.to_string(),
        "nobody expects the argument \"retries\""
    );
    assert_eq!(server.to_string(), "nobody expects the argument \"81\"");

    let (client, server) = wrong("tcp:x:http", "tcp:80:interface=lo");
    assert_eq!(
        client.to_string(),
        "port is \"http\", and must be a number from 0 to 65535"
    );
    assert!(matches!(
        server,
        DescriptionError::BadValue {
            argument: "interface",
            ..
        }
    ));

    let (client, server) = wrong("tcp:x:1:timeout=-1", "unix:/x:mode=rw");
    assert!(matches!(
        client,
        DescriptionError::BadValue {
            argument: "timeout",
            ..
        }
    ));
    assert!(matches!(
        server,
        DescriptionError::BadValue {
            argument: "mode",
            ..
        }
    ));

    let (client, _) = wrong("tcp:host=a:host=b:80", "");
    assert_eq!(client.to_string(), "the argument host is given twice");
}

#[test]
fn others_add_kinds_of_their_own() {
    let (reactor, mut endpoints) = endpoints();
    endpoints.add_client("web", |endpoints, it| {
        let host = it.require("host")?;
        Ok(Box::new(HostnameClient::new(
            endpoints.reactor(),
            &host,
            80,
        )))
    });
    endpoints.add_server("web", |endpoints, it| {
        let inner = it.take("inner").unwrap_or_else(|| "tcp:80".to_owned());
        endpoints.server(&inner)
    });
    let server = endpoints.server("web").unwrap();
    assert!(matches!(server, ServerEndpoint::Tcp(_)));
    let _listening = server.listen(|_: &Address| Quiet).unwrap();
    let client = endpoints.client("web:localhost").unwrap();
    assert!(
        reactor
            .run_until(client.connect(|_: &Address| Quiet))
            .is_ok()
    );
}

proptest! {
    #[test]
    fn any_value_survives_when_it_is_escaped(value in "[a:=\\\\é ]{0,12}", other in ".{0,8}") {
        let (first, second) = (Description::escape(&value), Description::escape(&other));
        let text = format!("kind:{first}:name={second}");
        let mut description = Description::parse(&text).unwrap();
        prop_assert_eq!(description.kind.as_str(), "kind");
        prop_assert_eq!(description.take_named("name"), Some(other));
        prop_assert_eq!(description.take("first"), Some(value));
        prop_assert!(description.finish().is_ok());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let (_, endpoints) = endpoints();
        let _ = endpoints.client(&text);
        let _ = endpoints.server(&format!("tcp:{text}"));
    }
}

#[test]
fn a_process_is_connected_to_by_its_description() {
    use std::cell::RefCell;

    struct Hears(String, Option<crate::Resolver<String>>);
    impl Protocol for Hears {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"to be shouted");
            transport.lose_write_connection();
        }
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.0.push_str(&String::from_utf8_lossy(data));
            Ok(())
        }
        fn connection_lost(&mut self, reason: &crate::Failure) {
            assert!(
                reason.check::<crate::ConnectionDone>().is_some(),
                "{reason:#}"
            );
            self.1.take().unwrap().callback(std::mem::take(&mut self.0));
        }
    }

    let reactor = Reactor::new().unwrap();
    let endpoints = Endpoints::new(&reactor);
    let client = endpoints.client("process:tr:a-z:A-Z").unwrap();
    let (resolver, heard) = crate::Deferred::new();
    let resolver = RefCell::new(Some(resolver));
    let connected = client.connect(move |_: &Address| Hears(String::new(), resolver.take()));
    reactor.run_until(connected).unwrap();
    assert_eq!(reactor.run_until(heard).unwrap(), "TO BE SHOUTED");
    // And it was waited for.
    while reactor.open_sources() > 0 {
        reactor
            .iterate(Some(std::time::Duration::from_secs(5)))
            .unwrap();
    }

    let missing = endpoints.client("process:/no/such/program").unwrap();
    let failure = reactor
        .run_until(missing.connect(|_: &Address| Quiet))
        .unwrap_err();
    assert!(failure.check::<crate::process::CannotSpawn>().is_some());
}

#[test]
fn a_listening_socket_is_found_by_its_number() {
    use std::os::fd::AsRawFd;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reactor = Reactor::new().unwrap();
    let endpoints = Endpoints::new(&reactor);
    let server = endpoints
        .server(&format!("fd:{}", listener.as_raw_fd()))
        .unwrap();
    let port = server.listen(|_: &Address| Quiet).unwrap();
    assert_eq!(port.address().socket_addr(), listener.local_addr().ok());
    for number in ["60000", "-1", "-2147483648", "99999999999"] {
        assert!(
            endpoints.server(&format!("fd:{number}")).is_err(),
            "{number}"
        );
    }
}

#[test]
fn what_was_not_handed_over_is_told_so() {
    let (_, endpoints) = endpoints();
    let failure = endpoints.server("systemd:domain=INET:index=3").unwrap_err();
    let expected = "there is no descriptor 3: LISTEN_FDS handed over none";
    assert_eq!(failure.to_string(), expected);
    let failure = endpoints.server("systemd:domain=X25:index=3").unwrap_err();
    assert!(failure.check::<DescriptionError>().is_some());
}

#[test]
fn a_description_inside_of_another_keeps_its_arguments() {
    let (_, endpoints) = endpoints();
    for text in [
        "haproxy:tcp:8001:interface=127.0.0.1",
        "haproxy:tcp\\:8001\\:interface\\=127.0.0.1",
        "haproxy:tcp\\:8001:interface=127.0.0.1",
    ] {
        let server = endpoints.server(text).unwrap();
        let shown = format!("{server:?}");
        assert!(
            shown.contains("127.0.0.1:8001") && shown.contains("filters: 1"),
            "{shown}"
        );
    }
    assert!(endpoints.server("haproxy:").is_err());
    assert!(endpoints.server("haproxy:nothing").is_err());
}

#[test]
fn a_kind_and_a_colon_is_one_without_arguments() {
    let (_, endpoints) = endpoints();
    for text in ["stdio:", "stdio"] {
        let server = endpoints.server(text).unwrap();
        assert!(matches!(server, ServerEndpoint::StandardIo(_)));
    }
    assert!(endpoints.server("stdio::").is_err());
}
