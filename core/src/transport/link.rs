//! What a transport is made of.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::Bytes;

use super::Credentials;
use crate::{
    Address, AlreadyRegistered, Deferred, Failure, Filter, Producer, ProducerKind, Reactor, Result,
    SocketOption, Traffic,
};

/// What stands behind a [`Transport`]: a connection of `net/`, or one of the testing kit.
pub(crate) trait Link {
    fn write(&self, data: &[u8]);
    fn write_bytes(&self, data: Bytes);
    fn queued(&self) -> usize;
    fn set_max_queued(&self, bytes: Option<usize>);
    fn lose_connection(&self);
    fn lose_write_connection(&self);
    fn abort_connection(&self);
    fn abort_with(&self, reason: Failure);
    fn is_open(&self) -> bool;
    fn is_connected(&self) -> bool;
    fn has_input(&self) -> bool;
    fn pause_reading(&self);
    fn resume_reading(&self);
    fn register_producer(
        &self,
        producer: Box<dyn Producer>,
        kind: ProducerKind,
    ) -> Result<(), AlreadyRegistered>;
    fn unregister_producer(&self);
    fn peer(&self) -> Address;
    fn host(&self) -> Address;
    fn set_option(&self, option: SocketOption) -> Result<()>;
    fn send_descriptor(&self, descriptor: OwnedFd) -> Result<()>;
    fn peer_credentials(&self) -> Result<Credentials>;
    /// Fires when the connection is over and its protocol has been told; for one waiter.
    fn when_lost(&self) -> Deferred<()> {
        Deferred::fail(crate::ConnectionDone)
    }
    fn start_filter(&self, filter: Box<dyn Filter>) -> Deferred<()>;
    fn negotiated(&self) -> Option<Rc<dyn Any>>;
    /// How many filters there are between the wire and the protocol.
    fn filters(&self) -> usize {
        0
    }
    fn traffic(&self) -> Traffic;
    fn reactor(&self) -> Reactor;
}
