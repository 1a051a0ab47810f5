//! With both: a protocol takes the lines, and a coroutine does what takes time.

use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{Address, Canceller, Failure, ListeningPort, Result, TcpServer};

use crate::store::{LIMIT, LONGEST, Service, answer, name_in};

struct Finger {
    service: Service,
    /// The coroutine under way.
    looking: Option<Canceller>,
}

async fn look_up(service: Service, lines: LineControl, name: String) -> Result<()> {
    let looking = service.store.look_up(&name);
    let found = looking.add_timeout(&service.reactor, LIMIT).await;
    lines.send_line(answer(&name, found));
    lines.resume();
    Ok(())
}

impl LineProtocol for Finger {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        // One at a time, so that the answers come in order.
        lines.pause();
        let looking = look_up(self.service.clone(), lines.clone(), name_in(line));
        let looking = self.service.reactor.spawn(looking);
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
