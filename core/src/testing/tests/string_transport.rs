//! A transport that keeps what is written behaves as a connection does, but for what the test decides.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::testing::conformance::alone;
use crate::testing::{AccumulatingProtocol, Ending, Simulation, StringTransport};
use crate::{
    Address, AlreadyRegistered, ConnectionDone, Deferred, Failure, Producer, ProducerKind,
    Protocol, Result, Transport, WriteQueueFull,
};

type Notes = Rc<RefCell<Vec<String>>>;

/// Notes what it is told; does what it is sent, as a word.
#[derive(Clone, Default)]
struct Obeys(Notes);

impl Obeys {
    fn note(&self, text: impl Into<String>) {
        self.0.borrow_mut().push(text.into());
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.borrow_mut()).join(" ")
    }
}

impl Protocol for Obeys {
    fn connection_made(&mut self, _: &Transport) {
        self.note("made");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let notes = self.clone();
        alone(|| match data {
            b"lose" => transport.lose_connection(),
            b"half" => transport.lose_write_connection(),
            b"abort" => transport.abort_connection(),
            b"abort with" => transport.abort_with(WriteQueueFull { limit: 7 }),
            b"pause" => transport.pause_reading(),
            b"resume" => {
                transport.pause_reading();
                transport.resume_reading();
            }
            b"fire" => {
                let (resolver, deferred) = Deferred::new();
                drop(deferred.map(move |()| alone(|| notes.note("fired"))));
                resolver.callback(());
                self.note("after");
            }
            _ => self.note(data.escape_ascii().to_string()),
        });
        match data {
            b"fail" => Err(ConnectionDone.into()),
            _ => Ok(()),
        }
    }

    fn read_closed(&mut self, _: &Transport) {
        self.note("read_closed");
    }

    fn write_closed(&mut self, _: &Transport) {
        self.note("write_closed");
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.note(format!("lost:{:?}", Ending::of(reason)));
    }
}

fn connected() -> (StringTransport, Obeys) {
    let (wire, protocol) = (StringTransport::new(), Obeys::default());
    let _ = wire.connect(protocol.clone());
    assert_eq!(protocol.take(), "made");
    (wire, protocol)
}

impl Producer for Obeys {
    fn resume_producing(&mut self, consumer: &Transport) {
        self.note("resume");
        consumer.write(b"piece");
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.note("pause");
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.note("stop");
    }
}

#[test]
fn the_value_is_all_that_was_written_until_it_is_cleared() {
    // C179
    let wire = StringTransport::new();
    wire.transport().write(b"one ");
    wire.transport().write_bytes("two ");
    wire.transport().write_sequence(["three", " four"]);
    assert_eq!(wire.value(), b"one two three four");
    assert_eq!(wire.transport().queued(), 18);
    wire.clear();
    assert_eq!((wire.value().len(), wire.transport().queued()), (0, 0));
    wire.transport().write(b"five");
    assert_eq!(wire.value(), b"five");
}

#[test]
fn addresses_and_reactor_are_those_that_were_given() {
    let reactor = Simulation::new().reactor();
    let (peer, host) = ("192.0.2.1:5000", "192.0.2.2:80");
    let wire = StringTransport::new()
        .on(&reactor)
        .peer(peer.parse::<std::net::SocketAddr>().unwrap())
        .host(host.parse::<std::net::SocketAddr>().unwrap());
    assert_eq!(wire.transport().peer().to_string(), peer);
    assert_eq!(wire.transport().host().to_string(), host);
    assert_eq!(StringTransport::new().transport().peer(), Address::Unnamed);
    let notes = Obeys::default();
    let noting = notes.clone();
    let second = Duration::from_secs(1);
    let _ = wire
        .transport()
        .reactor()
        .call_later(second, move || noting.note("called"));
    reactor.advance(second).unwrap();
    assert_eq!(notes.take(), "called");
}

#[test]
fn lose_connection_only_sets_a_flag_until_the_test_says_so() {
    // C179
    let (wire, protocol) = connected();
    assert!(!wire.finish());
    wire.receive(b"lose").unwrap();
    assert!(wire.is_disconnecting() && !wire.is_aborted());
    assert!(!wire.transport().is_open() && !wire.transport().is_connected());
    wire.transport().write(b"late");
    wire.receive(b"late").unwrap();
    assert_eq!((wire.value().len(), protocol.take()), (0, String::new()));
    assert!(wire.finish());
    assert_eq!(protocol.take(), "lost:Done");
    assert!(!wire.finish());
    wire.lose(ConnectionDone);
    assert_eq!(protocol.take(), "", "it is told once");
}

