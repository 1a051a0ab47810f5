//! The most basic chat protocol possible. Twisted's `docs/core/examples/chatserver.py`.
//!
//! Connect with several telnet clients to port 1025.
//!
//! ```text
//! cargo run --example chatserver
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Failure, Reactor, Result, TcpServer, Transport};

/// The clients, which all connections know.
#[derive(Clone, Default)]
struct MyChat(Rc<RefCell<Vec<Transport>>>);

impl LineProtocol for MyChat {
    fn connection_made(&mut self, lines: &LineControl) {
        println!("Got new client!");
        // Who does not listen is cut off.
        lines.transport().set_max_queued(Some(1_000_000));
        self.0.borrow_mut().push(lines.transport().clone());
    }

    fn line_received(&mut self, _: &LineControl, line: &[u8]) -> Result<()> {
        println!("received {}", line.escape_ascii());
        for client in &*self.0.borrow() {
            client.write_sequence([line, b"\n"]);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        println!("Lost a client!");
        self.0.borrow_mut().retain(Transport::is_connected);
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let chat = MyChat::default();
    let server = TcpServer::new(&reactor, "0.0.0.0:1025".parse()?);
    server.listen(move |_: &Address| LineReceiver::new(chat.clone()))?;
    reactor.run()
}
