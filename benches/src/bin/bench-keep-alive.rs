//! torsade's echo server whose every connection looks once a second whether it is idle, as keep-alive needs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use torsade_benches::server;
use torsade_core::{
    Address, DelayedCall, Failure, Protocol, Reactor, Result, TcpServer, Transport,
};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Echo {
    seen: Rc<Cell<u64>>,
    timer: Rc<Cell<Option<DelayedCall>>>,
}

fn look(reactor: &Reactor, seen: Rc<Cell<u64>>, timer: Rc<Cell<Option<DelayedCall>>>) {
    let (again, next) = (reactor.clone(), Rc::clone(&timer));
    let call = reactor.call_later(SECOND, move || {
        seen.set(0);
        look(&again, seen, next);
    });
    timer.set(Some(call));
}

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        let reactor = transport.reactor();
        look(&reactor, Rc::clone(&self.seen), Rc::clone(&self.timer));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        self.seen.set(self.seen.get() + 1);
        transport.write(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(call) = self.timer.take() {
            call.cancel();
        }
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let server = TcpServer::new(&reactor, server::address()?);
    let _port = server.listen(|_: &Address| Echo::default())?;
    reactor.run()
}