#[test]
fn an_abort_has_its_reason_and_an_error_ends_it_too() {
    for (word, ending) in [("abort", "lost:Aborted"), ("abort with", "lost:Error(")] {
        let (wire, protocol) = connected();
        wire.receive(word.as_bytes()).unwrap();
        assert!(wire.is_aborted() && !wire.is_disconnecting());
        wire.receive(b"late").unwrap();
        assert!(wire.finish());
        let told = protocol.take();
        assert!(told.starts_with(ending), "{told}");
    }
    let (wire, protocol) = connected();
    let failure = wire.receive(b"fail").unwrap_err();
    assert!(failure.check::<ConnectionDone>().is_some());
    assert!(wire.is_aborted());
    wire.lose(failure);
    assert_eq!(protocol.take(), "fail lost:Done");
}

#[test]
fn what_comes_during_a_pause_waits_and_so_does_the_end() {
    let (wire, protocol) = connected();
    wire.receive(b"pause").unwrap();
    assert!(wire.is_paused());
    wire.receive(b"one").unwrap();
    wire.end().unwrap();
    assert!(wire.transport().has_input());
    assert_eq!(protocol.take(), "");
    wire.transport().resume_reading();
    assert!(!wire.is_paused());
    assert_eq!(protocol.take(), "one read_closed");
    wire.receive(b"after the end").unwrap();
    assert_eq!(protocol.take(), "");

    // Inside a method, what waits comes after it.
    let (wire, protocol) = connected();
    wire.receive(b"resume").unwrap();
    wire.receive(b"two").unwrap();
    assert_eq!(protocol.take(), "two");

    // An error that is found then has nobody to be told to but the protocol.
    let (wire, protocol) = connected();
    wire.receive(b"pause").unwrap();
    wire.receive(b"fail").unwrap();
    wire.transport().resume_reading();
    assert!(wire.is_aborted());
    assert!(wire.finish());
    assert_eq!(protocol.take(), "fail lost:Done");
}

#[test]
fn both_halves_are_closed_one_by_one() {
    let (wire, protocol) = connected();
    wire.receive(b"half").unwrap();
    assert!(wire.is_write_ended() && !wire.transport().is_open());
    assert!(wire.transport().is_connected());
    wire.transport().write(b"late");
    assert!(wire.value().is_empty());
    assert!(wire.finish() && !wire.finish());
    assert_eq!(protocol.take(), "write_closed");
    wire.receive(b"still").unwrap();
    wire.end().unwrap();
    assert_eq!(protocol.take(), "still read_closed");

    let (wire, protocol) = connected();
    wire.end().unwrap();
    wire.transport().lose_write_connection();
    assert!(wire.finish());
    assert_eq!(protocol.take(), "read_closed write_closed lost:Done");
}

#[test]
fn a_producer_is_asked_by_the_test_and_a_second_one_refused() {
    // C179
    let (wire, protocol) = connected();
    let transport = wire.transport();
    assert_eq!(wire.producer(), None);
    transport
        .register_producer(protocol.clone(), ProducerKind::Pull)
        .unwrap();
    assert_eq!(wire.producer(), Some(ProducerKind::Pull));
    assert_eq!(
        transport.register_producer(protocol.clone(), ProducerKind::Push),
        Err(AlreadyRegistered)
    );
    assert_eq!(protocol.take(), "", "it is not asked by itself");
    wire.resume_producer();
    wire.pause_producer();
    assert_eq!(
        (protocol.take(), wire.value()),
        ("resume pause".into(), b"piece".to_vec())
    );

    // As with a connection, the loss waits for it.
    transport.lose_connection();
    assert!(!wire.finish());
    wire.resume_producer();
    assert_eq!(wire.value(), b"piecepiece");
    transport.unregister_producer();
    wire.resume_producer();
    assert_eq!(wire.value(), b"piecepiece");
    assert!(wire.finish());
    assert_eq!(protocol.take(), "resume lost:Done");

    let (wire, protocol) = connected();
    let transport = wire.transport();
    transport
        .register_producer(protocol.clone(), ProducerKind::Push)
        .unwrap();
    wire.lose(ConnectionDone);
    assert_eq!(protocol.take(), "stop lost:Done");
    transport
        .register_producer(protocol.clone(), ProducerKind::Push)
        .unwrap();
    assert_eq!(protocol.take(), "stop", "it comes too late");
}

