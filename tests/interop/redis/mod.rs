//! The example `redis`: its parser, its client, and the program, with redis-server.

mod parser;

use std::cell::RefCell;
use std::rc::Rc;

use torsade::testing::Simulation;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{
    Address, ClientEndpoint, Deferred, HostnameClient, Protocol, Reactor, Result, TcpClient,
    TcpServer, Transport, gather,
};

use crate::support::daemon::{Daemon, text};
use crate::support::peer::{self, PATIENCE, Peer, pattern, run};
use crate::support::program::example;
use crate::support::store;

#[path = "../../../examples/redis/client.rs"]
mod client;
#[path = "../../../examples/redis/resp.rs"]
mod resp;

use client::{Login, Redis, RedisError};
use resp::Value;

fn word(word: &'static str) -> Value {
    Value::Bytes(word.into())
}

fn login(resp2: bool) -> Login {
    Login {
        resp2,
        user: None,
        password: Some("secret".to_owned()),
    }
}

/// Connects, talks, and gives what comes of it.
fn converse<T: 'static, F: Future<Output = Result<T>> + 'static>(
    server: &Daemon,
    login: Login,
    conversation: impl FnOnce(Redis) -> F + 'static,
) -> Result<T> {
    let reactor = Reactor::new()?;
    let client = TcpClient::new(&reactor, server.address());
    talk(&reactor, &client, login, conversation)
}

fn talk<T: 'static, F: Future<Output = Result<T>> + 'static>(
    reactor: &Reactor,
    client: &impl ClientEndpoint,
    login: Login,
    conversation: impl FnOnce(Redis) -> F + 'static,
) -> Result<T> {
    let spawner = reactor.clone();
    let done =
        Redis::connect(client, login).add_callback(move |redis| spawner.spawn(conversation(redis)));
    reactor.run_until(done.add_timeout(reactor, PATIENCE))
}

