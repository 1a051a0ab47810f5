//! Whatever a server answers, a client with all that it can do sends well-formed requests and nothing
//! else, and what is secret to nobody but the site that it is for: a password never in clear, a token
//! and a cookie never elsewhere. The first byte says what the client has, and what the answer is.
#![no_main]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use torsade_core::testing::Simulation;
use torsade_core::{Address, Protocol, Result, TcpServer, Transport};
use torsade_http::{AgentOptions, Client, Credentials, Response};

const PASSWORD: &str = "correct-horse-battery";
/// `me:` and the password in base64.
const BASIC: &str = "bWU6Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5";
const TOKEN: &str = "a-token-of-that-site";
const COOKIE: &str = "a-cookie-of-that-site";

/// What has been sent to whom, by connection.
type Sent = Rc<RefCell<Vec<(SocketAddr, Vec<u8>)>>>;

/// Answers the first request of all with what is given, and the others as they should be.
struct Site {
    first: Rc<Cell<Option<Vec<u8>>>>,
    closes: bool,
    sent: Sent,
    own: Option<usize>,
}

impl Protocol for Site {
    fn connection_made(&mut self, transport: &Transport) {
        let mut sent = self.sent.borrow_mut();
        self.own = Some(sent.len());
        sent.push((transport.host().socket_addr().unwrap(), Vec::new()));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let mut sent = self.sent.borrow_mut();
        let bytes = &mut sent[self.own.unwrap()].1;
        bytes.extend_from_slice(data);
        if bytes.ends_with(b"\r\n\r\n") {
            match self.first.take() {
                Some(first) => {
                    transport.write(&first);
                    if self.closes {
                        transport.lose_connection();
                    }
                }
                None => transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            }
        }
        Ok(())
    }
}

/// Each of the requests in there is one, without a body.
fn check_requests(bytes: &[u8]) {
    // What a server says of itself is given back to it, in whatever bytes.
    let text = String::from_utf8_lossy(bytes);
    for head in text.split_inclusive("\r\n\r\n") {
        let head = head.strip_suffix("\r\n\r\n").expect("a head is whole");
        let mut lines = head.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        assert!(matches!(first[..], ["GET", target, "HTTP/1.1"] if target.starts_with('/')));
        let mut hosts = 0;
        for line in lines {
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            let (name, _) = line.split_once(':').expect("a field has a colon");
            hosts += usize::from(name.eq_ignore_ascii_case("host"));
            assert!(!name.eq_ignore_ascii_case("content-length"));
        }
        assert_eq!(hosts, 1);
    }
}

/// An answer of a kind that has consequences, or one that is all random.
fn answer(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let head: &[u8] = match kind {
        0 => return bytes.to_vec(),
        1 => b"302 Found\r\nContent-Length: 0\r\nLocation: ",
        2 => b"307 Elsewhere\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nLocation: ",
        3 => b"401 Who?\r\nContent-Length: 0\r\nWWW-Authenticate: ",
        4 => b"401 Who?\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm=\"r\", nonce=",
        5 => b"302 Found\r\nContent-Length: 0\r\nLocation: /\r\nSet-Cookie: ",
        6 => b"200 OK\r\nContent-Length: 3\r\nX: ",
        _ => b"200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain; charset=",
    };
    let mut answer = [b"HTTP/1.1 ", head, bytes].concat();
    if kind >= 6 {
        answer.extend(b"\r\n\r\n3\r\nabc\r\n0\r\n");
    }
    answer.extend(b"\r\n\r\n");
    answer
}

fuzz_target!(|input: &[u8]| {
    let [what, bytes @ ..] = input else { return };
    let ip = |text: &str| [text.parse().unwrap()];
    let reactor = Simulation::new()
        .host("a.test", ip("10.0.0.1"))
        .host("b.test", ip("10.0.0.2"))
        .reactor();
    let sent = Sent::default();
    let first = Rc::new(Cell::new(Some(answer(what & 7, bytes))));
    let home: SocketAddr = "10.0.0.1:80".parse().unwrap();
    for address in [
        home,
        "10.0.0.1:8080".parse().unwrap(),
        "10.0.0.2:80".parse().unwrap(),
    ] {
        let (first, sent) = (Rc::clone(&first), Rc::clone(&sent));
        let closes = what & 8 != 0;
        let server = TcpServer::new(&reactor, address);
        let site = move |_: &Address| Site {
            first: Rc::clone(&first),
            closes,
            sent: Rc::clone(&sent),
            own: None,
        };
        server.listen(site).unwrap();
    }
    let client = Client::with_options(&reactor, AgentOptions::new());
    let request = client.get("http://a.test/a?b");
    let has_password = what & 16 != 0;
    let request = match has_password {
        true => request.credentials(Credentials::new("me", PASSWORD)),
        false => request
            .bearer_auth(TOKEN)
            .header("Cookie", format!("id={COOKIE}")),
    };
    let answer = request.send().add_callback(Response::text);
    let day = Duration::from_secs(24 * 3600);
    // Whatever it is, it is over some time.
    let result = reactor.run_until(answer.add_timeout(&reactor, day));
    if let Err(failure) = &result {
        assert!(failure.check::<torsade_core::TimedOut>().is_none());
        assert!(!failure.to_string().is_empty());
    }
    for (address, bytes) in sent.borrow().iter() {
        check_requests(bytes);
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(PASSWORD) && !text.contains(BASIC), "{text}");
        if *address != home {
            let shown = [TOKEN, COOKIE].into_iter().find(|it| text.contains(it));
            assert_eq!(shown, None, "{text}");
            assert!(!text.to_ascii_lowercase().contains("\nauthorization:"));
        }
    }
    assert!(sent.borrow().len() < 30, "it goes round in circles");
});
