//! placeholder
use torsade::endpoints::TcpServer;
use torsade::{Address, Protocol, Reactor, Result, Transport};

struct Echo;
impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }
}

fn main() -> Result<()> {
    let reactor = Reactor::new()?;
    let address = std::env::args().nth(1).unwrap_or_default();
    TcpServer::new(&reactor, address.parse()?).listen(|_: &Address| Echo)?;
    reactor.run()
}
