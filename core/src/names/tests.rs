use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::{Cache, Hosts, NameResolver, SystemResolver};
use crate::task::defer_later;
use crate::testing::Simulation;
use crate::{
    Address, ClientEndpoint, Deferred, Failure, HostnameClient, LookupError, LookupVerdict,
    Protocol, Reactor, Result, TcpServer, Transport,
};

/// Answers after a second, and notes what it was asked.
#[derive(Clone)]
struct Slow {
    reactor: Reactor,
    asked: Rc<RefCell<Vec<String>>>,
}

impl Slow {
    fn new(reactor: &Reactor) -> Self {
        Self {
            reactor: reactor.clone(),
            asked: Rc::default(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.take()
    }
}

impl NameResolver for Slow {
    fn look_up(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        self.asked.borrow_mut().push(host.to_owned());
        let host = host.to_owned();
        defer_later(&self.reactor, Duration::from_secs(1), move || {
            if host.starts_with("no") {
                let verdict = LookupVerdict::TryAgain;
                return Err(LookupError { host, verdict }.into());
            }
            Ok(vec![ip("10.0.0.1")])
        })
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn verdict(failure: &Failure) -> &LookupVerdict {
    &failure.check::<LookupError>().unwrap().verdict
}

fn look_up(reactor: &Reactor, name: &str) -> Result<Vec<IpAddr>> {
    reactor.run_until(reactor.look_up(name))
}

#[test]
fn the_reactor_asks_the_resolver_that_it_was_given_in_one_way_of_writing() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    reactor.set_resolver(slow.clone());
    assert_eq!(
        look_up(&reactor, "Some.Where.test.").unwrap(),
        [ip("10.0.0.1")]
    );
    assert_eq!(slow.asked(), ["some.where.test"]);
}

#[test]
fn literals_and_what_is_no_name_never_come_to_a_resolver() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    reactor.set_resolver(slow.clone());
    assert_eq!(look_up(&reactor, "[::1]").unwrap(), [ip("::1")]);
    let failure = look_up(&reactor, "two words").unwrap_err();
    assert!(matches!(verdict(&failure), LookupVerdict::BadName(_)));
    assert!(slow.asked().is_empty());
}

#[test]
fn the_systems_resolver_can_be_given_back() {
    let reactor = Simulation::new()
        .host("known.test", [ip("10.0.0.9")])
        .reactor();
    reactor.set_resolver(Hosts::new());
    let failure = look_up(&reactor, "known.test").unwrap_err();
    assert_eq!(*verdict(&failure), LookupVerdict::NoSuchName);
    reactor.set_resolver(SystemResolver::new(&reactor));
    assert_eq!(look_up(&reactor, "known.test").unwrap(), [ip("10.0.0.9")]);
}

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

#[test]
fn endpoints_go_by_it() {
    let reactor = Simulation::new().reactor();
    reactor.set_resolver(Hosts::new().host("here.test", [ip("127.0.0.1")]));
    let server = TcpServer::new(&reactor, "127.0.0.1:80".parse().unwrap());
    let _listening = server.listen(|_: &Address| Quiet).unwrap();
    let client = HostnameClient::new(&reactor, "here.test", 80);
    let connected = reactor.run_until(client.connect(|_: &Address| Quiet));
    assert_eq!(
        connected.unwrap().transport().peer().to_string(),
        "127.0.0.1:80"
    );
}

#[test]
fn a_file_of_hosts_is_read_as_the_system_reads_it() {
    let reactor = Simulation::new().reactor();
    let text = "127.0.0.1 localhost # that is us\n\
                ::1\tlocalhost  ip6-localhost\n\
                fe80::1%eth0 link\n\
                \n# a comment\nnonsense here\n10.0.0.7 DB.test db\n";
    reactor.set_resolver(Hosts::from_text(text));
    let both = look_up(&reactor, "localhost").unwrap();
    assert_eq!(both, [ip("127.0.0.1"), ip("::1")]);
    assert_eq!(look_up(&reactor, "link").unwrap(), [ip("fe80::1")]);
    assert_eq!(look_up(&reactor, "db.TEST").unwrap(), [ip("10.0.0.7")]);
    assert!(look_up(&reactor, "here").is_err());
    assert!(Hosts::from_file("/no/such/file").is_err());
}

#[test]
fn those_who_ask_at_the_same_time_share_a_look_up_and_the_answer_is_kept() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    let cache = Cache::new(&reactor, slow.clone()).expiry(Duration::from_secs(10));
    reactor.set_resolver(cache);
    let (one, two) = (reactor.look_up("a.test"), reactor.look_up("a.test"));
    assert_eq!(reactor.run_until(one).unwrap(), [ip("10.0.0.1")]);
    assert!(two.is_fired());
    drop(two);
    let start = reactor.now();
    look_up(&reactor, "a.test").unwrap();
    assert_eq!(reactor.now(), start, "it is known");
    assert_eq!(slow.asked(), ["a.test"]);
    let later = defer_later(&reactor, Duration::from_secs(10), || ());
    reactor.run_until(later).unwrap();
    look_up(&reactor, "a.test").unwrap();
    assert_eq!(slow.asked(), ["a.test"], "it was forgotten");
}

#[test]
fn failures_are_told_to_all_who_asked_and_not_kept() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    reactor.set_resolver(Cache::new(&reactor, slow.clone()));
    let (one, two) = (reactor.look_up("no.test"), reactor.look_up("no.test"));
    let failure = reactor.run_until(one).unwrap_err();
    assert_eq!(*verdict(&failure), LookupVerdict::TryAgain);
    assert!(reactor.run_until(two).is_err());
    assert_eq!(slow.asked().len(), 1);
    assert!(look_up(&reactor, "no.test").is_err());
    assert_eq!(slow.asked().len(), 1, "it was asked again");
}

#[test]
fn one_who_gives_up_takes_nothing_from_the_others() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    reactor.set_resolver(Cache::new(&reactor, slow));
    let (one, two) = (reactor.look_up("a.test"), reactor.look_up("a.test"));
    one.cancel();
    assert!(reactor.run_until(one).is_err());
    assert_eq!(reactor.run_until(two).unwrap(), [ip("10.0.0.1")]);
}

#[test]
fn no_more_names_are_kept_than_may_be() {
    let reactor = Simulation::new().reactor();
    let slow = Slow::new(&reactor);
    reactor.set_resolver(Cache::new(&reactor, slow.clone()).capacity(2));
    for name in ["a.test", "b.test", "c.test", "c.test", "b.test", "a.test"] {
        look_up(&reactor, name).unwrap();
    }
    assert_eq!(slow.asked(), ["a.test", "b.test", "c.test", "a.test"]);
}