#[test]
fn ten_thousand_commands_are_answered_in_order_in_both_versions() {
    let Some(server) = store::redis() else {
        return;
    };
    for resp2 in [true, false] {
        converse(&server, login(resp2), move |redis| async move {
            redis.command(&["DEL", "n", "list"]).await?;
            let answers: Vec<Deferred<Value>> =
                (0..10_000).map(|_| redis.command(&["INCR", "n"])).collect();
            // One that is refused, and one that nobody waits for, disturb nobody.
            let refused = redis.command(&["LPUSH", "n", "x"]);
            redis.command(&["GET", "n"]).cancel();
            let all: Vec<u8> = (0..=255).collect();
            let stored = redis.command(&[b"SET".as_slice(), b"bytes", &all]);
            let bytes = redis.command(&["GET", "bytes"]);
            let large = pattern(1024 * 1024);
            drop(redis.command(&[b"SET".as_slice(), b"large", &large]));
            let back = redis.command(&["GET", "large"]);
            let numbers = gather(answers).await?;
            assert!(numbers.into_iter().eq((1..=10_000).map(Value::Integer)));
            let error: RedisError = refused.await.unwrap_err().trap()?;
            let RedisError::Refused(text) = error else {
                panic!("{error:?}");
            };
            assert!(text.starts_with("WRONGTYPE "), "{text}");
            assert_eq!(stored.await?, Value::Text("OK".to_owned()));
            assert_eq!(bytes.await?.bytes().unwrap(), all);
            assert!(back.await?.bytes().unwrap() == large);
            let pairs = redis.command(&["CONFIG", "GET", "maxclients"]).await?;
            let (name, value) = (word("maxclients"), word("10000"));
            let expected = match resp2 {
                true => Value::Array(vec![name, value]),
                false => Value::Map(vec![(name, value)]),
            };
            assert_eq!(pairs, expected);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn messages_come_to_those_who_have_subscribed_in_both_versions() {
    let Some(server) = store::redis() else {
        return;
    };
    for resp2 in [true, false] {
        let reactor = Reactor::new().unwrap();
        let client = TcpClient::new(&reactor, server.address());
        let other = Redis::connect(&client, login(resp2));
        let other = reactor.run_until(other).unwrap();
        talk(&reactor, &client, login(resp2), move |redis| async move {
            let got = Rc::new(RefCell::new(Vec::new()));
            let (resolver, all) = Deferred::new();
            let (into, mut resolver) = (Rc::clone(&got), Some(resolver));
            redis.on_push(move |parts| {
                into.borrow_mut().push(parts);
                if into.borrow().len() == 3
                    && let Some(resolver) = resolver.take()
                {
                    resolver.callback(());
                }
            });
            redis.subscribe(&["SUBSCRIBE", "a", "b"]).await?;
            redis.subscribe(&["PSUBSCRIBE", "n*"]).await?;
            for channel in ["a", "b", "news"] {
                let heard = other.command(&["PUBLISH", channel, "hello"]).await?;
                assert_eq!(heard, Value::Integer(1));
            }
            all.await?;
            let words = |words: &[&'static str]| -> Vec<Value> {
                words.iter().copied().map(word).collect()
            };
            let expected = [
                words(&["message", "a", "hello"]),
                words(&["message", "b", "hello"]),
                words(&["pmessage", "n*", "news", "hello"]),
            ];
            assert_eq!(*got.borrow(), expected);
            if !resp2 {
                // In this version, other commands go on.
                drop(redis.command(&["RPUSH", "list", "message"]));
                let list = redis.command(&["LRANGE", "list", "-1", "-1"]).await?;
                assert_eq!(list, Value::Array(words(&["message"])));
            }
            let refused = redis.subscribe(&["SUBSCRIBE"]).await.unwrap_err();
            assert!(refused.check::<RedisError>().is_some());
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn who_does_not_know_the_password_gets_nowhere() {
    let Some(server) = store::redis() else {
        return;
    };
    for resp2 in [true, false] {
        let with = |user: Option<&str>, password: Option<&str>| {
            let login = Login {
                resp2,
                user: user.map(str::to_owned),
                password: password.map(str::to_owned),
            };
            converse(&server, login, |redis| async move {
                redis.command(&["GET", "x"]).await
            })
        };
        assert_eq!(with(None, Some("secret")).unwrap(), Value::Null);
        assert_eq!(with(Some("reader"), Some("word")).unwrap(), Value::Null);
        for (user, password, code) in [
            (None, Some("wrong"), "WRONGPASS"),
            (Some("reader"), Some("secret"), "WRONGPASS"),
            (None, None, "NOAUTH"),
        ] {
            let error = with(user, password).unwrap_err().trap().unwrap();
            let RedisError::Refused(text) = error else {
                panic!("{error:?}");
            };
            assert!(text.starts_with(code), "{text}");
        }
    }
}

#[test]
fn redis_is_spoken_over_tls_with_a_certificate_of_our_own() {
    let Some(server) = store::redis_tls() else {
        return;
    };
    let reactor = Reactor::new().unwrap();
    let ask = |tls: ClientTls| {
        let tcp = HostnameClient::new(&reactor, "127.0.0.1", server.address().port());
        let client = wrap_client_tls(tcp, &tls, "localhost");
        talk(&reactor, &client, login(false), |redis| async move {
            redis.command(&["ECHO", "hello"]).await
        })
    };
    let files = server.files();
    let with = ClientTls::builder()
        .trust(server.trust())
        .client_certificate_files(files.path("client.pem"), files.path("client.key"));
    assert_eq!(ask(with.build().unwrap()).unwrap(), word("hello"));
    let without = ClientTls::builder().trust(server.trust()).build().unwrap();
    let failure = format!("{:#}", ask(without).unwrap_err());
    assert!(failure.contains("certificate"), "{failure}");
}

#[test]
fn the_program_asks_prints_and_listens() {
    let (Some(plain), Some(tls)) = (store::redis(), store::redis_tls()) else {
        return;
    };
    let redis = || {
        let mut command = example("redis");
        command.env("REDISCLI_AUTH", "secret");
        command
    };
    let address = plain.address().to_string();
    let set = run(redis().args([&address, "SET", "k", "-v"]), b"").expect_success();
    assert_eq!(set.text(), "OK\n");
    let commands = b"GET k\n\nINCR n\nLRANGE none 0 -1\nGET none\n";
    let told = run(redis().args(["--resp2", &address]), commands).expect_success();
    assert_eq!(told.text(), "-v\n1\n(null)\n");
    let refused = run(redis().args([&address, "INCR", "k"]), b"");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("not an integer"),
        "{}",
        refused.stderr
    );

    let dir = peer::temp_dir();
    let mut listens = redis();
    listens.args(["--messages", "2", &address, "SUBSCRIBE", "news"]);
    let mut listening = Peer::spawn("redis", &mut listens, dir.path());
    listening.announces("subscribed");
    for text in ["one", "two"] {
        run(redis().args([&address, "PUBLISH", "news", text]), b"").expect_success();
    }
    assert_eq!(listening.ends().code(), Some(0));
    let printed = listening.stdout();
    let words: Vec<&str> = printed.split_whitespace().collect();
    let expected = [
        "subscribed",
        "message",
        "news",
        "one",
        "message",
        "news",
        "two",
    ];
    assert_eq!(words, expected);

    let path = |name| tls.files().path(name);
    let mut over_tls = redis();
    over_tls
        .args([
            "--cacert",
            text(&path("ca.pem")),
            "--cert",
            text(&path("client.pem")),
        ])
        .args(["--key", text(&path("client.key"))])
        .args([&format!("localhost:{}", tls.address().port()), "PING"]);
    assert_eq!(run(&mut over_tls, b"").expect_success().text(), "PONG\n");
}

/// Says that to whatever comes, and closes if that is empty.
struct Says(&'static str);

impl Protocol for Says {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.write(self.0.as_bytes());
        if self.0.is_empty() {
            transport.lose_connection();
        }
        Ok(())
    }
}

#[test]
fn a_server_that_answers_wrongly_fails_all_that_wait() {
    for (answer, words) in [
        ("+OK\r\n+OK\r\n+OK\r\n", "nobody asked for"),
        ("HTTP/1.1 400\r\n", "no RESP"),
        ("", "ended"),
        ("+OK\r\n>1\r\n*x\r\n", "no RESP"),
    ] {
        let reactor = Simulation::new().reactor();
        let address = "127.0.0.1:6379".parse().unwrap();
        let server = TcpServer::new(&reactor, address);
        server.listen(move |_: &Address| Says(answer)).unwrap();
        let client = TcpClient::new(&reactor, address);
        let plain = Login {
            resp2: true,
            ..Login::default()
        };
        let redis = reactor.run_until(Redis::connect(&client, plain)).unwrap();
        let both = (redis.command(&["PING"]), redis.command(&["PING"]));
        let (first, second) = (both.0, both.1);
        drop(first.add_errback(|_| Ok(Value::Null)));
        let _ = reactor.run_until(second);
        // What came behind the answers is seen in the same turn.
        let failure = reactor.run_until(redis.command(&["PING"])).unwrap_err();
        assert!(
            format!("{failure:#}").contains(words),
            "{answer:?}: {failure:#}"
        );
    }
}
