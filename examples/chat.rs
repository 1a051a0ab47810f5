//! A chat server: what one says, the others hear. State that connections share.
//!
//! ```text
//! cargo run --example chat -- 127.0.0.1:8008
//! nc 127.0.0.1 8008
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Failure, Reactor, Result, TcpServer, Transport};

const USAGE: &str = "usage: chat ADDRESS:PORT\n";

/// Who listens too slowly is cut off when so much waits for them.
const MOST_WAITING: usize = 1024 * 1024;
/// The longest line, and name.
const LONGEST_LINE: usize = 4096;

/// Who is here: names, and where to write to. Every connection has a hand on it.
///
/// A borrow of it never lasts longer than one of the methods below. They write to transports, which
/// call nobody before they return, so a borrow never meets another.
#[derive(Clone, Default)]
struct Room {
    people: Rc<RefCell<BTreeMap<String, Transport>>>,
}

impl Room {
    /// Gives back whether the name was free.
    fn join(&self, name: &str, transport: &Transport) -> bool {
        if self.people.borrow().contains_key(name) {
            return false;
        }
        self.tell_all(&format!("* {name} is here"));
        let others: Vec<String> = self.people.borrow().keys().cloned().collect();
        transport.write(format!("* here are: {}\n", others.join(", ")).as_bytes());
        self.people
            .borrow_mut()
            .insert(name.to_owned(), transport.clone());
        true
    }

    fn leave(&self, name: &str) {
        if self.people.borrow_mut().remove(name).is_some() {
            self.tell_all(&format!("* {name} has left"));
        }
    }

    fn tell_all(&self, line: &str) {
        self.tell_others("", line);
    }

    fn tell_others(&self, speaker: &str, line: &str) {
        for (name, transport) in self.people.borrow().iter() {
            if name != speaker {
                transport.write_sequence([line, "\n"]);
            }
        }
    }
}

/// One connection: first it is asked for a name, then it chats.
struct Chatter {
    room: Room,
    name: Option<String>,
}

impl LineProtocol for Chatter {
    fn connection_made(&mut self, lines: &LineControl) {
        lines.transport().set_max_queued(Some(MOST_WAITING));
        lines.send_line("What is your name?");
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        match &self.name {
            Some(name) => self.room.tell_others(name, &format!("<{name}> {line}")),
            None if line.is_empty() => lines.send_line("What is your name?"),
            None if self.room.join(line, lines.transport()) => self.name = Some(line.to_owned()),
            None => lines.send_line("That name is taken. What is yours?"),
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(name) = self.name.take() {
            self.room.leave(&name);
        }
    }
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address] = arguments.as_slice() else {
        let _ = write!(std::io::stderr(), "{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "chat: {address}: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> Result<()> {
    let reactor = Reactor::new()?;
    let room = Room::default();
    let port = TcpServer::new(&reactor, address.parse()?).listen(move |_: &Address| {
        let chatter = Chatter {
            room: room.clone(),
            name: None,
        };
        LineReceiver::new(chatter)
            .delimiter("\n")
            .max_length(LONGEST_LINE)
    })?;
    let address = port.address().clone();
    // Not before it would end in an orderly way.
    reactor.call_when_running(move || {
        let _ = writeln!(std::io::stdout(), "listening on {address}");
        let _ = std::io::stdout().flush();
    });
    reactor.run()
}
