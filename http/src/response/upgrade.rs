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
