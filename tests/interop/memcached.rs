//! Our client with memcached.

use std::time::{Duration, Instant, SystemTime};

use torsade::protocols::memcache::{
    CheckAndSet, Ended, Item, Memcache, MemcacheError, MemcacheProtocol, RefusalKind,
};
use torsade::{Deferred, Reactor, Result, TcpClient, gather};

use crate::support::daemon::Daemon;
use crate::support::peer::PATIENCE;
use crate::support::store;

/// Runs a conversation with a memcached; `None` where there is none.
fn with_memcached<T: 'static, F: Future<Output = Result<T>> + 'static>(
    conversation: impl FnOnce(Memcache) -> F + 'static,
) -> Option<T> {
    let server = store::memcached()?;
    Some(converse(&server, MemcacheProtocol::new(), conversation))
}

fn converse<T: 'static, F: Future<Output = Result<T>> + 'static>(
    server: &Daemon,
    protocol: MemcacheProtocol,
    conversation: impl FnOnce(Memcache) -> F + 'static,
) -> T {
    let reactor = Reactor::new().unwrap();
    let client = TcpClient::new(&reactor, server.address());
    let spawner = reactor.clone();
    let done = protocol
        .connect(&client)
        .add_callback(move |memcache| spawner.spawn(conversation(memcache)));
    reactor
        .run_until(done.add_timeout(&reactor, PATIENCE))
        .unwrap_or_else(|failure| panic!("{failure:#} [{}]", server.log()))
}

#[test]
fn memcached_understands_every_request() {
    with_memcached(|c| async move {
        assert!(c.version().await?.starts_with("1."));
        assert_eq!(c.get("k").await?, None);
        assert!(!c.replace("k", "x").await?);
        assert!(!c.append("k", "x").await?);
        assert!(c.add("k", Item::new("b").flags(u32::MAX)).await?);
        assert!(!c.add("k", "x").await?);
        assert!(c.append("k", "c").await?);
        assert!(c.prepend("k", "a").await?);
        let value = c.get("k").await?.unwrap();
        assert_eq!((value.data.as_ref(), value.flags), (&b"abc"[..], u32::MAX));
        assert_eq!(value.cas, None);
        assert!(c.replace("k", "").await?);
        assert_eq!(c.get("k").await?.unwrap().data, "");

        let version = c.gets("k").await?.unwrap().cas.unwrap();
        let stored = c.check_and_set("k", "new", version).await?;
        assert_eq!(stored, CheckAndSet::Stored);
        let late = c.check_and_set("k", "late", version).await?;
        assert_eq!(late, CheckAndSet::Exists);
        let gone = c.check_and_set("none", "x", version).await?;
        assert_eq!(gone, CheckAndSet::NotFound);

        c.set("n", "18446744073709551615").await?;
        assert_eq!(c.decrement("n", 5).await?, Some(u64::MAX - 5));
        assert_eq!(c.increment("n", 6).await?, Some(0));
        assert_eq!(c.decrement("n", 1).await?, Some(0));
        assert_eq!(c.increment("none", 1).await?, None);

        assert!(c.touch("k", Some(Duration::from_secs(100))).await?);
        assert!(!c.touch("none", None).await?);
        assert!(c.delete("k").await?);
        assert!(!c.delete("k").await?);

        assert!(c.stats().await?.contains_key("curr_items"));
        assert_eq!(c.stats_of("settings").await?["maxbytes"], "134217728");
        assert!(!c.stats_of("items").await?.is_empty());
        assert!(c.stats_of("reset").await?.is_empty());
        c.flush_all().await?;
        assert_eq!(c.get("n").await?, None);
        Ok(())
    });
}

#[test]
fn what_memcached_refuses_fails_that_request_only() {
    let Some(server) = store::memcached() else {
        return;
    };
    let protocol = MemcacheProtocol::new().max_value(8 * 1024 * 1024);
    converse(&server, protocol, |c| async move {
        c.set("word", "abc").await?;
        // All under way at once.
        let too_large = c.set("large", vec![0; 3 * 1024 * 1024]);
        let no_number = c.increment("word", 1);
        let unknown = c.stats_of("detail perhaps");
        let word = c.get("word");
        for (error, expected) in [
            (too_large.await.unwrap_err(), RefusalKind::Server),
            (no_number.await.unwrap_err(), RefusalKind::Client),
            (unknown.await.unwrap_err(), RefusalKind::Client),
        ] {
            let MemcacheError::Refused { refusal, .. } = error.trap()? else {
                panic!("it was refused");
            };
            assert_eq!(refusal.kind, expected, "{refusal}");
        }
        assert_eq!(word.await?.unwrap().data, "abc");
        Ok(())
    });
}

