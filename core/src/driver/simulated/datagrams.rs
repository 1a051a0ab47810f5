//! The handle to a simulated socket for datagrams: dropping it closes it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::network::{Id, Network};
use crate::Address;
use crate::datagram::DatagramOption;
use crate::driver::DatagramSocket;

pub(super) struct SimulatedDatagrams {
    network: Rc<RefCell<Network>>,
    id: Id,
}

impl SimulatedDatagrams {
    pub(super) fn new(network: Rc<RefCell<Network>>, id: Id) -> Self {
        Self { network, id }
    }
}

impl DatagramSocket for SimulatedDatagrams {
    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        self.network.borrow_mut().receive_datagram(self.id, buffer)
    }

    fn send(&self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        self.network.borrow_mut().send_datagram(self.id, data, to)
    }

    fn connect(&self, to: &Address) -> io::Result<()> {
        self.network.borrow_mut().connect_datagrams(self.id, to)
    }

    fn local_address(&self) -> io::Result<Address> {
        let network = self.network.borrow();
        let address = network.mailbox_address(self.id);
        address.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn set_option(&self, option: DatagramOption) -> io::Result<()> {
        self.network
            .borrow_mut()
            .set_mailbox_option(self.id, option);
        Ok(())
    }
}

impl Drop for SimulatedDatagrams {
    fn drop(&mut self) {
        self.network.borrow_mut().close_mailbox(self.id);
    }
}
