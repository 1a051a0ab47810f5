//! A proxy that knows CONNECT, and nothing else.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use torsade::endpoints::{ClientEndpoint, HostnameClient};
use torsade::{Address, Factory, Failure, Protocol, Reactor, Result, Transport};

use crate::World;
use crate::watched::Watched;

pub(super) fn serve(world: &World, proxy: &Reactor) -> impl Factory + use<> {
    let (checks, plant) = (world.checks.clone(), world.plant);
    let proxy = proxy.clone();
    move |_: &Address| {
        let tunnel = Tunnel {
            proxy: proxy.clone(),
            asked: Vec::new(),
            onward: Rc::default(),
        };
        Watched::new(tunnel, "a tunnel", &checks, plant)
    }
}

/// The other side, once it is there.
type Side = Rc<RefCell<Option<Transport>>>;

struct Tunnel {
    proxy: Reactor,
    /// What came before the onward connection was there.
    asked: Vec<u8>,
    onward: Side,
}

impl Protocol for Tunnel {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        if let Some(onward) = &*self.onward.borrow() {
            onward.write(data);
            return Ok(());
        }
        self.asked.extend_from_slice(data);
        if !self.asked.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        let head = String::from_utf8_lossy(&self.asked).into_owned();
        let target = head
            .strip_prefix("CONNECT ")
            .and_then(|rest| rest.split(' ').next());
        let (host, port) = target
            .and_then(|it| it.split_once(':'))
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let endpoint = HostnameClient::new(&self.proxy, host, port.parse()?);
        let back = Back(transport.clone());
        let (onward, client) = (Rc::clone(&self.onward), transport.clone());
        endpoint.connect_protocol(back).add_both(move |connected| {
            match connected {
                Ok(server) if client.is_open() => {
                    *onward.borrow_mut() = Some(server.transport().clone());
                    client.write(b"HTTP/1.1 200 Go\r\n\r\n");
                }
                Ok(server) => server.transport().lose_connection(),
                Err(_) => {
                    client.write(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
                    client.lose_connection();
                }
            }
            Ok(())
        });
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        if let Some(onward) = self.onward.take() {
            onward.lose_connection();
        }
    }
}

/// The way back.
struct Back(Transport);

impl Protocol for Back {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result<()> {
        self.0.write(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        self.0.lose_connection();
    }
}
