//! With callbacks: what comes later is done by a function that is given to a Deferred.

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Canceller, Failure, ListeningPort, Result, TcpServer};

use crate::store::{LIMIT, LONGEST, Service, answer, name_in};

struct Finger {
    service: Service,
    /// The look-up under way.
    looking: Option<Canceller>,
}

impl LineProtocol for Finger {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        // One at a time, so that the answers come in order.
        lines.pause();
        let (lines, name) = (lines.clone(), name_in(line));
        let looking = self
            .service
            .store
            .look_up(&name)
            .add_timeout(&self.service.reactor, LIMIT)
            .add_both(move |found| {
                lines.send_line(answer(&name, found));
                lines.resume();
            });
        self.looking = Some(looking.canceller());
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(looking) = self.looking.take() {
            looking.cancel();
        }
    }
}

pub(crate) fn listen(server: TcpServer, service: Service) -> Result<ListeningPort> {
    server.listen(move |_: &Address| {
        let finger = Finger {
            service: service.clone(),
            looking: None,
        };
        LineReceiver::new(finger).max_length(LONGEST)
    })
}
