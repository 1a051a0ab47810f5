//! The same as `bench-keep-alive` on tokio.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use torsade_benches::machine::Result;
use torsade_benches::server;

const SECOND: Duration = Duration::from_secs(1);

/// Waits with one timer, which is moved on.
async fn echo(mut stream: TcpStream, size: usize) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut seen) = (vec![0; size], 0_u64);
    let mut timer = std::pin::pin!(sleep(SECOND));
    loop {
        let read = std::pin::pin!(stream.read(&mut buffer));
        match futures_util::future::select(read, timer.as_mut()).await {
            futures_util::future::Either::Left((count, _)) => match count? {
                0 => return Ok(()),
                count => {
                    seen += 1;
                    stream.write_all(&buffer[..count]).await?;
                }
            },
            futures_util::future::Either::Right(_) => {
                std::hint::black_box(seen);
                seen = 0;
                timer.as_mut().reset(Instant::now() + SECOND);
            }
        }
    }
}

fn main() -> Result<()> {
    let (address, size) = (server::address()?, server::buffer_size());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move { drop(echo(stream, size).await) });
        }
    })
}
