//! The example `service` is written three ways, which do the same at the same times.

#[path = "../examples/service/callbacks.rs"]
mod callbacks;
#[path = "../examples/service/coroutines.rs"]
mod coroutines;
#[path = "../examples/service/mixed.rs"]
mod mixed;
#[path = "../examples/service/store.rs"]
mod store;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use store::{Service, Table};
use torsade::task::defer_later;
use torsade::testing::Simulation;
use torsade::{
    Address, ClientEndpoint, Failure, ListeningPort, Protocol, Reactor, Result, TcpClient,
    TcpServer, Transport,
};

type Listen = fn(TcpServer, Service) -> Result<ListeningPort>;

const WAYS: [(&str, Listen); 3] = [
    ("callbacks", callbacks::listen),
    ("coroutines", coroutines::listen),
    ("mixed", mixed::listen),
];

/// What a client got: when, in milliseconds, and which line; and when the connection ended.
type Heard = Rc<RefCell<Vec<(u128, String)>>>;

struct Client {
    reactor: Reactor,
    start: Instant,
    unfinished: String,
    heard: Heard,
}

impl Client {
    fn note(&self, line: &str) {
        let time = (self.reactor.now() - self.start).as_millis();
        self.heard.borrow_mut().push((time, line.to_owned()));
    }
}

impl Protocol for Client {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.unfinished.push_str(std::str::from_utf8(data)?);
        while let Some((line, rest)) = self.unfinished.split_once("\r\n") {
            self.note(line);
            self.unfinished = rest.to_owned();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.note("(the end)");
    }
}

/// What a client does after what time, in milliseconds.
#[derive(Clone, Copy)]
enum Act {
    Say(&'static str),
    HalfClose,
    Vanish,
}

/// What a client hears that acts so, of a service written in that way.
fn heard(listen: Listen, segment: usize, acts: &[(u64, Act)]) -> Vec<(u128, String)> {
    let reactor = Simulation::new().segment_size(segment).reactor();
    let service = Service {
        reactor: reactor.clone(),
        store: Rc::new(Table::new(&reactor)),
    };
    let address = "127.0.0.1:7979".parse().unwrap();
    let _listening = listen(TcpServer::new(&reactor, address), service).unwrap();
    let heard = Heard::default();
    let (notes, clock) = (Rc::clone(&heard), reactor.clone());
    let client = TcpClient::new(&reactor, address).connect(move |_: &Address| Client {
        start: clock.now(),
        reactor: clock.clone(),
        unfinished: String::new(),
        heard: Rc::clone(&notes),
    });
    let client = reactor.run_until(client).unwrap();
    for &(time, act) in acts {
        let transport = client.transport().clone();
        let _ = reactor.call_later(Duration::from_millis(time), move || match act {
            Act::Say(text) => transport.write(text.as_bytes()),
            Act::HalfClose => transport.lose_write_connection(),
            Act::Vanish => transport.abort_connection(),
        });
    }
    let later = defer_later(&reactor, Duration::from_secs(60), || ());
    reactor.run_until(later).unwrap();
    assert_eq!(reactor.delayed_calls(), 0, "no look-up goes on");
    let is_open = heard
        .borrow()
        .last()
        .is_none_or(|(_, line)| line != "(the end)");
    let expected = if is_open { 3 } else { 1 };
    assert_eq!(
        reactor.open_sources(),
        expected,
        "nothing is left of a connection"
    );
    drop(client);
    heard.take()
}

/// All three hear this.
#[track_caller]
fn all_hear(segment: usize, acts: &[(u64, Act)], expected: &[(u128, &str)]) {
    for (way, listen) in WAYS {
        let heard = heard(listen, segment, acts);
        let heard: Vec<_> = heard
            .iter()
            .map(|(at, line)| (*at, line.as_str()))
            .collect();
        assert_eq!(heard, expected, "{way}, in segments of {segment}");
    }
}

#[test]
fn a_name_gets_its_answer_after_the_look_up() {
    let acts = [(0, Act::Say("alice\r\n")), (500, Act::Say("nobody\r\n"))];
    let expected = [
        (102, "alice is in the garden"),
        (602, "nobody knows nobody"),
    ];
    all_hear(1460, &acts, &expected);
}

#[test]
fn several_names_get_their_answers_in_order_however_they_travel() {
    let acts = [(0, Act::Say("alice\r\nbob\r\nzoe\r\n"))];
    let expected = [
        (102, "alice is in the garden"),
        (202, "bob is at sea"),
        (302, "nobody knows zoe"),
    ];
    for segment in [1, 3, 1460] {
        all_hear(segment, &acts, &expected);
    }
}

#[test]
fn an_error_is_told_and_the_next_name_is_answered() {
    let acts = [(0, Act::Say("eve\r\nbob\r\n"))];
    let expected = [(102, "error: the page is torn"), (202, "bob is at sea")];
    all_hear(1460, &acts, &expected);
}

#[test]
fn a_look_up_that_takes_too_long_is_given_up_and_the_next_name_is_answered() {
    let acts = [(0, Act::Say("mallory\r\nbob\r\n"))];
    let expected = [
        (2002, "error: that takes too long"),
        (2102, "bob is at sea"),
    ];
    all_hear(1460, &acts, &expected);
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answers() {
    let acts = [(0, Act::Say("alice\r\nbob\r\n")), (0, Act::HalfClose)];
    for (way, listen) in WAYS {
        let heard = heard(listen, 1460, &acts);
        let lines: Vec<_> = heard.iter().map(|(_, line)| line.as_str()).collect();
        let expected = ["alice is in the garden", "bob is at sea", "(the end)"];
        assert_eq!(lines, expected, "{way}");
        assert_eq!((heard[0].0, heard[1].0), (102, 202));
    }
}

#[test]
fn a_client_that_vanishes_in_the_middle_leaves_nothing_behind() {
    let acts = [(0, Act::Say("mallory\r\nbob\r\n")), (50, Act::Vanish)];
    all_hear(1460, &acts, &[(50, "(the end)")]);
}

#[test]
fn a_name_that_is_too_long_ends_the_conversation() {
    const LONG: &str = concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789",
        "0123456789012345678901234567890123456789\r\nbob\r\n"
    );
    for (way, listen) in WAYS {
        let heard = heard(listen, 1460, &[(0, Act::Say(LONG))]);
        assert_eq!(heard.len(), 1, "{way}: {heard:?}");
        assert_eq!(heard[0].1, "(the end)");
    }
}
