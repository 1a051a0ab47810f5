//! Runs a shell on a terminal for each connection. Twisted's `docs/core/examples/ptyserv.py`.
//!
//! Whoever connects may do what you may: not on a network with others.
//!
//! ```text
//! cargo run --example ptyserv
//! telnet localhost 5823
//! ```

use std::process::Command;

use torsade::process::{Process, ProcessExit, ProcessProtocol, Spawn};
use torsade::{Address, ProducerKind, Protocol, Reactor, Result, TcpServer, Transport};

/// What comes from the connection goes to the shell.
struct FakeTelnet(Option<Process>);

impl Protocol for FakeTelnet {
    fn connection_made(&mut self, telnet: &Transport) {
        println!("connection made");
        let mut command = Command::new("/bin/sh");
        command.env_clear().current_dir("/tmp");
        let (shell, terminal) = (Shell(telnet.clone()), Spawn::new(command).terminal(24, 80));
        match telnet.reactor().spawn_process(shell, terminal) {
            Ok(shell) => self.0 = Some(shell),
            Err(failure) => telnet.abort_with(failure),
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.iter().for_each(|shell| shell.write(data));
        Ok(())
    }

    fn read_closed(&mut self, _: &Transport) {
        println!("connection lost");
        self.0.iter().for_each(Process::lose_connection);
    }
}

/// What the shell prints goes to the connection.
struct Shell(Transport);

impl ProcessProtocol for Shell {
    fn connection_made(&mut self, shell: &Process) {
        if let Some(terminal) = shell.pipe(1) {
            terminal.set_max_queued(Some(1_000_000));
            // It has to wait for a peer that reads slowly, and ends with one that is gone.
            let _ = self.0.register_producer(terminal, ProducerKind::Push);
        }
    }

    fn out_received(&mut self, _: &Process, data: &[u8]) -> Result<()> {
        self.0.write(data);
        Ok(())
    }

    fn process_ended(&mut self, _: ProcessExit) {
        println!("protocol connection lost");
        self.0.unregister_producer();
        self.0.lose_connection();
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let server = TcpServer::new(&reactor, "0.0.0.0:5823".parse()?);
    server.listen(|_: &Address| FakeTelnet(None))?;
    reactor.run()
}
