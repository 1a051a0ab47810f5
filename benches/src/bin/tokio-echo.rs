//! An echo server on tokio, a task for each connection. BUFFER: the size of its buffer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use torsade_benches::machine::Result;
use torsade_benches::server;

async fn echo(mut stream: TcpStream, size: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; size];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count]).await?,
        }
    }
}

fn main() -> Result<()> {
    let (address, size) = (server::address()?, server::buffer_size());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // In a task of its own: what `block_on` polls itself is polled more often.
    runtime
        .block_on(runtime.spawn(async move {
            let listener = TcpListener::bind(address).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(async move { drop(echo(stream, size).await) });
            }
        }))
        .map_err(Into::into)
        .and_then(|result: std::io::Result<()>| Ok(result?))
}
