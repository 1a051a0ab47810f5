//! One reactor on each core, all of them accepting on one port: an echo server that counts.
//!
//! ```text
//! cargo run --release --example many_reactors -- 127.0.0.1:8007
//! cargo run --release --example many_reactors -- 127.0.0.1:8007 4
//! ```
//!
//! Each thread has a reactor of its own and shares nothing with the others. What has to cross from one
//! to another goes by its `Remote`: here, each tells the first how many bytes it has echoed, and
//! when the first stops (Ctrl-C), it stops the others and waits for them.

use std::cell::Cell;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use torsade::reactor::Phase;
use torsade::task::LoopingCall;
use torsade::{
    Address, ListenOptions, ProducerKind, Protocol, Reactor, Remote, Result, TcpServer, Transport,
};

const USAGE: &str = "usage: many_reactors ADDRESS:PORT [THREADS]\n";

/// Sends back what it gets, and counts that for its own reactor.
struct Echo {
    echoed: Rc<Cell<u64>>,
}

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // Read no faster than it can be written.
        let _ = transport.register_producer(transport.clone(), ProducerKind::Push);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        self.echoed.set(self.echoed.get() + data.len() as u64);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        transport.unregister_producer();
        transport.lose_connection();
    }
}

/// Listens, and gives the address.
fn listen(reactor: &Reactor, address: SocketAddr, echoed: &Rc<Cell<u64>>) -> Result<SocketAddr> {
    let echoed = Rc::clone(echoed);
    let server = TcpServer::new(reactor, address).options(ListenOptions::new().reuse_port(true));
    let port = server.listen(move |_: &Address| Echo {
        echoed: Rc::clone(&echoed),
    })?;
    Ok(port.socket_addr()?)
}

/// A thread with a reactor that tells `first` each second what it has echoed, and the rest at its end.
fn start_another(address: SocketAddr, first: Remote) -> Result<(Remote, JoinHandle<u64>)> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let ran = run_another(address, first, |remote| drop(sender.send(remote)));
        ran.unwrap_or_else(|failure| {
            let _ = writeln!(std::io::stderr(), "many_reactors: {failure:#}");
            0
        })
    });
    // An error is that it ended before, and has said why.
    let remote = receiver.recv()?;
    Ok((remote, thread))
}

fn run_another(address: SocketAddr, first: Remote, started: impl FnOnce(Remote)) -> Result<u64> {
    let reactor = Reactor::new()?;
    // Ctrl-C is for the first, which tells the others.
    reactor.handle_signals(false);
    let echoed = Rc::new(Cell::new(0));
    listen(&reactor, address, &echoed)?;
    let untold = Rc::clone(&echoed);
    let looping = LoopingCall::new(&reactor, move |_| {
        let count = untold.take();
        if count > 0 {
            // The first may have stopped: then nobody counts any more.
            let _ = first.call_from_thread(move |_| count_up(count));
        }
    });
    drop(looping.start(Duration::from_secs(1)));
    started(reactor.remote());
    reactor.run()?;
    Ok(echoed.get())
}

thread_local! {
    /// What all have echoed; only the first thread's is used.
    static TOTAL: Cell<u64> = const { Cell::new(0) };
}

fn count_up(count: u64) {
    TOTAL.set(TOTAL.get() + count);
}

fn serve(address: SocketAddr, threads: usize) -> Result<()> {
    let reactor = Reactor::new()?;
    let echoed = Rc::new(Cell::new(0));
    // Port 0 is chosen here; the others share what came of it.
    let address = listen(&reactor, address, &echoed)?;
    let mut others = Vec::new();
    for _ in 1..threads {
        others.push(start_another(address, reactor.remote())?);
    }
    // Not before it would end in an orderly way.
    reactor.call_when_running(move || {
        let _ = writeln!(std::io::stdout(), "listening on {address}");
        let _ = std::io::stdout().flush();
    });
    reactor.on_shutdown(Phase::After, move || {
        for (remote, _) in &others {
            let _ = remote.call_from_thread(|reactor| {
                let _ = reactor.stop();
            });
        }
        count_up(echoed.get());
        for (_, thread) in others {
            // A panic there has been told already.
            count_up(thread.join().unwrap_or(0));
        }
        let (count, total) = (threads.max(1), TOTAL.get());
        let _ = writeln!(std::io::stdout(), "{count} reactors echoed {total} bytes");
    });
    reactor.run()
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let parsed = match &arguments[..] {
        [address] => address.parse().ok().map(|address| (address, cores)),
        [address, threads] => address.parse().ok().zip(threads.parse().ok()),
        _ => None,
    };
    let Some((address, threads)) = parsed else {
        let why = "an IP address with a port is wanted, and perhaps a number of threads";
        let _ = write!(std::io::stderr(), "many_reactors: {why}\n{USAGE}");
        return ExitCode::from(2);
    };
    match serve(address, threads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "many_reactors: {failure:#}");
            ExitCode::FAILURE
        }
    }
}
