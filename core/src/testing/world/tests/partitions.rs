//! What becomes of connections when there is no way.

use super::*;

#[test]
fn what_is_held_back_comes_after_healing() {
    let two = Two::new();
    let client = two.connect();
    client.transport().write(b"under way");
    two.pass(ms(5));
    two.world.partition("a", "b");
    client.transport().write(b" held");
    two.pass(ms(975));
    assert_eq!(two.notes.text(), "");
    two.world.heal("a", "b");
    client.transport().write(b" new");
    two.pass(ms(500));
    assert_eq!(two.notes.text(), "1010: b under way held new");
    // All was answered: nobody gives up later.
    two.pass(Duration::from_secs(3600));
    assert_eq!(two.notes.text(), "");
    assert!(client.transport().is_open());
}

#[test]
fn who_sends_in_vain_for_too_long_gives_up() {
    let two = Two::new();
    two.world.retransmission_limit(Duration::from_secs(30));
    let client = two.connect();
    two.world.partition("a", "b");
    // Who only listens does not know.
    two.pass(Duration::from_secs(100));
    assert_eq!(two.notes.text(), "");
    client.transport().write(b"hello");
    two.pass(Duration::from_secs(40));
    assert_eq!(two.notes.text(), "130020: a TimedOut");
    // The other one learns it when it speaks after the healing; what was given up never came.
    two.world.heal("a", "b");
    two.pass(Duration::from_secs(1));
    assert_eq!((two.notes.text().as_str(), two.b.open_sources()), ("", 2));
}

#[test]
fn the_other_one_learns_by_a_reset_that_its_peer_has_given_up() {
    let two = Two::new();
    two.world.retransmission_limit(Duration::from_secs(30));
    let servers = Rc::new(RefCell::new(Vec::new()));
    struct Server(Noting, Rc<RefCell<Vec<Transport>>>);
    impl Protocol for Server {
        fn connection_made(&mut self, transport: &Transport) {
            self.1.borrow_mut().push(transport.clone());
        }
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
            self.0.data_received(transport, data)
        }
        fn connection_lost(&mut self, reason: &Failure) {
            self.0.connection_lost(reason);
        }
    }
    let (notes, made) = (two.notes.clone(), Rc::clone(&servers));
    let factory = move |_: &Address| {
        let notes = notes.clone();
        Server(
            Noting {
                who: "server",
                notes,
            },
            Rc::clone(&made),
        )
    };
    TcpServer::new(&two.b, at(B, 81)).listen(factory).unwrap();
    let endpoint = TcpClient::new(&two.a, at(B, 81));
    let client = two
        .a
        .run_until(endpoint.connect_protocol(two.noting("a")))
        .unwrap();
    two.pass(ms(80));
    two.world.partition("a", "b");
    client.transport().write(b"hello");
    two.pass(Duration::from_secs(31));
    two.world.heal("a", "b");
    assert_eq!(two.notes.text(), "30100: a TimedOut");
    servers.borrow()[0].write(b"are you there?");
    two.pass(ms(100));
    assert_eq!(two.notes.text(), "31120: server ConnectionReset");
}

#[test]
fn attempts_are_lost_in_a_partition() {
    let two = Two::new();
    two.world.partition("a", "b");
    let failure = two.failure(at(B, 80));
    assert!(failure.check::<ConnectTimedOut>().is_some(), "{failure:#}");
    two.world.heal("a", "b");
    two.connect();
}

#[test]
fn an_answer_that_is_held_back_makes_the_connection_later() {
    let two = Two::new();
    let world = two.world.clone();
    let _ = two.a.call_later(ms(15), move || world.partition("a", "b"));
    let world = two.world.clone();
    let _ = two.a.call_later(ms(515), move || world.heal("a", "b"));
    two.connect();
    assert_eq!(two.world.elapsed(), ms(525));
}

#[test]
fn in_a_black_hole_one_is_heard_and_hears_nothing() {
    let two = Two::new();
    two.world.retransmission_limit(Duration::from_secs(30));
    TcpServer::new(&two.b, at(B, 7))
        .listen(|_: &Address| Echo)
        .unwrap();
    let endpoint = TcpClient::new(&two.a, at(B, 7));
    let echo = two
        .a
        .run_until(endpoint.connect_protocol(two.noting("echo")))
        .unwrap();
    let client = two.connect();
    two.world.black_hole("b", "a");
    client.transport().write(b"hello");
    echo.transport().write(b"hello");
    two.pass(ms(60));
    // It was heard, but no answer came, not even that it was.
    assert_eq!(two.notes.text(), "50: b hello");
    two.pass(Duration::from_secs(31));
    let noted = two.notes.text();
    assert!(
        noted.contains("30040: a TimedOut") && noted.contains("30040: echo TimedOut"),
        "{noted}"
    );
    // An echo that was never sent is none.
    assert!(!noted.contains("hello"));
}

#[test]
fn other_hosts_notice_nothing_of_a_partition() {
    let two = Two::new();
    let c = two.world.host("c", [C]);
    two.world.partition("a", "b");
    let endpoint = TcpClient::new(&c, at(B, 80));
    c.run_until(endpoint.connect_protocol(two.noting("c")))
        .unwrap();
}