#[test]
fn a_connection_as_producer_is_not_waited_for() {
    let (to, protocol) = connected();
    let from = StringTransport::new();
    to.transport()
        .register_producer(from.transport().clone(), ProducerKind::Push)
        .unwrap();
    to.transport().lose_connection();
    assert!(to.finish());
    assert!(to.producer().is_none());
    assert!(from.is_disconnecting(), "it was not stopped");
    assert_eq!(protocol.take(), "lost:Done");
}

#[test]
fn callbacks_wait_for_the_producers_method_that_fired_them() {
    /// Has a callback run after each of its methods.
    struct Fires(Obeys);
    impl Fires {
        fn fire(&self, name: &str) {
            let (notes, after) = (self.0.clone(), format!("after-{name}"));
            drop(Deferred::succeed(()).map(move |()| notes.note(after)));
            self.0.note(name);
        }
    }
    impl Producer for Fires {
        fn resume_producing(&mut self, consumer: &Transport) {
            // Its own end, while it runs.
            consumer.unregister_producer();
            self.fire("resume");
        }
        fn pause_producing(&mut self, _: &Transport) {
            self.fire("pause");
        }
        fn stop_producing(&mut self, _: &Transport) {
            self.fire("stop");
        }
    }
    let (wire, protocol) = connected();
    let register = || {
        let producer = Fires(protocol.clone());
        let registered = wire
            .transport()
            .register_producer(producer, ProducerKind::Push);
        registered.unwrap();
    };
    register();
    wire.pause_producer();
    wire.resume_producer();
    assert_eq!(protocol.take(), "pause after-pause resume after-resume");
    assert_eq!(wire.producer(), None);
    register();
    wire.lose(ConnectionDone);
    assert_eq!(protocol.take(), "stop after-stop lost:Done");
}

#[test]
fn callbacks_wait_for_the_method_that_fired_them() {
    // C180
    let (wire, protocol) = connected();
    wire.receive(b"fire").unwrap();
    assert_eq!(protocol.take(), "after fired");
    crate::testing::conformance::assert_nothing_nested();
}

#[test]
fn a_limit_of_what_is_queued_aborts() {
    let (wire, protocol) = connected();
    wire.transport().set_max_queued(Some(3));
    wire.transport().write(b"one");
    assert!(!wire.is_aborted());
    wire.transport().write(b"two");
    assert!(wire.is_aborted() && wire.finish());
    assert!(protocol.take().contains("more than 3 bytes are queued"));
}

#[test]
fn what_a_wire_in_memory_cannot_do_it_says() {
    let wire = StringTransport::new();
    let transport = wire.transport();
    let kind = |failure: Failure| failure.check::<std::io::Error>().map(std::io::Error::kind);
    let unsupported = Some(std::io::ErrorKind::Unsupported);
    assert_eq!(kind(transport.peer_credentials().unwrap_err()), unsupported);
    let descriptor = std::fs::File::open("/dev/null").unwrap().into();
    assert_eq!(
        kind(transport.send_descriptor(descriptor).unwrap_err()),
        unsupported
    );
    assert!(transport.set_no_delay(true).is_ok());
}

#[test]
fn traffic_is_counted_once_it_is_asked_for() {
    let (wire, _) = connected();
    wire.transport().write(b"before");
    let traffic = wire.transport().traffic();
    wire.transport().write(b"12345");
    wire.receive(b"123").unwrap();
    assert_eq!((traffic.sent(), traffic.received()), (5, 3));
}

#[test]
fn much_comes_in_pieces_of_68_kib_at_most() {
    struct Lengths(Notes);
    impl Protocol for Lengths {
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
            self.0.borrow_mut().push(data.len().to_string());
            Ok(())
        }
    }
    let (wire, notes) = (StringTransport::new(), Notes::default());
    let _ = wire.connect(Lengths(Rc::clone(&notes)));
    wire.receive(&[0; 100_000]).unwrap();
    wire.receive(b"").unwrap();
    assert_eq!(*notes.borrow(), ["69632", "30368"]);
}

#[test]
#[should_panic(expected = "has no protocol yet")]
fn receiving_without_a_protocol_is_a_mistake_of_the_test() {
    let _ = StringTransport::new().receive(b"x");
}

#[test]
fn the_protocol_stays_to_be_looked_at() {
    let wire = StringTransport::new();
    let protocol = wire.connect(AccumulatingProtocol::new());
    wire.receive(b"hello").unwrap();
    wire.lose(ConnectionDone);
    let ending = protocol.with(|protocol, _| (protocol.data(), protocol.ending()));
    assert_eq!(ending, Ok((b"hello".to_vec(), Some(Ending::Done))));
    drop(wire);
    assert!(protocol.with(|_, _| ()).is_err());
    assert!(!protocol.transport().is_open());
}
