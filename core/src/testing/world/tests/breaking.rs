//! Crashes, resets and full queues.

use std::io::ErrorKind;

use super::*;
use crate::{Deferred, ReactorError};

#[test]
fn a_crash_says_nothing() {
    let two = Two::new();
    let client = two.connect();
    client.transport().write(b"never read");
    two.pass(ms(5));
    two.world.crash("b");
    assert!(two.b.has_stopped());
    two.notes.take();
    two.pass(Duration::from_secs(60));
    assert_eq!(two.notes.text(), "");
    let failure = two.failure(at(B, 80));
    assert!(failure.check::<ConnectTimedOut>().is_some(), "{failure:#}");
    // What it had sent and nobody received: 924 s after the crash, since that was when it was lost.
    two.pass(Duration::from_secs(1000));
    assert_eq!(two.notes.text(), "924025: a TimedOut");
}

#[test]
fn its_own_protocols_are_told_and_nothing_leaves() {
    let two = Two::new();
    let client = two.connect();
    two.pass(ms(80));
    two.notes.take();
    let world = two.world.clone();
    // From a function of its own, in its turn.
    let _ = two.b.call_later(ms(10), move || world.crash("b"));
    two.pass(Duration::from_secs(10));
    let noted = two.notes.text();
    assert!(
        noted.starts_with("110: b ") && !noted.contains("a "),
        "{noted}"
    );
    assert!(client.transport().is_open() && two.b.has_stopped());
    assert_eq!(two.b.open_sources(), 0);
    // It has no network any more.
    let b = Two {
        b: two.a.clone(),
        ..two
    };
    assert!(b.b.call_later(ms(1), || ()).is_active());
}

#[test]
fn a_restarted_host_answers_the_old_connections_by_resets() {
    let two = Two::new();
    let client = two.connect();
    two.pass(ms(80));
    two.world.crash("b");
    two.notes.take();
    client.transport().write(b"are you there?");
    two.pass(Duration::from_secs(10));
    assert_eq!(two.notes.text(), "");
    let b = two.world.restart("b");
    two.pass(ms(100));
    assert_eq!(two.notes.text(), "10120: a ConnectionReset");
    // Its ports are free again, and nobody listens there.
    let failure = two.failure(at(B, 80));
    let refused = failure.check::<ConnectError>().map(|it| it.error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
    two.listen(&b);
    let client = two.connect();
    client.transport().write(b"hello");
    two.pass(ms(10));
    assert!(two.notes.text().ends_with("b hello"));
}

#[test]
fn who_says_nothing_does_not_notice_a_restart() {
    let two = Two::new();
    let client = two.connect();
    let _b = two.world.restart("b");
    two.notes.take();
    two.pass(Duration::from_secs(3600));
    assert_eq!(two.notes.text(), "");
    client.transport().write(b"after an hour");
    two.pass(ms(20));
    assert_eq!(two.notes.text(), "3600040: a ConnectionReset");
}

#[test]
fn a_crash_of_the_driving_host_ends_its_run() {
    let two = Two::new();
    let world = two.world.clone();
    let _ = two.b.call_later(ms(5), move || world.crash("a"));
    let (_resolver, never) = Deferred::<()>::new();
    let failure = two.a.run_until(never).unwrap_err();
    assert!(
        matches!(failure.check(), Some(ReactorError::Stopped)),
        "{failure:#}"
    );
    assert_eq!(two.world.elapsed(), ms(5));
    // What it would open now reaches nobody, and the others go on.
    let a = two.world.restart("a");
    let passed = defer_later(&a, ms(5), || Ok(()));
    a.run_until(passed).unwrap();
}

#[test]
fn a_reset_breaks_both_ends() {
    let two = Two::new();
    let client = two.connect();
    two.pass(ms(80));
    let address = client.transport().host().socket_addr().unwrap();
    two.world.reset(address);
    two.pass(ms(1));
    let noted = two.notes.text();
    assert!(
        noted.contains("100: a ConnectionReset") && noted.contains("100: b ConnectionReset"),
        "{noted}"
    );
}
