use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::protocols::tests::World;
use crate::testing::Simulation;
use crate::{
    Address, Deferred, Factory, Protocol, Reactor, Resolver, Result, TcpClient, TcpServer,
    Transport,
};

fn look_up(query: &IdentQuery) -> Result<IdentUser> {
    match query.local.1 {
        1 => Ok(IdentUser::unix("stjohns")),
        2 => Err(IdentRefusal::HiddenUser.into()),
        3 => Err(std::io::Error::other("no table of connections").into()),
        4 => Ok(IdentUser::unix(format!("{query:?}"))),
        5 => Ok(IdentUser::unix("two\r\nlines")),
        _ => Err(IdentRefusal::NoUser.into()),
    }
}

#[test]
fn each_query_is_answered() {
    let world = World::new(|_: &Address| Ident::receiver(look_up));
    world.send("1,23\r\n 2 , 23\n3, 23\r\n5,23\r\n6, 23\r\n");
    assert_eq!(
        world.received(),
        "1, 23 : USERID : UNIX : stjohns\r\n2, 23 : ERROR : HIDDEN-USER\r\n\
         3, 23 : ERROR : UNKNOWN-ERROR\r\n5, 23 : USERID : UNIX : two  lines\r\n\
         6, 23 : ERROR : NO-USER\r\n"
    );
}

#[test]
fn a_port_that_is_none_is_refused() {
    for query in ["0, 23", "1, 65536", "1, x", "-1, 2"] {
        let world = World::new(|_: &Address| Ident::receiver(look_up));
        world.send(format!("{query}\r\n"));
        assert_eq!(
            world.received(),
            format!("{query} : ERROR : INVALID-PORT\r\n")
        );
    }
    let world = World::new(|_: &Address| Ident::receiver(look_up));
    world.send("nonsense\r\n");
    assert_eq!(world.received(), "0, 0 : ERROR : INVALID-PORT\r\n");
}

#[test]
fn the_function_is_told_both_ends() {
    let world = World::new(|_: &Address| Ident::receiver(look_up));
    world.send("4, 23\r\n");
    let expected = "local: (127.0.0.1, 4), remote: (127.0.0.1, 23)";
    assert!(world.received().contains(expected), "{}", world.received());
}

type Pending = Rc<RefCell<Vec<Resolver<IdentUser>>>>;

fn answering_later() -> (World, Pending) {
    let pending = Pending::default();
    let kept = Rc::clone(&pending);
    let world = World::new(move |_: &Address| {
        let kept = Rc::clone(&kept);
        Ident::receiver(move |_: &IdentQuery| {
            let (resolver, deferred) = Deferred::new();
            kept.borrow_mut().push(resolver);
            deferred
        })
    });
    (world, pending)
}

#[test]
fn queries_are_looked_up_one_after_the_other() {
    let (world, pending) = answering_later();
    world.send("1, 23\r\n2, 23\r\n");
    assert_eq!(pending.borrow().len(), 1);
    let first = pending.borrow_mut().remove(0);
    first.callback(IdentUser::unix("a"));
    world.pass(Duration::from_secs(1));
    let second = pending.borrow_mut().remove(0);
    second.callback(IdentUser::unix("b"));
    world.peer.transport().lose_write_connection();
    world.pass(Duration::from_secs(1));
    assert_eq!(
        world.received(),
        "1, 23 : USERID : UNIX : a\r\n2, 23 : USERID : UNIX : b\r\n"
    );
}

#[test]
fn who_ends_behind_a_query_is_still_answered() {
    let (world, pending) = answering_later();
    world.peer.transport().write(b"1, 23\r\n");
    world.peer.transport().lose_write_connection();
    world.pass(Duration::from_secs(10));
    assert!(!world.is_over.get());
    let resolver = pending.borrow_mut().remove(0);
    resolver.callback(IdentUser::unix("a"));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.received(), "1, 23 : USERID : UNIX : a\r\n");
    assert!(world.is_over.get());
}

/// Answers whatever is asked with the same, and closes.
struct Saying(&'static str);

impl Protocol for Saying {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result<()> {
        transport.write(self.0.as_bytes());
        transport.lose_connection();
        Ok(())
    }
}

/// A reactor with such a server, and a query to it.
fn ask(server: impl Factory, local: u16) -> (Reactor, Result<IdentUser>) {
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:113".parse().unwrap();
    TcpServer::new(&reactor, address).listen(server).unwrap();
    let endpoint = TcpClient::new(&reactor, address);
    let result = reactor.run_until(query(&endpoint, local, 23));
    (reactor, result)
}

#[test]
fn our_own_server_is_understood() {
    let (_, user) = ask(|_: &Address| Ident::receiver(look_up), 1);
    assert_eq!(user.unwrap(), IdentUser::unix("stjohns"));
    let (_, user) = ask(|_: &Address| Ident::receiver(look_up), 2);
    assert_eq!(user.unwrap_err().check(), Some(&IdentRefusal::HiddenUser));
}

#[test]
fn other_servers_are_understood() {
    let user = |line| ask(move |_: &Address| Saying(line), 6193).1.unwrap();
    let spaced = user("6193 ,  23:USERID:  OTHER, UTF-8 : a : b\n");
    assert_eq!(
        (spaced.system.as_str(), spaced.user.as_str()),
        ("OTHER, UTF-8", "a : b")
    );
    let (_, refused) = ask(|_: &Address| Saying("0, 0 : ERROR : X-BUSY\r\n"), 6193);
    let other = IdentRefusal::Other("X-BUSY".to_owned());
    assert_eq!(refused.unwrap_err().check(), Some(&other));
}

#[test]
fn what_is_no_answer_is_an_error_that_says_so() {
    for line in [
        "",
        "6193, 23",
        "1, 23 : USERID : UNIX : a",
        "6193, 23 : USERID : a",
        "x:y:z:w",
    ] {
        let text: &'static str = Box::leak(format!("{line}\r\n").into_boxed_str());
        let (_, told) = ask(move |_: &Address| Saying(text), 6193);
        let malformed = IdentError::Malformed(line.to_owned());
        assert_eq!(told.unwrap_err().check(), Some(&malformed));
    }
    let (_, told) = ask(|_: &Address| Saying("6193"), 6193);
    assert_eq!(told.unwrap_err().check(), Some(&IdentError::Ended));
    let long: &'static str = Box::leak("x".repeat(1001).into_boxed_str());
    let (_, told) = ask(move |_: &Address| Saying(long), 6193);
    assert_eq!(told.unwrap_err().check(), Some(&IdentError::TooLong));
}
