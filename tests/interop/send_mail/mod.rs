//! The example `send_mail`: what it says, to servers that answer well and badly, and the program
//! with aiosmtpd and Postfix.

mod dialogue;
mod encryption;
mod servers;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use torsade::testing::Simulation;
use torsade::tls::ClientTls;
use torsade::{Address, Protocol, Result, TcpClient, TcpServer, Transport};

#[path = "../../../examples/send_mail/mail.rs"]
mod mail;
#[path = "../../../examples/send_mail/reply.rs"]
mod reply;
#[path = "../../../examples/send_mail/sending.rs"]
mod sending;
#[path = "../../../examples/send_mail/session.rs"]
mod session;

use mail::Mail;
use reply::SmtpError;
use sending::send_mail;
use session::{Delivery, Login, Session, StartTls};

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nhello\r\n";

/// A mail server that says one thing after another: at first, and after each line that it hears, or
/// after the end of a message. What stands behind a `|` it says a moment later.
struct Scripted {
    says: VecDeque<&'static str>,
    heard: Rc<RefCell<String>>,
    in_message: bool,
}

impl Scripted {
    fn says_next(&mut self, transport: &Transport) {
        match self.says.pop_front() {
            Some("close") => transport.lose_connection(),
            Some(words) => {
                let (now, later) = words.split_once('|').unwrap_or((words, ""));
                self.in_message = now.starts_with("354");
                transport.write(now.as_bytes());
                let (transport, reactor) = (transport.clone(), transport.reactor());
                let say = move || transport.write(later.as_bytes());
                let moment = Duration::from_millis(5);
                let _ = reactor.call_later(moment, say);
            }
            None => {}
        }
    }
}

impl Protocol for Scripted {
    fn connection_made(&mut self, transport: &Transport) {
        self.says_next(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        let text = String::from_utf8_lossy(data);
        self.heard.borrow_mut().push_str(&text);
        let is_over = match self.in_message {
            true => self.heard.borrow().ends_with("\r\n.\r\n"),
            false => text.ends_with("\r\n"),
        };
        if is_over {
            self.says_next(transport);
        }
        Ok(())
    }
}

struct Sent {
    result: Result<Delivery>,
    heard: String,
}

impl Sent {
    #[track_caller]
    fn error(self) -> SmtpError {
        let failure = self.result.expect_err("it is not delivered");
        failure.trap().expect("it is one of SMTP's")
    }
}

/// Sends a message to two by way of a server that says this.
fn send(says: &[&'static str], start_tls: StartTls, login: Option<Login>) -> Sent {
    let to = ["b@example.net", "c@example.net"].map(str::to_owned);
    let mail = Mail::new("a@example.org", &to, MESSAGE).unwrap();
    send_to(says, Session::new(mail, start_tls, login))
}

fn send_to(says: &[&'static str], session: Session) -> Sent {
    let reactor = Simulation::new().reactor();
    let address = "127.0.0.1:25".parse().unwrap();
    let heard = Rc::<RefCell<String>>::default();
    let (says, hears) = (says.to_vec(), Rc::clone(&heard));
    let server = TcpServer::new(&reactor, address);
    let factory = move |_: &Address| Scripted {
        says: says.clone().into(),
        heard: Rc::clone(&hears),
        in_message: false,
    };
    server.listen(factory).unwrap();
    let tls = ClientTls::builder().bundled_roots().build().unwrap();
    let client = TcpClient::new(&reactor, address);
    let result = reactor.run_until(send_mail(&client, session, tls, "localhost"));
    // What is under way arrives.
    let later = torsade::task::defer_later(&reactor, Duration::from_secs(10), || ());
    reactor.run_until(later).unwrap();
    let heard = heard.take();
    Sent { result, heard }
}

fn me() -> Option<Login> {
    Some(Login {
        user: "me".to_owned(),
        password: "secret".to_owned(),
    })
}

const HELLO: &str =
    "250-mail.test at your service\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 HELP\r\n";
const OFFERS_TLS: &str = "250-mail.test\r\n250-starttls\r\n250 AUTH PLAIN\r\n";