#[test]
fn memcached_takes_every_byte_in_values_and_any_key_that_we_take() {
    with_memcached(|c| async move {
        let all: Vec<u8> = (0..=255).collect();
        let megabyte: Vec<u8> = all.iter().copied().cycle().take(1024 * 1024).collect();
        let tricky = b"\r\nEND\r\nVALUE k 0 1\r\n".to_vec();
        for value in [all.clone(), tricky, megabyte] {
            assert!(c.set("k", value.clone()).await?);
            assert!(c.get("k").await?.unwrap().data == value);
        }
        // Every byte that a key may have, and the longest key.
        let mut key: Vec<u8> = (0x21..=0xff).filter(|byte| *byte != 0x7f).collect();
        key.resize(250, b'k');
        assert!(c.set(&key, "v").await?);
        let found = c
            .get_multiple([key.as_slice(), b"none", b"k", b"k"])
            .await?;
        assert_eq!(found.len(), 2);
        assert_eq!(found[&key].data, "v");
        let keys: Vec<String> = (0..1000).map(|n| format!("{n:0>240}")).collect();
        gather(
            keys.iter()
                .map(|key| c.set(key, key.clone()))
                .collect::<Vec<_>>(),
        )
        .await?;
        // A quarter of a megabyte of keys in one request.
        let found = c.get_multiple(&keys).await?;
        assert!(keys.iter().all(|key| found[key.as_bytes()].data == *key));
        Ok(())
    });
}

#[test]
fn items_expire_when_they_are_told_to() {
    with_memcached(|c| async move {
        let month = Duration::from_secs(60 * 60 * 24 * 31);
        c.set("long", Item::new("v").expires_after(month)).await?;
        let later = SystemTime::now() + Duration::from_secs(1000);
        c.set("at", Item::new("v").expires_at(later)).await?;
        c.set("now", Item::new("v").expires_after(Duration::ZERO))
            .await?;
        c.set("past", Item::new("v").expires_at(SystemTime::UNIX_EPOCH))
            .await?;
        c.set("touched", "v").await?;
        c.touch("touched", Some(Duration::ZERO)).await?;
        let all = ["long", "at", "now", "past", "touched"];
        let found = c.get_multiple(all).await?;
        let mut found: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
        found.sort_unstable();
        assert_eq!(found, [b"at".as_slice(), b"long"]);
        Ok(())
    });
}

#[test]
fn ten_thousand_requests_are_answered_in_order() {
    let took = with_memcached(|c| async move {
        let start = Instant::now();
        let number = |value: Option<torsade::protocols::memcache::Value>| {
            let data = value.expect("it was stored").data;
            Ok(std::str::from_utf8(&data)?.parse::<u32>()?)
        };
        let stored: Vec<Deferred<bool>> = (0..10_000_u32)
            .map(|n| c.set(format!("k{n}"), n.to_string()))
            .collect();
        let got: Vec<Deferred<u32>> = (0..10_000_u32)
            .map(|n| c.get(format!("k{n}")).add_callback(number))
            .collect();
        assert_eq!(c.waiting(), 20_000);
        assert!(gather(stored).await?.into_iter().all(|stored| stored));
        assert!(gather(got).await?.into_iter().eq(0..10_000));
        Ok(start.elapsed())
    });
    if let Some(took) = took {
        println!("20,000 requests took {took:?}");
    }
}

#[test]
fn a_memcached_that_dies_fails_what_waits() {
    let Some(server) = store::memcached() else {
        return;
    };
    let reactor = Reactor::new().unwrap();
    let client = TcpClient::new(&reactor, server.address());
    let connected = MemcacheProtocol::new().connect(&client);
    let c = reactor.run_until(connected).unwrap();
    let (first, second) = (c.get("a"), c.get("b"));
    reactor.run_until(gather((first, second))).unwrap();
    drop(server);
    let value = c.get("a").add_timeout(&reactor, PATIENCE);
    let failure = reactor.run_until(value).unwrap_err();
    let error: MemcacheError = failure.trap().unwrap();
    assert!(
        matches!(
            error,
            MemcacheError::Ended {
                command: "get",
                reason: Ended::Closed | Ended::Lost(_)
            }
        ),
        "{error:?}"
    );
}
