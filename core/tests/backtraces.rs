//! Which failures have a backtrace, where `RUST_BACKTRACE` asks for them.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

use torsade_core::testing::ConnectedPair;
use torsade_core::{ConnectionDone, Failure, Protocol, Result, Transport};

/// Keeps why its connection was lost: with a backtrace?
#[derive(Clone, Default)]
struct Closing {
    lost: Rc<RefCell<Option<bool>>>,
}

impl Protocol for Closing {
    fn connection_made(&mut self, transport: &Transport) {
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        assert!(reason.check::<ConnectionDone>().is_some());
        *self.lost.borrow_mut() = Some(reason.backtrace().is_some());
    }
}

/// The variable is looked at once in each process, so it takes one of its own.
#[test]
fn an_orderly_end_takes_none() {
    const NAME: &str = "an_orderly_end_takes_none";
    if std::env::var("RUST_BACKTRACE").as_deref() != Ok("1") {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME]).env("RUST_BACKTRACE", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let error = Failure::from(std::io::Error::other("a fault"));
    assert!(error.backtrace().is_some());
    let (client, server) = (Closing::default(), Closing::default());
    let pair = ConnectedPair::new(client.clone(), server.clone()).unwrap();
    pair.flush().unwrap();
    assert_eq!(*client.lost.borrow(), Some(false));
    assert_eq!(*server.lost.borrow(), Some(false));
}
