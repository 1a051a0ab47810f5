//! Connections that speak another protocol after a response.

use torsade_core::{Protocol, Result, Transport};

use super::Response;
use crate::connection::NotUpgraded;

impl Response {
    /// Hands the connection over to `protocol`, after a response of status 101 to a request that asked
    /// for it by [`Request::upgrade`](crate::Request::upgrade) (RFC 9110 section 7.8). What the server
    /// has sent behind its response is the first that `protocol` gets.
    ///
    /// `protocol` is called when the running function has returned. The agent's time limits are over,
    /// and its pool has the connection no more. A response of status 101 that is dropped without this
    /// closes its connection.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::testing::AccumulatingProtocol;
    /// use torsade_http::{Agent, Method, Request};
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, Protocol, TcpServer, Transport};
    /// # struct Server(fn(&str) -> &'static str);
    /// # impl Protocol for Server {
    /// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
    /// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Server(|sent| match sent.contains("Upgrade: echo\r\n") {
    /// #     true => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nwelcome",
    /// #     false => ", friend",
    /// # }))?;
    /// let request = Request::new(Method::GET, "http://127.0.0.1/")?.upgrade("echo")?;
    /// let response = reactor.run_until(Agent::new(&reactor).request(request))?;
    /// assert_eq!(response.status(), 101);
    /// let received = AccumulatingProtocol::new();
    /// let transport = response.upgrade(received.clone())?;
    /// transport.write(b"hello"); // no HTTP any more
    /// reactor.advance(Duration::from_secs(1))?;
    /// assert_eq!(received.data(), b"welcome, friend");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`NotUpgraded`]: the server stays with HTTP.
    #[doc(alias = "switchProtocol")]
    pub fn upgrade(mut self, protocol: impl Protocol) -> Result<Transport> {
        match self.upgraded.take() {
            Some(upgraded) => Ok(upgraded.hand_over(protocol)),
            None => Err(NotUpgraded {
                status: self.status(),
            }
            .into()),
        }
    }
}
