//! An echo of datagrams on tokio.

use tokio::net::UdpSocket;
use torsade_benches::machine::Result;
use torsade_benches::server;

fn main() -> Result<()> {
    let address = server::address()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async move {
        let socket = UdpSocket::bind(address).await?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let (count, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..count], from).await?;
        }
    })
}
